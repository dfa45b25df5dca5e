"""The rows of Huang et al., SSPCM: whole, the paper's numbers, and settings that the program takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.config import Config, to_dict
from semipose.config.resolve import resolve
from semipose.papers.find import recipe
from semipose.papers.measures import SCORES
from semipose.papers.sspcm import PAPER

ROWS = {(key, row.label): row for key, table in PAPER.tables.items() for row in table.rows}


def test_every_plan_is_a_row_and_every_row_has_a_plan() -> None:
    assert {row.plan for row in ROWS.values()} == set(PAPER.plans)
    assert all(row.metric in SCORES for row in ROWS.values())


@pytest.mark.parametrize(
    ("table", "label", "number"),
    [
        ("labels", "SSPCM, 1K", 46.9),
        ("labels", "SSPCM, 5K", 57.5),
        ("labels", "SSPCM, 10K", 60.7),
        ("parts", "Third network, closest pair", 46.9),
    ],
)
def test_numbers_are_the_paper_s(table: str, label: str, number: float) -> None:
    row = ROWS[table, label]
    assert (row.paper, row.metric) == (number, "AP")


@pytest.mark.parametrize("name", PAPER.plans)
def test_a_plan_s_settings_are_ones_the_program_takes(name: str) -> None:
    """At both scales the same method."""
    plan = PAPER.plans[name]
    configs = {scale: make(3, root) for scale, make in plan.scales.items() for root in (None, Path("data"))}
    for config in configs.values():
        assert config.seed == 3 and to_dict(resolve(Config(), to_dict(config))) == to_dict(config)
        config.method.check()
    assert configs["mini"].method == configs["paper"].method


@pytest.mark.parametrize("name", PAPER.recipes)
def test_a_recipe_is_its_row_at_the_paper_s_scale(name: str) -> None:
    assert recipe(name) == PAPER.plans[PAPER.recipes[name].plan].scales["paper"](0, None)


def test_rows_differ_in_what_they_are_about() -> None:
    def settings(name: str) -> dict:
        return to_dict(PAPER.plans[name].scales["paper"](0, None))

    whole, plain, dual, mixed = (settings(name) for name in ("sspcm-1k", "plain-1k", "dual-1k", "mixed-1k"))
    assert {key for key in whole["method"] if whole["method"][key] != plain["method"][key]} == {"pair"}
    shared = whole["method"].keys() & dual["method"].keys() - {"name"}
    assert all(whole["method"][key] == dual["method"][key] for key in shared)
    assert whole["method"] == mixed["method"] and mixed["peer"] == {"backbone": "resnet50"} != whole["peer"]
