"""The collapse of naive consistency, and that easy-hard training does not: the paper's Figure 3 on synthetic people.

    python benchmarks/collapse.py

Few labels and many steps on a small network, so that the labels are learnt by heart; the paper's views. Writes
results/collapse.json and docs/results/collapse.svg.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import pck_percent, run_once, write
from records import curve
from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig

LABELS, UNLABELED, VAL, STEPS = 30, 2000, 500, 1500
METHODS = {
    "supervised": MethodConfig(name="supervised"),
    "naive": MethodConfig(name="naive"),
    "single": MethodConfig(name="single", hard="affine60+flip50"),
}


def config(views: MethodConfig, root: Path, threads: int) -> Config:
    """A run of the study."""
    people = "synth:studio?seed=0&count={}&start={}"
    data = DataConfig(
        labeled=people.format(LABELS, 0),
        unlabeled=people.format(UNLABELED, 100_000),
        val=people.format(VAL, 500_000),
        cache=str(root / "cache"),
    )
    options = {"layers": [1, 1, 1, 1], "channels": [32, 64, 128, 256], "output_stride": 16}
    model = ModelConfig(weights="none", options=options, size=[64, 48], deconv=[64, 64, 64])
    optim = OptimConfig(lr=3e-3, batch=16)
    return Config(data, model, views, optim, steps=STEPS, eval_every=250, threads=threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("runs/collapse"))
    parser.add_argument("--method", nargs="*", default=list(METHODS))
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    runs = {
        name: run_once(name, config(METHODS[name], options.root, options.threads), options.root)
        for name in options.method
    }
    if set(runs) != set(METHODS):
        return
    responses = {
        f"{name}_{images}_response": round(curve(runs[name], f"response/{column}")[1][-1], 4)
        for name in ("naive", "single")
        for images, column in {"unlabeled": "student", "labeled": "labeled"}.items()
    }
    summary = {
        **responses,
        "naive_minus_supervised": round(pck_percent(runs["naive"]) - pck_percent(runs["supervised"]), 2),
        "single_minus_supervised": round(pck_percent(runs["single"]) - pck_percent(runs["supervised"]), 2),
        "naive_warnings": len(runs["naive"]["warnings"]),
        "single_warnings": len(runs["single"]["warnings"]),
    }
    write("collapse", summary, runs)


if __name__ == "__main__":
    main()
