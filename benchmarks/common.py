"""What the studies share: run what is missing, reuse what is recorded, and write one record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pages import update
from records import columns, save
from semipose import evaluate, init
from semipose.config import Config, to_dict
from semipose.data.datasets import open_pool
from semipose.data.split import make_split
from semipose.papers.configure import configure
from semipose.provenance import commit, machine
from semipose.training.loop import run_training
from semipose.training.rundir import MetricsFile, RunDir


def run_once(name: str, config: Config, root: Path, init_from: Sequence[Path] = ()) -> dict[str, Any]:
    """The record of a run: its summary, configuration and curves. A finished run of the same name and configuration is
    read, an interrupted one goes on."""
    folder = root / name
    done = folder / "summary.json"
    if not done.exists():
        last = folder / "checkpoints" / "last.ckpt"
        run = RunDir(folder) if last.exists() else RunDir.create(folder, overwrite=True)  # nothing is lost
        run_training(config, run, resume=last if last.exists() else None, init_from=init_from)
    summary = json.loads(done.read_text())
    rows = MetricsFile(folder / "metrics.csv", 10**12).rows
    settings = to_dict(config)
    settings["data"] = {
        k: [named(each) for each in v] if isinstance(v, list) else named(v) for k, v in settings["data"].items()
    }
    return {**summary, "config": settings, "curves": columns(rows)}


def begun(source: Path, file: Path, split: Path, labels: int, seed: int) -> Config:
    """What `semipose init` writes for a source, into `file`, with so many labels of a seed; all others validate."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        init(source, out=file)
    config = configure(None, file)
    if not split.exists():
        pool = open_pool(replace(config.data, boxes="own"))
        make_split(pool, labels, len(pool) - labels, seed=seed).save(split)
    return replace(config, data=replace(config.data, split=str(split.resolve()), cache=str(file.parent / "cache")))


def found_errors(run: Path) -> dict[str, Any]:
    """A run's errors in the boxes of its validation labels (`own`) and from the frame to the pose (`found`, where it
    has a finder), its seconds and commit."""
    scores, summary = evaluate(run), json.loads((run / "summary.json").read_text())
    rows = {"own": scores["mean"], **({"found": scores["found"]} if "found" in scores else {})}
    keys = ("pck", "median_error_px", "missed", "false", "images", "bodies")
    brief = {name: {key: each[key] for key in keys if key in each} for name, each in rows.items()}
    return {**brief, "seconds": summary["seconds"], "commit": summary["commit"]}


def named(value: Any) -> Any:
    """A file by its name alone: where it lay is nobody's concern."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def pck_percent(record: Mapping[str, Any]) -> float:
    """The mean PCK of a run's networks at its last step, in %."""
    return round(100 * record["val"]["mean"]["pck"], 2)


def write(name: str, summary: Mapping[str, float], runs: Mapping[str, Any], **more: Any) -> Path:
    """results/<name>.json: `summary` of plain numbers beside the runs they came from, compact (records.py); then the
    pages and figures that show it (pages.py)."""
    content = {"summary": dict(summary), "commit": commit(), "machine": machine(), **more, "runs": dict(runs)}
    path = save(name, content)
    print(json.dumps(dict(summary)), f"-> {path}")
    update(name)
    return path
