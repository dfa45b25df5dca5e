"""The claims' verdicts from what is on disk: runs of `reproduce`, the repository's record, and neither."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import semipose
from semipose.cli import main
from semipose.config import to_dict
from semipose.errors import UserError
from semipose.papers import PAPERS
from semipose.papers.claims import Side
from semipose.papers.find import paper
from semipose.papers.scoreboard import RECORD, board_of, board_text, keys_of, name_of, numbers_of, row_of, totals
from semipose.verbs.reproduce import reproduce

PAIR = "xie2021/hard-labels-help-many"
"""supervised-hard-10k is above supervised-10k."""


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def put(plan: str, seed: int, score: float, folder: str = "reproduce/xie2021/mini", **changes: Any) -> Path:
    """A run's record as `reproduce` leaves it."""
    plans, old = paper("xie2021").plans, paper("xie2021").old
    config = to_dict(plans[old.get(plan, plan)].scales["mini"](seed, None))
    path = Path(folder, f"{plan}-seed{seed}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    curves = [{"step": step, "response/student": value} for step, value in ((20, 0.2), (40, 0.1))]
    scores = {"PCK@0.1": {"a": score, "mean": score, "a/Knee": None}}
    record = {"run": path.stem, "plan": plan, "seed": seed, "scores": scores, "curves": curves, "config": config}
    path.write_text(json.dumps({**record, **changes}))
    return path


def claim(name: str, **asked: Any) -> dict[str, Any]:
    (one,) = [each for each in reproduce(name.partition("/")[0], claims=True, **asked) if each["claim"] == name]
    return one


def test_three_seeds_of_both_rows_decide() -> None:
    assert claim(PAIR)["verdict"] == "not run" and claim(PAIR)["margin"] is None
    for seed, score in ((0, 60.0), (1, 61.0), (2, 59.0)):
        put("supervised-10k", seed, score)
        assert claim(PAIR)["verdict"] in ("not run", "undecided")
        put("supervised-hard-10k", seed, score + 3 + seed / 10)
    one = claim(PAIR)
    assert one["verdict"] == "reproduced" and one["seeds"] == [0, 1, 2]
    assert one["margin"]["mean"] == pytest.approx(3.1) and one["margin"]["low"] == pytest.approx(3.1 - 0.2484, abs=1e-3)
    assert one["numbers"] == {"supervised-hard-10k": pytest.approx(63.1), "supervised-10k": pytest.approx(60.0)}
    assert one["rows"] == ["supervised-hard-10k", "supervised-10k"]
    for seed in range(3):
        put("supervised-hard-10k", seed, 40.0 + seed / 10)
    assert claim(PAIR)["verdict"] == "contradicted"


def test_only_runs_with_the_row_s_own_settings_count() -> None:
    put("supervised-10k", 0, 60.0)
    path = put("supervised-hard-10k", 0, 63.0)
    content = json.loads(path.read_text())
    for section, values in (("steps", 100), ("method", {**content["config"]["method"], "weight": 3.0})):
        path.write_text(json.dumps({**content, "config": {**content["config"], section: values}}))
        assert claim(PAIR)["verdict"] == "not run"
    path.write_text(json.dumps({**content, "config": {**content["config"], "threads": 7, "workers": 3}}))
    assert claim(PAIR)["margin"]["mean"] == pytest.approx(3.0)


def test_runs_of_the_record_and_own_ones_are_one_and_own_ones_come_first() -> None:
    RECORD.parent.mkdir(parents=True)
    rows = {"xie2021/supervised-10k": [50.0, 60.0], "xie2021/supervised-hard-10k": [51.0, 61.0]}
    columns = {row: {"seeds": [0, 1], "commit": ["a", "b"], "PCK@0.1/mean": each} for row, each in rows.items()}
    RECORD.write_text(json.dumps({"runs": columns}))
    assert claim(PAIR)["margin"]["mean"] == pytest.approx(1.0) and claim(PAIR)["seeds"] == [0, 1]
    put("supervised-hard-10k", 1, 64.0)
    put("supervised-10k", 2, 60.0)
    put("supervised-hard-10k", 2, 61.0)
    assert claim(PAIR)["margin"]["mean"] == pytest.approx((1 + 4 + 1) / 3) and claim(PAIR)["seeds"] == [0, 1, 2]
    assert claim(PAIR, scale="paper")["verdict"] == "not run", "the record is of mini scale"


def test_a_folder_of_runs_is_a_paper_s(tmp_path: Path) -> None:
    put("supervised-10k", 0, 60.0, "here")
    put("supervised-hard-10k", 0, 61.0, "here")
    assert claim(PAIR, out="here")["margin"]["mean"] == pytest.approx(1.0)
    with pytest.raises(UserError, match="holds the runs of one paper; name it"):
        reproduce(claims=True, out="here")


def test_a_row_by_its_old_name_counts() -> None:
    put("dual-10k", 0, 60.0)
    assert claim("xie2021/networks-close-10k")["rows"] == ["dual-a-10k"]
    put("dual-jc-10k", 0, 61.0)
    assert claim("xie2021/cutout-helps-dual")["numbers"]["dual-a-10k"] == 60.0


def test_a_target_leaves_the_claims_that_it_bears_on() -> None:
    whole = reproduce(claims=True)
    assert [one["claim"].partition("/")[0] for one in whole] == [n for n in PAPERS for _ in paper(n).claims]
    table = reproduce("yu2024/table1", claims=True)
    row = reproduce("xie2021/foreground", claims=True)
    assert len(table) == 3 and [one["claim"] for one in row] == ["xie2021/reweighting-collapses"]
    with pytest.raises(UserError, match="table9"):
        reproduce("xie2021/table9", claims=True)


@pytest.mark.parametrize("asked", [{"seeds": (0, 1)}, {"dry_run": 2}, {"steps": 9}, {"data": "here"}])
def test_what_is_for_training_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="--claims trains nothing"):
        reproduce("xie2021", claims=True, **asked)


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ('{"plan": "single-1k"}', "no record of semipose reproduce"), ('{"plan": []}', "no record")],
)
def test_a_bad_file_is_a_sentence(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = put("supervised-10k", 0, 60.0)
    path.write_text(text)
    assert main(["reproduce", "xie2021", "--claims"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line and str(path) in line


@pytest.mark.parametrize("runs", [None, [], {"xie2021/single-1k": {"PCK": [1]}}, {"xie2021/single-1k": {"seeds": 3}}])
def test_a_bad_record_is_a_sentence(runs: Any) -> None:
    RECORD.parent.mkdir(parents=True)
    RECORD.write_text(json.dumps({"runs": runs}))
    with pytest.raises(UserError, match=r"claims\.json is no record of claims"):
        reproduce(claims=True)


def test_tables_and_other_files_in_the_folder_are_passed_over() -> None:
    path = put("supervised-10k", 0, 60.0)
    path.with_name("table1.json").write_text('{"table": "table1", "rows": []}')
    path.with_name("list.json").write_text("[1, 2]")
    path.with_name("other.json").write_text('{"plan": "nothing", "seed": 0}')
    assert claim(PAIR)["numbers"]["supervised-10k"] == 60.0


def test_numbers_of_a_run() -> None:
    record = {
        "scores": {"PCK@0.1": {"mean": 50.0, "mean/Knee": None, "a": float("nan")}, "MPJPE mm": {"mean/Elbow": 200}},
        "curves": [{"step": 20, "response/student": 0.5, "val/pck": 0.1}, {"step": 40, "response/student": 0.4}],
    }
    assert numbers_of(record) == {"PCK@0.1/mean": 50.0, "MPJPE mm/mean/Elbow": 200.0, "response/student": 0.4}


@pytest.mark.parametrize(
    ("side", "name", "keys"),
    [
        (Side("table2", "Dual of two ResNet18, first, 1K"), "dual-a-1k a", ["PCK@0.1/a"]),
        (Side("figure5", "jc5"), "supervised-all jc5", ["PCK@0.1 under/jc5"]),
        (
            Side("table6", "Ours, mean"),
            "adapt-dual MPJPE mm",
            [f"MPJPE mm/mean/{part}" for part in ("Shoulder", "Elbow", "Wrist")],
        ),
        (Side("table6", "Ours, mean", "Elbow"), "adapt-dual Elbow MPJPE mm", ["MPJPE mm/mean/Elbow"]),
        (Side("table7", "Ours, average"), "finetune-dual", ["PCK@0.1/mean"]),
        (Side("figure8", "C: re-weighting", response="student"), "foreground student response", ["response/student"]),
    ],
)
def test_where_a_side_s_number_is(side: Side, name: str, keys: list[str]) -> None:
    row = row_of(paper("xie2021"), side)
    assert name_of(row, side) == name and keys_of(row, side) == keys


def test_a_table_s_mean_and_a_claim_s_number_are_the_same() -> None:
    """Of a row measured at paper scale in the paper's own unit."""
    row = row_of(paper("xie2021"), side := Side("table1", "Supervised, A, 1K"))
    assert keys_of(row, side, "paper") == ["AP/mean"] and keys_of(row, side) == ["PCK@0.1/mean"]


def test_the_text_ends_with_the_totals() -> None:
    put("supervised-10k", 0, 60.0)
    put("supervised-hard-10k", 0, 63.25)
    board = reproduce(claims=True)
    lines = board_text(board).splitlines()
    counts = totals(board)
    assert sum(counts.values()) == 2 * counts["total"] == 2 * len(board)
    assert lines[-1] == f"reproduced 0, contradicted 0, undecided 1, not run {len(board) - 1}, total {len(board)}"
    at = lines.index(f"undecided     {PAIR} (Section 6.2)")
    assert lines[at + 2].strip() == "supervised-hard-10k 63.2, supervised-10k 60.0; margin +3.2, seed 0"
    for one in board:
        assert any(one["source"] in line for line in lines) and any(one["says"] in line for line in lines)


def test_numbers_give_every_verdict_of_the_board() -> None:
    runs: dict[tuple[str, int], dict[str, float]] = {}
    for seed in range(3):
        runs["xie2021/supervised-10k", seed] = {"PCK@0.1/mean": 60.0 + seed}
        runs["xie2021/supervised-hard-10k", seed] = {"PCK@0.1/mean": 62.0 + seed}
    assert totals(board_of(runs, ["xie2021"]))["reproduced"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True])
def test_the_scoreboard_is_quick(tmp_path: Path, own: bool) -> None:
    """Without torch from the record; with three seeds of every row of a paper on disk, whose settings are compared with
    the methods' own, with torch, whose import is not ours to time, and with nothing else that is heavy."""
    for plan in paper("xie2021").plans if own else ():
        for seed in range(3):
            put(plan, seed, 50.0 + seed)
    script = (
        f"import sys, time\n{'import torch' if own else ''}\nbegan = time.process_time()\n"
        "from semipose.cli import main\ncode = main(['reproduce', '--claims'])\n"
        "took = time.process_time() - began\n"
        "print(*sorted({'torch', 'cv2', 'timm', 'av'} & set(sys.modules)), took, file=sys.stderr)\nsys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(semipose.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    *heavy, took = done.stderr.split()
    assert heavy == (["torch"] if own else [])
    assert " total " in done.stdout.splitlines()[-1]
    assert float(took) < 3, "seconds of a processor's time, whatever else it does"
