from __future__ import annotations

import numpy as np
import pytest

from semipose.metrics.median import median_error
from semipose.metrics.summary import evaluate_predictions
from semipose.skeleton import Skeleton


def test_median_of_labelled_joints_in_pixels() -> None:
    """By hand: distances 5, 1, 13 and 3; the unlabelled joint, which is far, is none of them."""
    truth = np.array([[[0, 0, 2], [10, 10, 1]], [[0, 0, 2], [50, 50, 0]], [[7, 7, 2], [9, 9, 0]]], float)
    pred = np.array([[[3, 4], [10, 11]], [[5, 12], [0, 0]], [[7, 10], [0, 0]]], float)
    middle, each = median_error(pred, truth)
    assert middle == 4 and each.tolist() == [5, 1]


def test_a_lost_joint_is_infinitely_far_and_nothing_labelled_is_none() -> None:
    truth = np.array([[[0, 0, 2], [9, 9, 0]]], float)
    lost = np.full((1, 2, 2), np.nan)
    assert median_error(lost, truth)[0] == np.inf and np.isnan(median_error(lost, truth)[1][1])
    scores = evaluate_predictions({"a": lost}, truth, Skeleton("two", ("a", "b")))["networks"]["a"]
    assert scores["median_error_px"] is None and scores["per_joint_px"] == {"a": None, "b": None}


def test_the_mean_of_networks_is_of_their_medians() -> None:
    truth = np.array([[[0, 0, 2], [9, 9, 2]]], float)
    near, far = truth[..., :2] + [1, 0], truth[..., :2] + [0, 4]
    found = evaluate_predictions({"a": near, "b": far}, truth, Skeleton("two", ("a", "b")))
    assert found["mean"]["median_error_px"] == pytest.approx(2.5)
    assert found["mean"]["per_joint_px"] == {"a": 2.5, "b": 2.5}
