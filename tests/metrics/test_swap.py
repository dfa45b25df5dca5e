from __future__ import annotations

import numpy as np
import pytest

from semipose.metrics.swap import swap_rate
from semipose.skeleton import Skeleton

CHAIN = Skeleton("chain", ("head", "left_hand", "right_hand"), pairs=((1, 2),))


def truth(n: int = 1) -> np.ndarray:
    return np.tile(np.array([[50.0, 0, 2], [0, 100, 2], [100, 100, 1]]), (n, 1, 1))


def test_every_kind_of_joint() -> None:
    norm = np.full(4, 100.0)
    pred = truth(4)
    pred[0, [1, 2]] = pred[0, [2, 1]]  # both swapped
    pred[1, 1] = [95, 95, 0]  # near the opposite joint
    pred[2, 1] = [50, 100, 0]  # wrong, but nowhere near the opposite
    pred[3, 0] = [0, 100, 0]  # an unpaired joint has no opposite
    assert swap_rate(pred, truth(4), norm, CHAIN) == pytest.approx(3 / 8)


def test_joints_near_both_are_not_swapped() -> None:
    close = truth()
    close[0, 2, :2] = [4, 100]
    pred = close[:, [0, 2, 1]]
    assert swap_rate(pred, close, np.array([100.0]), CHAIN) == 0
    assert swap_rate(pred, close, np.array([100.0]), CHAIN, threshold=0.03) == 1


def test_an_unlabelled_partner_leaves_the_pair_out() -> None:
    labels = truth(2)
    labels[1, 2, 2] = 0
    pred = truth(2)[:, [0, 2, 1]]
    assert swap_rate(pred, labels, np.full(2, 100.0), CHAIN) == 1
    assert np.isnan(swap_rate(pred[1:], labels[1:], np.full(1, 100.0), CHAIN))
    assert swap_rate(pred, truth(2), np.array([100.0, np.nan]), CHAIN) == 1


def test_broken_predictions_stay_in_the_denominator() -> None:
    pred = truth()[:, [0, 2, 1]]
    pred[0, 1] = np.nan
    assert swap_rate(pred, truth(), np.array([100.0]), CHAIN) == 0.5


def test_a_skeleton_without_pairs_has_no_rate() -> None:
    assert np.isnan(swap_rate(truth(), truth(), np.ones(1), Skeleton("plain", ("a", "b", "c"))))
