"""Tiny runs for tests of the engine: their configuration, child processes, and when two of them are the same."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig, to_dict
from semipose.data.sample import PoseData, Sample
from semipose.methods.base import Method
from semipose.models import checkpoint
from semipose.models.weights import save_model
from semipose.skeleton import LSP, Skeleton
from semipose.training.loop import run_training
from semipose.training.networks import build_networks
from semipose.training.rundir import RunDir

STEPS = 8
"""Two and two thirds of a pass over the 12 unlabelled images, with batches of 4."""

OPTIONS = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "output_stride": 16}
POINT = Skeleton("pair", ("left", "right"))


def tiny(cache: Path, method: str = "dual", **changes: Any) -> Config:
    """A run of `STEPS` steps on drawn people; `changes` replace keys, of sections given as mappings."""
    data = DataConfig(
        labeled="synth:studio?count=12&seed=0",
        unlabeled="synth:studio?count=12&seed=0&start=100",
        val="synth:studio?count=4&seed=0&start=500",
        cache=str(cache),
    )
    model = ModelConfig(size=[64, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8])
    base = Config(data, model, MethodConfig(method), OptimConfig(batch=4))
    base = replace(base, steps=STEPS, log_every=3, eval_every=4, threads=1, accelerator="cpu")
    for key, value in changes.items():
        base = replace(base, **{key: replace(getattr(base, key), **value) if isinstance(value, dict) else value})
    return base


def untrained(folder: Path, method: str = "dual") -> Path:
    """What of a run's folder tells of its networks: `tiny` ones that have learnt nothing."""
    config = tiny(folder.parent / "cache", method)
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(to_dict(config)))
    for name, network in zip(("model", "model-b"), build_networks(config, LSP), strict=False):
        save_model(folder / name, network, config.model, LSP)
    return folder


def points(n: int = 6, size: tuple[float, float] = (40, 60), name: str = "points") -> PoseData:
    """n drawn people, two joints each at known pixels."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(n):
        x, y = rng.uniform(100, 140), rng.uniform(60, 90)
        xy = rng.uniform([0.2, 0.2], [0.8, 0.8], (2, 2)) * size + [x, y]
        joints = np.concatenate([xy, np.full((2, 1), 2)], 1).astype(np.float32)
        samples.append(Sample(str(i), f"synth:studio/0/{i}", (x, y, *size), joints))
    return PoseData(name, POINT, tuple(samples))


def metrics(run: RunDir) -> list[dict[str, str]]:
    """The rows of metrics.csv without the seconds."""
    with run.metrics.open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def same(a: Any, b: Any) -> bool:
    """Whether two nested structures of tensors and values are equal to the last bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def assert_same_runs(a: RunDir, b: RunDir) -> None:
    """Weights, batch-norm statistics, optimiser, monitor, progress, metrics and predictions, but for the seconds."""
    one, other = checkpoint.load(a.last), checkpoint.load(b.last)
    for state in (one, other):
        state["progress"].pop("seconds")
    for part in ("method", "optimizer", "monitor", "progress"):
        assert same(one[part], other[part]), f"{part} differs"
    assert metrics(a) == metrics(b)
    for name in ("model.safetensors", "predictions/val.json"):
        assert (a.path / name).read_bytes() == (b.path / name).read_bytes(), f"{name} differs"


def at_step(number: int, action: Callable[[], object]) -> Callable[[Method], None]:
    """A `Method.after_step` that acts within step `number`, counted from 0 in this process."""
    count = iter(range(10**6))

    def after_step(self: Method) -> None:
        if next(count) == number:
            action()

    return after_step


def dies(number: int = signal.SIGKILL) -> None:
    """Send a signal to this process."""
    os.kill(os.getpid(), number)


def child(function: Callable[..., object], *arguments: Any) -> ForkProcess:
    """Start `function` in a forked process."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    return process


def exit_code(process: ForkProcess, seconds: float = 60) -> int | None:
    """Wait for a child, not for what it started; how it ended."""
    until = time.monotonic() + seconds
    while process.is_alive():
        if time.monotonic() > until:
            process.kill()
            raise AssertionError(f"the child did not end within {seconds} s")
        time.sleep(0.01)
    return process.exitcode


def resume(config: Config, run: RunDir, stop_at: int | None = None) -> dict[str, Any]:
    """Go on from the last checkpoint of a run, as another process would."""
    return run_training(config, RunDir(run.path), resume=run.last, progress=False, stop_at=stop_at)
