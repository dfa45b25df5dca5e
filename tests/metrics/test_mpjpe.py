from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from semipose.metrics.mpjpe import aligned, mpjpe, mpjpe_summary, relative, root_of
from semipose.skeleton import COCO, LSP, Skeleton

SEEDS = st.integers(0, 2**32 - 1)


def test_a_case_worked_by_hand():
    truth = np.zeros((2, 2, 3))
    truth[1, 1] = np.nan  # not labelled
    pred = np.array([[[3, 4, 0], [0, 0, 12]], [[0, 6, 8], [1e6, 0, 0]]], np.float64)
    score = mpjpe(pred, truth)
    assert score.mean == pytest.approx((5 + 12 + 10) / 3)
    np.testing.assert_allclose(score.per_joint, [7.5, 12])
    np.testing.assert_array_equal(score.count, [2, 1])
    assert score.missing.sum() == 0 and score.mean_found == pytest.approx(9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_missing_never_improves_the_score(bad):
    truth = np.zeros((2, 3, 3))
    pred = np.full((2, 3, 3), 1e4)
    pred[0, 1, 2] = bad
    score = mpjpe(pred, truth)
    assert score.mean == math.inf and score.per_joint[1] == math.inf
    np.testing.assert_allclose(score.per_joint[[0, 2]], 1e4 * math.sqrt(3))
    np.testing.assert_array_equal(score.missing, [0, 1, 0])
    assert score.mean_found == pytest.approx(1e4 * math.sqrt(3))
    assert mpjpe(relative(pred, [1]), relative(truth, [1])).missing.tolist() == [1, 1, 1]  # no root, nothing


def test_nothing_labelled_is_no_score():
    score = mpjpe(np.zeros((1, 2, 3)), np.full((1, 2, 3), np.nan))
    assert math.isnan(score.mean) and np.isnan(score.per_joint).all()
    with pytest.raises(ValueError, match="must both be"):
        mpjpe(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)))


@settings(max_examples=20)
@given(SEEDS)
def test_root_relative_forgives_a_shift_and_aligned_a_similarity(seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 500, (3, 14, 3))
    shifted = truth + rng.normal(0, 900, (3, 1, 3))
    root = root_of(LSP)
    assert root is not None and mpjpe(relative(shifted, root), relative(truth, root)).mean < 1e-9
    turned = rng.uniform(0.3, 3) * truth @ Rotation.random(rng=rng).as_matrix() + rng.normal(0, 900, 3)
    assert mpjpe(aligned(turned, truth), truth).mean < 1e-6
    assert mpjpe(aligned(turned * (1, 1, -1), truth), truth).mean > 50  # a mirror image is another body


@settings(max_examples=20)
@given(SEEDS)
def test_alignment_is_the_least_squares_one(seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 500, (1, 14, 3))
    pred = truth @ Rotation.random(rng=rng).as_matrix() + rng.normal(0, 60, (1, 14, 3))
    best = aligned(pred, truth)
    _, _, disparity = procrustes(truth[0], pred[0])
    spread = ((truth - truth.mean(1, keepdims=True)) ** 2).sum()
    assert ((best - truth) ** 2).sum() == pytest.approx(disparity * spread, rel=1e-9)


def test_alignment_uses_the_joints_that_both_have_and_needs_three():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 500, (2, 5, 3))
    pred = 2 * truth + 7
    pred[0, 0] = np.nan
    pred[1, :3] = np.nan
    fitted = aligned(pred, truth)
    np.testing.assert_allclose(fitted[0, 1:], truth[0, 1:], atol=1e-9)
    assert np.isnan(fitted[0, 0]).all() and np.isnan(fitted[1]).all()


def test_the_summary_is_plain_and_leaves_out_whom_anything_would_fit():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 500, (3, 14, 3))
    pred = truth + 30
    truth[1, 2:] = np.nan  # two joints: no alignment, no hips
    pred[2, 5] = np.nan
    found = json.loads(json.dumps(mpjpe_summary(pred, truth, LSP.joints, root_of(LSP)), allow_nan=False))
    assert found["people"] == 3 and found["absolute"]["mean"] is None and found["absolute"]["missing"] == 1
    assert found["absolute"]["mean_found"] == pytest.approx(30 * math.sqrt(3))
    assert found["absolute"]["per_joint"][LSP.joints[0]] == pytest.approx(30 * math.sqrt(3))
    assert found["root_relative"]["mean_found"] == pytest.approx(0, abs=1e-9)
    assert found["aligned"]["missing"] == 1 and found["aligned"]["mean_found"] == pytest.approx(0, abs=1e-9)
    assert "root_relative" not in mpjpe_summary(pred, truth, LSP.joints)


def test_the_root_is_the_pelvis_or_the_middle_of_the_hips():
    assert root_of(LSP) == (3, 2) and root_of(COCO) == (11, 12)
    assert root_of(Skeleton("h36m", ("root (pelvis)", "left_hip", "right_hip"))) == (0,)
    assert root_of(Skeleton("mouse", ("snout", "tail"))) is None
