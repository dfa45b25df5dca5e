"""`semipose demo`."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_ROWS = {"supervised": "labels alone", "control": "labels alone, recoloured", "guarded": "and unlabelled images"}
_RUNS = ("supervised", "guarded")
"""What is trained; guarded's second network, which has labels alone, is the control."""
_QUICK = 60


def demo(
    *,
    out: str | Path = "demo",
    seed: int = 0,
    steps: int | None = None,
    quick: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train with and without unlabelled images on synthetic people, and compare.

    The main job from nothing to a report, in minutes on a CPU: all learn from the same few labels with the same number
    of steps. Supervised training is done twice, plainly and with recoloured images (control). The latter is the network
    that guarded trains from labels alone beside the other one. The better of both is what guarded is compared with.

    Args:
        out: Folder for the runs and report.html; a demo that stood there is written over.
        seed: Draws other people, labelled and unlabelled, and other weights.
        steps: Another length of each training.
        quick: A tenth of the length, to see that everything works; what it measures says nothing.

    Returns: {"supervised", "control", "guarded"} as PCK in %; "base", the better of the first two, and "gain", the
        points of guarded over it; "gain_over_control"; "guard": which network guarded kept, as in its summary.json
        (null without unlabelled steps); "seconds", and "report", its path.

    Example: semipose demo --out demo
    """
    from semipose.errors import UserError
    from semipose.papers import ours
    from semipose.reports.html import report
    from semipose.training.rundir import is_run
    from semipose.training.start import start

    steps = steps or (_QUICK if quick else None)
    began, folder, runs = time.perf_counter(), Path(out), []
    if (folder / "report.html").exists() and not all(is_run(folder / name) for name in _RUNS):
        raise UserError(f"{folder} has a report.html that is no demo's; choose another folder with --out")
    mine = next((folder / name for name in _RUNS if is_run(folder / name) and not _is_demo(folder / name)), None)
    if mine is not None:
        raise UserError(f"{mine} is a run of another training than the demo's; choose another folder with --out")
    for name in _RUNS:
        config = ours.demo(name, seed)
        data = replace(config.data, cache=str(folder / "cache"))
        run = start(replace(config, steps=steps or config.steps, data=data), folder / name, True, progress=progress)
        report([run.path])
        runs.append(run)
    path = report([run.path for run in runs], folder / "report.html")
    supervised, guarded = (100 * run.summary["val"]["mean"]["pck"] for run in runs)
    guard = runs[-1].summary.get("guard")
    scores = {"supervised": supervised, "control": 100 * guard["labels"] if guard else guarded, "guarded": guarded}
    base = max(("supervised", "control"), key=lambda name: scores[name])
    gains = {"gain": scores["guarded"] - scores[base], "gain_over_control": scores["guarded"] - scores["control"]}
    told = {"guard": guard, "seconds": time.perf_counter() - began, "report": str(path)}
    return {**scores, "base": base, **gains, **told}


def _is_demo(run: Path) -> bool:
    """Whether a run has the demo's images and cache, of whatever seed, or has not begun."""
    from semipose.config.resolve import read_yaml
    from semipose.papers import ours

    if not (run / "config.yaml").exists():
        return not (run / "for.yaml").exists()  # which is of a run whose finder learns; the demo has none
    theirs, mine = read_yaml(run / "config.yaml").get("data", {}), ours.demo(run.name, 0).data
    same = all(_of_any_seed(theirs.get(key)) == _of_any_seed(getattr(mine, key)) for key in ("labeled", "val"))
    return same and Path(str(theirs.get("cache"))).name == "cache"


def _of_any_seed(source: object) -> str:
    return re.sub(r"seed=\d+", "", str(source))


def _print(result: dict[str, Any], asked: SimpleNamespace) -> None:
    from semipose.reports.compare import guard_sentence

    print(f"{'method':12s} {'PCK@0.1':>8s}")
    for name, about in _ROWS.items():
        print(f"{name:12s} {result[name]:7.1f}%  {about}")
    print(
        f"{'gain':12s} {result['gain']:+7.1f}  points over {result['base']}, the better of the two with labels alone;"
        f" in {result['seconds'] / 60:.1f} minutes"
    )
    if result["guard"]:
        print(f"guarded {guard_sentence(result['guard'])}")
    print(f"wrote {result['report']}")
