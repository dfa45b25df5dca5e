from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.data.sample import Sample
from semipose.metrics.pckh import head_sizes, pckh, pckh_truth
from semipose.skeleton import COCO, LSP, MPII

PELVIS, THORAX, UPPER_NECK, HEAD_TOP = (
    MPII.joints.index(name) for name in ("pelvis", "thorax", "upper_neck", "head_top")
)


def people(seed: int = 0, count: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fully labelled truth, predictions some 10 pixels off it, and head sizes about 25."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(0, 200, (count, 16, 2)), np.full((count, 16, 1), 2.0)], -1)
    return truth, truth + rng.normal(0, 9, truth.shape) * (1, 1, 0), rng.uniform(20, 30, count)


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_where_all_is_labelled_the_mean_is_that_of_the_groups_and_the_upper_neck(seed: int) -> None:
    """14 joints: two of each of six groups, the head top, the upper neck."""
    truth, pred, head = people(seed)
    rates = pckh(pred, truth, head, MPII)
    neck = np.linalg.norm(pred[:, UPPER_NECK, :2] - truth[:, UPPER_NECK, :2], axis=-1) <= head / 2
    paired = sum(2 * rates[group] for group in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"))
    assert rates["Mean"] == pytest.approx((paired + rates["Head"] + neck.mean()) / 14)


def test_pelvis_and_thorax_do_not_count_and_the_upper_neck_counts_in_the_mean_alone() -> None:
    truth, pred, head = people()
    before, lost = pckh(pred, truth, head, MPII), pred.copy()
    lost[:, [PELVIS, THORAX]] = math.nan
    assert pckh(lost, truth, head, MPII) == before
    lost[:, UPPER_NECK] = math.nan
    after = pckh(lost, truth, head, MPII)
    assert after.pop("Mean") < before.pop("Mean") and after == before


def test_what_is_not_scored_becomes_unlabelled_in_a_copy() -> None:
    truth = people()[0]
    scored = pckh_truth(truth, MPII)
    assert (scored[:, [PELVIS, THORAX], 2] == 0).all() and (truth[..., 2] == 2).all()
    assert np.array_equal(np.delete(scored, [PELVIS, THORAX], 1), np.delete(truth, [PELVIS, THORAX], 1))
    assert np.array_equal(scored[..., :2], truth[..., :2])
    assert np.array_equal(pckh_truth(truth[:, :14], LSP), truth[:, :14]), "a skeleton without them keeps all"


def test_a_sample_without_a_head_size_is_left_out() -> None:
    truth, pred, head = people()
    head[2:] = math.nan
    assert pckh(pred, truth, head, MPII) == pckh(pred[:2], truth[:2], head[:2], MPII)


def test_a_skeleton_that_lacks_a_group_has_no_rate_of_it() -> None:
    truth = np.full((1, 17, 3), 2.0)
    rates = pckh(truth, truth, np.ones(1), COCO)
    assert math.isnan(rates.pop("Head")) and set(rates.values()) == {1.0}


@pytest.mark.parametrize(("skeleton", "part"), [(MPII, 0.75), (LSP, 1.0)])
def test_head_sizes_by_the_head_s_joints(skeleton, part: float) -> None:
    """MPII's from upper neck to head top, three quarters of it; another's from neck to head top. NaN without both."""
    truth = np.full((2, len(skeleton), 3), 2.0)
    neck = skeleton.index("upper_neck", "neck")
    truth[:, neck, :2], truth[:, skeleton.index("head_top"), :2] = (10, 40), (40, 0)
    truth[1, neck, 2] = 0
    samples = [Sample(str(i), "a", (0, 0, 1, 1)) for i in range(2)]
    assert head_sizes(samples, truth, skeleton) == pytest.approx([50 * part, math.nan], nan_ok=True)
