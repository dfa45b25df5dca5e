from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from semipose.errors import UserError
from semipose.reports.runs import duration, parse_metrics, read_run, read_runs, wilson
from semipose.training.rundir import RunDir
from tests.fixtures.fake_runs import make_run


def test_reads_everything(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "dual"), "dual")
    assert run.notes == () and run.method == "dual" and run.networks == ["a", "b", "ensemble"]
    assert run.predictions is not None
    away = [run.predictions.distance(name) for name in ("a", "b")]
    assert run.pck == run.scores["mean"]["pck"]
    assert run.pck == pytest.approx(np.mean([(d <= 0.1).sum() / np.isfinite(d).sum() for d in away]))
    assert run.predictions.truth.shape == (16, 14, 3)
    assert run.config_values["model.backbone"] == "resnet18"


def test_an_empty_directory_is_all_notes(tmp_path: Path) -> None:
    run = read_run(tmp_path, "empty")
    assert run.pck is None and run.networks == [] and run.metrics == {} and run.warnings == []
    assert [n.split()[0] for n in run.notes] == [
        "config.yaml", "metrics.csv", "summary.json", "predictions/val.json", "summary.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", "3", '{"samples": []}', '{"samples": [1], "skeleton": {}}', "\x00"]
)
def test_broken_files_become_notes(tmp_path: Path, text: str) -> None:
    make_run(tmp_path / "run", n=4)
    for file in ("summary.json", "predictions/val.json"):
        (tmp_path / "run" / file).write_text(text)
    run = read_run(tmp_path / "run", "run")
    assert any("predictions/val.json could not be read" in n for n in run.notes)
    assert run.predictions is None and run.scores == {}
    assert run.pck == pytest.approx(run.metrics["val/pck"][-1]), "the last measured value stands in"


def test_pipes_become_notes(tmp_path: Path) -> None:
    for name in ("config.yaml", "split.json"):
        os.mkfifo(tmp_path / name)
    (run,) = read_runs([tmp_path])
    assert run.config is None and any("it is no plain file" in note for note in run.notes)


def test_binary_files_become_notes(tmp_path: Path) -> None:
    for file in ("config.yaml", "metrics.csv", "summary.json"):
        (tmp_path / file).write_bytes(b"\xff\xfe\x00\x81")
    assert sum("could not be read" in n for n in read_run(tmp_path, "x").notes) == 3


@pytest.mark.parametrize("val", [[], {"mean": 3}, {"mean": {}, "networks": ["a"]}, {"mean": {}, "networks": {"a": 1}}])
def test_a_malformed_evaluation_is_not_believed(tmp_path: Path, val: object) -> None:
    run = read_run(make_run(tmp_path / "run", n=4, val=val), "run")
    assert run.networks == ["a", "b", "ensemble"] and "no evaluation" in run.notes[0]


def test_scores_are_computed_where_the_summary_has_none(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run")
    before = read_run(path, "run")
    (path / "summary.json").write_text(json.dumps({"method": "dual", "val": None}))
    after = read_run(path, "run")
    assert after.pck == before.pck and "computed from the predictions" in after.notes[0]


def test_metrics_with_blank_and_cut_cells() -> None:
    metrics = parse_metrics("step,loss/a,val/pck\n0,0.5,\n10,0.4,0.25\n20,oops,0.5\n30,0.")
    assert metrics["step"].tolist() == [0, 10, 20, 30]
    assert np.array_equal(metrics["loss/a"], [0.5, 0.4, np.nan, 0.0], equal_nan=True)
    assert np.array_equal(metrics["val/pck"], [np.nan, 0.25, 0.5, np.nan], equal_nan=True)
    assert parse_metrics("") == {}


def test_runs_are_named_apart(tmp_path: Path) -> None:
    for name in ("one/dual", "two/dual", "two/single"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("steps: 1")
    assert [r.name for r in read_runs([tmp_path / "one/dual", tmp_path / "two/single"])] == ["dual", "single"]
    assert [r.name for r in read_runs([tmp_path / "one/dual", tmp_path / "two/dual"])] == ["one/dual", "two/dual"]
    assert len(read_runs([tmp_path / "one/dual", tmp_path / "one/../one/dual"])) == 1, "given twice, shown once"


def test_missing_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run directory at .*nowhere"):
        read_runs([tmp_path / "nowhere"])
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "0.png").write_text("a picture")
    with pytest.raises(UserError, match=r"no run directory at .*nowhere"):
        read_runs([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="no run directory given"):
        read_runs([])


def test_duration() -> None:
    assert [duration(s) for s in (None, 5.2, 65, 4321, 360000)] == [
        "–",
        "5 s",
        "1 min 05 s",
        "1 h 12 min",
        "100 h 00 min",
    ]


def test_wilson_s_interval() -> None:
    """Of Newcombe (1998), 81 of 263 and 0 of 20."""
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)


def test_a_run_that_has_just_begun_is_one(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path / "run")
    assert "config.yaml is missing" in " ".join(read_runs([run.path])[0].notes)
