from __future__ import annotations

import csv
from pathlib import Path

import pytest

from semipose.reports.html import report
from semipose.reports.pseudo import pseudo_charts, pseudo_table
from semipose.reports.runs import read_runs
from tests.fixtures.fake_runs import make_run

CURVE = {"correlation": -0.5, "value": [0.1, 0.9], "pck": [0.2, 0.8], "distance": [0.3, 0.1]}
SCORES = {"count": 30, "pck": 0.5, "taught": 0.75, "pck_taught": 0.6, "confidence": 0.4}
QUALITY = {
    **SCORES,
    "threshold": 0.1,
    "images": 20,
    "per_joint": {"left_wrist": {**SCORES, "pck": 0.25}, "right_wrist": {**SCORES, "pck": None}},
    "calibration": {"confidence": CURVE, "doubt": CURVE},
}


def made(path: Path, **summary: object) -> Path:
    """A run whose metrics.csv has the columns too."""
    make_run(path, **summary)
    with (path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (path / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "pseudo/pck", "pseudo/taught", "pseudo/pck_taught"])
        writer.writeheader()
        for row in rows:
            quality = {f"pseudo/{key}": SCORES[key] for key in ("pck", "taught", "pck_taught")}
            writer.writerow({**row, **(quality if row["val/pck"] else {})})
    return path


def test_one_run_shows_all_that_was_measured(tmp_path: Path) -> None:
    (run,) = read_runs([made(tmp_path / "a", pseudo={**QUALITY, "doubt": 0.125})])
    steps, confidence, doubt = pseudo_charts([run])
    assert [line.label for line in steps.series] == ["PCK", "taught", "PCK of those taught"]
    assert confidence.title == "PCK against confidence (%)" and doubt.series[0].x.tolist() == [0.1, 0.9]
    table = pseudo_table([run])
    assert table["columns"] == ["PCK", "taught", "PCK of those taught", "confidence", "doubt"]
    assert table["rows"][0] == ("all", ["50.0\xa0%", "75.0\xa0%", "60.0\xa0%", "0.400", "0.125"])
    assert table["rows"][2] == ("right wrist", ["–", "75.0\xa0%", "60.0\xa0%", "0.400", "–"])


def test_several_runs_are_compared_by_pck(tmp_path: Path) -> None:
    runs = read_runs([made(tmp_path / "a", pseudo=QUALITY), make_run(tmp_path / "b", seed=1)])
    assert [line.label for line in pseudo_charts(runs)[0].series] == ["a"]
    assert pseudo_table(runs) == {
        "columns": ["a"],
        "rows": [("all", ["50.0\xa0%"]), ("left wrist", ["25.0\xa0%"]), ("right wrist", ["–"])],
    }


def test_the_page_has_the_section_where_it_was_measured(tmp_path: Path) -> None:
    measured, other = made(tmp_path / "a", pseudo=QUALITY), make_run(tmp_path / "b")
    assert "What was taught" in report([measured]).read_text()
    assert "What was taught" not in report([other]).read_text()


@pytest.mark.parametrize("broken", [3, {"calibration": [], "per_joint": {"left": 3}}, {"calibration": {"doubt": 1}}])
def test_what_is_broken_is_left_out(tmp_path: Path, broken: object) -> None:
    runs = read_runs([make_run(tmp_path / "a", pseudo=broken)])
    assert pseudo_charts(runs) == []
    assert pseudo_table(runs) is None
