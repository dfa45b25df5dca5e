"""Decoders, each against its definition."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from semipose.errors import UserError
from semipose.models.decoders import build_decoder, default_deconv


def filled(kind: str, deconv: list[int], reduction: int = 16, sigma: float = 2.0) -> tuple[torch.nn.Sequential, int]:
    layers, head, stride = build_decoder(kind, 8, reduction, deconv, 3, sigma)
    whole = torch.nn.Sequential(*layers, head).eval()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
    return whole, stride


def features() -> torch.Tensor:
    return torch.randn(2, 8, 4, 3, generator=torch.Generator().manual_seed(1))


def test_light_is_an_enlargement_and_one_convolution() -> None:
    whole, stride = filled("light", [])
    up = F.interpolate(features().relu(), scale_factor=4, mode="bilinear", align_corners=False)
    expected = F.conv2d(up, whole[-1].weight, whole[-1].bias, padding=1)
    assert stride == 4
    torch.testing.assert_close(whole(features()), expected)


def test_light_comes_to_stride_4_from_any_patch() -> None:
    whole, stride = filled("light", [], reduction=14)
    assert stride == 4 and whole(torch.randn(1, 8, 4, 2)).shape == (1, 3, 14, 7)


def test_deeplabcut_is_a_transposed_convolution_without_its_last_cells() -> None:
    whole, stride = filled("deeplabcut", [])
    expected = F.conv_transpose2d(features(), whole[-1].weight.transpose(0, 1), whole[-1].bias, 2)[..., :-1, :-1]
    assert stride == 8 and expected.shape == (2, 3, 8, 6)
    torch.testing.assert_close(whole(features()), expected)


def test_lightning_pose_shuffles_and_ends_in_a_softmax() -> None:
    whole, stride = filled("lightning_pose", [5], reduction=32, sigma=1.25)
    x = F.pixel_shuffle(features(), 2)
    for part in whole[1:]:
        x = F.conv_transpose2d(x, part.weight.transpose(0, 1), part.bias, 2, 1, 1)
    expected = x.flatten(2).softmax(-1).view_as(x) * 2 * math.pi * 1.25**2
    assert stride == 4 and expected.shape == (2, 3, 32, 24)
    torch.testing.assert_close(whole(features()), expected)


LEVELS = {"layer1": (3, 4), "layer2": (5, 8), "layer3": (8, 8)}


def test_a_pyramid_adds_each_level_to_what_the_coarser_ones_found() -> None:
    """Channels change where a level's width does; levels of one stride are added without enlarging."""
    layers, head, stride = build_decoder("fpn", 8, 8, [6, 6, 4], 2, levels=LEVELS)
    layers.eval()
    fine, middle, coarse = (torch.randn(2, c, 64 // s, 48 // s) for c, s in LEVELS.values())
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.normal_()
    found = layers.top(coarse)
    for step, level in zip(layers.steps, (middle, fine), strict=True):
        x = step.narrow(found)
        if level is fine:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        found = step.smooth(x + F.conv2d(level, step.lateral.weight))
    assert stride == 4 and head(found).shape == (2, 2, 16, 12)
    assert isinstance(layers.steps[0].narrow, torch.nn.Identity) and layers.steps[1].narrow.weight.shape == (4, 6, 1, 1)
    torch.testing.assert_close(layers(fine, middle, coarse), found)


@pytest.mark.parametrize(
    ("levels", "deconv", "message"),
    [
        ({}, [8, 8], r"^model.decoder fpn reads several stages, and this backbone has one output; take a ResNet"),
        (LEVELS, [8, 8], r"^model.deconv has 2 numbers; decoder fpn reads 3 stages \(layer1, layer2, layer3\): give"),
    ],
)
def test_a_pyramid_needs_a_width_for_each_of_several_levels(levels, deconv, message) -> None:
    with pytest.raises(UserError, match=message):
        build_decoder("fpn", 8, 8, deconv, 2, levels=levels)


def test_default_layers_lead_to_stride_4() -> None:
    assert default_deconv("deconv", 32, 5) == [256] * 3 and default_deconv("deconv", 4, 5) == []
    assert default_deconv("lightning_pose", 32, 5) == [5] and default_deconv("lightning_pose", 16, 5) == []
    assert default_deconv("fpn", 32, 5, 4) == [128, 128, 64, 64] and default_deconv("fpn", 8, 5, 2) == [64, 64]
    assert default_deconv("light", 16, 5) == default_deconv("deeplabcut", 16, 5) == []


@pytest.mark.parametrize(
    ("kind", "channels", "reduction", "deconv", "message"),
    [
        ("light", 8, 16, [8], "model.decoder light has no deconvolutions; set model.deconv to null"),
        ("light", 8, 2, [], "light does not fit a backbone of stride 2"),
        ("lightning_pose", 6, 16, [], "does not fit a backbone of stride 16 with 6 channels"),
        ("lightning_pose", 8, 16, [8, 8, 8], "model.deconv has 3 stages"),
        ("deconv", 8, 4, [8, 8, 8], "model.deconv has 3 stages"),
    ],
)
def test_what_does_not_fit_is_refused(kind, channels, reduction, deconv, message) -> None:
    with pytest.raises(UserError, match=message):
        build_decoder(kind, channels, reduction, deconv, 3)
