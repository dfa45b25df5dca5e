"""How near a training step comes to the network's own work, T*/T, and how fast crops are read.

    python benchmarks/step_overhead.py

T* is, on preloaded tensors of the same dtype and layout: for each network a forward and backward of the labelled batch,
a forward and backward of the student's view, a forward of the teacher's view; and the optimiser. T is the whole step as
the loop runs it, loading included. Steps of the two are timed in turn, so that a change of the machine's speed meets
both; the medians are compared. ResNet18, 128x96, 16 + 16 images.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import write
from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig
from semipose.engine.rundir import RunDir
from semipose.engine.sets import cut
from semipose.engine.train import Training

VIEWS = {"supervised": (1, 0), "single": (2, 1), "dual": (2, 1)}
"""A network's passes in a step: forwards with backward, forwards without."""


def training(method: str, folder: Path, steps: int) -> Training:
    """A run that is ready to start."""
    people = "synth:studio?count={}&start={}"
    config = Config(
        data=DataConfig(labeled=people.format(64, 0), unlabeled=people.format(256, 1000), cache=str(folder / "cache")),
        model=ModelConfig(size=[128, 96], weights="none"),
        method=MethodConfig(name=method),
        optim=OptimConfig(batch=16),
        steps=steps,
        log_every=10**9,
        save_every=10**9,
    )
    return Training(config, RunDir.create(folder / method), progress=False)


def ideal(run: Training) -> Callable[[], None]:
    """One step of T*."""
    networks = [type(run.networks[0])(**vars_of(run)) for _ in run.networks] if False else run.networks
    optimizer = torch.optim.Adam([p for n in networks for p in n.parameters()], lr=0.0, fused=True)
    size = networks[0].size
    images = torch.rand(16, 3, *size).to(memory_format=torch.channels_last)
    target = torch.rand(16, len(run.sets.skeleton), size[0] // 4, size[1] // 4)
    learning, predicting = VIEWS[run.config.method.name]

    def step() -> None:
        optimizer.zero_grad()
        for network in networks:
            with torch.no_grad():
                for _ in range(predicting):
                    network(images)
        sum((network(images) - target).square().mean() for network in networks for _ in range(learning)).backward()
        optimizer.step()

    return step
