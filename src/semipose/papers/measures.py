"""What a paper's metric is on a run: the measures of `semipose reproduce`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.data.refs import is_people, parse_people
from semipose.errors import UserError
from semipose.metrics.pckh import GROUPS
from semipose.metrics.summary import ENSEMBLE
from semipose.papers.tables import AP_DETECTED, MPJPE, PCK, PSEUDO

DETECTED = Path("person_detection_results", "COCO_val2017_detections_AP_H_56_person.json")
"""Where pose repositories keep the boxes of SimpleBaseline's detector, in COCO's folder."""

Score = Callable[[Path, Mapping[str, Any]], dict[str, float]]
"""(a run's folder, its summary) -> network -> score; "mean" is that of its networks. Further columns as `part_of`."""

PEOPLE, START = 50, 950_000
"""Synthetic people for MPJPE, and the first one's number: beyond those of training and validation."""


def part_of(network: str, part: str) -> str:
    """The key of a further column of a network's score, such as a joint group's; of the score itself where it is ""."""
    return f"{network}/{part}" if part else network


def pck(folder: Path, summary: Mapping[str, Any]) -> dict[str, float]:
    """PCK in % at the run's last step, and its joint groups'."""
    networks = summary["val"]["networks"]
    return _percent({name: {"": each["pck"], **grouped(each["per_joint"])} for name, each in networks.items()})


def column(name: str) -> Score:
    """A column of the benchmark's own table, in % at the run's last step, and its others: of `pckh` or `jdr`, as
    `Config.measure`."""

    def score(folder: Path, summary: Mapping[str, Any]) -> dict[str, float]:
        tables = {key: each.get("table", {}) for key, each in summary["val"]["networks"].items()}
        return _percent({key: {"": table.get(name), **table} for key, table in tables.items()})

    return score


def average_precision(folder: Path, summary: Mapping[str, Any]) -> dict[str, float]:
    """COCO AP in %, with the validation data's boxes; its further measures by their names (AP50, AR, ...)."""
    from semipose.inference.evaluate import evaluate_run

    return _precision(evaluate_run(folder)["coco"])


def detected_precision(folder: Path, summary: Mapping[str, Any]) -> dict[str, float]:
    """COCO AP in % with flip test, in the boxes of SimpleBaseline's detector, where they lie beside the annotations (as
    `DETECTED`); nothing elsewhere."""
    from semipose.inference.evaluate import evaluate_run

    config = resolve(Config(), read_yaml(folder / "config.yaml"))
    boxes = Path(str(config.data.val)).parents[1] / DETECTED
    return _precision(evaluate_run(folder, flip_test="shift", boxes=boxes)["detected"]) if boxes.exists() else {}


def _precision(coco: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    return _percent({name: {"": each["AP"], **each} for name, each in coco.items() if name != ENSEMBLE})


def mpjpe(folder: Path, summary: Mapping[str, Any]) -> dict[str, float]:
    """MPJPE in mm, absolute, of what several cameras see together: on synthetic people of the domain of the validation
    data where it is synthetic people, else on the validation data, whose calibration is beside it. None where a joint
    has no point.

    Raises:
        UserError: the validation data has neither cameras nor true points.
    """
    config = resolve(Config(), read_yaml(folder / "config.yaml"))
    if config.data.val and is_people(config.data.val):
        return _synthetic(folder, parse_people(config.data.val).domain)
    from semipose.data.datasets import open_sets
    from semipose.data.readers.h36m import find_cameras
    from semipose.inference.boxes import finder_in
    from semipose.inference.shots import shots_mpjpe

    val = open_sets(config.data, False, finder_in(folder), checked=False).val
    cameras = find_cameras(config.data.val) if config.data.val else None
    if val is None or cameras is None:
        raise UserError(f"{config.data.val} has no cameras.pkl beside it or in the two folders above; MPJPE needs one")
    file = json.loads((folder / "predictions" / "val.json").read_text())
    names = [name for name in file["networks"] if name != ENSEMBLE]
    pred = {name: np.array([row["pred"][name] for row in file["samples"]]) for name in names}
    return _flat({name: _millimetres(shots_mpjpe(val, pred[name], cameras)) for name in names})


def _millimetres(scores: Mapping[str, Any]) -> dict[str, float | None]:
    return {"": scores["absolute"]["mean"], **grouped(scores["absolute"]["per_joint"])}


def _synthetic(folder: Path, domain: str) -> dict[str, float]:
    from semipose.inference.multiview import by_predictor, multiview_mpjpe
    from semipose.inference.predictor import Predictor

    found = {}
    for file in sorted(folder.glob("model*.safetensors")):
        scores = multiview_mpjpe(by_predictor(Predictor.load(file)), domain, PEOPLE, start=START)
        found[file.stem.removeprefix("model").removeprefix("-") or "a"] = _millimetres(scores)
    return _flat(found)


def grouped(per_joint: Mapping[str, float | None]) -> dict[str, float | None]:
    """Joint group -> mean of its joints' values, left and right; None where one is missing."""
    found = {}
    for group in GROUPS:
        values = [value for name, value in per_joint.items() if group.lower() in name.lower()]
        known = [value for value in values if value is not None]
        if values:
            found[group] = mean(known) if len(known) == len(values) else None
    return found


def _flat(networks: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    """Network -> column -> value, as `part_of` names them, without what is None; and the "mean" over networks where all
    have a value."""
    columns = dict.fromkeys(column for each in networks.values() for column in each)
    found: dict[str, float] = {}
    for column in columns:
        known = {name: value for name, each in networks.items() if (value := each.get(column)) is not None}
        found |= {part_of(name, column): value for name, value in known.items()}
        if len(known) == len(networks):
            found[part_of("mean", column)] = mean(known.values())
    return found


def _percent(networks: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    return {key: 100 * value for key, value in _flat(networks).items()}


def pseudo(folder: Path, summary: Mapping[str, Any]) -> dict[str, float]:
    """PCK in % of what the method taught with at the run's last step, on labels held back."""
    found = summary.get("pseudo", {}).get("pck")
    return {} if found is None else {"mean": 100 * found}


SCORES: dict[str, Score] = {
    PCK: pck,
    "AP": average_precision,
    AP_DETECTED: detected_precision,
    "PCKh@0.5": column("Mean"),
    "JDR": column("Avg"),
    MPJPE: mpjpe,
    PSEUDO: pseudo,
}
