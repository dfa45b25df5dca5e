"""The real-photograph study: LSPET (Johnson and Everingham, CVPR 2011), 500 labels, 3,500 unlabelled photographs.

    python benchmarks/lspet.py --data ../shared/data/lspet --method supervised

runs one method (several may run side by side), `--collect` writes results/lspet.json from what is finished. The protocol
was fixed by the supervised baseline and the time a step takes; no method has settings of its own beside its views.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.common import pck_percent, run_once, write
from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig
from semipose.data.lsp import read_lsp
from semipose.data.split import make_split

METHODS = {
    "supervised": (MethodConfig(name="supervised"), 3000),
    "single": (MethodConfig(name="single", hard="affine60+flip50"), 1500),
    "dual": (MethodConfig(name="dual", hard="affine60+flip50+jc5"), 1500),
}
"""Views and steps. Supervised training has stopped improving by 3,000 steps (see its curve)."""


def config(method: str, data: Path, root: Path, threads: int) -> Config:
    """A run of the study."""
    views, steps = METHODS[method]
    return Config(
        data=DataConfig(labeled=str(data), split=str(root / "split.json"), cache=str(root / "cache")),
        model=ModelConfig(backbone="tf_efficientnet_lite0", size=[128, 96], deconv=[128, 128, 128]),
        method=views,
        optim=OptimConfig(batch=16),
        steps=steps,
        eval_every=250,
        save_every=250,
        threads=threads,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/lspet"))
    parser.add_argument("--root", type=Path, default=Path("runs/lspet"))
    parser.add_argument("--method", nargs="*", default=list(METHODS))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--collect", action="store_true", help="write the results of the finished runs only")
    options = parser.parse_args()
    options.root.mkdir(parents=True, exist_ok=True)
    manifest = options.root / "split.json"
    if not manifest.exists():
        make_split(read_lsp(options.data), labeled=500, val=1000, unlabeled=3500, seed=0).save(manifest)
    runs = {}
    for method in METHODS if options.collect else options.method:
        if not options.collect or (options.root / method / "summary.json").exists():
            settings = config(method, options.data, options.root, options.threads)
            runs[method] = run_once(method, settings, options.root)
    if set(runs) == set(METHODS):
        summary = {method: pck_percent(run) for method, run in runs.items()}
        summary["dual_minus_supervised"] = round(summary["dual"] - summary["supervised"], 2)
        write("lspet", summary, runs)


if __name__ == "__main__":
    main()
