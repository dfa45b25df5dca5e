"""The rows of Xie et al. 2021: whole, the paper's numbers, and settings that the program takes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from semipose.config import Config, to_dict
from semipose.config.resolve import resolve
from semipose.methods import needs
from semipose.papers.find import recipe
from semipose.papers.measures import PEOPLE, SCORES, START
from semipose.papers.mini import SETS
from semipose.papers.tables import MPJPE, PCK, PSEUDO
from semipose.papers.xie2021 import PAPER

ROWS = [(key, row) for key, table in PAPER.tables.items() for row in table.rows]


# The numbers as the paper prints them, copied from it and not from the source.
BY_LABELS = {  # 1K, 5K, 10K
    "table1": {
        "Supervised, A": (31.5, 46.4, 51.1),
        "PseudoPose, A": (37.2, 50.9, 56.0),
        "DataDistill, A": (37.6, 51.6, 56.6),
        "Ours (Single), A": (38.5, 50.5, 55.4),
        "Ours (Dual), A": (41.5, 54.8, 58.7),
        "Ours (Single), A+JC": (42.1, 52.3, 57.3),
        "Ours (Dual), A+RA": (43.7, 55.4, 59.3),
        "Ours (Dual), A+JC": (44.6, 55.6, 59.6),
    },
    "table2": {
        "Supervised, ResNet18": (31.5, 46.4, 51.1),
        "Supervised, HRNet w48": (39.2, 57.7, 63.7),
        "Dual of two ResNet18, first": (41.5, 54.6, 58.6),
        "Dual of two ResNet18, second": (41.6, 54.9, 58.8),
        "Dual of two HRNet w48, first": (50.9, 64.3, 67.9),
        "Dual of two HRNet w48, second": (51.0, 64.2, 67.9),
        "Dual of ResNet18 and HRNet w48, ResNet18": (48.7, 59.4, 62.5),
        "Dual of ResNet18 and HRNet w48, HRNet w48": (50.9, 62.8, 66.8),
    },
    "section6": {"A": (31.5, 46.4, 51.1), "A+RA": (None, None, 52.1)},
}
COLUMNS = {
    "table3": ("AP", "AP50", "AR", "AR50"),
    "table4": ("AP, detected boxes", "AP50", "AP75", "APM", "APL", "AR"),
    "table5": ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "PCKh@0.5"),
    "table6": ("Shoulder", "Elbow", "Wrist", "MPJPE mm"),
    "table7": ("Knee", "Ankle", "Elbow", "Wrist", "JDR"),
    "table8": ("Knee", "Ankle", "Elbow", "Wrist", "MPJPE mm"),
}
"""In the paper's order; the one that is no part of the others is the row's own metric."""
BY_COLUMNS = {
    "table3": {
        "Supervised, ResNet50": (70.9, 91.4, 74.2, 92.3),
        "Ours, ResNet50": (73.9, 92.5, 77.0, 93.5),
        "Supervised, ResNet101": (72.5, 92.5, 75.6, 93.1),
        "Ours, ResNet101": (75.3, 93.6, 78.2, 94.1),
        "Supervised, ResNet152": (73.2, 92.5, 76.3, 93.2),
        "Ours, ResNet152": (75.5, 93.6, 78.5, 94.3),
        "Supervised, HRNetW48": (77.2, 93.5, 79.9, 94.1),
        "Ours, HRNetW48": (79.2, 94.6, 81.7, 95.1),
    },
    "table4": {
        "SB, ResNet50": (70.2, 90.9, 78.3, 67.1, 75.9, 75.8),
        "SB, ResNet152": (71.9, 91.4, 80.1, 68.9, 77.4, 77.5),
        "HRNet, HRNetW48, 384x288": (75.5, 92.5, 83.3, 71.9, 81.5, 80.5),
        "DARK, HRNetW48, 384x288": (76.2, 92.5, 83.6, 72.5, 82.4, 81.1),
        "Ours (+SB), ResNet50": (72.3, 91.8, 80.5, 69.3, 77.8, 77.7),
        "Ours (+SB), ResNet152": (73.7, 92.1, 82.1, 71.0, 79.0, 79.1),
        "Ours (+HRNet), HRNetW48, 384x288": (76.7, 92.5, 84.3, 73.5, 82.5, 81.8),
        "Ours (+DARK), HRNetW48, 384x288": (77.2, 92.6, 84.5, 73.9, 82.9, 82.2),
    },
    "table5": {
        "Sun et al.": (98.6, 96.9, 92.8, 89, 91.5, 89, 85.7, 92.3),
        "Ours": (98.7, 97.3, 93.7, 90.2, 92.0, 90.3, 86.5, 93.0),
    },
    "table6": {
        "Supervised, mean": (40.3, 67.0, 89.3, 65.5),
        "PseudoPose, mean": (39.6, 59.2, 76.8, 58.5),
        "Ours, mean": (35.8, 56.4, 77.6, 56.6),
    },
    "table7": {
        "Supervised, average": (92.5, 88.8, 88.2, 83.3, 88.2),
        "PseudoPose, average": (92.1, 88.5, 89.3, 84.1, 88.5),
        "Ours, average": (93.5, 90.6, 89.9, 84.9, 89.7),
    },
    "table8": {
        "Supervised, average": (38.2, 58.0, 39.7, 56.2, 48.0),
        "PseudoPose, average": (37.5, 59.0, 39.4, 54.8, 47.7),
        "Ours, average": (35.3, 49.3, 36.2, 50.1, 42.7),
    },
}
PRINTED = {
    "figure3": {"Standard consistency": 0.9},
    "figure5": {"affine30": 63.7, "affine60": 55.7},
    "figure7": {},
    "figure8": {"supervised (dashed line)": 31.5},
    "section3": {"Standard consistency, lambda 1": 0.9},
}
"""What the text says of curves and bars."""


def test_every_table_and_figure_is_there() -> None:
    assert set(PAPER.tables) == {*BY_LABELS, *BY_COLUMNS, *PRINTED}
    built_on = {each for plan in PAPER.plans.values() for each in (plan.start, plan.teacher) if each}
    assert set(PAPER.plans) == {row.plan for _, row in ROWS} | built_on | {"released-single", "released-dual"}


@pytest.mark.parametrize("table", BY_LABELS)
def test_numbers_by_labels_are_the_paper_s(table: str) -> None:
    wanted = {
        f"{label}, {count}": number
        for label, numbers in BY_LABELS[table].items()
        for count, number in zip(("1K", "5K", "10K"), numbers, strict=True)
    }
    wanted |= {"Supervised, A, all": 67.1} if table == "table1" else {}
    rows = PAPER.tables[table].rows
    assert {row.label: row.paper for row in rows} == wanted
    assert {row.metric for row in rows} == {"AP"} and not any(row.parts for row in rows)


@pytest.mark.parametrize("table", BY_COLUMNS)
def test_numbers_by_columns_are_the_paper_s(table: str) -> None:
    rows = PAPER.tables[table].rows
    assert [row.label for row in rows] == [*BY_COLUMNS[table]]
    for row in rows:
        wanted = dict(zip(COLUMNS[table], BY_COLUMNS[table][row.label], strict=True))
        assert {**row.parts, row.metric: row.paper} == wanted, row.label


@pytest.mark.parametrize("table", PRINTED)
def test_numbers_of_the_text_are_the_paper_s(table: str) -> None:
    assert {row.label: row.paper for row in PAPER.tables[table].rows if row.paper is not None} == PRINTED[table]


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
        assert needs(config.method.name).teacher == (plan.teacher is not None)
        if plan.teacher:
            config.method.teacher = "somewhere"
        config.method.check()
        assert needs(config.method.name).networks == (2 if config.method.name == "dual" else 1)
        for before in (plan.start, plan.teacher):
            assert before is None or scale in PAPER.plans[before].scales


def test_only_supervised_needs_no_unlabelled_images_at_mini_scale() -> None:
    for plan in PAPER.plans.values():
        if "mini" in plan.scales:
            config = plan.scales["mini"](0, None)
            assert config.method.name == "supervised" or (config.data.unlabeled or "").startswith("synth:")


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
        *(("dual-a", "dual-a-1k"), ("dual-ra", "dual-ra-1k"), ("dual", "dual-jc-1k"), ("dual-mixed", "dual-mixed-1k")),
        ("supervised-hard", "supervised-hard-10k"),
        *((name, name) for name in ("naive", "undetached", "foreground", "easy-easy", "hard-hard", "hard-easy")),
        *((f"naive-lambda{weight}", f"naive-{weight}") for weight in ("0.1", "0.01")),
        *((f"confident{height}", f"confident-{height}") for height in ("0.2", "0.4", "0.6", "0.8")),
        *((f"mean-teacher{decay}", f"mean-teacher-{decay}") for decay in ("0.99", "0.999")),
    ],
)
def test_a_recipe_and_the_row_that_it_stands_for_train_alike(name: str, plan: str) -> None:
    assert recipe(name) == PAPER.plans[plan].scales["paper"](0, None)
