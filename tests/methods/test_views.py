"""A teacher's mean over several views, for any method."""

from __future__ import annotations

import pytest
import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.methods import build_method, options
from semipose.methods.target import soft
from semipose.methods.teach import agreeing
from semipose.methods.teachers import Itself
from semipose.methods.views import of_views
from tests.fixtures.tiny import CODEC, Tiny, labeled, view


def test_one_view_is_the_view_alone() -> None:
    assert of_views(parse("affine30"), 1) is soft


def test_the_mean_of_the_same_view_twice_is_that_view() -> None:
    teacher, seen = Itself(Tiny(0).eval()), view(2, 3)
    alone = soft(teacher, seen)
    pooled = of_views(parse("none"), 3)(teacher, seen, CODEC, Draws(0, 1))
    torch.testing.assert_close(pooled.heatmaps, alone.heatmaps, atol=1e-5, rtol=1e-4)
    assert pooled.doubt is not None and pooled.doubt.max() < 1e-4


def test_views_differ_where_they_are_turned() -> None:
    pooled = of_views(parse("affine30"), 3)(Itself(Tiny(0).eval()), view(2, 3), CODEC, Draws(0, 1))
    assert pooled.doubt is not None and pooled.doubt.min() > 0


def test_further_views_leave_other_draws_as_they_are() -> None:
    draws, other = Draws(0, 1), Draws(0, 1)
    of_views(parse("affine30"), 3)(Itself(Tiny(0)), view(2, 3), CODEC, draws)
    assert draws.uniform(1) == other.uniform(1)


@pytest.mark.parametrize("name", ["single", "mean_teacher", "mum", "dual"])
def test_any_method_may_average_over_views(name: str) -> None:
    nets = [Tiny(0), Tiny(1)][: 2 if name == "dual" else 1]
    method = build_method(options(name, views=3, multi="affine10"), nets, CODEC)
    losses = method(labeled(), view(4, 5), Draws(0, 1)).losses
    plain = build_method(options(name), [Tiny(0), Tiny(1)][: len(nets)], CODEC)(
        labeled(), view(4, 5), Draws(0, 1)
    ).losses
    assert all(value.isfinite() for value in losses.values())
    assert any(losses[key].item() != plain[key].item() for key in losses if key.startswith("unsupervised"))


def test_joints_whose_views_differ_do_not_teach() -> None:
    target = of_views(parse("affine30"), 3)(Itself(Tiny(0).eval()), view(2, 3), CODEC, Draws(0, 1))
    assert target.doubt is not None
    middle = float(target.doubt.median())
    kept = agreeing(middle)(target).weight[..., 0, 0]
    assert torch.equal(kept > 0, target.doubt <= middle) and 0 < kept.mean() < 1
    alone = soft(Itself(Tiny(0).eval()), view(2, 3))
    assert agreeing(0.0)(alone) is alone
