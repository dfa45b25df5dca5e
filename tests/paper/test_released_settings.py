"""Where the paper and its released code differ, both are settings, and the paper's is the default."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from semipose.augment import parse
from semipose.draws import Draws
from semipose.geometry import align
from semipose.methods import build_method, options
from semipose.papers.find import recipe, recipes
from tests.fixtures.tiny import CODEC, Tiny, labeled, view

UNTAUGHT = ("supervised", "naive", "dense_contrast")
"""No hard view."""


def test_defaults_are_the_papers() -> None:
    config = options("dual")
    assert (config.hard_of, config.outside, config.weight, config.share) == ("image", "ignore", 1.0, 1.0)


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_names_policies_that_exist(name) -> None:
    method = recipe(name).method
    assert callable(parse(method.easy)) and (method.name in UNTAUGHT or callable(method.hard_policy()))


@pytest.mark.parametrize("name", ["released-single", "released-dual"])
def test_released_recipes_take_the_released_settings(name) -> None:
    method = recipe(name).method
    assert (method.hard_of, method.outside) == ("easy", "background") and "released-easy" in method.easy
    assert method.hard == "released-jc5+released-hard" and method.weight == 1
    assert name == "released-single" or method.share == 0.5


def test_outside_changes_the_weight_of_what_the_teacher_did_not_see() -> None:
    """A student that answers 1 everywhere is charged for it outside the teacher's view in the released code alone."""
    losses = {}
    for outside in ("ignore", "background"):
        config = options("single", easy="none", hard="affine60", outside=outside)
        losses[outside] = (
            build_method(config, [Tiny()], CODEC)(labeled(), view(4, 5), Draws(0)).losses["unsupervised"].item()
        )
    assert losses["background"] > losses["ignore"] > 0


def test_hard_of_easy_composes() -> None:
    """With no hard warp at all, the student sees the teacher's very view."""
    for hard_of, same in (("easy", True), ("image", False)):
        net = Tiny()
        config = options("single", easy="affine30", hard="none", hard_of=hard_of)
        build_method(config, [net], CODEC)(labeled(), view(4, 5), Draws(0))
        _, easy, hardest = net.shown
        assert torch.allclose(easy, hardest, atol=1e-5) == same


def test_the_second_affine_is_a_rotation_matrix_handed_to_a_sampling_grid() -> None:
    """s R(angle), taken for where a normalised grid looks: s above 1 looks at more, and shows people smaller."""
    n, draws, plain = 8, Draws(1), view(8)
    turned = draws.uniform(n) < 0.8
    angle = torch.deg2rad(torch.where(turned, (30 * draws.normal(n)).clamp(-60, 60), 0))
    scale = (1 + 0.25 * draws.normal(n)).clamp(0.75, 1.25)
    cos, sin, zero = scale * angle.cos(), scale * angle.sin(), torch.zeros(n)
    theta = torch.stack([cos, sin, zero, -sin, cos, zero], -1).view(n, 2, 3)
    heatmaps = torch.rand(n, 3, 16, 12, generator=torch.Generator().manual_seed(0))
    expected = F.grid_sample(heatmaps, F.affine_grid(theta, [n, 3, 16, 12], align_corners=False), align_corners=False)
    found, _ = align(heatmaps, plain, parse("released-hard")(plain, Draws(1)), torch.arange(3))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_released_step() -> None:
    config = recipe("released-dual").method
    outcome = build_method(config, [Tiny(0), Tiny(1)], CODEC)(labeled(), view(4, 5), Draws(0))
    assert outcome.total.isfinite() and outcome.total.item() > 0
