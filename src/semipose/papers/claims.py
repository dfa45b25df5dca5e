"""What a paper claims, as data: which of its rows a claim compares, and the rule by which runs of several seeds decide.

A claim is a few inequalities between numbers of rows, and holds where all of them do. Each is a difference that is
taken within each seed, so that what the seeds have in common drops out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

SEEDS = 3
"""Fewer decide nothing."""
NOTABLY = CLOSE = 2.0
"""Points: what "notably", "significantly" or "by a large margin" is at least, and "close" or "barely" at most; ours."""
HALF = 0.5
"""A response to unlabelled images that ends below this share of the labelled one's has collapsed, as in the collapse
monitor (`training/monitor.py`)."""

REPRODUCED, CONTRADICTED, UNDECIDED, NOT_RUN = VERDICTS = ("reproduced", "contradicted", "undecided", "not run")


@dataclass(frozen=True)
class Side:
    """A number that a row's runs give.

    Attributes:
        table: a key of the paper's tables.
        label: the row's in that table.
        part: one of the row's further columns, such as "Elbow".
        response: instead of the score, the mean height of the peaks at the run's end: of the "student" on unlabelled
            images, or on "labeled" ones.
    """

    table: str
    label: str
    part: str = ""
    response: str = ""


@dataclass(frozen=True)
class Inequality:
    """The sum of factor times number, plus `plus`, is above 0."""

    terms: tuple[tuple[float, Side], ...]
    plus: float = 0.0

    def margins(self, read: Callable[[Side], Mapping[int, float]]) -> dict[int, float]:
        """Seed -> by how much it holds, of the seeds that all sides have; `read` gives a side's number by seed."""
        numbers = [(factor, read(side)) for factor, side in self.terms]
        seeds = sorted(set.intersection(*(set(by_seed) for _, by_seed in numbers)))
        return {seed: sum(factor * by_seed[seed] for factor, by_seed in numbers) + self.plus for seed in seeds}


@dataclass(frozen=True)
class Claim:
    """What a paper claims.

    Attributes:
        name: unique in its paper.
        source: table, figure or section.
        says: in one plain sentence.
        holds: all of these, where it is so.
    """

    name: str
    source: str
    says: str
    holds: tuple[Inequality, ...]

    @property
    def sides(self) -> tuple[Side, ...]:
        """Every number that it compares, once."""
        return tuple(dict.fromkeys(side for one in self.holds for _, side in one.terms))


def above(a: Side, b: Side, by: float = 0.0) -> Inequality:
    """a is above b, by more than `by`."""
    return Inequality(((1.0, a), (-1.0, b)), -by)


def best(a: Side, *others: Side, by: float = 0.0) -> tuple[Inequality, ...]:
    """a is above each other."""
    return tuple(above(a, other, by) for other in others)


def falling(*sides: Side) -> tuple[Inequality, ...]:
    """Each is above the next."""
    return tuple(above(a, b) for a, b in pairwise(sides))


def close(a: Side, b: Side, within: float = CLOSE) -> tuple[Inequality, ...]:
    """They differ by less than `within`."""
    return (above(a, b, -within), above(b, a, -within))


def gains_more(a: Side, over: Side, than: Side, than_over: Side) -> tuple[Inequality, ...]:
    """a gains over its control, and more than another does over its own."""
    return (above(a, over), Inequality(((1.0, a), (-1.0, over), (-1.0, than), (1.0, than_over))))


def collapses(row: Side) -> Inequality:
    """The response to unlabelled images ends below `HALF` of that to labelled ones."""
    return Inequality(((HALF, replace(row, response="labeled")), (-1.0, replace(row, response="student"))))


def keeps(row: Side) -> Inequality:
    """It does not collapse."""
    return Inequality(tuple((-factor, side) for factor, side in collapses(row).terms))


def judge(margins: Sequence[Sequence[float]]) -> tuple[str, int]:
    """The verdict on a claim, and which of its inequalities decides.

    Reproduced where the 95 % interval of every mean margin is above 0, contradicted where that of one is below 0,
    undecided otherwise or with fewer than `SEEDS` seeds, and not run where an inequality has no seed at all.

    Args:
        margins: an inequality each, a number each seed that its sides share.
    """
    from semipose.metrics.seeds import estimate

    for index, values in enumerate(margins):
        if not values:
            return NOT_RUN, index
    means = [estimate(values) for values in margins]
    order = range(len(means))
    if min(map(len, margins)) < SEEDS:
        return UNDECIDED, min(order, key=lambda index: means[index].mean)
    worst = min(order, key=lambda index: means[index].high or 0.0)
    if (means[worst].high or 0.0) < 0:
        return CONTRADICTED, worst
    weakest = min(order, key=lambda index: means[index].low or 0.0)
    return REPRODUCED if (means[weakest].low or 0.0) > 0 else UNDECIDED, weakest
