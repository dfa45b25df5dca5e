from __future__ import annotations

import math

import pytest
import torch

from semipose.draws import Draws
from semipose.geometry import move, similarity
from semipose.heatmap import decode
from semipose.methods.target import (
    Labeled,
    background,
    follow,
    mse,
    response,
    seen_from,
    seen_with_background,
    soft,
    truth,
)
from semipose.target import Target
from tests.fixtures.tiny import CODEC, FLIP, SIZE, STRIDE, K, Says, Tiny, labeled, norm, view

NAN = float("nan")


def moved(shown, degrees: float = 0, scale: float = 1, mirror: bool = False):
    n = len(shown)
    return shown.warp(
        similarity(
            shown.size, torch.full((n,), float(degrees)), torch.full((n,), float(scale)), torch.full((n,), mirror)
        )
    )


# ---- labels


def test_truth_peaks_at_the_labels() -> None:
    known = labeled()
    target = truth(known, known.view, CODEC)
    assert (
        target.heatmaps.shape == (4, K, 16, 12) and target.weight.shape == (4, K, 1, 1) and (target.weight == 1).all()
    )
    xy, score = decode(target.heatmaps, STRIDE)
    assert (xy - known.keypoints[..., :2]).abs().max() <= STRIDE / 2
    assert score.min() > 0.7 and target.frame is known.view


def test_truth_in_a_mirrored_view_swaps_left_and_right() -> None:
    known = labeled()
    known.keypoints[:, 1, 2] = 0  # the left joint is unlabelled: in the mirror, that is the right one
    shown = moved(known.view, 20, 0.9, True)
    target = truth(known, shown, CODEC)
    assert target.weight[..., 0, 0].tolist() == [[1, 1, 0]] * 4
    xy, _ = decode(target.heatmaps, STRIDE)
    expected = move(known.view.to(shown), known.keypoints[..., :2])
    assert (xy[:, 0] - expected[:, 0]).abs().max() <= STRIDE / 2
    assert (xy[:, 1] - expected[:, 2]).abs().max() <= STRIDE / 2


def test_labels_may_live_in_a_mirrored_view() -> None:
    known = labeled()
    mirror = moved(known.view, mirror=True)
    there = Labeled(
        mirror,
        truth_points := torch.cat(
            [move(known.view.to(mirror), known.keypoints[..., :2])[:, FLIP], known.keypoints[..., 2:]], -1
        ),
    )
    assert truth_points.shape == known.keypoints.shape
    torch.testing.assert_close(
        truth(there, mirror, CODEC).heatmaps, truth(known, mirror, CODEC).heatmaps, atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        truth(there, known.view, CODEC).heatmaps, truth(known, known.view, CODEC).heatmaps, atol=1e-3, rtol=0
    )


@pytest.mark.parametrize(
    ("joint", "weight"),
    [
        ([20.0, 30, 2], 1),
        ([20.0, 30, 1], 1),  # occluded: used
        ([20.0, 30, 0], 0),
        ([NAN, NAN, 0], 0),
        ([NAN, NAN, 2], 0),
        ([20.0, NAN, 2], 0),
        ([20.0, 30, NAN], 0),
        ([1e9, 30, 2], 0),
        ([-3.0, 30, 2], 1),  # off the map, but its Gaussian is not
        ([-30.0, 30, 2], 0),
        ([0.0, 0, 0], 0),
    ],
)
@pytest.mark.parametrize("mirror", [False, True])
def test_weight_of_each_kind_of_label(joint, weight, mirror) -> None:
    known = Labeled(view(1), torch.tensor([[joint, [20.0, 20, 2], [30, 40, 2]]]))
    target = truth(known, moved(known.view, mirror=mirror), CODEC)
    assert target.heatmaps.isfinite().all()
    assert target.weight.flatten().tolist() == [weight, 1, 1]
    assert (target.heatmaps[0, 0].max() > 0) == bool(weight)


def test_a_sample_without_any_label_costs_nothing_and_is_finite() -> None:
    net = Tiny()
    known = Labeled(view(2), torch.full((2, K, 3), NAN))
    learnt = follow(net, truth(known, moved(known.view, 30), CODEC))
    assert learnt.loss.item() == 0
    learnt.loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


# ---- carrying a target


def test_seen_from_ignores_what_the_teacher_could_not_see() -> None:
    easy = view(2, source=(200, 200))
    hard = moved(easy, scale=0.5)
    target = soft(Says(torch.ones(K, 16, 12)), easy)
    ignoring, teaching = seen_from(target, hard, FLIP), seen_with_background(target, hard, FLIP)
    shown = torch.zeros(16, 12)
    shown[4:12, 3:9] = 1
    assert torch.equal(ignoring.weight, shown.expand(2, K, 16, 12))
    assert (teaching.weight == 1).all() and torch.equal(ignoring.heatmaps, teaching.heatmaps)
    assert (ignoring.heatmaps[..., shown == 0] == 0).all() and ignoring.frame is hard


def test_carried_weights_keep_what_was_unknown() -> None:
    easy = view(1)
    weight = torch.tensor([1.0, 0, 1]).view(1, K, 1, 1)
    target = Target(torch.ones(1, K, 16, 12), weight, easy)
    assert seen_from(target, moved(easy, 30), FLIP).weight[:, 1].max() == 0
    assert seen_with_background(target, moved(easy, 30), FLIP).weight.flatten().tolist() == [1, 0, 1]


def test_weights_swap_and_move_with_the_view() -> None:
    easy = view(1)
    mirror = moved(easy, mirror=True)
    joints = Target(torch.ones(1, K, 16, 12), torch.tensor([1.0, 0, 0.5]).view(1, K, 1, 1), easy)
    assert seen_from(joints, mirror, FLIP).weight[0, :, 8, 6].tolist() == [1, 0.5, 0]
    assert seen_with_background(joints, mirror, FLIP).weight.flatten().tolist() == [1, 0.5, 0]
    cells = torch.zeros(1, K, 16, 12)
    cells[0, 1, 3, 2] = 1
    carried = seen_from(Target(torch.ones(1, K, 16, 12), cells, easy), mirror, FLIP).weight
    assert carried[0, 2, 3, 9].item() == pytest.approx(1, abs=1e-4) and carried.sum().item() == pytest.approx(
        1, abs=1e-3
    )


def test_background_outside_weighs_what_it_weighs_inside() -> None:
    """Cell weights of 2 with a 5 among them, of the second joint none: outside they are 2 and 0."""
    easy = view(1, source=(200, 200))
    cells = torch.full((1, K, 16, 12), 2.0)
    cells[0, 0, 8, 6], cells[0, 1] = 5, 0
    target = Target(torch.ones(1, K, 16, 12), cells, easy)
    weight = seen_with_background(target, moved(easy, scale=0.5), FLIP).weight[0]
    assert weight[0, 0].tolist() == weight[2, 0].tolist() == [2] * 12 and weight[1].max() == 0
    assert weight[0].max() > 2
    assert seen_from(target, moved(easy, scale=0.5), FLIP).weight[0, :, 0].max() == 0


# ---- loss and measures


def test_response_and_background() -> None:
    maps = torch.zeros(2, K, 4, 3)
    maps[0, :, 1, 2] = torch.tensor([0.3, 0.6, 0.9])
    maps[1, 0, 0, 0] = 0.05
    assert response(maps).item() == pytest.approx((0.3 + 0.6 + 0.9 + 0.05) / 6)
    assert background(maps).item() == pytest.approx(23 / 24)
    assert background(maps, 0.02).item() == pytest.approx(22 / 24)
    assert not response(maps.requires_grad_()).requires_grad


def test_follow_shows_the_student_the_targets_view() -> None:
    net = Tiny()
    shown = moved(view(2), 30)
    target = Target(torch.rand(2, K, 16, 12), torch.ones(2, K, 1, 1), shown)
    learnt = follow(net, target)
    assert torch.equal(net.shown[0], shown.image)
    assert learnt.loss.item() == pytest.approx(mse(learnt.heatmaps, target).item()) and learnt.loss.requires_grad
    assert math.isfinite(norm([p.grad for p in net.parameters() if p.grad is not None] or [torch.zeros(1)]))
    assert learnt.heatmaps.shape == (2, K, SIZE[0] // STRIDE, SIZE[1] // STRIDE)


def test_draws_do_not_touch_labels() -> None:
    known = labeled()
    before = known.keypoints.clone()
    truth(known, moved(known.view, Draws(0).uniform(1).item() * 30, mirror=True), CODEC)
    assert torch.equal(before, known.keypoints)
