from __future__ import annotations

import math

import pytest
import torch

from semipose.draws import Draws
from semipose.errors import UserError
from semipose.heatmap import decode, encode
from semipose.methods.target import seen_with_background, soft
from semipose.methods.teach import confident, foreground, parse_changes, refined, then
from semipose.target import Target
from tests.fixtures.tiny import CODEC, FLIP, SIGMA, STRIDE, K, Says, view

XY = torch.tensor([[[13.0, 22.0], [30.5, 41.0], [24.0, 9.5]]])
SIZE = (16, 12)


def target(heights: list[float]) -> Target:
    """Gaussians of these heights."""
    maps = encode(XY, SIZE, STRIDE, SIGMA) * torch.tensor(heights).view(1, K, 1, 1)
    return Target(maps, torch.tensor([1.0, 1, 0]).view(1, K, 1, 1), view(1))


def test_confident_keeps_what_is_above_and_what_was_unknown() -> None:
    given = target([0.9, 0.3, 0.9])
    kept = confident(0.4)(given)
    assert kept.weight.flatten().tolist() == [1, 0, 0]
    assert kept.heatmaps is given.heatmaps and kept.frame is given.frame
    height = float(given.heatmaps[0, 0].max())
    assert confident(height)(given).weight.flatten().tolist() == [0, 0, 0], "larger than, not as large as"


def test_refined_draws_whole_gaussians_and_keeps_weights() -> None:
    fresh = refined(SIGMA)(target([0.2, 3.0, 0.7]))
    assert fresh.weight.flatten().tolist() == [1, 1, 0]
    assert fresh.heatmaps.amax((-2, -1)).min() > 0.7 and fresh.heatmaps.max() <= 1
    assert (decode(fresh.heatmaps, STRIDE)[0] - XY).abs().max() <= STRIDE / 2
    assert refined(3.0)(target([1, 1, 1])).heatmaps.sum() > 2 * fresh.heatmaps.sum()


def test_foreground_balances_a_gaussian_with_the_background() -> None:
    """The weight is 1 + v h w / (2 pi sigma^2): what it adds over a Gaussian sums to the number of cells."""
    sigma, size = 2.0, (64, 48)
    maps = encode(torch.full((1, K, 2), 96.0), size, 4, sigma)
    weight = foreground(sigma)(Target(maps, torch.ones(1, K, 1, 1), view(1))).weight
    assert (weight - 1).sum((-2, -1)).tolist()[0] == pytest.approx([64 * 48] * K, rel=1e-3)
    factor = 64 * 48 / (2 * math.pi * sigma**2)
    torch.testing.assert_close(weight, 1 + factor * maps)
    empty = foreground(sigma)(Target(torch.full_like(maps, -0.5), torch.ones(1, K, 1, 1), view(1))).weight
    assert (empty == 1).all(), "a collapsed teacher re-weights nothing"


def test_foreground_leaves_unknown_joints_unknown_in_every_view() -> None:
    weighted = foreground(SIGMA)(target([1, 1, 1]))
    assert weighted.weight[0, 2].max() == 0
    assert seen_with_background(weighted, view(1), FLIP).weight[0, 2].max() == 0


def test_changes_follow_each_other() -> None:
    maps = target([0.9, 0.3, 0.9]).heatmaps[0]
    teach = then(soft, *parse_changes("confident0.4+refined", SIGMA))
    found = teach(Says(maps), view(2), CODEC, Draws(0))
    assert found.weight[..., 0, 0].tolist() == [[1, 0, 1]] * 2
    assert found.heatmaps.amax((-2, -1)).min() > 0.7
    assert then(soft) is soft and parse_changes("soft", SIGMA) == []


@pytest.mark.parametrize(
    "text",
    ["", "confident", "raw", "foreground2", "foreground+", "soft+refined", "confident-1", "confident40"],
)
def test_what_is_not_understood_is_refused(text) -> None:
    with pytest.raises(UserError, match=r"method\.teach is .* it can be soft, or any of confident, "):
        parse_changes(text, SIGMA)
