from __future__ import annotations

import pytest

from semipose.papers import OURS, PAPERS
from semipose.papers.find import paper
from semipose.papers.measures import SCORES
from semipose.papers.tables import AP_DETECTED, MPJPE, PCK, PSEUDO, SCALES, Paper, Plan, Row, Table


def test_what_a_row_and_a_plan_are_unless_told() -> None:
    row, plan = Row("Dual", "dual"), Plan({})
    assert (row.paper, row.metric, row.network, row.view, row.parts) == (None, "AP", None, None, {})
    assert (plan.labels, plan.start, plan.teacher, plan.by_image) == (None, None, None, False)
    one, other = Paper("A", "A", {}, {}), Paper("B", "B", {"t": Table("T", (row,))}, {"dual": plan})
    assert one.recipes == other.recipes == {} and one.old is not other.old


@pytest.mark.parametrize("name", [*PAPERS, OURS])
def test_scales_and_metrics_are_those_that_are_known(name: str) -> None:
    for plan in paper(name).plans.values():
        assert plan.scales and set(plan.scales) <= set(SCALES)
    metrics = {row.metric for table in paper(name).tables.values() for row in table.rows}
    assert metrics <= set(SCORES) | {PCK} and {AP_DETECTED, MPJPE, PSEUDO} <= set(SCORES)
