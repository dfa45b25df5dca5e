"""Reading run directories. Whatever is missing or broken becomes a note, never an exception."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semipose import limits
from semipose.errors import UserError, reason_of
from semipose.files import mapping
from semipose.metrics.pck import box_norm, normalized_distance
from semipose.metrics.summary import ENSEMBLE, evaluate_predictions
from semipose.skeleton import Skeleton

THRESHOLD = 0.1
Z = 1.96
"""Of a 95 % interval."""
SOURCES = ("labeled", "unlabeled", "val")


@dataclass(frozen=True, eq=False)
class Predictions:
    """predictions/val.json: N samples in image pixels; `truth` (N, K, 3), each of `pred` (N, K, 3), `boxes` (N, 4)."""

    skeleton: Skeleton
    ids: tuple[str, ...]
    images: tuple[str, ...]
    boxes: np.ndarray
    truth: np.ndarray
    pred: dict[str, np.ndarray]

    def distance(self, network: str) -> np.ndarray:
        """(N, K) distances in units of each sample's box norm, as `normalized_distance`."""
        return normalized_distance(self.pred[network], self.truth, box_norm(self.truth))


@dataclass(frozen=True, eq=False)
class Run:
    """What one run directory tells; None or empty where it tells nothing.

    `metrics` maps a column of metrics.csv to floats, NaN where its cell is blank; `scores` is the result of
    `evaluate_predictions`, from summary.json or, failing that, computed from the predictions; `labeled` are the ids in
    split.json of what was learnt from, `split` is its hash over all samples, boxes and labels.
    """

    name: str
    config: str | None
    metrics: dict[str, np.ndarray]
    summary: dict[str, Any]
    scores: dict[str, Any]
    predictions: Predictions | None
    notes: tuple[str, ...]
    labeled: frozenset[str] | None = None
    split: str | None = None

    @property
    def method(self) -> str:
        return str(self.summary.get("method") or self.name)

    @property
    def threshold(self) -> float:
        return number(self.scores.get("threshold")) or THRESHOLD

    @property
    def warnings(self) -> list[str]:
        found = self.summary.get("warnings") or []
        return [str(w) for w in (found if isinstance(found, list) else [found])]

    @property
    def guard(self) -> dict[str, Any] | None:
        """Of a guarded run: which of its networks it kept, "taught" or "labels"; under these names the PCK of both, and
        under "images" on how many samples that was measured."""
        guard = self.summary.get("guard")
        if not isinstance(guard, dict) or guard.get("kept") not in ("taught", "labels"):
            return None
        return guard if all(number(guard.get(key)) is not None for key in ("taught", "labels", "images")) else None

    @property
    def norm(self) -> str:
        """What the threshold is a part of: `pck` (as `Predictions.distance`), `pckh` or `jdr`."""
        return str(self.scores.get("measure") or "pck")

    @property
    def measure(self) -> str | None:
        """What was scored, such as PCK@0.1."""
        return f"{self.norm.upper()}@{self.threshold:g}" if self.scores else None

    @property
    def networks(self) -> list[str]:
        """The names under which `of` finds scores of single networks and of the ensemble, in this order."""
        return [*(self.scores.get("networks") or {}), *([ENSEMBLE] if self.scores.get(ENSEMBLE) else [])]

    def of(self, network: str) -> dict[str, Any]:
        """SCORES of a network, of "ensemble" or of "mean"."""
        if network in ("mean", ENSEMBLE):
            return self.scores.get(network) or {}
        return (self.scores.get("networks") or {}).get(network) or {}

    @property
    def pck(self) -> float | None:
        """Mean PCK of the networks; the last one in metrics.csv where there is no evaluation."""
        value = number(self.of("mean").get("pck"))
        measured = self.metrics.get("val/pck", np.empty(0))
        measured = measured[np.isfinite(measured)]
        return float(measured[-1]) if value is None and len(measured) else value

    @property
    def config_values(self) -> dict[str, str]:
        """config.yaml flattened to dotted keys."""
        return dict(_flatten(self._settings))

    @property
    def sources(self) -> dict[str, str]:
        """What config.yaml names as labeled, unlabeled and val, without folders; without what it does not name."""
        data = self._settings.get("data")
        return {key: bare(data[key]) for key in SOURCES if data.get(key)} if isinstance(data, dict) else {}

    @property
    def _settings(self) -> dict[str, Any]:
        try:
            return mapping(self.config or "", "config.yaml")
        except UserError:
            return {}


PARTS = {"config.yaml", "metrics.csv", "summary.json", "predictions", "checkpoints", "finder"}
"""Some of what a run's folder has. One that has just begun has hidden files alone."""


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read run directories, named by as much of the end of their paths as tells them apart.

    Raises:
        UserError: none is given, one does not exist, or it holds other things alone.
    """
    if not paths:
        raise UserError("report: no run directory given; name one or more, for example runs/dual")
    resolved = [Path(p).resolve() for p in paths]
    for given, path in zip(paths, resolved, strict=True):
        if not path.is_dir() or _is_other(path):
            raise UserError(
                f"report: no run directory at {given}; give the folder that holds metrics.csv and summary.json"
            )
    resolved = list(dict.fromkeys(resolved))
    depth = next((d for d in range(1, 99) if len({p.parts[-d:] for p in resolved}) == len(resolved)), 1)
    return [read_run(path, "/".join(path.parts[-depth:])) for path in resolved]


def _is_other(path: Path) -> bool:
    """Whether a folder holds things and nothing of a run."""
    try:
        names = {name for name in os.listdir(path) if not name.startswith(".")}
    except OSError:  # which is a note of each part
        return False
    return bool(names) and not names & PARTS


def read_run(path: Path, name: str) -> Run:
    notes: list[str] = []

    def part(file: str, read: Callable[[str], Any], without: str, empty: Any) -> Any:
        try:
            with limits.opened(path / file) as content:
                return read(io.TextIOWrapper(content, encoding="utf-8").read())
        except FileNotFoundError:
            notes.append(f"{file} is missing: no {without}")
        except Exception as error:  # of whatever stands in a damaged file
            notes.append(f"{file} could not be read ({reason_of(error)}): no {without}")
        return empty

    config = part("config.yaml", str, "configuration", None)
    metrics = part("metrics.csv", parse_metrics, "curves", {})
    summary = part("summary.json", _parse_summary, "training summary and warnings", {})
    predictions = part("predictions/val.json", parse_predictions, "example images", None)
    scores = summary.get("val")
    if not _is_evaluation(scores):
        scores = _evaluated(predictions)
        notes.append(
            "summary.json holds no evaluation: " + ("scores computed from the predictions" if scores else "no scores")
        )
    return Run(name, config, metrics, summary, scores, predictions, tuple(notes), *_split(path / "split.json"))


def parse_metrics(text: str) -> dict[str, np.ndarray]:
    """Columns of metrics.csv; blank, cut-off or unreadable cells are NaN."""
    header, *rows = list(csv.reader(text.splitlines())) or [[]]
    cells = [[_cell(row[i]) if i < len(row) else math.nan for row in rows] for i in range(len(header))]
    return {name: np.array(column, dtype=np.float64) for name, column in zip(header, cells, strict=True)}


def parse_predictions(text: str) -> Predictions | None:
    document = json.loads(text)
    samples = document["samples"]
    if not samples:
        raise ValueError("it holds no sample")
    skeleton = Skeleton.from_dict(document["skeleton"])

    def keypoints(rows: list) -> np.ndarray:
        return np.array(rows, dtype=np.float64).reshape(len(samples), len(skeleton), 3)

    return Predictions(
        skeleton,
        tuple(str(s["id"]) for s in samples),
        tuple(str(s["image"]) for s in samples),
        np.array([s["box"] for s in samples], dtype=np.float64).reshape(-1, 4),
        keypoints([s["truth"] for s in samples]),
        {network: keypoints([s["pred"][network] for s in samples]) for network in document["networks"]},
    )


def number(value: Any) -> float | None:
    """A finite number, or None."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _split(file: Path) -> tuple[frozenset[str] | None, str | None]:
    """The labelled samples' ids and the hash of all, where the run says so; the page can do without."""
    try:
        with limits.opened(file) as plain:
            content = json.loads(plain.read())
        return frozenset(str(name) for name in content["labeled"]), str(content["hash"]) if "hash" in content else None
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        return None, None


def bare(value: Any) -> str:
    """Names of files without their folders."""
    if isinstance(value, list):
        return ", ".join(map(bare, value))
    text = "none" if value is None else str(value)
    return text if ":" in text.partition("/")[0] else Path(text).name


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of n samples, each of which counts once."""
    middle, wide = share + Z**2 / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return (middle - wide) / (1 + Z**2 / n), (middle + wide) / (1 + Z**2 / n)


def duration(seconds: float | None) -> str:
    """5 s, 1 min 05 s, 1 h 12 min."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _parse_summary(text: str) -> dict[str, Any]:
    summary = json.loads(text)
    if not isinstance(summary, dict):
        raise ValueError("not a JSON object")
    return summary


def _is_evaluation(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("networks"), dict):
        return False
    return all(isinstance(s, dict) for s in (value.get("mean"), value.get(ENSEMBLE, {}), *value["networks"].values()))


def _evaluated(predictions: Predictions | None) -> dict[str, Any]:
    if predictions is None or not set(predictions.pred) - {ENSEMBLE}:
        return {}
    return evaluate_predictions(predictions.pred, predictions.truth, predictions.skeleton, THRESHOLD)


def _flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(prefix, str(value))]
    return [pair for key, v in value.items() for pair in _flatten(v, f"{prefix}.{key}" if prefix else str(key))]


def _cell(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
