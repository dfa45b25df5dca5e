"""Depthwise convolutions that learn sooner give what they gave, and so do their gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers import Conv2dSame
from torch import nn

from semipose.models.build import build_model
from semipose.models.config import ModelConfig
from semipose.models.depthwise import AT_ONCE, Depthwise, DepthwiseSame, learn_sooner, weight_gradient


def both(
    kind: type[nn.Conv2d], kernel: tuple[int, int], stride: int, bias: bool = True, **more: int
) -> tuple[nn.Conv2d, nn.Conv2d]:
    """A convolution as it was, and the same that learns sooner."""
    torch.manual_seed(0)
    before = kind(5, 5, kernel, stride, groups=5, bias=bias, **more)  # type: ignore[arg-type]
    after = copy.deepcopy(before)
    learn_sooner(after)
    return before, after


def learnt(conv: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """The output, and the gradients of the image and of the weights."""
    image = image.clone().requires_grad_()
    found = conv(image)
    found.backward(torch.sin(torch.arange(found.numel())).view_as(found))
    assert image.grad is not None
    return [found.detach(), image.grad, *(p.grad for p in conv.parameters() if p.grad is not None)]


def check(before: nn.Module, after: nn.Module, image: torch.Tensor) -> None:
    for old, new in zip(learnt(before, image), learnt(after, image), strict=True):
        torch.testing.assert_close(new, old, rtol=1e-4, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(3, 8),
    st.integers(3, 8),
    st.integers(1, 3),
    st.integers(5, 12),
    st.integers(5, 12),
    st.booleans(),
    st.booleans(),
)
def test_what_is_padded_as_tensorflow_does(
    down: int, right: int, stride: int, high: int, wide: int, bias: bool, last: bool
) -> None:
    before, after = both(Conv2dSame, (down, right), stride, bias)
    assert type(after) is DepthwiseSame
    layout = torch.channels_last if last else torch.contiguous_format
    check(before, after, torch.rand(3, 5, high, wide).to(memory_format=layout))


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 8), st.integers(4, 8), st.integers(1, 3), st.integers(0, 3), st.integers(8, 12), st.booleans())
def test_what_is_padded_alike(down: int, right: int, stride: int, around: int, size: int, bias: bool) -> None:
    before, after = both(nn.Conv2d, (down, right), stride, bias, padding=around)
    assert type(after) is Depthwise
    check(before, after, torch.rand(2, 5, size, size + 1))


def test_more_images_than_are_taken_at_once() -> None:
    before, after = both(nn.Conv2d, (5, 5), 1, padding=2)
    check(before, after, torch.rand(2 * AT_ONCE + 3, 5, 6, 6))


def test_an_image_that_needs_no_gradient_and_a_frozen_weight() -> None:
    _, after = both(nn.Conv2d, (5, 5), 1, padding=2)
    image = torch.rand(2, 5, 6, 6)
    after(image).sum().backward()
    assert after.weight.grad is not None
    after.weight.requires_grad_(False)
    image.requires_grad_()
    after(image).sum().backward()
    assert image.grad is not None


def test_only_depthwise_kernels_that_it_helps() -> None:
    plain = (
        nn.Conv2d(4, 4, 3, groups=4, padding=1),
        nn.Conv2d(4, 4, 5, groups=2, padding=2),
        nn.Conv2d(4, 8, 5, groups=4, padding=2),
        nn.Conv2d(4, 4, 5, groups=4, padding=4, dilation=2),
        nn.Conv2d(4, 4, 5, groups=4, padding="same"),
        nn.Conv2d(4, 4, 5, groups=4, padding=2, padding_mode="reflect"),
        nn.Conv2d(4, 4, (1, 7), groups=4),
        Conv2dSame(4, 4, 3, 2),
    )
    kinds = [type(each) for each in plain]
    for each in plain:
        learn_sooner(each)
    assert [type(each) for each in plain] == kinds


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "convnext_atto"])
def test_a_network_learns_by_them(backbone: str) -> None:
    """And their weights go by the names they had."""
    network = build_model(ModelConfig(backbone, weights="none", size=[32, 32]), 2)
    kinds = {type(module) for module in network.modules()}
    assert kinds & {Depthwise, DepthwiseSame}
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_the_gradient_by_hand() -> None:
    """Of one channel and one image, each cell of the kernel is the sum of products of what it met."""
    image, grad = torch.rand(1, 1, 6, 7), torch.rand(1, 1, 3, 4)
    found = weight_gradient(grad, image, (1, 1, 4, 4), (1, 1), ((0, 0), (0, 0)))
    for i in range(4):
        for j in range(4):
            torch.testing.assert_close(found[0, 0, i, j], (image[0, 0, i : i + 3, j : j + 4] * grad[0, 0]).sum())
