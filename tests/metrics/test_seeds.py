from __future__ import annotations

import numpy as np
import pytest

from semipose.metrics.seeds import Estimate, estimate, labels_worth


def test_students_interval() -> None:
    """Of 1, 2, 3: t(0.975, 2) = 4.3027, standard error 1/sqrt(3)."""
    found = estimate([1.0, 2.0, 3.0])
    assert (found.mean, found.spread) == (2, 1) and not found.clear
    assert found.low == pytest.approx(2 - 4.302653 / 3**0.5) and found.high == pytest.approx(2 + 4.302653 / 3**0.5)
    assert estimate([5.0]) == Estimate(5.0) and not estimate([5.0]).clear
    assert estimate([1.0, 1.1, 1.2]).clear and estimate([-1.0, -1.1, -1.2]).clear


def line(counts: list[int], each: float, noise: float = 1e-3) -> np.ndarray:
    """Three seeds that gain `each` a doubling, give or take."""
    return np.array([[(each + wobble * noise) * np.log2(n) for n in counts] for wobble in (-1, 0, 1)])


def gain(mean: float, half: float = 0.01) -> Estimate:
    return Estimate(mean, half, mean - half, mean + half)


def test_a_doubling_s_gain_is_worth_as_many_labels_again() -> None:
    found = labels_worth([5, 10, 20], line([5, 10, 20], 0.1), 20, gain(0.1))
    assert found.about == 20 and found.low is not None and found.high is not None and found.low < 20 < found.high


def test_measured_labels_are_read_from_the_curve() -> None:
    """Beyond 20 labels it rises by half: what gains 0.05 takes a doubling there, though the mean slope is more."""
    curve = np.array([[0.0, 0.1, 0.2, 0.25]] * 3) + np.array([[-1e-4], [0], [1e-4]]) * np.arange(4)
    assert labels_worth([5, 10, 20, 40], curve, 20, gain(0.05)).about == 20
    assert labels_worth([5, 10, 20, 40], curve, 20, gain(0.025)).about == round(20 * (2**0.5 - 1))


def test_where_it_cannot_tell_it_says_so() -> None:
    counts, rises = [5, 10, 20], line([5, 10, 20], 0.1)
    assert "more than 60" in labels_worth(counts, rises, 20, gain(0.5)).why
    assert labels_worth(counts, rises, 20, gain(0.18, 0.1)).high is None
    assert "no clear gain" in labels_worth(counts, rises, 20, gain(0.005)).why
    assert "no clear gain" in labels_worth(counts, rises, 20, gain(-0.2)).why
    assert "not clearly help" in labels_worth(counts, line(counts, 0.0), 20, gain(0.1)).why
    assert "one point" in labels_worth([20], rises[:, 2:], 20, gain(0.1)).why
    assert "one seed" in labels_worth(counts, rises[:1], 20, Estimate(0.1)).why
