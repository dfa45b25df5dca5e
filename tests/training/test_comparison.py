"""What runs say together, by hand. Trained ones: tests/verbs/test_worth.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semipose.data.datasets import Sets
from semipose.errors import UserError
from semipose.training.comparison import Job, compare, compared, configured, label_counts
from tests.fixtures.runs import points, tiny


def test_label_counts() -> None:
    assert label_counts(20, 20) == [5, 10, 20]
    assert label_counts(20, 93) == [5, 10, 20, 40, 80]
    assert label_counts(1, 1) == [1]


def run(method: str, labels: int, seed: int, pck: float | None, px: float | None = 4.0) -> dict[str, Any]:
    joints = {"nose": {"pck": pck, "median_error_px": px}}
    about = {"method": method, "labels": labels, "seed": seed, "run": f"{method}-{seed}", "seconds": 10.0 * (seed + 1)}
    return {**about, "pck": pck, "median_error_px": px, "joints": joints, "warnings": ["slow"] if seed else []}


def test_pairs_of_one_seed_are_compared() -> None:
    """Gains of 0.1 and 0.2: the mean of the pairs, and means of each method."""
    runs = [run("supervised", 8, 0, 0.3), run("dual", 8, 0, 0.4, 3.0), run("supervised", 8, 1, 0.5)]
    found = compared([*runs, run("dual", 8, 1, 0.7, 2.0)], "dual", 8, [8])
    assert found["difference"]["pck"]["mean"] == pytest.approx(0.15)
    assert found["difference"]["median_error_px"]["mean"] == pytest.approx(-1.5)
    assert found["methods"]["supervised"]["pck"]["mean"] == pytest.approx(0.4)
    assert found["methods"]["dual"]["seconds"]["mean"] == pytest.approx(15)
    assert found["joints"]["nose"]["dual"] == {"pck": pytest.approx(0.55), "median_error_px": 2.5}
    assert found["joints"]["nose"]["difference"]["mean"] == pytest.approx(0.15)
    assert [row["labels"] for row in found["curve"]] == [8]
    assert found["warnings"] == ["supervised-1: slow", "dual-1: slow"]


def test_what_was_not_scored_is_not_compared() -> None:
    runs = [run("supervised", 8, 0, None, None), run("dual", 8, 0, None, None)]
    with pytest.raises(UserError, match="no validation sample could be scored"):
        compared(runs, "dual", 8, [8])


def test_labels_of_a_seed_are_part_of_more_labels_of_it(tmp_path: Path) -> None:
    """And the same for every method, whose configuration is its own."""
    sets = Sets(points(12), points(5, name="unlabeled"), points(3, name="val"))
    base = replace(tiny(tmp_path, "dual", data={"unlabeled": None, "val": None}), peer={"padding": 1.5})

    def chosen(method: str, labels: int, seed: int) -> set[str]:
        config = configured(base, Job(method, labels, seed), sets, tmp_path)
        assert config.method.name == method and config.seed == seed
        assert config.peer == (base.peer if method == "dual" else {})
        split = json.loads(Path(str(config.data.split)).read_text())
        assert len(split["labeled"]) == labels and len(split["val"]) == 3 and len(split["unlabeled"]) == 5
        return set(split["labeled"])

    assert chosen("supervised", 3, 0) == chosen("dual", 3, 0) < chosen("supervised", 6, 0) < chosen("dual", 12, 0)
    assert chosen("supervised", 6, 0) != chosen("supervised", 6, 1)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"method": "supervised"}, "compares supervised training with naive, .*, not 'supervised'"),
        ({"seeds": ()}, r"needs seeds, each once, got \[\]"),
        ({"seeds": (1, 1)}, r"got \[1, 1\]"),
        ({"method": "pseudopose"}, "needs a trained teacher"),
    ],
)
def test_what_cannot_be_compared_is_said_before_data_is_opened(tmp_path: Path, asked: dict, says: str) -> None:
    with pytest.raises(UserError, match=says):
        compare(tiny(tmp_path, data={"labeled": "nowhere"}), **asked)
