"""Xie et al. 2021, Eq. 3 and section 4.1: easy and hard views of one image."""

from __future__ import annotations

import pytest
import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.methods import build_method, options
from tests.fixtures.tiny import CODEC, Tiny, blanked, labeled, view


def test_the_hard_view_is_drawn_from_the_image() -> None:
    """T_h(I), not T_h(T_e(I)); the released code's composition is a setting."""
    plain = view(6, source=(200, 200))
    draws = Draws(1)
    easy = parse("affine30+flip100")(plain, draws)
    step = plain.to(parse("affine60")(plain, Draws(2)))
    fresh = options("single", hard="affine60", hard_of="image").hard_policy()(easy, Draws(2))
    composed = options("single", hard="affine60", hard_of="easy").hard_policy()(easy, Draws(2))
    torch.testing.assert_close(fresh.matrix, step @ plain.matrix, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(composed.matrix, step @ easy.matrix, atol=1e-3, rtol=1e-4)
    assert not fresh.mirrored.any() and composed.mirrored.all()


def test_the_composed_view_shows_nothing_that_the_easy_one_did_not() -> None:
    easy = view(6, source=(300, 300))
    fresh, composed = (
        options("single", hard="affine60", hard_of=of).hard_policy()(easy, Draws(2)) for of in ("image", "easy")
    )
    assert not blanked(fresh).any()
    assert blanked(composed).any((1, 2)).sum() >= 3


@pytest.mark.parametrize("name", ["single", "dual"])
def test_affine_60_reaches_further_than_affine_30(name) -> None:
    """What teacher and student are shown: the same images, the student's moved more."""
    spread = {"easy": 0.0, "hard": 0.0}
    plain = view(64, source=(64, 48))
    spread["easy"] = (parse("affine30")(plain, Draws(0)).matrix - plain.matrix)[:, :2, :2].std().item()
    spread["hard"] = (
        (options(name, hard="affine60").hard_policy()(plain, Draws(0)).matrix - plain.matrix)[:, :2, :2].std().item()
    )
    assert spread["hard"] > 1.5 * spread["easy"]


def test_views_in_a_step() -> None:
    """Labels and teacher see the easy strength, the student the hard one, drawn in this order."""
    net = Tiny()
    config = options("single", easy="affine30+flip50", hard="affine60+flip50")
    build_method(config, [net], CODEC)(labeled(), view(4, 5), Draws(3))
    draws = Draws(3)
    expected = [parse(config.easy)(shown, draws).image for shown in (labeled().view, view(4, 5))]
    expected.append(parse(config.hard)(view(4, 5), draws).image)
    for shown, image in zip(net.shown, expected, strict=True):
        assert torch.equal(shown, image)
