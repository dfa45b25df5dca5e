"""The runs of a project, as far as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from semipose.browser.jobs import RUNNING, WAITING, Job
from semipose.browser.safety import is_inside
from semipose.config.resolve import read_yaml
from semipose.data.open import open_labeled
from semipose.data.project import begin
from semipose.data.sample import join
from semipose.data.split import Split
from semipose.errors import UserError
from semipose.reports.runs import Run, number, parse_metrics, read_run
from semipose.training.monitor import CollapseMonitor
from semipose.training.rundir import is_run

SAMPLED = 300
"""Rows of metrics that a browser is sent."""
SHOWN = ("loss/", "val/pck", "response/")


def find_runs(root: Path) -> dict[str, Path]:
    """The runs of a project by name, newest first: folders in runs/, or in the project itself."""
    folders = [path for pattern in ("runs/*", "*") for path in root.glob(pattern) if path.is_dir()]
    own = [path for path in folders if not path.is_symlink() and is_inside(path, root) and is_run(path)]
    own.sort(key=lambda path: -path.stat().st_mtime)
    return {path.relative_to(root).as_posix(): path for path in own}


def row(name: str, path: Path, job: Job | None) -> dict[str, Any]:
    """A run in a list."""
    run = read_run(path, name)
    steps = _steps(path)
    at = run.metrics.get("step", np.empty(0))
    step = int(np.nanmax(at)) if np.isfinite(at).any() else 0
    state = job.state if job is not None and job.state in (WAITING, RUNNING) else "done" if run.summary else "stopped"
    return {
        "name": name,
        "state": state,
        "step": step,
        "steps": steps,
        "left": _left(run, step, steps) if state == RUNNING else None,
        "method": str(run.summary.get("method") or _method(path)),
        "labels": run.summary.get("labels"),
        "pck": run.pck,
        "measure": run.measure or "PCK",
        "seconds": number(run.summary.get("seconds")),
        "alarm": _alarm(run),
        "resumable": state == "stopped" and (path / "checkpoints" / "last.ckpt").exists(),
        "finding": state == RUNNING and not step and (path / "finder").is_dir(),
        "model": (path / "model.safetensors").exists(),
    }


def _method(path: Path) -> str:
    method = _config(path).get("method")
    return str(method.get("name", "")) if isinstance(method, dict) else ""


def _steps(path: Path) -> int | None:
    steps = _config(path).get("steps")
    return steps if isinstance(steps, int) else None


def _config(path: Path) -> dict[str, Any]:
    try:
        return dict(read_yaml(path / "config.yaml"))
    except UserError:
        return {}


def _left(run: Run, step: int, steps: int | None) -> float | None:
    """Seconds, by the rate of the last rows."""
    seconds, at = run.metrics.get("seconds"), run.metrics.get("step")
    if seconds is None or at is None or steps is None or len(at) < 2:
        return None
    first = max(0, len(at) - 6)
    took, made = seconds[-1] - seconds[first], at[-1] - at[first]
    return float((steps - step) * took / made) if made > 0 and np.isfinite(took) else None


def _alarm(run: Run) -> str:
    """The collapse monitor's warning, of a run that goes on from its measurements."""
    if run.warnings:
        return next((text for text in run.warnings if "collaps" in text), "")
    labeled, student = (run.metrics.get(f"response/{who}") for who in ("labeled", "student"))
    if labeled is None or student is None:
        return ""
    monitor = CollapseMonitor()
    both = np.isfinite(labeled) & np.isfinite(student)
    texts = [monitor.update(float(a), float(b)) for a, b in zip(labeled[both], student[both], strict=True)]
    return next((text for text in texts if text), "")


def curves(path: Path) -> dict[str, list[float | None]]:
    """Columns of a run's metrics, few enough rows to draw; None where a cell is blank."""
    try:
        table = parse_metrics((path / "metrics.csv").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    wanted = {name: column for name, column in table.items() if name in ("step", "seconds") or name.startswith(SHOWN)}
    every = max(1, -(-len(table.get("step", ())) // SAMPLED))
    return {
        name: [float(f"{v:.6g}") if np.isfinite(v) else None for v in column[_rows(column, every)]]
        for name, column in wanted.items()
    }


def _rows(column: np.ndarray, every: int) -> np.ndarray:
    return np.arange(len(column))[::-1][::every][::-1]


def data_file(root: Path) -> Path | None:
    """The data.yaml of a project."""
    for name in ("semipose.yaml", "data.yaml"):
        if (root / name).is_file():
            return root / name
    return None


def prepare(root: Path) -> tuple[Path, list[str]]:
    """The data.yaml to train by, and what to say of it. Where there is none it is made, as `init` does; else what is
    labelled since is added to its split, and what validates stays as it is, so that scores can be compared.

    Raises:
        UserError: there are no labels, or a file cannot be read or written.
    """
    file = data_file(root)
    if file is None:
        made = begin(root)
        return made.files[0], list(made.lines)
    return file, [added] if (added := _extend(file)) else []


def _extend(file: Path) -> str:
    """Add labels that a split does not name to those that are learnt from."""
    content = read_yaml(file)
    data = content.get("data", content)
    if not isinstance(data, dict) or not data.get("split") or not data.get("labeled"):
        return ""
    place = file.parent / str(data["split"])
    if not is_inside(place, file.parent):
        return ""
    split = Split.load(place)
    sources, folders = _listed(data["labeled"]), _listed(data.get("labeled_images"))
    folders += [None] * (len(sources) - len(folders))
    outside, category = bool(data.get("outside")), data.get("category")
    pool = join(
        [
            open_labeled(file.parent / source, file.parent / images if images else None, category, None, outside)
            for source, images in zip(sources, folders, strict=True)
        ]
    )
    known = {*split.labeled, *split.val, *split.unlabeled}
    there = set(pool.ids)
    gone = {*split.labeled, *split.val} - there
    learnt, judged = set(split.labeled), set(split.val)
    held = {s.image for s in pool if s.id in judged}
    more = [s for s in pool if s.id not in known and s.image not in held]
    whole = {s.session for s in pool if s.id in judged} - {s.session for s in pool if s.id in learnt}
    new = [s.id for s in more if s.session is None or s.session not in whole]
    kept = f"; {len(more) - len(new)} new ones of what is kept for validation are not" if len(more) > len(new) else ""
    if not new and not gone:
        return f"0 new labels are learnt from{kept}" if kept else ""
    labeled = (*(i for i in split.labeled if i in there), *new)
    val = tuple(i for i in split.val if i in there)
    changed = Split(split.data, labeled, split.unlabeled, val, split.seed, split.protocol)
    changed.save(place)
    lost = f", {len(gone)} that are gone were taken out" if gone else ""
    return f"{len(new)} new labels are learnt from{kept}{lost}; validation is as before"


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
