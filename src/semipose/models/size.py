"""How large a network is and what it costs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from semipose.config import ModelConfig


class Size(NamedTuple):
    """Of one network, for one image.

    Attributes:
        parameters: how many.
        operations: multiply-adds of its convolutions.
        gflops: the same as the papers' tables count them (Xie et al. 2021, Table 4): in units of 2^30, and a
            transposed convolution at each cell of its output, which is four times its multiply-adds at stride 2.
    """

    parameters: int
    operations: int
    gflops: float

    def __str__(self) -> str:
        return f"{self.parameters / 1e6:.1f} M parameters, {self.gflops:.2f} GFLOPs"


def size(config: ModelConfig, joints: int) -> Size:
    """The size of a network for K joints; nothing is computed, no weights are read."""
    from semipose.models import build_model

    with torch.device("meta"):
        network = build_model(replace(config, weights="none"), joints).eval()
        image = torch.empty(1, 3, *config.size)
    counts = []
    for mapping in ({}, {torch.ops.aten.convolution: _at_each_output}):
        with FlopCounterMode(display=False, custom_mapping=mapping) as counter, torch.no_grad():
            network(image)
        counts.append(counter.get_total_flops())
    return Size(sum(p.numel() for p in network.parameters()), counts[0] // 2, counts[1] / 2**30)


def _at_each_output(x: Any, weight: Any, *_: Any, out_shape: Any, **__: Any) -> int:
    return out_shape[0] * math.prod(weight) * math.prod(out_shape[2:])
