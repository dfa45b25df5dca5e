"""Dense contrast: a place is told from the other places of its image, in any two views, and from nothing else."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semipose.augment import parse
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, invert, move
from semipose.methods import build_method, options
from semipose.methods.contrast import Seen, seen, told_apart
from tests.fixtures.tiny import CODEC, SIZE, STRIDE, Tiny, gradients, labeled, norm, view

PLACES = torch.tensor([[[8.0, 8.0], [40.0, 8.0], [8.0, 56.0], [24.0, 32.0]]]).repeat(2, 1, 1)


class Ramp(torch.nn.Module):
    """Its layer says where in the image a cell is, by three colours that rise along x, along y, and not at all."""

    def forward(self, image: Tensor, tap) -> Tensor:
        maps = tap("decoder", F.avg_pool2d(image, STRIDE))
        return maps * maps.new_ones(())


def ramp(n: int = 2):
    """Plain views whose colours are x / 100, y / 100 and a half, in pixels of the view."""
    plain = view(n)
    h, w = plain.source.shape[-2:]
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    xy = move(plain.base, torch.stack([x, y], -1).reshape(1, -1, 2).float()).reshape(h, w, 2) / 100
    source = torch.cat([xy.movedim(-1, 0), torch.full((1, h, w), 0.5)])
    return View.of(source.repeat(n, 1, 1, 1), plain.size)


def unit(*rows: list[float]) -> Tensor:
    return F.normalize(torch.tensor([rows, rows]), dim=-1)


def all_there() -> Tensor:
    return torch.ones(2, 4, dtype=torch.bool)


def test_features_are_those_of_the_place_in_every_view() -> None:
    plain = ramp()
    for policy in ("none", "affine60", "rotate180+scale25"):
        turned = parse(policy)(plain, Draws(3))
        (features, there), _ = seen(Ramp(), turned, PLACES, "decoder")
        inner = there & (move(plain.to(turned), PLACES) > 4).all(-1)
        inner &= (move(plain.to(turned), PLACES) < torch.tensor([SIZE[1], SIZE[0]]) - 5).all(-1)
        expected = F.normalize(torch.cat([PLACES / 100, torch.full((2, 4, 1), 0.5)], -1), dim=-1)
        assert inner.any() and torch.allclose(features[inner], expected[inner], atol=1e-3)


def test_where_a_view_ends_a_place_is_not_there() -> None:
    plain = view(2)
    aside = plain.warp(torch.tensor([[1.0, 0, 20], [0, 1, 0], [0, 0, 1]]).repeat(2, 1, 1))
    (_, there), _ = seen(Tiny(), aside, PLACES, "encoder")
    assert there.tolist() == [[True, False, True, True]] * 2
    assert torch.allclose(move(invert(plain.to(aside)), move(plain.to(aside), PLACES)), PLACES, atol=1e-4)


def test_the_loss_is_the_cross_entropy_of_a_place_among_all_both_ways() -> None:
    one, other = unit([1.0, 0], [0, 1.0], [1.0, 1], [2.0, 1]), unit([1.0, 0.1], [0.3, 1.0], [1.0, 1], [1.0, 0.9])
    found = told_apart(Seen(one, all_there()), Seen(other, all_there()), PLACES, 1.0, 0.5)
    likeness = one @ other.mT / 0.5
    rows = torch.stack([F.cross_entropy(each, torch.arange(4)) for each in (likeness[0], likeness[0].T)]).mean()
    assert found.item() == pytest.approx(rows.item(), rel=1e-5)


def test_places_that_are_not_shown_by_both_or_lie_close_do_not_count() -> None:
    one = unit([1.0, 0], [0, 1.0], [1.0, 1], [2.0, 1])
    hidden = all_there()
    hidden[:, 3] = False
    some = told_apart(Seen(one, hidden), Seen(one, all_there()), PLACES, 1.0, 0.5)
    three = Seen(one[:, :3], all_there()[:, :3])
    assert some.item() == pytest.approx(told_apart(three, three, PLACES[:, :3], 1.0, 0.5).item(), rel=1e-5)
    everything = told_apart(Seen(one, all_there()), Seen(one, all_there()), PLACES, 1000.0, 0.5)
    assert everything.item() == pytest.approx(0.0, abs=1e-6)  # nothing left to be told from
    nothing = Seen(one, ~all_there())
    assert told_apart(nothing, nothing, PLACES, 1.0, 0.5).item() == 0


def test_alike_everywhere_is_the_logarithm_of_the_places() -> None:
    same = Seen(torch.ones(2, 4, 2) / math.sqrt(2), all_there())
    assert told_apart(same, same, PLACES, 1.0, 0.1).item() == pytest.approx(math.log(4), rel=1e-5)


def test_share_of_nothing_leaves_the_last_layer_as_it_is() -> None:
    method = build_method(options("dense_contrast", share=0.0), [Tiny()], CODEC)
    total = method(labeled(), view(4, 5), Draws(0, 1)).total
    (student,) = method.students
    assert norm(gradients(total, student.head)) == 0 and norm(gradients(total, student.stem)) > 0
    total.backward()
    assert all(p.grad is not None for p in method.parameters())  # what several processes ask for


def test_views_are_not_mirrored() -> None:
    method = build_method(options("dense_contrast", easy="affine30+flip100", multi="flip100"), [Tiny()], CODEC)
    views = [policy(view(), Draws(0)) for policy in method.views]
    assert not any(each.mirrored.any() for each in views)
    assert method.easy(view(), Draws(0)).mirrored.all()


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"method\.layer is 'layer9'; of this network it can be image, layer1, .*encoder"
    ):
        build_method(options("dense_contrast", layer="layer9"), [Tiny()], CODEC)


def test_mixed_precision_leaves_the_loss_in_32_bits() -> None:
    one, other = (Seen(unit([1.0, a], [0.2, 1.0], [1.0, 1], [2.0, 1]), all_there()) for a in (0.0, 0.1))
    plain = told_apart(one, other, PLACES, 1.0, 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = told_apart(one, other, PLACES, 1.0, 0.1)
    assert mixed.dtype == torch.float32 and mixed.item() == plain.item()
