"""What several trainings tell that differ in their seed alone: means with intervals, and a gain counted in labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.95
REACH = 2.0
"""Doublings of the largest label count up to which a learning curve is drawn out."""


class Estimate(NamedTuple):
    """Of the mean of what further seeds would give: `low` and `high` are Student's 95 % interval; `spread` is the
    standard deviation over seeds. All three are None for a single seed."""

    mean: float
    spread: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def clear(self) -> bool:
        """Whether the interval is on one side of 0."""
        return self.low is not None and self.high is not None and self.low * self.high > 0


class Labels(NamedTuple):
    """How many more labels gain as much, with the interval's ends; None where the curve does not reach. `why` says what
    stands in the way, where `about` is None."""

    about: int | None = None
    low: int | None = None
    high: int | None = None
    why: str = ""


def estimate(values: Sequence[float]) -> Estimate:
    """Of values (S,), one a seed; of differences of two methods with the same seeds, the paired interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean)
    spread = float(np.std(values, ddof=1))
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * spread / math.sqrt(len(values))
    return Estimate(mean, spread, mean - half, mean + half)


def labels_worth(counts: Sequence[int], scores: np.ndarray, at: int, gain: Estimate) -> Labels:
    """The labels, beyond the `at` that it was measured with, that would gain as much as `gain`.

    Where supervised training was measured with more labels than `at`, its mean curve is read between them, in the
    logarithm of the count; beyond the largest count, each doubling is taken to add what one adds on the average of the
    whole curve, for two doublings at most. The range joins the ends of both intervals, of the gain and of what a
    doubling adds, so it is rather too wide.

    Args:
        counts: (C,) label counts, ascending, `at` among them.
        scores: (S, C) scores of supervised training, higher is better, a row a seed.
        gain: of another method over supervised training, at `at` labels, in the same unit.
    """
    if len(scores) < 2:
        return Labels(why="one seed has no interval; take three or more")
    if len(counts) < 2:
        return Labels(why="the learning curve has one point")
    if not gain.clear or gain.mean <= 0:
        return Labels(why="there is no clear gain to make up for")
    doublings = np.log2(np.asarray(counts, float))
    slope = estimate(np.polyfit(doublings, scores.T, 1)[0].tolist())
    assert gain.low is not None and gain.high is not None and slope.low is not None and slope.high is not None
    if slope.low <= 0:
        return Labels(why="in this range more labels do not clearly help supervised training")
    start = list(counts).index(at)
    beyond = doublings[start:] - doublings[start]
    curve = np.maximum.accumulate(scores.mean(0)[start:] - scores.mean(0)[start])

    def more(wanted: float, each: float) -> int | None:
        if wanted <= curve[-1]:
            up = float(np.interp(wanted, curve, beyond))
        else:
            up = beyond[-1] + (wanted - curve[-1]) / each
        return None if up > beyond[-1] + REACH else max(1, round(at * (2**up - 1)))

    about = more(gain.mean, slope.mean)
    low, high = more(gain.low, slope.high), more(gain.high, slope.low)
    most = round(counts[-1] * 2**REACH) - at
    why = "" if about is not None else f"it is more than {most}, and that is as far as the curve can be drawn out"
    return Labels(about, low, high, why)
