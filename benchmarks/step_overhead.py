"""How near a training step comes to the networks' own work, T*/T, and how fast crops are read.

    python benchmarks/step_overhead.py

T* is, on preloaded tensors of the same dtype and layout: for each network a forward and backward of the labelled batch,
a forward and backward of the student's view, a forward of the teacher's view, and, with K further views, of those in
one batch; and the optimiser. T is the whole step as
the loop runs it, loading included. The two are timed in turn, so that a change of the machine's speed meets both; the
medians are compared. ResNet18, 128x96, 16 + 16 images.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common import write
from semipose.config import Config, DataConfig, ModelConfig, OptimConfig
from semipose.data.crops.build import Crops, build_crops
from semipose.methods import options
from semipose.papers.yu2024.methods import DENOISE_SELECT
from semipose.training.launch import launch
from semipose.training.loop import Training
from semipose.training.progress import Progress
from semipose.training.rundir import RunDir
from semipose.training.signals import Interruption
from semipose.training.stream import loading

WHOLE = options(**DENOISE_SELECT)
METHODS = {name: options(name) for name in ("supervised", "single", "dual")}
METHODS |= {f"denoise_k{k}": replace(WHOLE, views=k + 1) for k in (1, 2, 4)}
PASSES: dict[str, tuple[int, tuple[int, ...]]] = {
    "supervised": (1, ()),
    "single": (2, (1,)),
    "dual": (2, (1,)),
    **{f"denoise_k{k}": (2, (1, k)) for k in (1, 2, 4)},
}
"""A network's forwards with backward in a step, and, of those without, of how many views each is."""


def training(method: str, folder: Path, steps: int) -> Training:
    """A run that is ready to start."""
    people = "synth:studio?count={}&start={}"
    config = Config(
        data=DataConfig(labeled=people.format(64, 0), unlabeled=people.format(256, 1000), cache=str(folder / "cache")),
        model=ModelConfig(size=[128, 96], weights="none"),
        method=METHODS[method],
        optim=OptimConfig(batch=16),
        steps=steps + 1,  # the last step saves, which is not timed
        log_every=0,
        save_every=0,
        pseudo=0,
    )
    return Training(config, RunDir.create(folder / method), launch(config), progress=False)


def ideal(run: Training, method: str) -> Callable[[], None]:
    """One step of T*."""
    optimizer = torch.optim.Adam(run.method.parameters(), lr=0.0, fused=True)
    size = run.networks[0].size
    images = torch.rand(16, 3, *size).to(memory_format=torch.channels_last)
    target = torch.rand(16, len(run.sets.skeleton), size[0] // 4, size[1] // 4)
    learning, predicting = PASSES[method]
    shown = [images.repeat(views, 1, 1, 1).to(memory_format=torch.channels_last) for views in predicting]

    def step() -> None:
        optimizer.zero_grad()
        for network in run.networks:
            with torch.no_grad():
                for each in shown:
                    network(each)
            for _ in range(learning):
                (network(images) - target).square().mean().backward()
        optimizer.step()

    return step


@dataclass
class Turns:
    """Passes batches on, times what happens to each, and does a step of T* after it."""

    ideal: Callable[[], None]
    whole: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)

    def over(self, incoming: Iterable[Any]) -> Iterator[Any]:
        source = iter(incoming)
        while True:
            began = time.perf_counter()
            batch = next(source, None)
            if batch is None:
                return
            yield batch
            between = time.perf_counter()
            self.ideal()
            self.whole.append(between - began)
            self.best.append(time.perf_counter() - between)


def share(method: str, folder: Path, steps: int, warmup: int = 2) -> dict[str, float]:
    """T, T* and T*/T of one method, medians over `steps`."""
    run = training(method, folder, steps + warmup)
    turns = Turns(ideal(run, method))
    with (
        Interruption() as interruption,
        Progress(False, run.steps) as bar,
        loading(run.batches, 0, run.steps, 0, False) as incoming,
    ):
        run._loop(turns.over(incoming), run.steps, interruption, bar)
    whole, best = (statistics.median(times[warmup:steps]) for times in (turns.whole, turns.best))
    return {"step_seconds": round(whole, 4), "ideal_seconds": round(best, 4), "share": round(best / whole, 4)}


def loader_rate(crops: Crops, batch: int = 16, batches: int = 400) -> float:
    """Images a second that one core reads from the cache, in batches of random crops."""
    draw = np.random.default_rng(0)
    rows = [draw.integers(len(crops), size=batch) for _ in range(batches)]
    crops.images(rows[0])
    began = time.perf_counter()
    for each in rows:
        crops.images(each)
    return batch * batches / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found: dict[str, Any] = {method: share(method, folder, options.steps) for method in PASSES}
        run = training("single", folder, 1)
        assert run.batches.unlabeled is not None
        crops = run.batches.unlabeled
        again = build_crops(crops.data, crops.spec, folder / "cache", progress=False)
        rate = loader_rate(crops)
    summary = {method: found[method]["share"] for method in PASSES}
    summary |= {"loader_images_per_second": round(rate), "images_decoded_by_a_second_epoch": again.decoded}
    write("step_overhead", summary, found)


if __name__ == "__main__":
    main()
