"""The rows of Xie et al. 2021: whole, the paper's numbers, and settings that the program takes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from semipose.config import Config, to_dict
from semipose.config.resolve import resolve
from semipose.methods import NEED_TEACHER, networks_of
from semipose.papers.find import recipe
from semipose.papers.measures import MPJPE, PCK, PEOPLE, PSEUDO, SCORES, START
from semipose.papers.mini import SETS
from semipose.papers.xie2021.tables import PAPER

ROWS = [(key, row) for key, table in PAPER.tables.items() for row in table.rows]


def test_every_table_and_figure_is_there() -> None:
    wanted = {f"table{i}" for i in range(1, 9)} | {f"figure{i}" for i in (3, 5, 7, 8)}
    assert wanted <= set(PAPER.tables)
    assert {row.plan for _, row in ROWS} <= set(PAPER.plans)
    built_on = {each for plan in PAPER.plans.values() for each in (plan.start, plan.teacher) if each}
    assert set(PAPER.plans) == {row.plan for _, row in ROWS} | built_on


@pytest.mark.parametrize(
    ("table", "label", "number"),
    [
        ("table1", "Supervised, A, 1K", 31.5),
        ("table1", "DataDistill, A, 10K", 56.6),
        ("table1", "Ours (Dual), A+JC, 5K", 55.6),
        ("table2", "Dual of ResNet18 and HRNet w48, ResNet18, 1K", 48.7),
        ("table3", "Ours, ResNet101", 75.3),
        ("table4", "Ours (+DARK), HRNetW48, 384x288", 77.2),
        ("table5", "Ours", 93.0),
        ("table6", "PseudoPose, mean", 58.5),
        ("table8", "Ours, average", 42.7),
        ("figure5", "affine60", 55.7),
    ],
)
def test_numbers_are_the_paper_s(table: str, label: str, number: float) -> None:
    assert {row.label: row.paper for key, row in ROWS if key == table}[label] == number


@pytest.mark.parametrize("name", PAPER.plans)
def test_a_plan_s_settings_are_ones_the_program_takes(name: str) -> None:
    plan = PAPER.plans[name]
    assert "paper" in plan.scales
    for scale, make in plan.scales.items():
        for root in (None, Path("data")) if scale == "paper" else (None,):
            config = make(3, root)
            assert config.seed == 3
            if root or scale == "mini":  # without data it differs in nothing else
                assert to_dict(resolve(Config(), to_dict(config))) == to_dict(config)
            assert (config.data.labeled is None) == (scale == "paper" and root is None)
        assert (config.method.name in NEED_TEACHER) == (plan.teacher is not None)
        config.method.teacher = "somewhere" if plan.teacher else None
        networks_of(config.method)
        for before in (plan.start, plan.teacher):
            assert before is None or scale in PAPER.plans[before].scales


def test_only_supervised_needs_no_unlabelled_images_at_mini_scale() -> None:
    for plan in PAPER.plans.values():
        if "mini" in plan.scales:
            config = plan.scales["mini"](0, None)
            assert config.method.name == "supervised" or config.data.unlabeled


@pytest.mark.parametrize("name", PAPER.plans)
def test_every_row_is_there_at_mini_scale_with_the_method_of_the_paper_s(name: str) -> None:
    of_paper, of_mini = (to_dict(PAPER.plans[name].scales[scale](0, None)) for scale in ("paper", "mini"))
    assert of_paper["method"] == of_mini["method"]
    assert of_paper["decode"] == of_mini["decode"]


def test_no_person_is_in_two_sets_of_the_mini_protocol() -> None:
    """Nor in ten times the labels, nor among those whose points are measured in mm."""
    ends = {which: (start, start + (10 if which == "labeled" else 1) * count) for which, (count, start) in SETS.items()}
    ranges = sorted([*ends.values(), (START, START + PEOPLE)])
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))


def test_a_row_is_measured_as_the_paper_does() -> None:
    """PCKh and JDR are scored by the run itself, at half a head; the others from its networks."""
    wanted = {"PCKh@0.5": ("pckh", 0.5), "JDR": ("jdr", 0.5)}
    for _, row in ROWS:
        assert row.metric in SCORES
        config = PAPER.plans[row.plan].scales["paper"](0, None)
        assert (config.measure, config.threshold) == wanted.get(row.metric, (config.measure, config.threshold))
    assert {row.metric for _, row in ROWS} == {*SCORES} - {PCK, PSEUDO}


def test_the_paper_s_means_in_mm_and_of_jdr_are_those_of_its_columns() -> None:
    """So ours are taken alike, and a column that was copied wrongly is seen."""
    rows = [row for _, row in ROWS if row.parts and row.metric in (MPJPE, "JDR")]
    assert len(rows) == 9
    for row in rows:
        assert row.paper == pytest.approx(mean(row.parts.values()), abs=0.06), row.label


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        *((name, f"{name}-1k") for name in ("supervised", "pseudopose", "datadistill", "single", "single-jc")),
        *(("dual-a", "dual-1k"), ("dual-ra", "dual-ra-1k"), ("dual", "dual-jc-1k"), ("dual-hrnet", "dual-mixed-1k")),
        ("supervised-hard", "supervised-hard-10k"),
        *((name, name) for name in ("naive", "undetached", "foreground", "easy-easy", "hard-hard", "hard-easy")),
        *((f"naive-lambda{weight}", f"naive-{weight}") for weight in ("0.1", "0.01")),
        *((f"confident{height}", f"confident-{height}") for height in ("0.2", "0.4", "0.6", "0.8")),
        *((f"mean-teacher{decay}", f"mean-teacher-{decay}") for decay in ("0.99", "0.999")),
    ],
)
def test_a_recipe_and_the_row_that_it_stands_for_train_alike(name: str, plan: str) -> None:
    assert recipe(name) == PAPER.plans[plan].scales["paper"](0, None)
