"""Why Single with affine views loses to supervised training with 20 labels: other readings of its views.

    python benchmarks/views_tried.py --out runs/views

Runs of the mini protocol with people of seed 10, which no table uses, one seed: as the tables have it; with a scale
that is the box's, so that people are 1 / s as large (the released code's sense of a scale); and with the released
code's pair. Writes results/views_tried.json, PCK@0.1 in %.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from common import pck_percent, run_once, write
from semipose import augment
from semipose.augment import Policy
from semipose.draws import Draws
from semipose.geometry import View, similarity
from semipose.methods import options
from semipose.papers import mini
from semipose.target import Target

SEED = 10
METHODS = {
    "supervised": options("supervised", easy="affine30+flip50"),
    "supervised, box scaled": options("supervised", easy="box30+flip50"),
    "single": options("single", easy="affine30+flip50", hard="affine60+flip50"),
    "single, box scaled": options("single", easy="box30+flip50", hard="box60+flip50"),
    "single, released views": options(
        "single", easy="released-easy", hard="released-hard", hard_of="easy", outside="background"
    ),
}


def box(degrees: float) -> Policy:
    """As `affine`, but what is looked at grows by the scale."""

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        n, scale = len(view), degrees / 120
        angle = draws.uniform(n, low=-degrees, high=degrees)
        shown = draws.uniform(n, low=1 - scale, high=1 + scale)
        return view.warp(similarity(view.size, angle, 1 / shown, draws.uniform(n) < 0))

    return policy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/views"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--cache", default="~/.cache/semipose")
    options = parser.parse_args()
    augment.POLICIES["box"] = augment.Part(box, augment.DEGREES, 0, 120, 30, below=True, moves=True)
    runs = {}
    for name, method in METHODS.items():
        config = replace(mini.base(method, SEED), threads=options.threads)
        config = replace(config, data=replace(config.data, cache=options.cache))
        runs[name] = run_once(name.replace(", ", "-").replace(" ", "-"), config, options.out)
    write("views_tried", {name: pck_percent(run) for name, run in runs.items()}, runs)


if __name__ == "__main__":
    main()
