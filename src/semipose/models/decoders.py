"""What draws heatmaps from a backbone's output: SimpleBaseline's deconvolutions, ViTPose's simple decoder, those of
DeepLabCut and Lightning Pose, and a feature pyramid, which reads the finer stages too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from semipose.errors import UserError

LIGHT = 4
"""Pixels a cell of the light decoder's heatmaps, and of the others' by default."""


class Decoder(NamedTuple):
    """The layers before the head, the head, whose outputs are the joints, and pixels a cell of the heatmaps."""

    layers: nn.Module
    head: nn.Module
    stride: int


def default_deconv(kind: str, reduction: int, joints: int, levels: int = 0) -> list[int]:
    """Channels of the deconvolutions where none are named: SimpleBaseline's, or Lightning Pose's, as many as lead to
    heatmaps of stride 4; of a pyramid those of its levels, half as many in the two finest; the other decoders have
    none."""
    if kind == "fpn":
        return ([128] * (levels - 2) + [64, 64])[:levels]
    doublings = max(0, reduction.bit_length() - 3)
    if kind == "lightning_pose":
        return [joints] * max(0, doublings - 2)
    return [256] * doublings if kind == "deconv" else []


def build_decoder(
    kind: str,
    channels: int,
    reduction: int,
    deconv: Sequence[int],
    joints: int,
    sigma: float = 2.0,
    levels: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> Decoder:
    """
    Args:
        kind: `deconv`, `light`, `deeplabcut`, `lightning_pose` or `fpn`.
        channels, reduction: of the backbone's output: its channels, and pixels a cell.
        deconv: channels of each layer that doubles the resolution, of `deconv` and `lightning_pose`; of each level,
            from the coarsest, of `fpn`.
        sigma: of the heatmaps' Gaussians, in cells.
        levels: of the backbone (`semipose.models.stages.Staged`), for `fpn`.

    Raises:
        UserError: the decoder does not fit the backbone or the number of layers.
    """
    if kind in ("light", "deeplabcut") and deconv:
        raise UserError(f"model.decoder {kind} has no deconvolutions; set model.deconv to null")
    if (kind == "light" and reduction < LIGHT) or (kind == "lightning_pose" and channels % 4):
        raise UserError(f"model.decoder {kind} does not fit a backbone of stride {reduction} with {channels} channels")
    if kind == "fpn":
        if len(levels) < 2:
            raise UserError(
                "model.decoder fpn reads several stages, and this backbone has one output; take a ResNet, ConvNeXt or"
                " EfficientNet, or decoder deconv"
            )
        if len(deconv) != len(levels):
            raise UserError(
                f"model.deconv has {len(deconv)} numbers; decoder fpn reads {len(levels)} stages"
                f" ({', '.join(levels)}): give the channels of each, the last stage's first"
            )
        each = [*levels.values()]
        return Decoder(Pyramid(each, deconv), nn.Conv2d(deconv[-1], joints, 1), each[0][1])
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


class Pyramid(nn.Module):
    """A feature pyramid (Lin et al., CVPR 2017) that ends in its finest level, for heatmaps: coarse stages say which
    joint, fine ones say where. From the coarsest level on, what has been found is enlarged by interpolation, the next
    stage's output is added through a 1x1 convolution, and a 3x3 convolution reads the sum.

    Args:
        levels: channels and pixels a cell of each stage's output, the finest first.
        widths: channels of each level, the coarsest first.
    """

    def __init__(self, levels: Sequence[tuple[int, int]], widths: Sequence[int]) -> None:
        super().__init__()
        (top, coarse), *finer = levels[::-1]
        self.top = nn.Sequential(nn.Conv2d(top, widths[0], 1, bias=False), *_active(widths[0]))
        self.steps = nn.ModuleList()
        for (channels, stride), before, width in zip(finer, widths, widths[1:], strict=False):
            self.steps.append(Finer(channels, before, width, coarse // stride))
            coarse = stride

    def forward(self, *levels: Tensor) -> Tensor:
        """(B, C, h, w) of each level, the finest first -> (B, the last width, h, w) of the finest."""
        x = self.top(levels[-1])
        for step, level in zip(self.steps, levels[-2::-1], strict=True):
            x = step(x, level)
        return x


class Finer(nn.Module):
    """From a level of a pyramid to the next finer one, whose cells are `factor` times as many along a side."""

    def __init__(self, channels: int, before: int, width: int, factor: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(before, width, 1, bias=False) if before != width else nn.Identity()
        self.lateral = nn.Conv2d(channels, width, 1, bias=False)
        self.smooth = nn.Sequential(*_active(width), nn.Conv2d(width, width, 3, 1, 1, bias=False), *_active(width))
        self.factor = float(factor)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        x = self.narrow(x)
        if self.factor != 1:
            x = F.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=False)
        return self.smooth(x + self.lateral(level))


def _active(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(width), nn.ReLU(inplace=True)


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
