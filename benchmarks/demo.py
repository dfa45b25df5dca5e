"""The demo over several seeds: what unlabelled images gain beside the better of two supervised trainings.

    python benchmarks/demo.py --seeds 0 1 2

A seed is other people, labelled and unlabelled, and other weights; validation is the same. Beside plain supervised
training stands a control, whose labelled images are recoloured as those of guarded are; here it is trained by itself
too, of the first seed, for the picture. What is finished is read.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

from common import run_once, write
from figures import comparison_picture
from semipose import demo
from semipose.papers import ours

SUPERVISED = ("supervised", "control")
PICTURE = Path(__file__).parents[1] / "docs" / "results" / "demo.jpg"


def record(seed: int, folder: Path) -> dict[str, Any]:
    """The demo of one seed, trained where it has not been, and the records of its runs."""
    file = folder / "demo.json"
    if not file.exists():
        result = demo(out=folder, seed=seed)
        for row in ("supervised", "guarded"):
            result[f"{row}_run"] = run_once(row, ours.demo(row, seed), folder)
        file.write_text(json.dumps({**result, "report": "report.html"}))
    return json.loads(file.read_text())


def summary(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Means over the seeds. `gain` is over the row of labels alone that is better in the mean, whatever its sign;
    `taught`: in how many seeds guarded kept the network taught with unlabelled images."""
    rows = {row: [run[row] for run in runs.values()] for row in ours.DEMO}
    best = max(SUPERVISED, key=lambda row: mean(rows[row]))
    gains = {row: [a - b for a, b in zip(rows["guarded"], rows[row], strict=True)] for row in SUPERVISED}
    values = {
        **{row: mean(scores) for row, scores in rows.items()},
        **{f"gain_over_{row}": mean(gain) for row, gain in gains.items()},
        "gain": mean(gains[best]),
        "gain_min": min(gains[best]),
        "gain_max": max(gains[best]),
        "taught": sum(run["guard"]["kept"] == "taught" for run in runs.values()),
        "seconds": max(run["seconds"] for run in runs.values()),
    }
    return {name: round(value, 2) for name, value in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--root", type=Path, default=Path("runs/demo"))
    options = parser.parse_args()
    runs = {f"seed{seed}": record(seed, options.root / f"seed{seed}") for seed in options.seeds}
    found = summary(runs)
    first = options.root / f"seed{options.seeds[0]}"
    best = max(SUPERVISED, key=lambda row: found[row])
    if best == "control":
        config = ours.demo(best, options.seeds[0])
        run_once(best, replace(config, data=replace(config.data, cache=str(first.resolve() / "cache"))), first)
    comparison_picture(first / best, first / "guarded", PICTURE)
    write("demo", found, runs)


if __name__ == "__main__":
    main()
