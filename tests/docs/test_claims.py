"""The study of the claims: what it trains next, and that its record says what the rule of verdicts says today."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from semipose.papers import PAPERS
from semipose.papers.find import paper
from semipose.papers.scoreboard import RECORD, board_of, read_record, totals

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        return runpy.run_path(str(ROOT / "benchmarks" / "claims.py"))


def planned(script: dict[str, Any], runs: Any, notes: Any, out: Path, seeds: int = 3) -> list[tuple[str, Any, float]]:
    return list(script["order"](runs, script["Costs"](notes), seeds, out))


def test_the_record_s_totals_are_those_of_its_runs() -> None:
    counts = totals(board_of(read_record(ROOT / RECORD)))
    summary = json.loads((ROOT / RECORD).read_text())["summary"]
    told = {name.replace(" ", "_"): count for name, count in counts.items()}
    assert summary == told, "run python benchmarks/claims.py --collect"


def test_the_record_has_what_the_tables_records_have(script: dict[str, Any], tmp_path: Path) -> None:
    runs, _ = script["collect"](tmp_path)
    stored = read_record(ROOT / RECORD)
    assert runs and set(runs) == set(stored)
    for key, numbers in runs.items():
        assert numbers == pytest.approx(stored[key], rel=1e-4), key


@pytest.mark.slow
def test_what_is_missing_is_trained_once_cheapest_claims_first(script: dict[str, Any], tmp_path: Path) -> None:
    runs, notes = script["collect"](tmp_path)
    order = planned(script, runs, notes, tmp_path)
    jobs = [run for _, missing, _ in order for run in missing]
    assert len(jobs) == len(set(jobs)) > 100
    first = [seconds for _, missing, seconds in order[:1] if missing]
    alone = min(
        sum(map(script["Costs"](notes).of, missing))
        for name in PAPERS
        for claim in paper(name).claims
        if (missing := script["lacking"](claim, name, runs, 3, tmp_path))
    )
    assert first == [alone]
    done = {(run.row, run.seed) for run in jobs}
    for run in jobs:  # what it builds on comes before it
        plan = paper(run.paper).plans[run.plan]
        for before in filter(None, (plan.start, plan.teacher)):
            assert jobs.index(run._replace(plan=before)) < jobs.index(run)
    for name in PAPERS:
        for claim in paper(name).claims:
            for run in script["lacking"](claim, name, runs, 3, tmp_path):
                assert (run.row, run.seed) in done


def test_nothing_is_missing_where_every_number_is_there(script: dict[str, Any], tmp_path: Path) -> None:
    _, notes = script["collect"](tmp_path)
    whole = {(row, seed): dict.fromkeys(keys, 1.0) for row, keys in script["wanted"]().items() for seed in range(3)}
    assert planned(script, whole, notes, tmp_path) == []
    del whole["xie2021/undetached", 1]
    ((name, (run,), _),) = planned(script, whole, notes, tmp_path)
    assert name == "xie2021/undetached-collapses" and run == ("xie2021", "undetached", 1)


def test_rows_that_are_trained_alike_are_trained_once(script: dict[str, Any]) -> None:
    assert "yu2024/dual" in script["twins"]()["xie2021/dual-jc-1k"]
    assert "pose_mum/single-1k" in script["twins"]()["xie2021/single-1k"]
    assert (
        script["trained_as"]("pose_mum/single-1k") == script["trained_as"]("xie2021/single-1k") == "xie2021/single-1k"
    )
    assert script["trained_as"]("pose_mum/supervised-1k") == "xie2021/supervised-1k"
    assert "xie2021/single-jc-1k" not in script["twins"]()["xie2021/single-1k"]


@pytest.mark.slow
def test_a_limit_of_minutes_begins_nothing_that_ends_later(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of runs that take a minute by the clock that the study reads."""
    inside, there = script["train"].__globals__, script["collect"](tmp_path)
    order = planned(script, *there, tmp_path)
    jobs = [(run.row, run.seed) for _, missing, _ in order for run in missing]
    trained: list[tuple[str, int]] = []
    saved: list[int] = []
    monkeypatch.setitem(inside, "time", SimpleNamespace(monotonic=lambda: 60.0 * len(trained)))
    monkeypatch.setitem(inside, "reproduce", lambda row, seeds, **named: trained.append((row, *seeds)))
    monkeypatch.setitem(inside, "collect", lambda out: there)
    monkeypatch.setitem(inside, "save", lambda *rest: saved.append(len(trained)))
    monkeypatch.setattr(inside["Costs"], "of", lambda self, run: 30.0)
    monkeypatch.setitem(inside, "order", lambda *rest: order)
    script["main"](["--out", str(tmp_path), "--minutes", "0.4"])
    assert trained == [] and "the next run" in capsys.readouterr().out
    script["main"](["--out", str(tmp_path), "--minutes", "3.5"])
    assert trained == jobs[:3], "after the first it knows that a run takes a minute, not half of one"
    assert saved == [0, 0, 1, 2, 3], "at the start, and after each run"
