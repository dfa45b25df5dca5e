"""The real-photograph study: LSPET (Johnson and Everingham, CVPR 2011), 500 labels, 3,500 unlabelled photographs.

    python benchmarks/lspet.py --data ../shared/data/lspet

Two supervised starts are trained first (seeds 0 and 1; Dual's networks begin from one each, the others from the first).
Each method then goes on from there for as many steps again, supervised training too. `--start` and `--method` choose a
part, so that several may run side by side; `--collect` writes results/lspet.json from what is finished. The protocol
was fixed by the time a step takes; no method has settings of its own beside its views.

    python benchmarks/lspet.py --data ../shared/data/lspet --root runs/lspet_long --long

is the same at 64x64, where a step takes a third, for 2,000 steps after the start, with Dual without cutout, with
RandAugment in its place and with half of each supervised loss beside them: what length, views and lambda do. It writes
results/lspet_long.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import pck_percent, run_once, write
from semipose.config import Config, DataConfig, ModelConfig, OptimConfig
from semipose.data.readers.lsp import read_lsp
from semipose.data.split import make_split
from semipose.methods import options
from semipose.methods.base import Options
from semipose.papers.pose_mum import methods as pose_mum
from semipose.papers.yu2024 import methods as yu2024

WARM, STEPS, LONG = 800, 800, 2000
"""Steps of the supervised start, which every method shares, and of each method after it, at either size."""

METHODS = {
    "supervised": options("supervised"),
    "single": options("single", hard="affine60+flip50"),
    "dual": options("dual", hard="affine60+flip50+jc5"),
}
LATER = {
    "mum": options(**pose_mum.MUM),
    "pose_mum": options(**pose_mum.POSE_MUM),
    "pose_mum_plus": options(**pose_mum.POSE_MUM_PLUS),
    "dual_refine": options(**yu2024.DUAL, **yu2024.REFINED),
    "denoise_select": options(**yu2024.DENOISE_SELECT),
}
"""Of the other two papers, beside them."""
TRIED = {
    "dual_affine": options("dual", hard="affine60+flip50"),
    "dual_ra": options("dual", hard="affine60+flip50+ra20"),
    "dual_half": options("dual", hard="affine60+flip50+jc5", share=0.5),
}
"""Beside them in the long study: without cutout; RandAugment in its place; with half of each supervised loss, a lambda
of 2."""


def config(views: Options, options: argparse.Namespace, warm: int | None = None) -> Config:
    """A run of the study; `warm` is the seed of a supervised start."""
    start = warm is not None
    return Config(
        data=DataConfig(
            labeled=str(options.data), split=str(options.root / "split.json"), cache=str(options.root / "cache")
        ),
        model=ModelConfig(
            backbone="tf_efficientnet_lite0", size=[64, 64] if options.long else [128, 96], deconv=[128, 128, 128]
        ),
        method=views,
        optim=OptimConfig(batch=16, milestones=[] if start else [0.7, 0.9]),
        steps=WARM if start else LONG if options.long else STEPS,
        seed=warm or 0,
        eval_every=250 if options.long else 200,
        save_every=200,
        threads=options.threads,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/lspet"))
    parser.add_argument("--root", type=Path, default=Path("runs/lspet"))
    parser.add_argument("--start", nargs="*", type=int, default=[0, 1], help="seeds of supervised starts to train")
    parser.add_argument("--long", action="store_true", help="at 64x64, for longer")
    parser.add_argument("--method", nargs="*", help="which to train; all by default")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--collect", action="store_true", help="write the results of the finished runs only")
    options = parser.parse_args()
    options.root.mkdir(parents=True, exist_ok=True)
    manifest = options.root / "split.json"
    if not manifest.exists():
        make_split(read_lsp(options.data), labeled=500, val=1000, unlabeled=3500, seed=0).save(manifest)
    starts = [options.root / f"start{seed}" for seed in (0, 1)]
    methods = {**METHODS, **(TRIED if options.long else LATER)}
    runs = {}
    for seed in options.start:
        run_once(f"start{seed}", config(METHODS["supervised"], options, seed), options.root)
    for method in methods if options.collect or options.method is None else options.method:
        if not options.collect or (options.root / method / "summary.json").exists():
            runs[method] = run_once(method, config(methods[method], options), options.root, starts)
    if {"supervised", "dual"} <= set(runs):
        for seed, start in enumerate(starts):
            runs[start.name] = run_once(start.name, config(METHODS["supervised"], options, seed), options.root)
        summary = {method: pck_percent(runs[method]) for method in methods if method in runs}
        summary["dual_minus_supervised"] = round(summary["dual"] - summary["supervised"], 2)
        write("lspet_long" if options.long else "lspet", summary, runs)


if __name__ == "__main__":
    main()
