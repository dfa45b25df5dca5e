"""Xie et al. 2021, Eq. 8 and section 5: a fixed teacher, trained before; its heatmaps, or Gaussians from their sum."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.geometry import View, align, move
from semipose.heatmap import decode, encode, quarter
from semipose.methods import build_method, options, switched
from semipose.methods.distill import distilled
from semipose.papers.find import recipe
from semipose.target import Target
from tests.fixtures.tiny import CODEC, FLIP, SIGMA, STRIDE, K, Tiny, gradients, labeled, norm, view

EASY, HARD = parse("affine30+flip50"), afresh(parse("affine60+flip50"))
CONFIG = options("pseudopose", hard="affine60+flip50", teacher="runs/trained")


def trained() -> Tiny:
    """Other weights than the student's, and statistics that are not the initial ones."""
    net = Tiny(9)
    for seed in range(3):
        net(view(4, seed).image)
    return net


def test_the_loss_is_the_equations() -> None:
    """Labelled images are seen through T_e; the target is the fixed teacher's heatmap, carried from easy to hard."""
    net, teacher = Tiny(), trained()
    known, unlabeled = labeled(), view(4, 5)
    losses = build_method(CONFIG, [net, teacher], CODEC).train()(known, unlabeled, Draws(0)).losses
    draws, fixed = Draws(0), trained().eval()
    first = EASY(known.view, draws)
    xy = move(known.view.to(first), known.keypoints[..., :2])
    truth = encode(torch.where(first.mirrored[:, None, None], xy[:, FLIP], xy), (16, 12), STRIDE, SIGMA)
    torch.testing.assert_close(losses["supervised"], 0.5 * ((net(first.image) - truth) ** 2).mean())
    easy = EASY(unlabeled, draws)
    hard = HARD(easy, draws)
    there, seen = align(fixed(easy.image).detach(), easy, hard, FLIP)
    torch.testing.assert_close(losses["unsupervised"], 0.5 * (seen * (net(hard.image) - there) ** 2).mean())


def test_the_teacher_is_fixed() -> None:
    """No gradient, no statistics, whatever is trained."""
    net, teacher = Tiny(), trained()
    method = build_method(CONFIG, [net, teacher], CODEC).train()
    before = copy.deepcopy(teacher.state_dict())
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
    started = copy.deepcopy(net.state_dict())
    for key in range(2):
        optimizer.zero_grad()
        method(labeled(), view(4, 5), Draws(key)).total.backward()
        optimizer.step()
        method.after_step()
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())
    assert all(p.grad is None for p in teacher.parameters())
    assert not torch.equal(net.head.weight, started["head.weight"])


def test_only_the_students_side_learns() -> None:
    net, teacher = Tiny(), trained()
    loss = build_method(CONFIG, [net, teacher], CODEC)(labeled(), view(4, 5), Draws(0)).losses["unsupervised"]
    assert norm(gradients(loss, net)) > 1e-3
    assert teacher.learns[-1] is False


class Sees(torch.nn.Module):
    """A teacher that finds the joints where they are in each view it is shown, faintly; it remembers the views."""

    def __init__(self, xy: torch.Tensor, plain: View) -> None:
        super().__init__()
        self.xy, self.plain, self.views = xy, plain, iter(())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        there = next(self.views)
        assert torch.equal(there.image, image)
        xy = move(self.plain.to(there), self.xy)
        xy = torch.where(there.mirrored[:, None, None], xy[:, FLIP], xy)
        return 0.3 * encode(xy, (16, 12), STRIDE, SIGMA)


def test_the_summed_heatmaps_lie_on_each_other() -> None:
    """Views turned, scaled and mirrored differently: the Gaussians stand where the joints are in the first view, for
    the sum is aligned; and they are whole, though each prediction was faint."""
    n = 6
    plain = view(n, source=(200, 200))
    joints = torch.tensor([24.0, 32.0]) + 12 * (torch.rand(n, K, 2, generator=torch.Generator().manual_seed(3)) - 0.5)
    first = EASY(plain, Draws(1))
    assert 0 < first.mirrored.sum() < n
    shown, drawn = [first], []

    def draw(from_view: View, draws: Draws, target: Target | None = None) -> View:
        assert torch.equal(from_view.matrix, plain.matrix), "each is drawn from the plain image"
        drawn.append(EASY(from_view, draws))
        shown.append(drawn[-1])
        return drawn[-1]

    teacher = Sees(joints, plain)
    teacher.views = (each for each in shown)
    teacher.update = lambda student: None  # type: ignore[method-assign]
    target = distilled(draw, 4, SIGMA)(teacher, first, CODEC, Draws(2))  # type: ignore[arg-type]
    assert len(drawn) == 3 and len({tuple(v.matrix.flatten().tolist()) for v in shown}) == 4
    expected = move(plain.to(first), joints)
    expected = torch.where(first.mirrored[:, None, None], expected[:, FLIP], expected)
    assert (decode(target.heatmaps, STRIDE, quarter)[0] - expected).norm(dim=-1).max() < STRIDE
    assert target.frame is first and (target.weight == 1).all()
    assert target.heatmaps.amax((-2, -1)).min() > 0.85


def test_it_is_the_sum_that_tells() -> None:
    """Two of three views that find a joint outvote a louder one that finds another place."""
    plain = view(1, source=(200, 200))
    maps = [0.5 * encode(torch.full((1, K, 2), at), (16, 12), STRIDE, 1.0) for at in (14.0, 34.0, 34.0)]
    maps[0] *= 1.6
    answers = iter(maps)
    target = distilled(parse("none"), 3, SIGMA)(lambda image: next(answers), plain, CODEC, Draws(0))  # type: ignore
    assert (decode(target.heatmaps, STRIDE)[0] - 34).abs().max() < STRIDE / 2


def test_datadistill_differs_from_pseudopose_in_its_target_alone() -> None:
    a, b = recipe("pseudopose"), recipe("datadistill")
    assert replace(b, method=switched(b.method, "pseudopose")) == a
    students = [Tiny(), Tiny()]
    for net, config in zip(students, (CONFIG, switched(CONFIG, "datadistill")), strict=True):
        build_method(config, [net, trained()], CODEC)(labeled(), view(4, 5), Draws(0))
    for one, other in zip(students[0].shown, students[1].shown, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("views", [1, 3])
def test_views_are_the_teachers_passes(views) -> None:
    teacher = trained()
    before = len(teacher.shown)
    config = replace(switched(CONFIG, "datadistill"), views=views)
    build_method(config, [Tiny(), teacher], CODEC)(labeled(), view(4, 5), Draws(0))
    assert len(teacher.shown) - before == views
