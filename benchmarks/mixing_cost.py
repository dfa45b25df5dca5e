"""What mixing costs in a step, and what Pose-MUM+ costs beside Dual: time, memory and parameters.

    python benchmarks/mixing_cost.py

ResNet18, 128x96, 16 + 16 images, views and settings of the recipes. Methods take a step each in turn, so that a change
of the machine's speed meets all of them; medians are compared. `mixing_share_of_step` is the time of the mixing alone
(a step's permutations, then every move of tiles at the sizes of that network's stages, forwards and backwards, with
each stage mixing as if its chance were 1) over Pose-MUM's step, `mixing_share_of_joint_step` over Pose-MUM+'s, whose
images share a batch; `..._over_unmixed` compares whole steps, of the same networks with mixing and without, each pair
in turn, and shows the machine's noise as well. Memory is the peak of a
process that trains one method alone, less what it had before: device memory on a GPU, resident memory on a CPU.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch

from common import write
from semipose.config import Config, DataConfig, OptimConfig
from semipose.draws import Draws
from semipose.methods.consistency import Single
from semipose.methods.mix import IMAGE, Mixing
from semipose.methods.target import of_last
from semipose.models.taps import Tap, grids
from semipose.papers.find import recipe
from semipose.training.launch import launch
from semipose.training.loop import Training
from semipose.training.rundir import RunDir

METHODS = ("single", "mum", "dual", "pose_mum", "pose_mum_plus")
MIXING = ("pose_mum", "pose_mum_plus")
WARMUP = 2


def training(method: str, folder: Path) -> Training:
    """A run that is ready to start."""
    people = "synth:studio?count={}&start={}"
    data = DataConfig(labeled=people.format(64, 0), unlabeled=people.format(256, 1000), cache=str(folder / "cache"))
    asked = recipe(method)
    model = replace(asked.model, size=[128, 96], weights="none")
    config = Config(data, model, asked.method, OptimConfig(batch=16), steps=1)
    return Training(config, RunDir.create(folder / method, overwrite=True), launch(config), progress=False)


def step(run: Training, number: int) -> None:
    """What the loop does in a step, without its records."""
    draws = Draws(0, number, device=run.fabric.device)
    outcome = run.wrapped(draws=draws, **run.fabric.to_device(run.batches[number]))
    run.optimizer.zero_grad()
    run.fabric.backward(outcome.total)
    run.optimizer.step()
    run.method.after_step()


def seconds(action: Callable[[], object], device: torch.device) -> float:
    """How long an action takes, on the device too."""
    synchronize(device)
    began = time.perf_counter()
    action()
    synchronize(device)
    return time.perf_counter() - began


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def mixing(run: Training) -> Callable[[int], None]:
    """All that mixing does in a step in which every stage mixes; where labelled images are in the same batch, also to
    take the others out and put them back."""
    assert isinstance(run.method, Single) and isinstance(run.method.mix, Mixing)
    mix = replace(run.method.mix, chance=1.0)
    shapes: dict[str, list[torch.Size]] = {}

    def look(name: str, x: torch.Tensor) -> torch.Tensor:
        shapes.setdefault(name, []).append(x.shape)
        return x

    device, network, joint = run.fabric.device, run.networks[0], run.method.joint
    with torch.no_grad():
        network(torch.rand(32 if joint else 16, 3, *network.size, device=device), look)
    assert list(shapes) == list(grids(network))
    used = [
        (name, torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last))
        for name in (IMAGE, *mix.after, mix.unmix)
        for shape in shapes[name]
    ]
    for name, x in used:
        x.requires_grad_(name != IMAGE)

    def once(number: int) -> None:
        drawn = mix(16, Draws(0, number, device=device))
        tap: Tap = of_last(drawn, 16) if joint else drawn
        for name, x in used:
            moved = tap(name, x)
            if x.requires_grad:
                torch.autograd.grad(moved, x, moved.detach())

    return once


def unmixed(run: Training) -> Callable[[int], None]:
    """A step of the same networks on the same images, in which nothing is mixed."""
    method = run.method
    assert isinstance(method, Single)

    def once(number: int) -> None:
        mix, method.mix = method.mix, None
        step(run, number)
        method.mix = mix

    return once


def turns(folder: Path, steps: int) -> dict[str, list[float]]:
    """Seconds of each step of each method, of those that mix without mixing too, and of the mixing alone."""
    runs = {method: training(method, folder) for method in METHODS}
    device = runs["pose_mum"].fabric.device
    for run in runs.values():
        run.wrapped.train()
    actions: dict[str, Callable[[int], None]] = {m: lambda n, run=run: step(run, n) for m, run in runs.items()}  # type: ignore[misc]
    for name in MIXING:
        actions[f"{name}, unmixed"] = unmixed(runs[name])
        actions[f"{name}, mixing"] = mixing(runs[name])
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(steps + WARMUP):
        for name, action in actions.items():
            times[name].append(seconds(lambda: action(number), device))  # noqa: B023
    return {name: each[WARMUP:] for name, each in times.items()}


def size(method: str, folder: str, steps: int) -> dict[str, float]:
    """Peak memory in MiB of training one method alone, and parameters in millions; runs in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = training(method, Path(folder))
    run.wrapped.train()
    for number in range(steps):
        step(run, number)
    cuda = run.fabric.device.type == "cuda"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    parameters = list(run.method.parameters())
    return {
        "memory_mib": round(torch.cuda.max_memory_allocated() / 2**20 if cuda else peak / 2**10, 1),
        "parameters_learning": sum(p.numel() for p in parameters if p.requires_grad),
        "parameters_held": sum(p.numel() for p in parameters),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--try", dest="trial", action="store_true", help="print and write no results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        # Memory first: on Linux a process starts with the peak of the one that started it.
        with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            sizes = {method: pool.apply(size, (method, name, min(options.steps, 4))) for method in METHODS}
        each = turns(Path(name), options.steps)
    times = {name: statistics.median(taken) for name, taken in each.items()}
    more = {name: [a / b - 1 for a, b in zip(each[name], each[f"{name}, unmixed"], strict=True)] for name in MIXING}
    runs = {method: {"step_seconds": round(times[method], 4), **sizes[method]} for method in METHODS}
    summary = {
        "mixing_share_of_step": round(times["pose_mum, mixing"] / times["pose_mum"], 4),
        "mixing_share_of_joint_step": round(times["pose_mum_plus, mixing"] / times["pose_mum_plus"], 4),
        "pose_mum_plus_over_dual_time": round(times["pose_mum_plus"] / times["dual"], 3),
        "pose_mum_plus_over_dual_memory": round(sizes["pose_mum_plus"]["memory_mib"] / sizes["dual"]["memory_mib"], 3),
    } | {f"{name}_over_unmixed": round(1 + statistics.median(shares), 4) for name, shares in more.items()}
    if options.trial:
        print(summary, runs)
    else:
        about = {name: [round(share, 4) for share in sorted(shares)] for name, shares in more.items()}
        alone = {name: round(times[f"{name}, mixing"], 5) for name in MIXING}
        write("mixing_cost", summary, runs, mixing_seconds=alone, more_than_unmixed=about)


if __name__ == "__main__":
    main()
