"""What the losses of time and shape say: nothing below their tolerance, the excess above it, of the pose alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, move, similarity, swap_sides
from semipose.heatmap import encode
from semipose.methods import build_method, options
from semipose.methods.video import (
    Places,
    Shape,
    Space,
    Temporal,
    VideoLosses,
    body_side,
    jumps,
    learnt_shape,
    places,
    usual,
)
from tests.fixtures.tiny import CODEC, FLIP, SIGMA, SIZE, STRIDE, Says, Tiny, crops, gradients, norm, view

HEIGHT = SIZE[0]


def alike(n: int) -> Tensor:
    """(n, 3, 3) crops that are half as large as their image, n pixels further to the right each."""
    matrix = torch.eye(3).repeat(n, 1, 1)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 0.5
    matrix[:, 0, 2] = -torch.arange(n) / 2
    return matrix


def windows(xy: Tensor, sure: Tensor | None = None) -> Places:
    """Image places (B, K, 2) as a student sees them in the crops of `alike`."""
    to_crop = alike(len(xy))
    return Places(move(to_crop, xy), torch.ones(xy.shape[:2]) if sure is None else sure, to_crop, 100.0)


def still(n: int = 4, joints: int = 2) -> Tensor:
    return torch.tensor([50.0, 40.0]).repeat(n, joints, 1)


def test_jumps_are_of_the_image_whatever_crops_do() -> None:
    """Two windows of two frames: frame 0 and 2 are one, 1 and 3 the other. 6 pixels of the image are 3 of the input,
    which is 100 long."""
    xy = still()
    xy[2, 0, 0] += 6
    xy[3, 1, 1] -= 10
    seen = windows(xy)
    found = jumps(seen.xy.unflatten(0, (2, 2)), seen.to_crop.unflatten(0, (2, 2)), 100.0)
    assert torch.allclose(found, torch.tensor([[[0.03, 0.0], [0.0, 0.05]]]), atol=1e-6)


def test_a_jump_within_the_tolerance_is_nothing_and_beyond_it_the_excess() -> None:
    loss, xy = Temporal(2, 0.04, "body"), still().requires_grad_()
    offset = torch.zeros(4, 2, 2)
    offset[2, 0, 0], offset[3, 1, 1] = 6, -10
    within, beyond = offset.clone(), offset
    within[3] = 0
    quiet = loss(windows(xy + within))
    assert quiet == 0 and norm([torch.autograd.grad(quiet, xy)[0]]) == 0
    found = loss(windows(xy + beyond))
    assert found.item() == pytest.approx((0.05 - 0.04) / 4, abs=1e-6), "the mean over two windows and two joints"
    (gradient,) = torch.autograd.grad(found, xy)
    assert gradient[3, 1, 1] < 0 < gradient[1, 1, 1] and gradient[:, 0].abs().max() < 1e-9


def test_an_absent_joint_does_not_pull_and_a_doubted_one_less() -> None:
    xy = still()
    xy[3, 1, 1] -= 10
    loss, sure = Temporal(2, 0.04, "body"), torch.ones(4, 2)
    whole = loss(windows(xy, sure))
    sure[1, 1] = 0.5
    assert loss(windows(xy, sure)).item() == pytest.approx(whole.item() / 4)
    sure[3, 1] = 0
    assert loss(windows(xy, sure)) == 0


def test_a_still_pose_has_a_finite_gradient() -> None:
    xy = still().requires_grad_()
    loss = Temporal(2, 0.0, "body")(windows(xy))
    assert loss == 0 and torch.isfinite(torch.autograd.grad(loss, xy)[0]).all()


POSE = torch.tensor([[-0.2, 0.0], [0.2, 0.0], [0.0, 0.3], [0.1, 0.1]], dtype=torch.float64)
ARM = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.1, 0.05], [0.0, 0.0]], dtype=torch.float64)


def known_poses(n: int = 12, seed: int = 0) -> Tensor:
    """(n, 4, 2) of one kind, which differ in the third joint, along one line, and lie anywhere."""
    rng = torch.Generator().manual_seed(seed)
    amount, place = (torch.rand(n, 1, d, generator=rng, dtype=torch.float64) for d in (1, 2))
    return POSE + (2 * amount - 1) * ARM + 5 * place


def seen_as(poses: Tensor, sure: Tensor | None = None) -> Places:
    xy = 100 * poses.float()
    return Places(xy, torch.ones(xy.shape[:2]) if sure is None else sure, None, 100.0)


def labels(poses: Tensor) -> np.ndarray:
    return np.concatenate([poses.numpy(), np.full((*poses.shape[:2], 1), 2.0)], -1)


def test_the_pose_space_holds_what_labels_vary_in_and_no_more() -> None:
    space = Space.of(known_poses())
    assert space.components == 1
    assert torch.allclose(space.basis.T @ space.basis, torch.eye(3, dtype=torch.float64), atol=1e-9)
    others, ones = known_poses(seed=1) - 3, torch.ones(12, 4, dtype=torch.float64)
    assert space.distances(others, ones).max() < 2e-3, "of whatever amount, and wherever it lies"
    off = others.clone()
    off[0, 3] += torch.tensor([0.3, 0.0])
    assert space.distances(off, ones)[0, 3] > 0.1 and space.distances(off, ones)[1:].max() < 2e-3


def test_a_pose_of_the_labels_kind_is_nothing_and_another_one_the_excess() -> None:
    shape = learnt_shape(labels(known_poses()))
    assert shape.about["components"] == 1 and shape.about["poses"] == 12 and shape.tolerance < 2e-3
    shape.tolerance = 0.01
    poses = known_poses(seed=1).float().requires_grad_()
    quiet = shape(seen_as(poses))
    assert quiet == 0 and norm([torch.autograd.grad(quiet, poses)[0]]) == 0
    off = torch.zeros_like(poses)
    off[0, 3] = torch.tensor([0.3, 0.1])
    far = shape(seen_as(poses + off))
    ones = torch.ones(1, 4)
    expected = (Space(shape.mean, shape.basis).distances((poses + off)[:1], ones) - 0.01).clamp_min(0).sum() / 48
    assert far.item() == pytest.approx(expected.item(), rel=1e-3) and far > 0
    (gradient,) = torch.autograd.grad(far, poses)
    assert gradient[0].norm() > 0 == gradient[1:].norm()


def test_a_joint_without_confidence_pulls_no_other() -> None:
    shape, poses, sure = learnt_shape(labels(known_poses())), known_poses(3, seed=1), torch.ones(3, 4)
    poses[:, 3] += torch.tensor([4.0, -7.0])
    sure[:, 3] = 0
    shape.tolerance = 0.01
    assert shape(seen_as(poses, sure)) == 0
    assert shape(seen_as(poses)) > 0.1


def test_labels_left_out_tell_what_is_let_be() -> None:
    rng = np.random.default_rng(0)
    noisy = known_poses(40).numpy() + rng.normal(0, 0.002, (40, 4, 2))
    shape = learnt_shape(labels(torch.from_numpy(noisy)))
    assert shape.about["components"] == 1 and 0.002 < shape.tolerance < 0.006


def test_joints_and_poses_that_are_seldom_whole() -> None:
    """A joint that most poses lack is no part of the shape; of the others, whole poses make it."""
    poses = labels(torch.cat([known_poses(20), known_poses(20)[:, :1] + 1], 1))
    poses[:15, 4], poses[:6, 0] = 0, 0
    shape = learnt_shape(poses)
    assert shape.about["joints"] == 4 and shape.about["poses"] == 14
    assert shape(seen_as(torch.from_numpy(poses[6:, :, :2]))) < 1e-6
    poses[6:16, 1] = 0
    with pytest.raises(
        UserError, match=r"^losses\.shape needs 5 labelled poses with all joints, and 4 of 20 have all 4"
    ):
        learnt_shape(poses)


def test_few_poses_and_too_free_ones_are_refused() -> None:
    with pytest.raises(UserError, match="needs 5 labelled poses with all joints, and 4 of 4 have all 4; label more"):
        learnt_shape(labels(known_poses(4)))
    rng = np.random.default_rng(0)
    free = np.concatenate([rng.uniform(size=(60, 3, 2)), np.ones((60, 3, 1))], -1)
    with pytest.raises(UserError, match="60 labelled poses of 3 joints vary in every direction"):
        learnt_shape(free)


def test_what_labels_say_of_sizes_and_steps() -> None:
    poses = labels(known_poses())
    poses[:2, 1:, 2] = 0
    assert body_side(poses) == pytest.approx(0.4, abs=1e-6)
    with pytest.raises(UserError, match="none has two joints; label a second joint"):
        body_side(poses[:2])
    assert usual(range(101)) == 95


def drawn(xy: Tensor, seen: View) -> Tensor:
    """Heatmaps (B, K, h, w) of joints at xy (B, K, 2), in source-crop pixels, in a view."""
    there = swap_sides(move(seen.matrix, xy), seen.plain, seen, FLIP)
    return encode(there, (SIZE[0] // STRIDE, SIZE[1] // STRIDE), STRIDE, SIGMA)


class Sees(torch.nn.Module):
    """Gives heatmaps as they are drawn."""

    def __init__(self, heatmaps: Tensor) -> None:
        super().__init__()
        self.heatmaps = heatmaps

    def forward(self, image: Tensor) -> Tensor:
        return self.heatmaps


@pytest.mark.parametrize("mirror", [False, True])
def test_a_turned_view_gives_the_same_loss(mirror: bool) -> None:
    """Turned, magnified, mirrored: joints are where they are in the crop, and the sides keep their names."""
    n = 4
    plain = View.of(crops(n), SIZE)
    xy = torch.tensor([[30.0, 42.0], [24.0, 50.0], [40.0, 36.0]]).repeat(n, 1, 1) + torch.arange(n)[:, None, None]
    step = similarity(SIZE, torch.tensor([20.0, -15, 5, -30]), torch.full((n,), 0.9), torch.full((n,), mirror))
    turned = plain.warp(step)
    one, other = (places(Sees(drawn(xy, seen)), seen, FLIP, alike(n)) for seen in (plain, turned))
    for seen in (one, other):
        assert (seen.xy - xy).abs().max() < 0.1 and seen.confidence.min() > 0.8
    for loss in (Temporal(2, 0.0, "body"), Shape(Space.of(known_poses()[:, :3]), np.arange(3), 0.0, 12)):
        assert loss(one) > 0.01 and math.isclose(loss(one), loss(other), rel_tol=0.05)


def both() -> VideoLosses:
    shape = Shape(Space.of(known_poses()[:, :3]), np.arange(3), 0.0, 12)
    return VideoLosses({"temporal": Temporal(2, 0.0, "body"), "shape": shape}, {"temporal": 0.5, "shape": 2.0})


def test_gradients_reach_the_students_alone_and_every_one() -> None:
    method = build_method(options("dual", hard="affine60"), [Tiny(0), Tiny(1)], CODEC)
    beside, unlabeled = both(), view(4)
    losses = beside(method, unlabeled, alike(4), Draws(0, 0))
    assert set(losses) == {"temporal", "shape"} and all(loss > 0 for loss in losses.values())
    for name in losses:
        assert all(norm(gradients(losses[name], student)) > 0 for student in method.students)
    assert list(beside.parameters()) == [] and list(beside.state_dict()) == [], "nothing of its own to learn or save"
    assert all(student.learns == [True] for student in method.students), "one pass each"


def test_a_teacher_and_a_twin_are_left_alone() -> None:
    for name, count in (("mean_teacher", 1), ("guarded", 2)):
        method = build_method(options(name, hard="affine60", mix_group=1), [Tiny(i) for i in range(count)], CODEC)
        losses = both()(method, view(4), alike(4), Draws(0, 0))
        others = set(method.parameters()) - set(method.students[0].parameters())
        sum(losses.values()).backward()  # type: ignore[union-attr]
        assert others and all(each.grad is None for each in others)


def test_weights_multiply_and_the_method_s_own_draws_stay() -> None:
    method = build_method(options("supervised"), [Says(drawn(torch.full((1, 3, 2), 40.0), view(1))[0])], CODEC)
    draws, again = Draws(0, 0), Draws(0, 0)
    once = both()(method, view(4), alike(4), draws)
    twice = both()
    twice.weights = {name: 2 * weight for name, weight in twice.weights.items()}
    for name, loss in twice(method, view(4), alike(4), draws).items():
        assert loss.item() == pytest.approx(2 * once[name].item(), rel=1e-5)
    assert torch.equal(draws.uniform(3), again.uniform(3))


def test_a_low_peak_pulls_less_than_a_high_one() -> None:
    """In the heatmaps, which learn: of two joints that jump alike, the one of half the height half as much."""
    unlabeled, low = view(2), torch.tensor([1.0, 0.5, 1.0])[:, None, None]
    xy = torch.full((2, 3, 2), 30.0)
    xy[1, :2] += 12
    heatmaps = (drawn(xy, unlabeled) * torch.stack([torch.ones_like(low), low])).requires_grad_()
    value = Temporal(2, 0.05, "body")(places(Sees(heatmaps), unlabeled, FLIP, alike(2)))
    pulls = torch.autograd.grad(value, heatmaps)[0][1].flatten(1).norm(dim=1)
    assert pulls[1] / pulls[0] == pytest.approx(0.5, rel=0.05) and pulls[2] == 0


def test_it_lowers_what_it_is_of() -> None:
    """A few steps along the gradient of heatmaps bring a joint that jumps back."""
    unlabeled = view(2)
    xy = torch.full((2, 3, 2), 40.0)
    xy[1, 0] += torch.tensor([-14.0, 12.0])
    heatmaps = (drawn(xy, unlabeled) + 0.6 * drawn(torch.full((2, 3, 2), 40.0), unlabeled)).requires_grad_()
    loss, found = Temporal(2, 0.05, "body"), []
    for _ in range(60):
        value = loss(places(Sees(heatmaps), unlabeled, FLIP, alike(2)))
        found.append(value.item())
        heatmaps = (heatmaps - 2 * torch.autograd.grad(value, heatmaps)[0]).detach().requires_grad_()
    assert found[-1] < 0.2 * found[0]
