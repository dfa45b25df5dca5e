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


def test_default_layers_lead_to_stride_4() -> None:
    assert default_deconv("deconv", 32, 5) == [256] * 3 and default_deconv("deconv", 4, 5) == []
    assert default_deconv("lightning_pose", 32, 5) == [5] and default_deconv("lightning_pose", 16, 5) == []
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
