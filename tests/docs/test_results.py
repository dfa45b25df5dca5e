"""docs/results/ is what benchmarks/pages.py writes from the records, and the records are small."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES, RECORDS = ROOT / "docs" / "results", sorted((ROOT / "benchmarks" / "results").glob("*.json"))


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        return runpy.run_path(str(ROOT / "benchmarks" / "pages.py"))


@pytest.fixture(scope="module")
def records() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "records.py"))


def test_pages_say_what_the_records_say(script: dict[str, Any]) -> None:
    pages = script["pages"]()
    assert set(pages) == {path.name for path in PAGES.glob("*.md")}
    for name, text in pages.items():
        assert (PAGES / name).read_text() == text, f"{name}: run python benchmarks/pages.py"


def test_the_readme_has_the_table_of_results() -> None:
    lines = (PAGES / "README.md").read_text().splitlines()
    start = lines.index("| data | labels | measure | strongest control | with unlabelled images | all labels |")
    table = "\n".join(lines[start : lines.index("", start)])
    assert len(table.splitlines()) > 5 and table in (ROOT / "README.md").read_text()


def test_every_page_says_which_records_it_is_from(script: dict[str, Any]) -> None:
    pages = {name: text for name, text in script["pages"]().items() if name != "README.md"}
    assert pages and all("](../../benchmarks/results/" in text for text in pages.values())


def test_records_are_small() -> None:
    assert sum(path.stat().st_size for path in RECORDS) < 500_000
    for path in PAGES.glob("*.svg"):
        assert path.stat().st_size < 102_400, path.name


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_says_where_it_is_from(path: Path, records: dict[str, Any]) -> None:
    content = json.loads(path.read_text())
    assert content["commit"] and content["machine"] and content["runs"]
    assert all(isinstance(value, int | float) for value in content["summary"].values())
    assert json.loads(records["layout"](content)) == content


def test_curves_are_thinned_to_what_is_drawn(records: dict[str, Any]) -> None:
    columns: Callable[..., Any] = records["columns"]
    rows = [{"step": i, "response/student": 1 / (i + 1), "loss": 1.0} for i in range(100)]
    rows[99]["val/pck"] = 0.123456
    tables = [records["thinned"](table) for table in columns(rows)]
    scores, responses = tables
    assert scores == {"step": [99], "val/pck": [0.123]}
    assert set(responses) == {"step", "response/student"}
    assert responses["step"][0] == 0 and responses["step"][-1] == 99 and len(responses["step"]) <= 40
    assert responses["response/student"][0] == 1 and responses["response/student"][-1] == 0.01


def test_settings_that_runs_share_stand_once(records: dict[str, Any]) -> None:
    configs = [{"method": {"name": name, "teacher": None}, "steps": 100, "seed": 0} for name in ("dual", "dual", "mum")]
    content = {"summary": {}, "commit": "a", "runs": {str(i): {"config": config} for i, config in enumerate(configs)}}
    stored = records["compact"](content)
    assert stored["common"] == {"method.name": "dual", "steps": 100, "seed": 0}
    assert [run["config"] for run in stored["runs"].values()] == [{}, {}, {"method.name": "mum"}]


def test_joints_stand_once_where_a_table_has_them(records: dict[str, Any]) -> None:
    mean = {"pck": 0.5, "per_joint": {"nose": 0.5}}
    run = {"config": {}, "summary": {"val": {"networks": {"a": mean}, "mean": mean}}}
    runs = {"table": {**run, "scores": {"PCK@0.1": {"mean/Head": 50.0}}}, "alone": run}
    stored = records["compact"]({"summary": {}, "runs": runs})["runs"]
    assert stored["table"]["summary"]["val"] == {"mean": {"pck": 0.5}}
    assert stored["alone"]["summary"]["val"] == {"mean": mean}
