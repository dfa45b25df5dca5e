"""The rows of Pose-MUM: whole, the paper's numbers, settings that the program takes, and what tells two rows apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.config import Config, differences, to_dict
from semipose.config.resolve import resolve
from semipose.methods import needs
from semipose.papers.find import recipe
from semipose.papers.pose_mum import PAPER
from semipose.papers.reproduction import needed

ROWS = {(key, row.label): row for key, table in PAPER.tables.items() for row in table.rows}


def of(scale: str, table: str, label: str) -> Config:
    return PAPER.plans[ROWS[table, label].plan].scales[scale](0, None)


def test_every_row_of_five_tables_is_there_at_both_scales() -> None:
    counts = {key: len(table.rows) for key, table in PAPER.tables.items()}
    assert counts == {"table1": 4, "table2": 4, "table3": 8, "table4": 10, "table5": 12}
    for scale in ("mini", "paper"):
        assert set(needed(PAPER, PAPER.tables.values(), scale)) == set(PAPER.plans)
    assert all(row.paper for row in ROWS.values())


@pytest.mark.parametrize(
    ("table", "label", "number"),
    [
        ("table1", "N_G 4, after layer-2", 39.2),
        ("table2", "[19] + EMAN 0.6", 38.63),
        ("table3", "MUM-JC", 41.9),
        ("table3", "Pose-MUM", 46.48),
        ("table4", "0.9, ResNet18", 46.47),
        ("table4", "0.9, ResNet101", 48.94),
        ("table5", "JC Augment-s, ResNet101, 5K", 56.7),
        ("table5", "Pose-MUM+, ResNet18, 10K", 59.53),
        ("table5", "Pose-MUM+, ResNet101, 1K", 48.94),
    ],
)
def test_numbers_are_the_paper_s(table: str, label: str, number: float) -> None:
    assert ROWS[table, label].paper == number


@pytest.mark.parametrize("name", PAPER.plans)
def test_a_plan_s_settings_are_ones_the_program_takes(name: str) -> None:
    for scale, make in PAPER.plans[name].scales.items():
        config = make(3, None)
        assert config.seed == 3 and needs(config.method.name).networks == 1
        assert to_dict(resolve(Config(), to_dict(config))) == to_dict(config)
        assert (config.data.labeled is None) == (scale == "paper")
    assert make(3, Path("data")).method == config.method


def test_rows_of_one_table_differ_in_what_it_studies() -> None:
    def apart(table: str, one: str, other: str) -> set[str]:
        found = differences(*(to_dict(of("paper", table, label)) for label in (one, other)))
        return {each.replace("method.", "") for each in found}

    assert apart("table1", "N_G 4, after encoder", "N_G 2, after encoder") == {"mix_group: 4 -> 2"}
    assert apart("table1", "N_G 4, after encoder", "N_G 4, after layer-2") == {"unmix: encoder -> layer2"}
    assert apart("table3", "MUM", "MUM-RA") == {"hard: affine60+flip50 -> affine60+flip50+ra20"}
    assert apart("table3", "MUM", "Pose-MUM-AT") == {
        "name: mum -> pose_mum",
        "mix_after: None -> ['layer1', 'layer2', 'layer3']",
        "mix_chance: None -> 0.5",
        "mix_anew: None -> True",
    }
    assert apart("table3", "Pose-MUM-AT", "Pose-MUM") == {
        "hard: affine60+flip50 -> none",
        "hard_of: image -> easy",
    }
    assert apart("table4", "0.9, ResNet18", "0.6, ResNet18") == {"decay: 0.9 -> 0.6"}
    best = of("paper", "table5", "Pose-MUM+, ResNet101, 5K")
    assert (best.method.decay, best.model.backbone, best.epochs, best.optim.milestones) == (
        0.9,
        "resnet101",
        100,
        [0.7, 0.9],
    )


def test_1k_labels_train_30_epochs_with_steps_after_20_and_25() -> None:
    config = of("paper", "table3", "Pose-MUM")
    assert config.epochs == 30 and [30 * each for each in config.optim.milestones] == pytest.approx([20, 25])


def test_more_labels_at_mini_scale_too() -> None:
    counts = [of("mini", "table5", f"Pose-MUM+, ResNet18, {k}").data.labeled for k in ("1K", "5K", "10K")]
    assert [str(each).split("count=")[1].split("&")[0] for each in counts] == ["20", "100", "200"]
    small, large = (
        of("mini", "table4", f"0.6, {name}").model.options["channels"] for name in ("ResNet18", "ResNet101")
    )
    assert large == [2 * width for width in small]


def test_recipes_are_the_rows() -> None:
    for name, (table, label) in {
        "mum": ("table3", "MUM"),
        "pose_mum": ("table3", "Pose-MUM"),
        "pose_mum-affine": ("table3", "Pose-MUM-AT"),
        "pose_mum_plus": ("table4", "0.6, ResNet18"),
        "ema0.6": ("table2", "[19] + EMA 0.6"),
        "eman0.6": ("table2", "[19] + EMAN 0.6"),
    }.items():
        assert recipe(name) == of("paper", table, label)
    for name in ("mum", "pose_mum", "pose_mum_plus"):
        assert recipe(f"mini-{name}").method == recipe(name).method
