"""How large a network is and what it costs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from semipose.models.build import build_model
from semipose.models.config import ModelConfig


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
    with torch.device("meta"):
        network = build_model(replace(config, weights="none"), joints).eval()
        image = torch.empty(1, 3, *config.size)
    plain = FlopCounterMode(display=False)
    tables = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution: _at_each_output})
    with plain, tables, torch.no_grad():
        network(image)
    parameters = sum(p.numel() for p in network.parameters())
    return Size(parameters, plain.get_total_flops() // 2, tables.get_total_flops() / 2**30)


def _at_each_output(x: Any, weight: Any, *_: Any, out_shape: Any, **__: Any) -> int:
    return out_shape[0] * math.prod(weight) * math.prod(out_shape[2:])
