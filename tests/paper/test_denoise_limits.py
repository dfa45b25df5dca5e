"""Yu et al. 2024, Algorithm 1, lines 23 to 26: an endless margin makes two Singles of it, an endless negative one Xie
et al.'s Dual."""

from __future__ import annotations

import math

import pytest
import torch

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.methods.base import Method
from semipose.methods.consistency import Dual, Single
from semipose.methods.denoise import AGGREGATES, READINGS, DenoiseSelect
from tests.fixtures.tiny import CODEC, Tiny, gradients, labeled, view

EASY, HARD, MULTI = parse("affine30+flip50"), afresh(parse("affine60+flip50+jc2")), parse("affine30+flip50")
DUAL = Dual([Tiny(0), Tiny(1)], CODEC, EASY, HARD)


def method(margin: float, reading: str = "printed", count: int = 2, aggregate: str = "none") -> DenoiseSelect:
    return DenoiseSelect(
        [Tiny(0), Tiny(1)],
        CODEC,
        EASY,
        HARD,
        MULTI,
        count,
        AGGREGATES[aggregate],
        reading=READINGS[reading],
        margin=margin,
    )


def step(method: Method) -> dict[str, torch.Tensor]:
    return method(labeled(), view(4, 5), Draws(0)).losses


def singles() -> dict[str, torch.Tensor]:
    """Two networks that each teach themselves, under Dual's draws."""
    again = lambda shown, draws, target=None: HARD(shown, draws.again("hard"), target)  # noqa: E731
    found = {}
    for seed, name in enumerate("ab"):
        losses = step(Single(Tiny(seed), CODEC, EASY, again))
        found |= {f"{kind}_{name}": loss for kind, loss in losses.items()}
    return found


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize(("reading", "endless"), [("printed", math.inf), ("peer", -math.inf)])
def test_towards_two_singles(reading: str, endless: float, count: int) -> None:
    found, expected = step(method(endless, reading, count)), singles()
    assert {name: loss.item() for name, loss in found.items()} == {name: loss.item() for name, loss in expected.items()}
    assert found["unsupervised_a"].item() != step(DUAL)["unsupervised_a"].item()


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize(("reading", "endless"), [("printed", -math.inf), ("peer", math.inf), ("none", 0)])
def test_towards_dual(reading: str, endless: float, count: int) -> None:
    one, other = method(endless, reading, count), Dual([Tiny(0), Tiny(1)], CODEC, EASY, HARD)
    found, expected = step(one), step(other)
    assert {name: loss.item() for name, loss in found.items()} == {name: loss.item() for name, loss in expected.items()}
    for mine, theirs in zip(one.students, other.students, strict=True):
        for a, b in zip(gradients(sum(found.values()), mine), gradients(sum(expected.values()), theirs), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("aggregate", ["max", "mean"])
def test_one_view_is_its_own_aggregate(aggregate: str) -> None:
    found, expected = step(method(-math.inf, "printed", 0, aggregate)), step(DUAL)
    for name, loss in found.items():
        assert loss.item() == pytest.approx(expected[name].item(), rel=1e-6)


def test_without_a_margin_the_surer_network_teaches_both() -> None:
    """Delta = 0, one view doubted by noise: both students' targets are one and the same wherever doubts differ."""
    made = method(0.0, "printed", 2, "max")
    a, b = made.pseudo(view(4, 5), Draws(0))
    assert torch.equal(a.heatmaps, b.heatmaps) and torch.equal(a.doubt, b.doubt)
    apart = method(math.inf, "printed", 2, "max").pseudo(view(4, 5), Draws(0))
    torch.testing.assert_close(a.doubt, torch.minimum(apart[0].doubt, apart[1].doubt))
