"""The main job on synthetic people, from nothing to a report: what `make demo` runs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from semipose.errors import UserError
from semipose.papers import ours
from semipose.training.rundir import is_run
from semipose.verbs.train import train

METHODS = ("supervised", "dual")


def demo(out: str | Path = "demo", seed: int = 0, steps: int | None = None, progress: bool = True) -> dict[str, Any]:
    """Train supervised and Dual on the same labelled people, and compare them.

    Args:
        out: the folder for both runs and report.html; a demo that stood there is written over.
        seed: draws other labelled and unlabelled people, and other weights.
        steps: a shorter length, for a look.

    Returns: {"supervised", "dual", "gain"} as PCK in %, "seconds", and "report", its path.
    """
    from semipose.reports.html import report

    began, folder, scores, runs = time.perf_counter(), Path(out), {}, []
    if (folder / "report.html").exists() and not all(is_run(folder / name) for name in METHODS):
        raise UserError(f"{folder} has a report.html that is no demo's; choose another folder with --out")
    for name in METHODS:
        chosen = ours.config(name, seed)
        chosen = replace(chosen, steps=steps or chosen.steps, data=replace(chosen.data, cache=str(folder / "cache")))
        run = train(out=folder / name, overwrite=True, progress=progress, config=chosen)
        scores[name] = 100 * run.summary["val"]["mean"]["pck"]
        runs.append(run.path)
    path = report(runs, folder / "report.html")
    gain = scores["dual"] - scores["supervised"]
    return {**scores, "gain": gain, "seconds": time.perf_counter() - began, "report": str(path)}
