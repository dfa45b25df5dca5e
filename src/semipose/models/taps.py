"""What looks at, and may replace, what passes between a network's stages. Light: methods need no timm."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from semipose.geometry import Size

Tap = Callable[[str, Tensor], Tensor]
"""Called as x = tap(name, x) with "image", "stem", "layer1", "layer2", ..., "encoder" and "decoder".
Of what a decoder reads beside the encoder's output (`fpn`), with "encoder/layer1", ... before "encoder"."""


def no_tap(name: str, x: Tensor) -> Tensor:
    """Changes nothing."""
    return x


def grids(network: nn.Module) -> dict[str, list[Size]]:
    """Where a tap is called in a pose network, in order: name -> (h, w) of what it is called with, once a branch.
    Nothing is computed."""
    found: dict[str, list[Size]] = {}

    def look(name: str, x: Tensor) -> Tensor:
        found.setdefault(name, []).append((x.shape[-2], x.shape[-1]))
        return x

    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    shapes = {name: torch.empty_like(each, device="meta") for name, each in tensors.items()}
    image = torch.empty(2, 3, *network.size, device="meta")  # type: ignore[misc]
    with torch.no_grad():
        torch.func.functional_call(network, shapes, (image, look))
    return found
