from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.metrics.jdr import head_sizes, jdr
from semipose.skeleton import H36M

GROUPS = ("Knee", "Ankle", "Elbow", "Wrist")


def people(seed: int = 0, count: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, predictions some 10 pixels off it, and head sizes about 25."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(0, 200, (count, 17, 2)), rng.integers(0, 3, (count, 17, 1))], -1)
    return truth, truth + rng.normal(0, 9, truth.shape) * (1, 1, 0), rng.uniform(20, 30, count)


@given(st.integers(0, 10_000), st.sampled_from([0.25, 3.0, 1000.0]))
@settings(max_examples=20)
def test_against_a_loop(seed: int, scale: float) -> None:
    """Each group is the mean of its two sides' shares, the average that of the four groups; whatever the scale."""
    truth, pred, head = people(seed)
    wanted = {}
    for group in GROUPS:
        shares = []
        for side in ("left", "right"):
            k = H36M.joints.index(f"{side}_{group.lower()}")
            rows = [i for i in range(len(truth)) if truth[i, k, 2] > 0]
            near = [math.dist(pred[i, k, :2], truth[i, k, :2]) <= 0.5 * head[i] for i in rows]
            shares.append(sum(near) / len(near) if near else math.nan)
        wanted[group] = sum(shares) / 2
    wanted["Avg"] = sum(wanted.values()) / 4
    size = np.array([scale, scale, 1])
    assert jdr(pred * size, truth * size, head * scale, H36M) == pytest.approx(wanted, nan_ok=True)


def test_other_joints_do_not_count() -> None:
    truth, pred, head = people(3)
    others = [k for k, joint in enumerate(H36M.joints) if joint.split("_")[-1].title() not in GROUPS]
    assert len(others) == 17 - 8
    lost = pred.copy()
    lost[:, others] = math.nan
    assert jdr(lost, truth, head, H36M) == jdr(pred, truth, head, H36M)


def test_the_threshold_is_a_part_of_the_head_and_at_it_a_joint_is_detected() -> None:
    truth = np.full((1, 17, 3), 2.0)
    pred = truth + np.array([10.0, 0, 0])
    assert jdr(pred, truth, np.array([20.0]), H36M)["Avg"] == 1
    assert jdr(pred, truth, np.array([19.9]), H36M)["Avg"] == 0
    assert jdr(pred, truth, np.array([19.9]), H36M, threshold=0.6)["Avg"] == 1


def test_nothing_labelled_is_no_rate() -> None:
    rates = jdr(np.zeros((2, 17, 3)), np.zeros((2, 17, 3)), np.ones(2), H36M)
    assert set(rates) == {*GROUPS, "Avg"} and all(map(math.isnan, rates.values()))


def test_head_sizes_are_a_tenth_of_the_input() -> None:
    assert head_sizes(3, 192).tolist() == [19.2, 19.2, 19.2]
