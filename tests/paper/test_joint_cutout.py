"""Xie et al. 2021, section 4.1 and Figure 6: Joint Cutout masks joints that the teacher found; in Dual, the peer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.heatmap import encode
from semipose.methods.consistency import Dual, Single
from semipose.methods.target import Codec
from tests.fixtures.tiny import STRIDE, Says, blanked, labeled, view

CODEC = Codec(STRIDE, 1.5, torch.tensor([0]))
CORNERS = {"a": (9.5, 13.5), "b": (37.5, 49.5)}


def finds(place: tuple[float, float]) -> Says:
    """A network that sees one joint, always at one place of its view."""
    return Says(encode(torch.tensor([[place]]), (16, 12), STRIDE, 1.0)[0])


def masks(image: torch.Tensor, *places: tuple[float, float]) -> set[int]:
    """Which of these places the masked pixels of some images are nearest to."""
    rows, columns = np.nonzero(blanked(view(len(image)), image).any(0))
    distance = [np.hypot(columns - x, rows - y) for x, y in places]
    return set(np.argmin(distance, 0).tolist())


@pytest.mark.parametrize("seed", range(3))
def test_in_dual_each_students_mask_follows_the_other_network(seed) -> None:
    a, b = (finds(CORNERS[name]) for name in "ab")
    Dual([a, b], CODEC, parse("none"), afresh(parse("jc1")))(labeled(6, joints=1), view(6, 5), Draws(seed))
    easy, hard = {"a": a.shown[0], "b": b.shown[0]}, {"a": a.shown[2], "b": b.shown[2]}
    for name, other in (("a", "b"), ("b", "a")):
        assert not blanked(view(6), easy[name]).any()
        assert masks(hard[name], CORNERS[name], CORNERS[other]) == {1}


def test_in_single_the_mask_follows_the_network_itself() -> None:
    net = finds(CORNERS["a"])
    Single(net, CODEC, parse("none"), afresh(parse("jc1")))(labeled(6, joints=1), view(6, 5), Draws(0))
    known, easy, hard = net.shown
    assert masks(hard, CORNERS["a"], CORNERS["b"]) == {0}
    assert not blanked(view(6), known).any() and not blanked(view(6), easy).any()


def test_the_target_is_not_cut_out() -> None:
    """The image loses the joint, the student must still find it."""
    a, b = finds(CORNERS["a"]), finds(CORNERS["b"])
    none = Dual([a, b], CODEC, parse("none"), afresh(parse("none")))(labeled(6, joints=1), view(6, 5), Draws(0))
    cut = Dual([a, b], CODEC, parse("none"), afresh(parse("jc1")))(labeled(6, joints=1), view(6, 5), Draws(0))
    torch.testing.assert_close(none.losses, cut.losses)


def test_masks_turn_with_the_hard_view() -> None:
    net = finds(CORNERS["a"])
    Single(net, CODEC, parse("none"), afresh(parse("flip100+jc1")))(labeled(6, joints=1), view(6, 5), Draws(0))
    hard = net.shown[2]
    assert masks(hard, CORNERS["a"], (47 - CORNERS["a"][0], CORNERS["a"][1])) == {1}
