"""`semipose demo`."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_METHODS = ("supervised", "dual")


def demo(*, out: str | Path = "demo", seed: int = 0, steps: int | None = None, progress: bool = True) -> dict[str, Any]:
    """Train supervised and dual on synthetic people, and compare them.

    The main job from nothing to a report, in minutes on a CPU: both learn from the same few labels.

    Args:
        out: Folder for both runs and report.html; a demo that stood there is written over.
        seed: Draws other people, labelled and unlabelled, and other weights.
        steps: A shorter length, for a look.

    Returns: {"supervised", "dual", "gain"} as PCK in %, "seconds", and "report", its path.

    Example: semipose demo --out demo
    """
    from semipose.errors import UserError
    from semipose.papers import ours
    from semipose.reports.html import report
    from semipose.training.rundir import is_run
    from semipose.training.start import start

    began, folder, scores, runs = time.perf_counter(), Path(out), {}, []
    if (folder / "report.html").exists() and not all(is_run(folder / name) for name in _METHODS):
        raise UserError(f"{folder} has a report.html that is no demo's; choose another folder with --out")
    for name in _METHODS:
        config = ours.config(name, seed)
        data = replace(config.data, cache=str(folder / "cache"))
        run = start(replace(config, steps=steps or config.steps, data=data), folder / name, True, progress=progress)
        report([run.path])
        scores[name] = 100 * run.summary["val"]["mean"]["pck"]
        runs.append(run.path)
    path = report(runs, folder / "report.html")
    gain = scores["dual"] - scores["supervised"]
    return {**scores, "gain": gain, "seconds": time.perf_counter() - began, "report": str(path)}


def _print(result: dict[str, Any], asked: SimpleNamespace) -> None:
    print(f"{'method':12s} {'PCK@0.1':>8s}")
    for method in _METHODS:
        print(f"{method:12s} {result[method]:7.1f}%")
    print(f"{'gain':12s} {result['gain']:+7.1f}  points, with the same labels, in {result['seconds'] / 60:.1f} minutes")
    print(f"wrote {result['report']}")
