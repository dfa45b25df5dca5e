from __future__ import annotations

import pytest

from semipose.errors import UserError
from semipose.papers import OURS, PAPERS
from semipose.papers.find import find, paper, recipe, recipes, rows_of, today


def test_every_recipe_and_row_names_a_plan_and_what_that_builds_on() -> None:
    for name in (*PAPERS, OURS):
        one = paper(name)
        named = {row.plan for table in one.tables.values() for row in table.rows}
        named |= {each.plan for each in one.recipes.values()} | set(one.old.values()) & set(one.plans)
        named |= {each for plan in one.plans.values() for each in (plan.start, plan.teacher) if each}
        assert named <= set(one.plans)
        assert set(one.old.values()) <= {*one.plans, *one.recipes} and not set(one.old) & set(one.recipes)


def test_a_recipe_is_of_the_first_paper_that_has_its_row() -> None:
    one = recipes()["dual"]
    assert (one.folder, one.plan, one.number) == ("xie2021", "dual-jc-1k", "44.6 AP")
    assert one.text == "table1: Ours (Dual), A+JC, 1K" and recipe("dual") == one.config()
    assert recipes()["mini-dual"].number == "" and recipes()["mini-dual"].row.plan == "dual"
    assert recipes()["released-dual"].text.endswith("as dual, with the released code's settings")


def test_a_table_a_plan_or_all_of_a_paper() -> None:
    assert list(find("yu2024")[1]) == ["table1", "table2", "selection", "abstract"]
    one, tables = find("yu2024/table1")
    assert one is paper("yu2024") and list(tables) == ["table1"]
    ((name, table),) = find("yu2024/dual")[1].items()
    assert (name, table.title) == ("dual", "rows of dual")
    assert [row.label for row in table.rows] == ["table2: Dual-Student"] and table.rows == rows_of(one, "dual")
    (row,) = rows_of(paper("xie2021"), "pretrain-dual")
    assert (row.label, row.plan, row.paper) == ("pretrain-dual", "pretrain-dual", None)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (
            "nobody/table1",
            "^there is no paper 'nobody' to reproduce; there are xie2021, pose_mum, yu2024, sspcm, multiaugs$",
        ),
        ("yu2024/table9", "^yu2024 has no 'table9'; it has table1, table2, selection, abstract, and the rows that sem"),
        ("ours", "^ours has no tables; it has rows alone: supervised, naive, "),
        ("ours/table1", "^ours has no 'table1'; it has rows alone: supervised, "),
    ],
)
def test_what_is_not_there_is_named_with_what_is(target: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        find(target)


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"^there is no recipe 'daul'; did you mean dual\? semipose recipes lists"):
        recipe("daul")
    with pytest.raises(UserError, match=r"^there is no recipe 'xyzzy'; semipose recipes lists them$"):
        recipe("xyzzy")


def test_an_old_name_is_said_and_goes_on_working(capsys: pytest.CaptureFixture[str]) -> None:
    assert today("dual-1k", {"dual-a-1k": 1}, "pose_mum", "xie2021") == "dual-a-1k"
    assert capsys.readouterr().err == "semipose: dual-1k is called dual-a-1k now\n"
    assert today("dual-1k", {"dual-1k": 1}, "xie2021") == "dual-1k" and today("x", {}, "xie2021") == "x"
    assert capsys.readouterr().err == ""
