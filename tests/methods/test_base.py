from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.errors import UsageError, UserError
from semipose.geometry import View
from semipose.methods import build_method, options
from semipose.methods.base import Method, Options, Outcome, unmirrored
from semipose.methods.target import Codec, Labeled, mse, truth
from tests.fixtures.tiny import CODEC, Tiny, labeled, view


def test_what_is_minimised_is_the_sum_of_the_losses_alone() -> None:
    outcome = Outcome({"a": torch.tensor(1.5), "b": torch.tensor(0.25)}, {"measured": torch.tensor(9.0)})
    assert outcome.total.item() == 1.75


def test_each_network_learns_from_the_labels_its_share() -> None:
    """Eq. 1, for two networks named a and b."""
    method = Method([Tiny(0), Tiny(1)], CODEC, parse("none"))
    method.share = 0.5
    known = labeled()
    losses = method(known, None, Draws(0)).losses
    target = truth(known, known.view, CODEC)
    expected = [0.5 * mse(Tiny(seed)(known.view.image), target).item() for seed in (0, 1)]
    assert [losses[f"supervised_{name}"].item() for name in "ab"] == pytest.approx(expected, rel=1e-6)
    assert len(losses) == 2


def test_a_plain_method_does_in_a_whole_step_what_it_does_with_labels_alone() -> None:
    method, known = Method([Tiny()], CODEC, parse("none")), labeled()
    assert method(known, view(4, 5), Draws(0)).total.item() == method(known, None, Draws(0)).total.item() > 0
    assert method.pseudo(view(4, 5), Draws(0)) == []


def test_labelled_images_may_have_a_view_of_their_own() -> None:
    """`labeled` changes what the labels are seen in, and nothing of what is unlabelled."""
    same = {"easy": "flip0", "hard": "flip0"}
    method, other = (
        build_method(options("single", **same, **more), [Tiny()], CODEC) for more in ({"labeled": "flip100"}, {})
    )
    known, plain = (each.labels(labeled(), Draws(0, 1)) for each in (method, other))
    torch.testing.assert_close(known.frame.image, plain.frame.image.flip(-1))
    assert method.easy(view(4, 5), Draws(0, 1)).matrix.equal(view(4, 5).matrix)


def test_an_option_out_of_its_limit_is_named_with_its_section() -> None:
    Options("supervised").check()
    with pytest.raises(UsageError, match=r"^method.weight is -2; it can be 0 or more$"):
        options("naive", weight=-2.0).check()


@pytest.mark.parametrize(("name", "key"), [("single", "easy"), ("denoise_select", "multi")])
def test_joint_cutout_is_no_part_of_a_teachers_view(name: str, key: str) -> None:
    """It masks what a teacher or labels found; refused before any image is read."""
    with pytest.raises(UserError, match=f"method.{key} is 'affine30\\+jc5': Joint Cutout masks joints"):
        options(name, **{key: "affine30+jc5"}).check()
    options(name, hard="affine30+jc5", labeled="affine30+jc5").check()


def test_joint_cutout_masks_labelled_joints_of_labelled_images() -> None:
    """Where the view moves them; the labels stay as they are."""
    codec = Codec(4, 1.5, torch.arange(4))
    plain, hidden = (
        build_method(options("supervised", labeled=name), [Tiny()], codec) for name in ("rotate180", "rotate180+jc1")
    )
    grey = View.of(torch.ones(64, 3, 64, 64), (64, 64))
    point = (torch.rand(64, 1, 2, generator=torch.Generator().manual_seed(1)) * 24 + 20).expand(-1, 4, -1)
    given = Labeled(grey, torch.cat([point, torch.ones(64, 4, 1)], -1))
    seen, masked = (method.labels(given, Draws(0, 1)) for method in (plain, hidden))
    torch.testing.assert_close(seen.heatmaps, masked.heatmaps)
    assert (seen.weight == 1).all()
    changed = (seen.frame.image != masked.frame.image).any(1).float()
    at = torch.nn.functional.interpolate(seen.heatmaps[:, :1], scale_factor=4)[:, 0]
    assert 0 < 8 * changed.mean() < (changed * at).sum() / at.sum()


def test_views_are_unmirrored_and_nothing_else_changes() -> None:
    before = options("denoise_select")
    after = unmirrored(before)
    assert (after.easy, after.hard, after.multi) == ("affine30", "affine60+jc5", "affine30")  # type: ignore[attr-defined]
    assert replace(after, easy=before.easy, hard=before.hard, multi=before.multi) == before  # type: ignore
    assert unmirrored(after) == after
