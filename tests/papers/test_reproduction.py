"""What is trained and how it is configured. Whole tables: tests/verbs/test_reproduce.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semipose.errors import UserError
from semipose.papers.reproduction import configured, needed, run_tables
from semipose.papers.results import Setting
from semipose.papers.tables import Make, Paper, Plan, Row, Table
from tests.fixtures.runs import tiny


def made(method: str, **changes: Any) -> Make:
    return lambda seed, root: replace(tiny(Path("cache"), method, **changes), seed=seed)


PLANS = {
    "first": Plan({"mini": made("supervised")}),
    "pupil": Plan({"mini": made("pseudopose")}, teacher="first"),
    "pair": Plan({"mini": made("dual", optim={"batch": 8})}),
    "tuned": Plan({"mini": made("supervised")}, start="pair"),
    "again": Plan({"mini": made("pseudopose")}, start="tuned", teacher="pupil"),
    "large": Plan({"paper": made("supervised", data={"val": None})}, labels=3),
    "mixed": Plan({"mini": made("mum")}),
}


def paper(*plans: str) -> Paper:
    return Paper("Nobody, 1900", "Nobody", {"table": Table("", tuple(Row(plan, plan) for plan in plans))}, PLANS)


@pytest.mark.parametrize(
    ("plans", "order"),
    [
        (("tuned", "pair", "pupil", "first"), ["pair", "tuned", "first", "pupil"]),
        (("again",), ["pair", "tuned", "first", "pupil", "again"]),
        (("first", "large", "first"), ["first"]),
    ],
)
def test_what_a_row_builds_on_comes_first_and_once(plans: tuple[str, ...], order: list[str]) -> None:
    one = paper(*plans)
    assert needed(one, one.tables.values(), "mini") == order


def test_only_plans_of_a_scale_are_trained_there() -> None:
    one = paper("first", "large")
    assert needed(one, one.tables.values(), "paper") == ["large"]


def setting(folder: Path, scale: str = "mini", dry_run: int = 0, **overrides: Any) -> Setting:
    return Setting(scale, folder, None, overrides, dry_run, False)


def test_settings_lie_over_the_plan_s_and_a_teacher_is_the_run_before(tmp_path: Path) -> None:
    config = configured(PLANS["pupil"], 3, setting(tmp_path, optim={"lr": 0.5}), Path("runs/first"))
    assert (config.seed, config.optim.lr, config.method.teacher) == (3, 0.5, "runs/first")
    assert config.steps == tiny(Path("cache")).steps and config.data.split is None


def test_a_dry_run_is_short_and_small(tmp_path: Path) -> None:
    config = configured(PLANS["pair"], 0, setting(tmp_path, dry_run=4))
    assert (config.steps, config.eval_every, config.log_every) == (4, 0, 1)
    assert (config.optim.batch, config.optim.unlabeled_batch) == (2, 0)
    mixed = configured(PLANS["mixed"], 0, setting(tmp_path, dry_run=4))
    assert mixed.optim.unlabeled_batch == mixed.method.mix_group == 4, "a whole group"


def test_labels_are_drawn_once_at_paper_scale(tmp_path: Path) -> None:
    config = configured(PLANS["large"], 4, setting(tmp_path, "paper"))
    file = Path(str(config.data.split))
    split = json.loads(file.read_text())
    file.write_text("what is there stays")
    again = configured(PLANS["large"], 4, setting(tmp_path, "paper"))
    assert file.read_text() == "what is there stays"
    assert len(split["labeled"]) == 3 and split["seed"] == 4 and split["val"] == []
    assert config == again and [file.name for file in (tmp_path / "splits").iterdir()] == [file.name]
    other = configured(PLANS["large"], 5, setting(tmp_path, "paper"))
    assert json.loads(Path(str(other.data.split)).read_text())["labeled"] != split["labeled"]


def test_faults_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no scale 'huge'; it can be mini, paper"):
        run_tables("xie2021", setting(tmp_path, "huge"))
    with pytest.raises(UserError, match="at paper scale, name the data: --data ROOT, or"):
        configured(PLANS["large"], 0, setting(tmp_path, "paper", data={"labeled": None}))
