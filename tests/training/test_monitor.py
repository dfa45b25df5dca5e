from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from semipose.training.monitor import CollapseMonitor

TIME = np.linspace(0, 1, 60)
LEARNING = 0.9 * (1 - np.exp(-6 * TIME))


def fired_at(labeled: Iterable[float], student: Iterable[float]) -> list[int]:
    monitor = CollapseMonitor()
    return [i for i, pair in enumerate(zip(labeled, student, strict=True)) if monitor.update(*pair)]


def noisy(curve: np.ndarray, amount: float = 0.03, seed: int = 0) -> np.ndarray:
    return np.clip(curve + np.random.default_rng(seed).normal(0, amount, curve.shape), 0, None)


def test_it_fires_once_when_the_student_forgets() -> None:
    forgetting = 0.5 * np.sin(np.pi * np.clip(TIME / 0.6, 0, 1)) + 0.02
    (at,) = fired_at(noisy(LEARNING), noisy(forgetting, seed=1))
    assert 0.4 < TIME[at] < 0.7


def test_it_fires_below_half_of_the_highest() -> None:
    """Unsmoothed: at 0.29 of 0.6, not at 0.31; and only where the labelled response is above the floor."""
    monitor = CollapseMonitor(smoothing=0)
    assert [monitor.update(0.8, student) is None for student in (0.6, 0.31, 0.29, 0.0)] == [True, True, False, True]
    for labeled, silent in ((0.3, True), (0.31, False)):
        assert (CollapseMonitor(smoothing=0).update(labeled, 0.0) is None) == silent


def test_smoothing_is_a_mean_at_first_and_then_keeps_four_fifths() -> None:
    monitor = CollapseMonitor()
    for labeled in (0.1, 0.2, 0.6, 0.3, 0.8):
        monitor.update(labeled, labeled)
    assert monitor.labeled == pytest.approx(np.mean([0.1, 0.2, 0.6, 0.3, 0.8]))
    monitor.update(0.0, 0.0)
    assert monitor.student == pytest.approx(0.8 * 0.4) and monitor.most_student == pytest.approx(0.4)


def test_it_fires_when_the_student_never_learns() -> None:
    (at,) = fired_at(LEARNING, np.full_like(TIME, 0.01))
    assert LEARNING[at] > 0.3


@pytest.mark.parametrize("part", [0.4, 0.7, 1.0])
def test_it_is_silent_while_the_student_follows(part) -> None:
    assert fired_at(noisy(LEARNING), noisy(part * LEARNING, seed=1)) == []


def test_it_is_silent_in_the_noise_of_the_first_steps() -> None:
    rng = np.random.default_rng(0)
    assert fired_at(rng.uniform(0, 0.25, 200), rng.uniform(0, 0.25, 200)) == []


def test_it_is_silent_when_both_fall_or_one_measurement_is_low() -> None:
    falling = np.concatenate([LEARNING, LEARNING[::-1]])
    assert fired_at(falling, 0.8 * falling) == []
    dip = 0.8 * LEARNING
    dip[40] = 0
    assert fired_at(LEARNING, dip) == []


def test_the_warning_says_what_was_measured_and_what_to_do() -> None:
    monitor = CollapseMonitor()
    warnings = [monitor.update(*pair) for pair in [(0.5, 0.45)] * 5 + [(0.9, 0.0)] * 20]
    (warning,) = filter(None, warnings)
    assert "highest 0.45" in warning and "method.hard" in warning and "\n" not in warning
