"""Claims as data, the rule for their verdicts, and that the papers' own numbers bear out what is said to be claimed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semipose.papers import PAPERS
from semipose.papers.claims import (
    CLOSE,
    CONTRADICTED,
    HALF,
    NOT_RUN,
    REPRODUCED,
    SEEDS,
    UNDECIDED,
    VERDICTS,
    Claim,
    Inequality,
    Side,
    above,
    best,
    close,
    collapses,
    falling,
    gains_more,
    judge,
    keeps,
)
from semipose.papers.find import paper
from semipose.papers.scoreboard import row_of

A, B, C, D = (Side("table1", label) for label in "ABCD")
CLAIMS = [(name, claim) for name in PAPERS for claim in paper(name).claims]
every_claim = pytest.mark.parametrize(("name", "claim"), CLAIMS, ids=lambda value: getattr(value, "name", value))
hundredths = st.integers(-5000, 5000).map(lambda value: value / 100)
seeds = st.lists(hundredths, min_size=SEEDS, max_size=6)


def margin(inequality: Inequality, numbers: dict[Side, float]) -> float:
    return inequality.margins(lambda side: {0: numbers[side]})[0]


def printed(name: str, side: Side) -> float | None:
    """A side's number in the paper."""
    row = row_of(paper(name), side)
    return None if side.response else row.parts[side.part] if side.part else row.paper


@every_claim
def test_a_claim_has_a_source_a_sentence_and_rows_that_can_be_run(name: str, claim: Claim) -> None:
    assert any(word in claim.source for word in ("Table ", "Figure ", "ection ", "ections ")), claim.source
    assert claim.says[0].isupper() and claim.says.endswith(".") and 20 < len(claim.says) < 130
    assert claim.holds and claim.sides
    for side in claim.sides:
        row = row_of(paper(name), side)
        assert "mini" in paper(name).plans[row.plan].scales
        assert not side.part or side.part in row.parts
        assert side.response in ("", "student", "labeled")


@every_claim
def test_the_paper_s_own_numbers_bear_it_out(name: str, claim: Claim) -> None:
    """Of those comparisons whose numbers the paper prints."""
    numbers = {side: number for side in claim.sides if (number := printed(name, side)) is not None}
    for inequality in claim.holds:
        if all(side in numbers for _, side in inequality.terms):
            assert margin(inequality, numbers) > 0


def test_there_are_enough_and_most_can_be_held_against_the_paper() -> None:
    names = [f"{name}/{claim.name}" for name, claim in CLAIMS]
    assert len(names) == len(set(names)) >= 35 and {name for name, _ in CLAIMS} == {"xie2021", "pose_mum", "yu2024"}
    held = [claim for name, claim in CLAIMS if all(printed(name, side) is not None for side in claim.sides)]
    assert len(held) > len(CLAIMS) / 2


def test_comparisons_are_differences_of_numbers() -> None:
    numbers = {A: 5.0, B: 3.0, C: 2.5, D: 1.0}
    assert margin(above(A, B), numbers) == 2 and margin(above(A, B, 0.5), numbers) == 1.5
    assert [margin(one, numbers) for one in best(A, B, C, by=1.0)] == [1, 1.5]
    assert [margin(one, numbers) for one in falling(A, B, C, D)] == [2, 0.5, 1.5]
    assert [margin(one, numbers) for one in close(A, B)] == [CLOSE + 2, CLOSE - 2]
    assert [margin(one, numbers) for one in gains_more(A, B, C, D)] == [5 - 3, (5 - 3) - (2.5 - 1)]


@given(hundredths, hundredths)
def test_collapse_is_a_response_below_half_of_the_labelled_one(labeled: float, student: float) -> None:
    numbers = {Side("table1", "A", response="labeled"): labeled, Side("table1", "A", response="student"): student}
    fallen = margin(collapses(A), numbers)
    assert (fallen > 0) == (student < HALF * labeled) and margin(keeps(A), numbers) == -fallen


def test_margins_are_paired_by_seed() -> None:
    by_seed = {A: {0: 5.0, 2: 7.0, 3: 1.0}, B: {0: 1.0, 1: 9.0, 2: 8.0}}
    assert above(A, B).margins(by_seed.__getitem__) == {0: 4.0, 2: -1.0}


def test_students_interval_decides() -> None:
    """t(0.975, 2) = 4.30: of 1, 2, 3 the interval is 2 ± 2.48, of 2, 3, 4 it is 3 ± 2.48."""
    assert judge([[1, 2, 3]]) == (UNDECIDED, 0)
    assert judge([[2, 3, 4]]) == (REPRODUCED, 0)
    assert judge([[-2, -3, -4]]) == (CONTRADICTED, 0)
    assert judge([[2, 3, 4], [1, 2, 3]]) == (UNDECIDED, 1)
    assert judge([[2, 3, 4], [1, 2, 3], [-2, -3, -4]]) == (CONTRADICTED, 2)
    assert judge([[2, 3, 4], [], [-2, -3, -4]]) == (NOT_RUN, 1)
    assert judge([[5.0, 5.0, 5.0]]) == (REPRODUCED, 0) and judge([[0.0, 0.0, 0.0]]) == (UNDECIDED, 0)


@given(st.lists(st.lists(hundredths, min_size=1, max_size=SEEDS - 1), min_size=1, max_size=3))
def test_fewer_seeds_decide_nothing_however_clear(margins: list[list[float]]) -> None:
    verdict, deciding = judge(margins)
    assert verdict == UNDECIDED
    assert sum(margins[deciding]) / len(margins[deciding]) == min(sum(each) / len(each) for each in margins)


@given(st.lists(seeds, min_size=1, max_size=4), st.randoms())
def test_the_order_of_seeds_does_not_matter(margins: list[list[float]], random: object) -> None:
    mixed = [sorted(each, key=lambda _: random.random()) for each in margins]  # type: ignore[attr-defined]
    assert judge(mixed)[0] == judge(margins)[0]


@given(seeds)
def test_the_contrary_has_the_contrary_verdict(values: list[float]) -> None:
    contrary = {REPRODUCED: CONTRADICTED, CONTRADICTED: REPRODUCED, UNDECIDED: UNDECIDED}
    assert judge([[-value for value in values]])[0] == contrary[judge([values])[0]]


@given(seeds, st.integers(1, 1000))
def test_a_larger_margin_never_speaks_against_it(values: list[float], more: int) -> None:
    rank = [CONTRADICTED, UNDECIDED, REPRODUCED].index
    assert rank(judge([[value + more for value in values]])[0]) >= rank(judge([values])[0])


@given(st.lists(seeds, min_size=1, max_size=3), seeds)
def test_a_further_condition_never_speaks_for_it(margins: list[list[float]], further: list[float]) -> None:
    rank = [CONTRADICTED, UNDECIDED, REPRODUCED].index
    verdict, deciding = judge([*margins, further])
    assert rank(verdict) <= rank(judge(margins)[0]) and verdict in VERDICTS
    assert judge([[*margins, further][deciding]])[0] == verdict
