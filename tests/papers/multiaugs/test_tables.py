"""The rows of Zhou et al., MultiAugs: whole, the paper's numbers, and settings that the program takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.config import Config, to_dict
from semipose.config.resolve import resolve
from semipose.papers.find import recipe
from semipose.papers.measures import SCORES
from semipose.papers.multiaugs import PAPER

ROWS = {(key, row.label): row for key, table in PAPER.tables.items() for row in table.rows}


def test_every_plan_is_a_row_and_every_row_has_a_plan() -> None:
    assert {row.plan for row in ROWS.values()} == set(PAPER.plans)
    assert all(row.metric in SCORES for row in ROWS.values())


@pytest.mark.parametrize(
    ("table", "label", "number"),
    [
        ("labels", "MultiAugs (Single), 1K", 45.5),
        ("labels", "MultiAugs (Single), 5K", 56.2),
        ("labels", "MultiAugs (Single), 10K", 59.9),
        ("labels", "MultiAugs (Dual), 1K", 49.7),
        ("labels", "MultiAugs (Dual), 5K", 58.8),
        ("labels", "MultiAugs (Dual), 10K", 61.8),
        ("wild", "ResNet50", 74.6),
        ("wild", "HRNet w48, 384x288", 79.5),
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


def paths(name: str) -> list[str]:
    return PAPER.plans[name].scales["paper"](0, None).method.paths


def test_path_sets() -> None:
    assert paths("single-1k") == ["joco", "jccm", "jc5", "jo2"]
    assert paths("dual-1k") == ["joco", "jc5+cm5", "jc5", "jo2"], "five holes of cutmix in Dual"
    assert paths("wild-resnet50") == ["joco", "jc5+cm5"]
    for count in (2, 3, 4):
        assert paths(f"repeated-{count}") == ["joco"] * count
        label = next(label for key, label in ROWS if key == "paths" and label.startswith(f"{count} different"))
        assert paths(ROWS["paths", label].plan) == paths("single-1k")[:count]


def test_rows_differ_in_their_paths_alone() -> None:
    whole = to_dict(PAPER.plans["single-1k"].scales["paper"](0, None))
    for name in PAPER.plans:
        if name.startswith(("alone", "repeated", "different")):
            other = to_dict(PAPER.plans[name].scales["paper"](0, None))
            assert {**other, "method": {**other["method"], "paths": paths("single-1k")}} == whole
