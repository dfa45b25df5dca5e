"""What draws heatmaps from a backbone's output: SimpleBaseline's deconvolutions, ViTPose's simple decoder, and those of
DeepLabCut and Lightning Pose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from semipose.errors import UserError

LIGHT = 4
"""Pixels a cell of the light decoder's heatmaps, and of the others' by default."""


class Decoder(NamedTuple):
    """The layers before the head, the head, whose outputs are the joints, and pixels a cell of the heatmaps."""

    layers: nn.Sequential
    head: nn.Module
    stride: int


def default_deconv(kind: str, reduction: int, joints: int) -> list[int]:
    """Channels of the deconvolutions where none are named: SimpleBaseline's, or Lightning Pose's, as many as lead to
    heatmaps of stride 4; the other decoders have none."""
    doublings = max(0, reduction.bit_length() - 3)
    if kind == "lightning_pose":
        return [joints] * max(0, doublings - 2)
    return [256] * doublings if kind == "deconv" else []


def build_decoder(
    kind: str, channels: int, reduction: int, deconv: Sequence[int], joints: int, sigma: float = 2.0
) -> Decoder:
    """
    Args:
        kind: `deconv`, `light`, `deeplabcut` or `lightning_pose`.
        channels, reduction: of the backbone's output: its channels, and pixels a cell.
        deconv: channels of each layer that doubles the resolution, of `deconv` and `lightning_pose`.
        sigma: of the heatmaps' Gaussians, in cells.

    Raises:
        UserError: the decoder does not fit the backbone or the number of layers.
    """
    if kind in ("light", "deeplabcut") and deconv:
        raise UserError(f"model.decoder {kind} has no deconvolutions; set model.deconv to null")
    if (kind == "light" and reduction < LIGHT) or (kind == "lightning_pose" and channels % 4):
        raise UserError(f"model.decoder {kind} does not fit a backbone of stride {reduction} with {channels} channels")
    doublings = {"light": 0, "deeplabcut": 1, "lightning_pose": len(deconv) + 2}.get(kind, len(deconv))
    if reduction % 2**doublings:
        raise UserError(
            f"model.deconv has {len(deconv)} stages, each doubling the resolution, but the backbone's stride is"
            f" only {reduction}; give fewer"
        )
    stride = reduction // 2**doublings
    layers = nn.Sequential()
    if kind == "light":
        return Decoder(nn.Sequential(nn.ReLU(), Enlarge(reduction)), nn.Conv2d(channels, joints, 3, 1, 1), LIGHT)
    if kind == "deeplabcut":
        return Decoder(layers, Doubling(channels, joints, 0), stride)
    if kind == "lightning_pose":
        layers.append(nn.PixelShuffle(2))
        channels //= 4
        for width in deconv:
            layers.append(Doubling(channels, width, 1))
            channels = width
        return Decoder(layers, Doubling(channels, joints, 1, 2 * math.pi * sigma**2), stride)
    for width in deconv:
        layers.extend(
            [nn.ConvTranspose2d(channels, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        )
        channels = width
    return Decoder(layers, nn.Conv2d(channels, joints, 1), stride)


class Enlarge(nn.Module):
    """(B, C, h, w) of `reduction` pixels a cell -> of `LIGHT`, by bilinear interpolation."""

    def __init__(self, reduction: int) -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, x: Tensor) -> Tensor:
        size = [x.shape[-2] * self.reduction // LIGHT, x.shape[-1] * self.reduction // LIGHT]
        return F.interpolate(x, size, mode="bilinear", align_corners=False)


class Doubling(nn.Module):
    """A transposed convolution of 3x3 and stride 2, whose weight is (outputs, inputs, 3, 3). Of the 2 h + 1 cells that
    it has along a side, `first` is the first of the 2 h that are kept.

    Args:
        total: what each map sums up to, by a softmax over its cells; None: nothing of the kind.
    """

    def __init__(self, inputs: int, outputs: int, first: int, total: float | None = None) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(value) for value in _drawn(inputs, outputs))
        self.first, self.total = first, total

    def forward(self, x: Tensor) -> Tensor:
        h, w = 2 * x.shape[-2], 2 * x.shape[-1]
        y = F.conv_transpose2d(x, self.weight.transpose(0, 1), self.bias, 2)
        y = y[..., self.first : self.first + h, self.first : self.first + w]
        return y if self.total is None else y.float().flatten(2).softmax(-1).unflatten(2, (h, w)) * self.total


def _drawn(inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    convolution = nn.Conv2d(inputs, outputs, 3)
    nn.init.normal_(convolution.weight, std=0.001)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return convolution.weight.detach(), convolution.bias.detach()  # type: ignore[union-attr]
