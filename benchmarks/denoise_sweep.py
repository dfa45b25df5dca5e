"""Where the defaults of denoise-and-select come from: sweeps on training data whose labels are held back.

    python benchmarks/denoise_sweep.py --run runs/mini-dual
    python benchmarks/denoise_sweep.py --run runs/lspet/dual
    python benchmarks/denoise_sweep.py --train

With `--run`, the networks of a finished run of Dual teach under many settings, and nothing is trained: PCK of the
pseudo-heatmaps, the share that teaches, and the PCK of that share. With `--train`, short runs of the mini protocol
differ in one setting each, and are scored by what they teach with at their end; sigma shows only there. Never on
validation data, and on other people (seed 1) than the tables' first seed. Writes results/denoise_sweep.json, what is
there being kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from common import run_once, write
from records import RESULTS, load
from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.data.datasets import cut, open_sets
from semipose.inference.boxes import finder_of
from semipose.methods import build_method, options, switched
from semipose.methods.target import Codec
from semipose.papers import mini
from semipose.papers.xie2021.methods import EASY, JC
from semipose.training.networks import build_networks
from semipose.training.pseudo import hold_back, measure

SEED = 1
START: dict[str, Any] = {"teach": "refined0.3", "views": 4, "multi": "affine30+flip50", "margin": 0.0}
"""What each setting differs from: the first guess, before anything was measured."""
STRENGTHS = ("affine15+flip50", "affine30+flip50", "affine45+flip50", "affine60+flip50", "affine30+flip50+ra20")
THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
MARGINS = (-0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1)
TRAINED: dict[str, tuple[Any, ...]] = {
    "teach": ("soft", "refined0", "refined0.2", "refined0.3", "refined0.5", "zeroed0.3", "raw0.3"),
    "sigma": (1.0, 1.5, 2.0, 2.5, 3.0),
    "views": (2, 3, 5),
    "margin": (-0.05, 0.0, 0.05),
    "multi": STRENGTHS[1:],
}


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and changes of the method's settings, of what is measured without training."""
    for multi in STRENGTHS:
        for views in (2, 3, 5):
            for pool in ("max", "mean"):
                yield f"{pool} of {views - 1}+1, {multi}", {"multi": multi, "views": views, "pool": pool}
    yield "one view", {"views": 1}
    for threshold in THRESHOLDS:
        yield f"threshold {threshold:g}", {"teach": f"refined{threshold:g}"}
    for reading in ("printed", "peer"):
        for margin in MARGINS:
            yield f"{reading}, margin {margin:g}", {"select": reading, "margin": margin}
    yield "no selection", {"select": "none"}


def measured(folder: Path, count: int, only: list[str]) -> dict[str, Any]:
    """Each setting with the networks of a run, all on the same unlabelled images in the same views."""
    config = resolve(Config(), read_yaml(folder / "config.yaml"))
    base = replace(switched(config.method, "denoise_select"), **{**START, "teach": "soft", "select": "none"})
    config = replace(config, method=base)
    sets = open_sets(config.data, True, finder_of)
    files = sorted(folder.glob("model*.safetensors"), key=lambda file: file.stem)
    networks = build_networks(config, sets.skeleton, files)
    codec = Codec(networks[0].stride, config.model.sigma, torch.tensor(sets.skeleton.flip))
    held = hold_back(cut(sets.unlabeled, config, True, False), sets.held, count, config.optim.batch, SEED)
    assert held is not None, "the run's unlabelled data has no labels to measure by"
    found = {}
    for name, changes in settings():
        if only and not any(part in name for part in only):
            continue
        scores = measure(build_method(replace(base, **changes), networks, codec).train(), held, "cpu", 0.1)
        kept = {key: scores.get(key) for key in ("pck", "taught", "pck_taught", "confidence", "doubt")}
        told = {f"{key}_correlation": each["correlation"] for key, each in scores["calibration"].items()}
        found[name] = {**kept, **told}
        print(f"{name:45s} {kept['pck']:.3f} {kept['taught']:.3f} {kept['pck_taught'] or 0:.3f}", flush=True)
    return found


def trained(root: Path, steps: int, threads: int, only: list[str]) -> dict[str, Any]:
    """Short runs that differ from the first guess in one setting each."""
    found = {}
    for key, values in TRAINED.items():
        for value in values if key in only else ():
            changed = {**START, key: value}
            method = options("denoise_select", easy=EASY, hard=JC, **changed)
            config = replace(mini.base(method, SEED), steps=steps, eval_every=0, pseudo=1000, threads=threads)
            config = replace(config, data=replace(config.data, val=None))
            record = run_once(f"{key}-{value}", config, root)
            scores = {name: record["pseudo"][name] for name in ("pck", "taught", "pck_taught")}
            found[f"{key}={value}"] = {"settings": {key: value}, **scores}
            print(key, value, scores, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a finished run of two networks")
    parser.add_argument("--count", type=int, default=512, help="images to measure on")
    parser.add_argument("--only", nargs="*", default=[], help="settings to measure, by a part of their names")
    parser.add_argument("--train", nargs="*", choices=list(TRAINED), help="settings to train with; all without a name")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--root", type=Path, default=Path("runs/denoise_sweep"))
    options = parser.parse_args()
    runs = load("denoise_sweep")["runs"] if (RESULTS / "denoise_sweep.json").exists() else {}
    if options.run:
        runs[f"measured with {options.run.name}"] = measured(options.run, options.count, options.only)
    if options.train is not None:
        done = trained(options.root, options.steps, options.threads, options.train or list(TRAINED))
        runs["trained"] = {**runs.get("trained", {}), **done}
    summary = {
        f"{part}: {name}": round(100 * each["pck"], 2) for part, found in runs.items() for name, each in found.items()
    }
    write("denoise_sweep", summary, runs)


if __name__ == "__main__":
    main()
