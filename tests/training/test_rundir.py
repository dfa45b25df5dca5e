from __future__ import annotations

import csv
import os
import resource
from multiprocessing import get_context
from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.training.rundir import MetricsFile, RunDir
from tests.fixtures.runs import child, exit_code


def used(path: Path) -> RunDir:
    """A folder that a run was written to."""
    run = RunDir.create(path)
    run.write_yaml("config.yaml", {"steps": 1})
    with run.lock():
        return run


def test_a_name_that_is_taken_gets_a_number(tmp_path) -> None:
    names = [used(tmp_path / "run").path.name for _ in range(3)]
    assert names == ["run", "run-2", "run-3"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("")
    assert RunDir.create(tmp_path / "mine").path.name == "mine-2"


def test_a_folder_without_a_run_is_used(tmp_path) -> None:
    (tmp_path / "run").mkdir()
    with RunDir.create(tmp_path / "run").lock():
        pass
    assert RunDir.create(tmp_path / "run").path.name == "run", "what failed before its first file leaves the name free"


def test_overwrite_replaces_runs_and_nothing_else(tmp_path) -> None:
    used(tmp_path / "run")
    run = RunDir.create(tmp_path / "run", overwrite=True)
    assert run.path.name == "run" and not (run.path / "config.yaml").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("")
    assert RunDir.create(tmp_path / "mine", overwrite=True).path.name == "mine-2"
    assert (tmp_path / "mine" / "notes.txt").exists()


def test_a_running_one_is_not_overwritten(tmp_path) -> None:
    run = RunDir.create(tmp_path / "run")
    run.write_yaml("config.yaml", {})
    with pytest.raises(UserError, match="run is in use by another process"):
        RunDir.create(tmp_path / "run", overwrite=True)
    assert (run.path / "config.yaml").exists()


def _creates(path: Path, barrier, queue) -> None:
    barrier.wait()
    run = RunDir.create(path)
    queue.put(run.path.name)
    barrier.wait()


def test_processes_that_create_one_at_once_get_one_each(tmp_path) -> None:
    context = get_context("fork")
    barrier, queue = context.Barrier(4), context.Queue()
    children = [child(_creates, tmp_path / "run", barrier, queue) for _ in range(4)]
    names = sorted(queue.get(timeout=30) for _ in children)
    assert [exit_code(c) for c in children] == [0] * 4
    assert names == ["run", "run-2", "run-3", "run-4"]


@pytest.mark.parametrize("variable", ["RANK", "LOCAL_RANK"])
def test_of_a_distributed_run_only_the_first_process_creates(tmp_path, monkeypatch, variable) -> None:
    monkeypatch.setenv(variable, "1")
    assert not RunDir.create(tmp_path / "run").path.exists()
    monkeypatch.setenv(variable, "0")
    assert RunDir.create(tmp_path / "run").path.exists()


def test_one_process_at_a_time(tmp_path) -> None:
    run = RunDir.create(tmp_path / "run")
    with pytest.raises(UserError, match="run is in use by another process; wait"), RunDir(run.path).lock():
        pass
    with run.lock(), pytest.raises(UserError, match="in use"), RunDir(run.path).lock():
        pass
    with RunDir(run.path).lock():
        pass


def test_where_nothing_can_be_written(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "run", tmp_path / "file"):
        with pytest.raises(UserError, match=f"run folder {path} cannot be written .*choose another with --out"):
            RunDir.create(path)


def test_json_holds_no_nan(run) -> None:
    assert run.read_json(run.write_json("sub/a.json", {"b": [1.5, None]}).relative_to(run.path)) == {"b": [1.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        run.write_json("sub/a.json", {"b": float("nan")})
    assert run.read_json("sub/a.json") == {"b": [1.5, None]}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_new_columns_are_blank_above(tmp_path) -> None:
    table = MetricsFile(tmp_path / "m.csv", 0)
    table.add({"step": 1, "loss": 0.1})
    table.add({"step": 2, "loss": 1 / 3, "val": 0.5})
    table.add({"step": 3, "val": 1.0})
    expected = [("1", "0.1", ""), ("2", "0.333333333", "0.5"), ("3", "", "1")]
    assert [tuple(row.values()) for row in rows(tmp_path / "m.csv")] == expected
    assert list(rows(tmp_path / "m.csv")[0]) == ["step", "loss", "val"]


def test_resuming_drops_what_came_after_the_checkpoint(tmp_path) -> None:
    path = tmp_path / "m.csv"
    table = MetricsFile(path, 0)
    for step in range(1, 6):
        table.add({"step": step, "loss": step / 10})
    MetricsFile(path, 3).add({"step": 4, "loss": 0.9})
    assert [f"{row['step']}: {row['loss']}" for row in rows(path)] == ["1: 0.1", "2: 0.2", "3: 0.3", "4: 0.9"]
    MetricsFile(path, 0).add({"step": 1, "loss": 0.5})
    assert [row["loss"] for row in rows(path)] == ["0.5"]


def test_a_last_line_that_was_cut_short_is_dropped(tmp_path) -> None:
    path = tmp_path / "m.csv"
    table = MetricsFile(path, 0)
    table.add({"step": 5, "loss": 0.1})
    table.add({"step": 10, "loss": 0.2})
    whole = path.read_bytes()
    for cut in range(1, len("10,0.2\r\n")):
        path.write_bytes(whole[:-cut])
        assert [row["step"] for row in MetricsFile(path, 100).rows] in (["5"], ["5", "10"])
        assert rows(path)[-1]["loss"] in ("0.1", "0.2"), "no number is cut"


def test_what_is_no_table_of_metrics_is_refused(tmp_path) -> None:
    for text in ("step,loss\na,1\n", "loss\n1\n"):
        (tmp_path / "m.csv").write_text(text)
        with pytest.raises(UserError, match=r"m.csv is damaged"):
            MetricsFile(tmp_path / "m.csv", 10)


def _writes_on_a_full_disk(path: Path) -> None:
    table = MetricsFile(path, 100)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 2,) * 2)
    with pytest.raises(UserError, match=r"cannot be written \(File too large\)"):
        table.add({"step": 2, "loss": 0.123456})
    with pytest.raises(UserError, match=r"m.csv could not be written \(File too large\)"):
        table.add({"step": 3, "loss": 0.123456, "val": 0.5})


def test_a_full_disk_leaves_the_rows_of_before(tmp_path) -> None:
    path = tmp_path / "m.csv"
    MetricsFile(path, 0).add({"step": 1, "loss": 0.1})
    assert exit_code(child(_writes_on_a_full_disk, path)) == 0
    assert [row["step"] for row in MetricsFile(path, 100).rows] == ["1"]
    assert os.listdir(tmp_path) == ["m.csv"]
