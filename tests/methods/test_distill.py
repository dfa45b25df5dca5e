from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.geometry import invert, move
from semipose.heatmap import encode
from semipose.methods import build_method, options
from semipose.methods.distill import distilled
from semipose.methods.target import truth
from semipose.methods.teachers import Frozen
from tests.fixtures.tiny import CODEC, FLIP, SIGMA, STRIDE, K, Says, Tiny, labeled, view


def test_the_teacher_stays_as_it_is_and_the_student_follows_it() -> None:
    student, trained = Tiny(0), Tiny(1)
    method = build_method(options("pseudopose", teacher="run"), [student, trained], CODEC)
    assert isinstance(method.teacher, Frozen) and method.teacher.net is trained
    assert list(method.students) == [student] and not any(p.requires_grad for p in trained.parameters())


def test_views_are_summed_and_redrawn_at_the_peak() -> None:
    """Of three equal views the Gaussian stands where one's peak is, as sure as one of them."""
    said = torch.zeros(K, 16, 12)
    for k, height in enumerate((0.5, 0.75, 1.0)):
        said[k, 4 + k, 5] = height
        said[k, 4 + k, 6] = said[k, 5 + k, 5] = 0.1  # a quarter of a cell to the right and down
    teacher = Says(said)
    target = distilled(parse("none"), 3, SIGMA)(teacher, view(2), CODEC, Draws(0))
    assert len(teacher.shown) == 3
    torch.testing.assert_close(target.confidence, torch.tensor([[0.5, 0.75, 1.0]]).expand(2, -1))
    xy = torch.tensor([[5.25, 4.25], [5.25, 5.25], [5.25, 6.25]]) * STRIDE + (STRIDE - 1) / 2
    expected = encode(xy[None], (16, 12), STRIDE, SIGMA)
    torch.testing.assert_close(target.heatmaps[:1], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["pseudopose", "datadistill"])
@pytest.mark.parametrize("easy", ["affine30+flip50", "affine30+flip100"])
@pytest.mark.parametrize("sigma", [None, 1.0])
def test_what_is_stored_is_drawn_in_each_view_and_nobody_is_asked(name: str, easy: str, sigma: float | None) -> None:
    """Joints are where the labels would be in that view, left and right swapped in a mirrored one, and each is as sure
    as the teacher was."""
    method = build_method(options(name, teacher="run", stored=True, easy=easy, sigma=sigma), [Tiny(0), Tiny(1)], CODEC)
    known = labeled(5)
    sure = torch.rand(5, K, generator=torch.Generator().manual_seed(3))
    to_crop = invert(known.view.base)
    told = torch.cat([move(to_crop, known.keypoints[..., :2]), sure[..., None]], -1)
    (target,) = method.pseudo(replace(known.view, told=told), Draws(0, 1))
    wanted = truth(known, target.frame, replace(CODEC, sigma=sigma or CODEC.sigma))
    torch.testing.assert_close(target.heatmaps, wanted.heatmaps, atol=1e-5, rtol=1e-4)
    assert torch.equal(target.weight, wanted.weight) and target.doubt is None
    swapped = torch.where(target.frame.mirrored[:, None], sure[:, FLIP], sure)
    assert torch.equal(target.confidence, swapped) and (easy.endswith("50") or target.frame.mirrored.all())
    assert method.teacher.net.shown == []
    method(labeled(4), replace(known.view, told=told), Draws(0, 2)).total.backward()
    assert method.teacher.net.shown == [] and all(p.grad is not None for p in method.students.parameters())


def test_doubt_is_stored_too() -> None:
    settings = {"stored": True, "views": 3, "multi": "affine30", "teach": "agreeing0.2"}
    method = build_method(options("pseudopose", teacher="run", **settings), [Tiny(0), Tiny(1)], CODEC)
    assert method.once is not None and method.once(view(4, 5), Draws(0)).doubt is not None
    told = torch.full((4, K, 4), 20.0)
    told[..., 3] = torch.tensor([0.1, 0.3, 0.2])
    (target,) = method.pseudo(replace(view(4, 5), told=told), Draws(0, 1))
    kept = (target.doubt <= 0.2).float() * (target.heatmaps.amax((-2, -1)) > 0)
    assert torch.equal(target.weight[..., 0, 0], kept) and 0 < kept.sum() < kept.numel()


def test_teachers_are_asked_in_each_step_unless_it_is_said_otherwise() -> None:
    for name in ("pseudopose", "datadistill"):
        method = build_method(options(name, teacher="run"), [Tiny(0), Tiny(1)], CODEC)
        assert method.once is None
        method.pseudo(view(4, 5), Draws(0, 1))
        assert len(method.teacher.net.shown) == (4 if name == "datadistill" else 1)
