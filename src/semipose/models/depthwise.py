"""Depthwise convolutions that learn sooner on a CPU.

oneDNN has a fast gradient of depthwise weights for kernels up to 3x3; that of 5x5 takes up to forty times as long, and
more than all the rest of such a layer. A larger kernel's gradient is put together here from those of 3x3 parts.
And where a kernel sees one pixel more after an image than before it, as TensorFlow's `same` does where it strides, the
image is not copied to be padded: a row and a column of zeros before the kernel have the same effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional

PART = 3
"""Rows and columns of the largest kernel whose gradient is fast."""
AT_ONCE = 16
"""Images; of more, a processor's cache holds too little."""
Pair = tuple[int, int]


def learn_sooner(network: nn.Module) -> None:
    """Have the depthwise convolutions of a network compute as `Depthwise` does; weights and outputs stay as they are,
    but for rounding."""
    for module in network.modules():
        if type(module) in (nn.Conv2d, Conv2dSame) and _fits(module):
            module.__class__ = Depthwise if type(module) is nn.Conv2d else DepthwiseSame


def _fits(conv: nn.Module) -> bool:
    """Of kernels that have a part, and reach beyond it or beyond the image on one side."""
    assert isinstance(conv, nn.Conv2d)
    channels = conv.groups == conv.in_channels == conv.out_channels
    plain = conv.dilation == (1, 1) and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    beyond = conv.kernel_size != (PART, PART) or isinstance(conv, Conv2dSame)
    return channels and plain and min(conv.kernel_size) >= PART and beyond


class Depthwise(nn.Conv2d):
    """A convolution of each channel by itself, padded alike on all sides."""

    def forward(self, input: Tensor) -> Tensor:
        assert not isinstance(self.padding, str)
        (down, right), stride = self.padding, (self.stride[0], self.stride[1])
        return depthwise(input, self.weight, self.bias, stride, ((down, down), (right, right)))


class DepthwiseSame(Conv2dSame):
    """The same, padded as TensorFlow does: as little as gives an output for each stride, and after rather than
    before."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or torch.compiler.is_exporting():  # ONNX has such padding of its own
            return super().forward(x)
        stride = (self.stride[0], self.stride[1])
        sizes = zip(x.shape[-2:], self.kernel_size, stride, strict=True)
        down, right = (_around(size, kernel, step) for size, kernel, step in sizes)
        return depthwise(x, self.weight, self.bias, stride, (down, right))


def _around(size: int, kernel: int, stride: int) -> Pair:
    """Pixels of padding before and after."""
    whole = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return whole // 2, whole - whole // 2


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: tuple[Pair, Pair]) -> Tensor:
    """What `torch.nn.functional.conv2d` gives of one group a channel.

    Args:
        x: (B, C, H, W).
        weight: (C, 1, h, w), both 3 or more.
        padding: rows of zeros above and below, columns left and right; not fewer below, nor to the right.
    """
    learns = torch.is_grad_enabled() and weight.requires_grad and not torch.is_autocast_enabled("cpu")
    if learns and x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32:
        return _InParts.apply(x, weight, bias, stride, padding)
    return _forward(x, weight, bias, stride, padding)[0]


def _forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: tuple[Pair, Pair]
) -> tuple[Tensor, Tensor, Pair]:
    """With the kernel and the padding that are the same on all sides."""
    (above, below), (left, right) = padding
    if (above, left) != (below, right):
        weight = functional.pad(weight, (right - left, 0, below - above, 0))
    return functional.conv2d(x, weight, bias, stride, (below, right), 1, len(weight)), weight, (below, right)


class _InParts(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: tuple[Pair, Pair]
    ) -> Tensor:
        found, whole, around = _forward(x, weight, bias, stride, padding)
        ctx.save_for_backward(x, whole)
        ctx.shape, ctx.stride, ctx.padding, ctx.around = weight.shape, stride, padding, around
        ctx.bias = None if bias is None else [len(bias)]
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, whole = ctx.saved_tensors
        wanted = (ctx.needs_input_grad[0], False, ctx.needs_input_grad[2])
        back = tuple(length - 1 - around for length, around in zip(whole.shape[-2:], ctx.around, strict=True))
        to_x, to_bias = None, None
        if wanted == (True, False, False) and ctx.stride == (1, 1) and min(back) >= 0:
            to_x = functional.conv2d(grad, whole.flip(2, 3), None, 1, back, 1, len(whole))
        elif any(wanted):
            about: tuple[Any, ...] = (ctx.stride, ctx.around, (1, 1), False, (0, 0), len(whole), wanted)
            to_x, _, to_bias = torch.ops.aten.convolution_backward(grad, x, whole, ctx.bias, *about)
        to_weight = weight_gradient(grad, x, ctx.shape, ctx.stride, ctx.padding) if ctx.needs_input_grad[1] else None
        return to_x, to_weight, to_bias, None, None


def weight_gradient(grad: Tensor, x: Tensor, shape: Sequence[int], stride: Pair, padding: tuple[Pair, Pair]) -> Tensor:
    """The gradient of a depthwise weight of a shape (C, 1, h, w), part by part.

    Args:
        grad: of the output, (B, C, H', W').
        x: the input, (B, C, H, W).
    """
    found, of_some, part = x.new_zeros(shape), x.new_empty(shape), x.new_empty((shape[0], 1, PART, PART))
    high, wide = ((n - 1) * step + PART for n, step in zip(grad.shape[-2:], stride, strict=True))
    about: tuple[Any, ...] = (stride, (0, 0), (1, 1), False, (0, 0), shape[0], (False, True, False))
    for some, theirs in zip(x.split(AT_ONCE), grad.split(AT_ONCE), strict=True):
        padded = functional.pad(some, (*padding[1], *padding[0]))
        for top in _starts(shape[-2]):
            for left in _starts(shape[-1]):
                seen = padded[..., top : top + high, left : left + wide].contiguous(memory_format=torch.channels_last)
                _, to_part, _ = torch.ops.aten.convolution_backward(theirs, seen, part, None, *about)
                of_some[..., top : top + PART, left : left + PART] = to_part
        found += of_some
    return found


def _starts(length: int) -> list[int]:
    """Of parts that cover a kernel of so many rows; the last ones may overlap."""
    return sorted({min(start, length - PART) for start in range(0, length, PART)})
