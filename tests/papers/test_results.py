"""A table's numbers from its runs' records, and as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semipose.papers import results as tabled
from semipose.papers.results import Setting, markdown, write_table
from semipose.papers.tables import Row, Table

ARMS = {"Elbow": 67.0, "Wrist": 89.3}


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Row, found: dict[str, float]) -> dict[str, Any]:
    """A table of one row, of runs of two seeds whose metric is `found`."""
    records = {}
    for seed in (0, 1):
        record = {"run": f"one-seed{seed}", "plan": "one", "summary": {}, "scores": {}, "curves": []}
        (tmp_path / f"one-seed{seed}.json").write_text(json.dumps(record))
        records["one", seed] = record
    monkeypatch.setitem(tabled.SCORES, row.metric, lambda folder, summary: found)
    asked = Setting("mini", tmp_path, None, {}, 0, False)
    return write_table("table6", Table("A title", (row,)), records, asked, (0, 1))


def test_millimetres_are_the_mean_of_the_columns_that_the_paper_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"mean": 300.0, "mean/Elbow": 100.0, "mean/Wrist": 150.0, "mean/Hip": 900.0}
    table = written(tmp_path, monkeypatch, Row("Ours", "one", 65.5, "MPJPE mm", parts=ARMS), found)
    (row,) = table["rows"]
    assert row["mean"] == 125 and row["spread"] == 0 and row["measured"] == "MPJPE mm"
    assert row["parts"] == {"Elbow": {"paper": 67.0, "mean": 100}, "Wrist": {"paper": 89.3, "mean": 150}}
    assert "| Ours | 67.0 / 100.0 | 89.3 / 150.0 |" in markdown(table)
    assert json.loads((tmp_path / "one-seed1.json").read_text())["scores"]["MPJPE mm"] == found


def test_a_column_that_could_not_be_measured_is_none_and_so_is_the_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = written(tmp_path, monkeypatch, Row("Ours", "one", 65.5, "MPJPE mm", parts=ARMS), {"mean/Elbow": 100.0})
    (row,) = table["rows"]
    assert row["mean"] is None and row["parts"]["Wrist"]["mean"] is None
    assert "| Ours | 67.0 / 100.0 | 89.3 / - |" in markdown(table)


def test_a_table_without_columns_has_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = written(tmp_path, monkeypatch, Row("Ours", "one", 65.5, "MPJPE mm"), {"mean": 300.0})
    assert table["rows"][0]["mean"] == 300 and "paper / here" not in markdown(table)


def test_what_cannot_be_measured_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, monkeypatch, Row("Ours", "one", 65.5, "MPJPE mm", parts=ARMS), {"mean/Elbow": 100.0})
    kept = json.loads((tmp_path / "one-seed0.json").read_text())["scores"]["MPJPE mm"]
    assert kept == {"mean/Elbow": 100.0, "mean/Wrist": None}
    monkeypatch.setitem(tabled.SCORES, "MPJPE mm", lambda folder, summary: pytest.fail("measured again"))
    asked = Setting("mini", tmp_path, None, {}, 0, False)
    records = {("one", 0): {"run": "one-seed0", "plan": "one", "summary": {}, "curves": []}}
    row = Row("Ours", "one", 65.5, "MPJPE mm", parts=ARMS)
    assert write_table("table6", Table("A title", (row,)), records, asked, (0,))["rows"][0]["mean"] is None
