from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.errors import UserError
from semipose.metrics.pck import box_norm, head_norm, normalized_distance, pck, torso_norm
from semipose.skeleton import COCO, LSP

NAN, INF = float("nan"), float("inf")


def case(seed: int, n: int = 5, k: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(0, 100, (n, k, 2)), rng.integers(0, 3, (n, k, 1))], axis=2)
    pred = np.concatenate([truth[..., :2] + rng.normal(0, 10, (n, k, 2)), rng.uniform(0, 1, (n, k, 1))], axis=2)
    return pred, truth, rng.uniform(50, 150, n)


def test_hand_worked() -> None:
    truth = np.array([[[0, 0, 2], [10, 0, 1], [99, 99, 0]], [[0, 0, 2], [0, 50, 0], [NAN, 1, 2]]], dtype=float)
    pred = np.array([[[0, 1], [10, 1.01], [99, 99]], [[3, 4], [0, 50], [0, 0]]], dtype=float)
    result = pck(pred, truth, np.array([10.0, 50.0]), 0.1)
    # Sample 0: joint 0 at exactly 1 px (right), joint 1 just beyond (wrong); sample 1: joint 0 at exactly 5 px of 5.
    assert result.count.tolist() == [2, 1, 0]
    assert result.per_joint[:2].tolist() == [1.0, 0.0] and np.isnan(result.per_joint[2])
    assert result.mean == pytest.approx(2 / 3)
    assert result.excluded == 0


def test_micro_average_weighs_joints_by_their_labels() -> None:
    truth = np.zeros((4, 2, 3))
    truth[:, 0, 2] = 2
    truth[0, 1, 2] = 2
    pred = np.zeros((4, 2, 2))
    pred[0, 1] = 100
    result = pck(pred, truth, np.full(4, 10.0))
    assert result.mean == pytest.approx(4 / 5)
    assert result.per_joint.mean() == pytest.approx(1 / 2)


def test_curve_equals_single_thresholds() -> None:
    pred, truth, norm = case(0)
    curve = pck(pred, truth, norm, [0.0, 0.05, 0.1, 0.3])
    assert curve.per_joint.shape == (4, 4)
    assert curve.mean.tolist() == [pck(pred, truth, norm, t).mean for t in (0.0, 0.05, 0.1, 0.3)]
    away = np.linalg.norm(pred[..., :2] - truth[..., :2], axis=-1) / norm[:, None]
    scored = (truth[..., 2] > 0) & np.isfinite(norm)[:, None]
    assert curve.mean.tolist() == [(away[scored] <= t).mean() for t in (0.0, 0.05, 0.1, 0.3)]


@given(st.integers(0, 10_000), st.sampled_from([NAN, INF, -INF, 1e300]))
@settings(max_examples=40, deadline=None)
def test_a_broken_prediction_never_helps(seed: int, bad: float) -> None:
    pred, truth, norm = case(seed)
    rng = np.random.default_rng(seed)
    broken = pred.copy()
    broken[rng.integers(5), rng.integers(4), rng.integers(3)] = bad
    thresholds = [0.0, 0.1, 0.5, 1e6]
    before, after = pck(pred, truth, norm, thresholds), pck(broken, truth, norm, thresholds)
    assert np.array_equal(before.count, after.count)
    if before.count.sum():
        assert np.all(after.mean <= before.mean)
        everything = pck(np.full_like(pred, bad), truth, norm, thresholds)
        assert np.all(everything.mean == 0)


@given(st.integers(0, 10_000), st.sampled_from([0.5, 4.0, 1024.0]))
@settings(max_examples=20, deadline=None)
def test_order_and_scale_do_not_matter(seed: int, scale: float) -> None:
    pred, truth, norm = case(seed)
    order = np.random.default_rng(seed).permutation(len(pred))
    before = pck(pred, truth, norm)
    shuffled = pck(pred[order], truth[order], norm[order])
    scaled = pck(pred * scale, truth * [scale, scale, 1], norm * scale)
    for other in (shuffled, scaled):
        assert np.array_equal(other.per_joint, before.per_joint, equal_nan=True)
        assert np.array_equal(other.mean, before.mean, equal_nan=True)


def test_nothing_labelled_is_nan() -> None:
    result = pck(np.zeros((2, 3, 2)), np.zeros((2, 3, 3)), np.ones(2))
    assert np.isnan(result.mean) and np.isnan(result.per_joint).all() and result.count.sum() == 0
    assert np.isnan(pck(np.zeros((0, 3, 2)), np.zeros((0, 3, 3)), np.ones(0)).mean)


def test_a_sample_without_norm_is_excluded_and_counted() -> None:
    truth = np.zeros((3, 2, 3))
    truth[:2, :, 2] = 2
    pred = np.zeros((3, 2, 3))
    pred[0] = 100
    result = pck(pred, truth, np.array([NAN, 10.0, NAN]))
    assert result.excluded == 1, "sample 2 has no labels to exclude"
    assert result.mean == 1.0 and result.count.tolist() == [1, 1]


@pytest.mark.parametrize("norm", [0.0, -1.0, INF])
def test_a_senseless_norm_is_refused_by_sample(norm: float) -> None:
    with pytest.raises(UserError, match=r"samples 1\)"):
        pck(np.zeros((2, 1, 2)), np.ones((2, 1, 3)), np.array([1.0, norm]))


def test_shapes_and_thresholds_are_checked() -> None:
    with pytest.raises(ValueError, match="agree"):
        pck(np.zeros((2, 3, 2)), np.zeros((2, 4, 3)), np.ones(2))
    with pytest.raises(ValueError, match="agree"):
        pck(np.zeros((2, 3, 2)), np.zeros((2, 3, 3)), np.ones(1))
    with pytest.raises(ValueError, match="expected"):
        pck(np.zeros((2, 3, 2)), np.zeros((2, 3, 2)), np.ones(2))
    for threshold in (-0.1, NAN, INF):
        with pytest.raises(ValueError, match="thresholds"):
            pck(np.zeros((1, 1, 2)), np.ones((1, 1, 3)), np.ones(1), threshold)


def test_normalized_distance_separates_unscored_from_broken() -> None:
    truth = np.array([[[0, 0, 2], [0, 0, 2], [0, 0, 0]]], dtype=float)
    pred = np.array([[[3, 4], [NAN, 0], [0, 0]]])
    assert normalized_distance(pred, truth, np.array([10.0]))[0].tolist()[:2] == [0.5, INF]
    assert np.isnan(normalized_distance(pred, truth, np.array([10.0]))[0, 2])


def test_box_norm() -> None:
    truth = np.array(
        [
            [[10, 10, 2], [40, 20, 1], [1000, 0, 0]],
            [[10, 10, 2], [NAN, 20, 2], [12, 80, 1]],
            [[10, 10, 2], [0, 0, 0], [0, 0, 0]],
            [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
        ]
    )
    assert box_norm(truth).tolist()[:2] == [30.0, 70.0]
    assert np.isnan(box_norm(truth)[2:]).all(), "one point, and none, have no size"


def test_torso_and_head_norm() -> None:
    truth = np.zeros((2, 14, 3))
    truth[..., 2] = 2
    truth[0, LSP.joints.index("left_shoulder"), :2] = [30, 40]
    truth[0, LSP.joints.index("head_top"), :2] = [0, 7]
    truth[1, LSP.joints.index("right_hip"), 2] = 0
    assert torso_norm(truth, LSP)[0] == 50 and np.isnan(torso_norm(truth, LSP)[1])
    assert head_norm(truth, LSP)[0] == 7 and np.isnan(head_norm(truth, LSP)[1]), "a head of no length has no norm"
    with pytest.raises(UserError, match="neck"):
        head_norm(np.zeros((1, 17, 3)), COCO)
