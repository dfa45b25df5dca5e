"""A start from one's own images, without other weights: synthetic people, 20 labels, the mini protocol with Muon.

    python benchmarks/pretraining.py --seeds 0 1 2

`pre`: the recipe `pretrain` (dense contrast) on all images, from random weights; `presup` and `precol` go on from it
with labels alone, as `sup` and `col` do from random weights; `col` recolours the labelled images, the strongest control
that is known there. `sup900` and `col900` take the minutes of both trainings. PCK@0.1 in % on people that nobody trains
with, means over seeds; a seed draws labels, images and weights. `gain`: `precol` less the best of the controls. What is
finished is read.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import pck_percent, run_once, write
from semipose.config import Config
from semipose.methods import options
from semipose.papers import ours

STEPS, LONGER = 400, 900
CONTROLS = ("sup", "sup900", "col", "col900")


def configs(seed: int) -> dict[str, Config]:
    """Of each row; those that go on come after what they go on from."""
    labels = replace(ours.config("supervised", seed), threads=1, eval_every=0, steps=STEPS)
    recoloured = replace(labels, method=options("supervised", labeled=ours.COLOURED))
    optim = replace(labels.optim, batch=1, unlabeled_batch=16, lr=0.02)
    before = replace(labels, method=options("dense_contrast", share=0.0, multi="affine60+ra10"), optim=optim)
    return {
        "sup": labels,
        "sup900": replace(labels, steps=LONGER),
        "col": recoloured,
        "col900": replace(recoloured, steps=LONGER),
        "pre": before,
        "presup": labels,
        "precol": recoloured,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--root", type=Path, default=Path("runs/pretraining"))
    asked = parser.parse_args()
    root, runs = asked.root.resolve(), dict[str, Any]()
    for seed in asked.seeds:
        for row, config in configs(seed).items():
            begin = [root / f"pre-{seed}"] if row in ("presup", "precol") else []
            record = run_once(f"{row}-{seed}", config, root, begin)
            runs[f"{row} {seed}"] = {"pck": pck_percent(record), "seconds": record["seconds"], "steps": record["steps"]}
            print(row, seed, json.dumps(runs[f"{row} {seed}"]), flush=True)
    means = {row: statistics.mean(runs[f"{row} {seed}"]["pck"] for seed in asked.seeds) for row in configs(0)}
    gain = means["precol"] - max(means[row] for row in CONTROLS)
    plain = means["presup"] - max(means["sup"], means["sup900"])
    summary = {**means, "gain": gain, "gain_plain": plain, "seeds": len(asked.seeds)}
    write("pretraining", {key: round(value, 2) for key, value in summary.items()}, runs)


if __name__ == "__main__":
    main()
