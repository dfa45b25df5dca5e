"""Find, then refine, in one command: the open field with 20 labelled frames, as `semipose init` sets it up.

    python benchmarks/openfield_find.py --data ../shared/data/openfield/project --row found --seeds 0 1 2
    python benchmarks/openfield_find.py --data ../shared/data/openfield/project --row whole --seeds 0
    python benchmarks/openfield_find.py --data ../shared/data/openfield/project --collect

`found`: one run with a finder and a network in boxes. `whole`: the same network on whole frames at 192x256. Both
have the same labels, 800 steps of 4 + 4 images and the guarded method; each seed draws other labels, and all other
labelled frames are for validation. Median errors are in pixels of the video: `found_px` from the frame to the pose,
`own_boxes_px` of the same network in the boxes of the validation labels, `whole_px` of the other run; `minutes_ratio`
is the time of both trainings of the one over that of the other. A run that was interrupted goes on. The size of found
boxes (`semipose.inference.bodies.ROOM`) was chosen on seed 0.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import begun, found_errors, write
from semipose.config import Config
from semipose.config.schema import FINDER, FindConfig
from semipose.training.once import train_once

STEPS, BATCH, FRAMES, LABELS = 800, 4, "uniform500", 20
WHOLE_SIZE = [192, 256]


def config(row: str, seed: int, asked: argparse.Namespace) -> Config:
    """What init writes, with the seed's labels."""
    base = begun(asked.data, asked.root / "data.yaml", asked.root / f"split{seed}.json", LABELS, seed)
    base = replace(
        base,
        data=replace(base.data, frames=FRAMES),
        optim=replace(base.optim, batch=BATCH, unlabeled_batch=BATCH),
        steps=STEPS,
        seed=seed,
        eval_every=0,
        save_every=100,
        threads=asked.threads,
    )
    if row == "found":
        return base
    data = replace(base.data, boxes="own", unlabeled_boxes="whole")
    return replace(base, data=data, model=replace(base.model, size=WHOLE_SIZE), find=FindConfig())


def record(row: str, seed: int, asked: argparse.Namespace, train: bool) -> dict[str, Any] | None:
    """A run's errors and seconds; None where it is not there, and nothing is to be trained."""
    folder = asked.root / f"{row}-seed{seed}"
    if train:
        folder, _ = train_once(folder, config(row, seed, asked))
    if not (folder / "summary.json").exists():
        return None
    more: dict[str, Any] = {"guard": json.loads((folder / "summary.json").read_text()).get("guard")}
    if (inner := folder / FINDER / "summary.json").exists():
        more["finder_seconds"] = json.loads(inner.read_text())["seconds"]
    return {**found_errors(folder), **more}


def summary(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Means over seeds."""
    found = {name: run for name, run in runs.items() if name.startswith("found")}
    whole = {name: run for name, run in runs.items() if name.startswith("whole")}

    def mean(part: Mapping[str, Mapping[str, Any]], box: str, key: str = "median_error_px") -> float:
        return statistics.mean(run[box][key] for run in part.values())

    numbers = {
        "found_px": mean(found, "found"),
        "own_boxes_px": mean(found, "own"),
        "found_over_own": mean(found, "found") / mean(found, "own"),
        "found_pck": 100 * mean(found, "found", "pck"),
        "missed": sum(run["found"]["missed"] for run in found.values()),
        "false": sum(run["found"]["false"] for run in found.values()),
        "images": sum(run["found"]["images"] for run in found.values()),
        "seeds": len(found),
    }
    if whole:
        both = [run["seconds"] + run["finder_seconds"] for run in found.values()]
        numbers["minutes_ratio"] = statistics.mean(both) / statistics.mean(run["seconds"] for run in whole.values())
        numbers |= {"whole_px": mean(whole, "own"), "whole_pck": 100 * mean(whole, "own", "pck")}
        numbers["whole_seeds"] = len(whole)
    return {name: round(value, 3) for name, value in numbers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/openfield/project"))
    parser.add_argument("--root", type=Path, default=Path("runs/openfield_find"))
    parser.add_argument("--row", action="append", choices=("found", "whole"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--collect", action="store_true", help="write the record of what is finished")
    asked = parser.parse_args()
    asked.root = asked.root.resolve()
    runs: dict[str, Any] = {}
    for seed in asked.seeds:
        for row in asked.row or ("found", "whole"):
            if (run := record(row, seed, asked, not asked.collect)) is not None:
                runs[f"{row}-seed{seed}"] = run
                print(f"{row}-seed{seed}", json.dumps(run), flush=True)
    if asked.collect:
        write("openfield_find", summary(runs), runs)


if __name__ == "__main__":
    main()
