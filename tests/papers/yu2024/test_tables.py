"""The rows of Yu et al. 2024: whole, the supplement's numbers, and settings that the program takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.config import Config, to_dict
from semipose.config.resolve import resolve
from semipose.papers.find import recipe
from semipose.papers.measures import SCORES
from semipose.papers.tables import PSEUDO
from semipose.papers.yu2024 import PAPER

ROWS = {(key, row.label): row for key, table in PAPER.tables.items() for row in table.rows}


def test_every_plan_is_a_row_and_every_row_has_a_plan() -> None:
    assert {row.plan for row in ROWS.values()} == set(PAPER.plans)
    assert all(row.metric in SCORES for row in ROWS.values())


@pytest.mark.parametrize(
    ("table", "label", "number", "metric"),
    [
        ("table1", "None", 63.5, PSEUDO),
        ("table1", "Average", 63.9, PSEUDO),
        ("table1", "Maximum", 66.0, PSEUDO),
        ("table2", "Teacher-Student", 32.83, "AP"),
        ("table2", "Teacher-Student, Threshold-and-Refine", 36.53, "AP"),
        ("table2", "Dual-Student", 42.67, "AP"),
        ("table2", "Dual-Student, Threshold-and-Refine", 44.13, "AP"),
    ],
)
def test_numbers_are_the_supplement_s(table: str, label: str, number: float, metric: str) -> None:
    row = ROWS[table, label]
    assert (row.paper, row.metric) == (number, metric)


@pytest.mark.parametrize("name", PAPER.plans)
def test_a_plan_s_settings_are_ones_the_program_takes(name: str) -> None:
    """At both scales the same method, but for the average's decay; labels are counted by image."""
    plan = PAPER.plans[name]
    assert plan.by_image and plan.labels == (500 if name.endswith("-500") else 1000)
    configs = {scale: make(3, root) for scale, make in plan.scales.items() for root in (None, Path("data"))}
    for config in configs.values():
        assert config.seed == 3 and config.pseudo == 1000
        assert to_dict(resolve(Config(), to_dict(config))) == to_dict(config)
        config.method.check()
    mini, paper = (to_dict(configs[scale])["method"] for scale in ("mini", "paper"))
    assert {key for key in mini if mini[key] != paper[key]} <= {"decay"}


def test_rows_differ_in_what_they_are_about() -> None:
    def method(name: str) -> dict:
        return to_dict(PAPER.plans[name].scales["paper"](0, None))["method"]

    def changed(one: str, other: str) -> set[str]:
        a, b = method(one), method(other)
        return {key for key in a if a[key] != b[key]}

    assert changed("teacher-student", "teacher-student-refine") == changed("dual", "dual-refine") == {"teach"}
    assert changed("pool-none", "denoise-select") == changed("pool-mean", "denoise-select") == {"pool"}
    assert changed("select-none", "denoise-select") == changed("select-peer", "denoise-select") == {"select"}
    for name, plan in (("dual-refine", "dual-refine"), ("denoise-select", "denoise-select"),
                       ("unbiased-teacher", "teacher-student")):  # fmt: skip
        assert to_dict(recipe(name))["method"] == method(plan)


def test_half_of_the_labels_at_mini_scale() -> None:
    whole, half = (PAPER.plans[name].scales["mini"](0, None).data for name in ("dual", "dual-500"))
    assert whole.labeled == "synth:studio?seed=0&count=20&start=200000"
    assert half.labeled == "synth:studio?seed=0&count=10&start=200000" and half.unlabeled == whole.unlabeled
