"""What a training step consists of, for a method of each family: the networks' forward and backward passes, and the
rest; and how fast crops are read.

    python benchmarks/step_profile.py
    python benchmarks/step_profile.py --only single --steps 6      # printed, not recorded

The loop's own steps, loading included: 16 labelled and 16 unlabelled images, EfficientNet-Lite0 at 128x96 with
deconvolutions of 128 channels, Adam and Muon, one thread. Seconds are the process's CPU time, so that other work on the
machine counts little. Each moment counts for one part: a part within another is not the other's. Writes
results/step_profile.json; `summary` has the share of all but the networks' passes, median over the steps, and of all
methods together; `runs` the seconds of each part.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from common import write
from semipose import geometry, heatmap
from semipose.config import Config, DataConfig, ModelConfig, OptimConfig
from semipose.data.crops.build import Crops, build_crops
from semipose.data.open import open_labeled
from semipose.methods import mix, needs, options, target
from semipose.models.build import build_model
from semipose.models.pose import SimpleBaseline
from semipose.models.weights import save_model
from semipose.signals import Interruption
from semipose.training import optim
from semipose.training.launch import launch
from semipose.training.loop import Training
from semipose.training.progress import Progress
from semipose.training.rundir import RunDir
from semipose.training.stream import loading

METHODS = (*("supervised", "single", "dual", "mean_teacher", "mum", "pose_mum_plus", "denoise_select", "datadistill"),)
OPTIMIZERS = {"adam": OptimConfig(batch=16), "muon": OptimConfig("muon", 0.02, batch=16)}
MODEL = ModelConfig("tf_efficientnet_lite0", weights="none", size=[128, 96], deconv=[128, 128, 128])
PEOPLE = "synth:studio?count={}&start={}"
NETWORKS = "networks"
PARTS: dict[str, tuple[Callable[..., Any], ...]] = {
    "targets": (target.truth, geometry.align, geometry.swap_sides, heatmap.encode, heatmap.decode),
    "mixing": (mix._gather,),
    "loss": (target.mse,),
    "measures": (target.response, target.background),
    "guard": (optim.not_finite,),
    "optimiser": (optim.set_rates,),
}
"""Functions by the part they count for, wherever they are called."""


class Parts:
    """Seconds by part, of the innermost that is under way."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._under_way, self._since = ["other"], time.process_time()

    def _account(self) -> None:
        now = time.process_time()
        self.seconds[self._under_way[-1]] += now - self._since
        self._since = now

    def take(self) -> dict[str, float]:
        """What has passed since this was last asked."""
        self._account()
        passed, self.seconds = dict(self.seconds), Counter()
        return passed

    def go_over(self, part: str) -> None:
        """To another part, in the place of the one under way."""
        self._account()
        self._under_way[-1] = part

    def of(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose time counts for a part."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self._account()
            self._under_way.append(part)
            try:
                return function(*arguments, **named)
            finally:
                self._account()
                self._under_way.pop()

        return timed

    def of_gradient(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose result's way back counts for a part."""

        def hooked(*arguments: Any, **named: Any) -> Any:
            result: Tensor = function(*arguments, **named)
            if result.requires_grad:
                result.register_hook(lambda gradient: self.go_over(part))
            return result

        return hooked


def everywhere(function: Callable[..., Any], other: Callable[..., Any]) -> None:
    """Put another function in the place of one in all of the package's modules."""
    for module in [module for name, module in sys.modules.items() if name.startswith("semipose")]:
        for name, value in list(vars(module).items()):
            if value is function:
                setattr(module, name, other)


def watch_package(parts: Parts) -> None:
    """Have functions that several modules call count for their parts."""
    for part, functions in PARTS.items():
        for function in functions:
            timed = parts.of(part, function)
            everywhere(function, parts.of_gradient("loss", timed) if function is target.mse else timed)
    image = vars(geometry.View)["image"]
    image.func = parts.of("views", image.func)
    geometry.View.of = parts.of("views", geometry.View.of)  # type: ignore[method-assign]
    mix.Mixing.__call__ = parts.of("mixing", mix.Mixing.__call__)  # type: ignore[method-assign]


def watch(run: Training, parts: Parts) -> None:
    """Have what a run calls count for its parts."""
    for network in run.method.modules():
        if isinstance(network, SimpleBaseline):
            network.forward = parts.of(NETWORKS, parts.of_gradient(NETWORKS, network.forward))  # type: ignore[method-assign]
    for name in ("easy", "labeled", "hard", "multi"):
        if hasattr(run.method, name):
            setattr(run.method, name, parts.of("views", getattr(run.method, name)))
    run._account = parts.of("guard", run._account)  # type: ignore[method-assign]
    run.method.after_step = parts.of("average", run.method.after_step)  # type: ignore[method-assign]
    watched: list[tuple[str, Any, str]] = [
        ("loss", run.fabric, "backward"),
        ("data", run.fabric, "to_device"),
        ("guard", run.guard, "read"),
        ("optimiser", run.optimizer, "step"),
        ("optimiser", run.optimizer, "zero_grad"),
    ]
    for part, owner, name in watched:
        setattr(owner, name, parts.of(part, getattr(owner, name)))


def training(method: str, optimizer: str, folder: Path, steps: int) -> Training:
    """A run that is ready to start."""
    chosen = options(method, **({"teacher": str(folder / "teacher")} if needs(method).teacher else {}))
    config = Config(
        data=DataConfig(PEOPLE.format(64, 0), unlabeled=PEOPLE.format(256, 1000), cache=str(folder / "cache")),
        model=MODEL,
        method=chosen,
        optim=replace(OPTIMIZERS[optimizer]),
        steps=steps + 1,  # the last step saves, which is not timed
        log_every=0,
        save_every=0,
        pseudo=0,
        threads=1,
        accelerator="cpu",
    )
    return Training(config, RunDir.create(folder / f"{method}-{optimizer}"), launch(config), progress=False)


def stepwise(incoming: Iterable[Any], parts: Parts, steps: list[dict[str, float]]) -> Iterator[Any]:
    """The batches; what each step took is appended."""
    source = iter(incoming)
    take = parts.of("data", lambda: next(source, None))
    parts.take()
    while (batch := take()) is not None:
        yield batch
        steps.append(parts.take())


def profile(run: Training, parts: Parts, warmup: int = 2) -> dict[str, Any]:
    """Medians over a run's steps but the first and the last: seconds of a step and of its parts, the largest first, and
    the share of all but the networks' passes."""
    watch(run, parts)
    steps: list[dict[str, float]] = []
    with (
        Interruption() as interruption,
        Progress(False, run.steps) as bar,
        loading(run.batches, 0, run.steps, 0, False) as incoming,
    ):
        run._loop(stepwise(incoming, parts, steps), run.steps, interruption, bar)
    timed = steps[warmup : run.steps - 1]
    names = {name for step in timed for name in step}
    medians = {name: statistics.median(step.get(name, 0.0) for step in timed) for name in names}
    ordered = sorted(medians, key=lambda name: -medians[name])
    return {
        "step_seconds": round(statistics.median(sum(step.values()) for step in timed), 4),
        "outside": round(statistics.median(1 - step[NETWORKS] / sum(step.values()) for step in timed), 4),
        "parts": {name: round(medians[name], 5) for name in ordered},
    }


def loader_rate(crops: Crops, batch: int = 16, batches: int = 400) -> float:
    """Images a second that one core reads from the cache, in batches of random crops."""
    draw = np.random.default_rng(0)
    rows = [draw.integers(len(crops), size=batch) for _ in range(batches)]
    crops.images(rows[0])
    began = time.perf_counter()
    for each in rows:
        crops.images(each)
    return batch * batches / (time.perf_counter() - began)


def reading(run: Training, folder: Path) -> dict[str, int]:
    """How fast crops are read, and how many images a second epoch decodes."""
    assert run.batches.unlabeled is not None
    crops = run.batches.unlabeled
    again = build_crops(crops.data, crops.spec, folder / "cache", progress=False)
    return {
        "loader_images_per_second": round(loader_rate(crops)),
        "images_decoded_by_a_second_epoch": int(again.decoded),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10, help="timed steps of each")
    parser.add_argument("--only", nargs="*", choices=METHODS, help="print these, record nothing")
    asked = parser.parse_args()
    parts, found = Parts(), {}
    watch_package(parts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        skeleton = open_labeled(PEOPLE.format(1, 0)).skeleton
        (folder / "teacher").mkdir()
        save_model(folder / "teacher" / "model", build_model(MODEL, len(skeleton)), MODEL, skeleton)
        for optimizer in OPTIMIZERS:
            for method in asked.only or METHODS:
                run = training(method, optimizer, folder, asked.steps + 2)
                found[f"{optimizer}_{method}"] = profile(run, parts)
                print(f"{optimizer}_{method}", found[f"{optimizer}_{method}"], flush=True)
        rates = reading(training("single", "adam", folder, 1), folder)
    summary: dict[str, Any] = {name: each["outside"] for name, each in found.items()}
    for optimizer in OPTIMIZERS:
        shares = [each["outside"] for name, each in found.items() if name.startswith(optimizer)]
        summary |= {f"{optimizer}_mean": round(statistics.mean(shares), 4), f"{optimizer}_most": max(shares)}
    if not asked.only:
        write("step_profile", summary | rates, found)


if __name__ == "__main__":
    main()
