"""In which numbers a network's pass runs: in 32 bits or, by autocast, in bf16; as asked for, or as measured."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

FP32, BF16, AUTO = "32-true", "bf16-mixed", "auto"
PRECISIONS = (FP32, BF16, AUTO)
CLEARLY = 0.9
"""bf16 is taken where it needs at most this part of the time."""
TURNS = 3
"""How often a pass is timed, after one that is not; the shortest counts."""

Pass = Callable[[nn.Module, Tensor, str], None]
"""Of a network, images and a precision."""


def autocast(name: str, device: torch.device, cache: bool = True) -> torch.autocast:
    """A block in a precision, whatever is around it.

    Args:
        cache: keep the weights' copies for later passes; not those made without gradient, through which the weights
            would not learn.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=name == BF16, cache_enabled=cache)


@torch.no_grad()
def predict_pass(network: nn.Module, image: Tensor, name: str) -> None:
    """A pass that teaches or predicts."""
    with autocast(name, image.device):
        network(image)


def shortest(run: Pass, network: nn.Module, batch: int, device: torch.device) -> dict[str, float]:
    """Seconds of a pass of a copy of a network in 32 bits and in bf16, timed in turn."""
    network, size = copy.deepcopy(network), _size(network)
    image = torch.rand(batch, 3, *size, generator=torch.Generator().manual_seed(0))
    image = image.to(device, memory_format=torch.channels_last)
    turns = [[_timed(run, network, image, name) for name in (FP32, BF16)] for _ in range(1 + TURNS)]
    return dict(zip((FP32, BF16), (min(times) for times in zip(*turns[1:], strict=True)), strict=True))


def sooner(seconds: Mapping[str, float]) -> str:
    """Which of both is clearly the shorter, 32 bits else."""
    return BF16 if seconds[BF16] <= CLEARLY * seconds[FP32] else FP32


def _size(network: Any) -> tuple[int, int]:
    return network.size


def _timed(run: Pass, network: nn.Module, image: Tensor, name: str) -> float:
    def now() -> float:
        if image.device.type != "cpu":
            torch.accelerator.synchronize(image.device)
        return time.perf_counter()

    began = now()
    run(network, image, name)
    return now() - began
