from __future__ import annotations

import contextlib
import csv
import os
import resource
from collections.abc import Iterable
from multiprocessing import get_context
from pathlib import Path

import pytest
import yaml

from semipose.config import Config, to_dict
from semipose.errors import UserError
from semipose.training.rundir import BEFORE, LOCK, MARKER, MetricsFile, RunDir
from tests.fixtures.projects import deeplabcut
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


FILES = (
    *("config.yaml", "split.json", "metrics.csv", "summary.json", "evaluation.json", "report.html"),
    *("model.safetensors", "model.json", "model-b.safetensors", "model-b.json", "checkpoints/last.ckpt"),
    *("checkpoints/best.ckpt", "predictions/val.json", "tensorboard/events.out.tfevents.1.a.0"),
)
OTHERS = ("notes.txt", "labels/split.json", "checkpoints/mine.txt", "model/weights.bin", "photo.png")


def filled(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def listing(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.name != LOCK}


@pytest.mark.parametrize("marked", [True, False])
def test_overwrite_removes_a_run_s_files_and_no_others(tmp_path, marked) -> None:
    run = used(tmp_path / "run").path
    filled(run, (*FILES, *OTHERS))
    whole = listing(run)
    if not marked:
        (run / MARKER).unlink()
        (run / "config.yaml").write_text(yaml.safe_dump(to_dict(Config())))
    again = RunDir.create(run, overwrite=True)
    left = {*OTHERS, MARKER}
    kept = {str(Path(BEFORE, name)) for name in {*whole, "config.yaml"} - left}
    assert again.path == run and set(listing(run)) == left | kept and not (run / "predictions").exists()
    with pytest.raises(UserError, match="in use"), RunDir(run).lock():
        pass
    with again.lock():
        again.write_yaml("config.yaml", {})
        again.begun()
    assert set(listing(run)) == {*left, "config.yaml"} and RunDir.create(run).path.name == "run-2"


def test_a_run_that_does_not_begin_leaves_what_it_was_to_overwrite(tmp_path: Path) -> None:
    run = used(tmp_path / "run").path
    filled(run, (*FILES, *OTHERS))
    with RunDir.create(run / "finder", overwrite=True).lock():
        filled(run / "finder", ("config.yaml", "model.safetensors"))
    before = listing(run)
    with pytest.raises(ZeroDivisionError), RunDir.create(run, overwrite=True).restored():
        filled(run, ("finder/config.yaml", "finder/find.json", "for.yaml"))
        raise ZeroDivisionError
    assert listing(run) == before and not (run / BEFORE).exists()


def test_what_goes_on_later_and_a_link_of_that_name(tmp_path: Path) -> None:
    run, elsewhere = used(tmp_path / "run").path, tmp_path / "elsewhere"
    filled(run, FILES)
    elsewhere.mkdir()
    (run / BEFORE).symlink_to(elsewhere)
    with pytest.raises(InterruptedError), RunDir.create(run, overwrite=True).restored(InterruptedError):
        filled(run, ("for.yaml", "finder/config.yaml"))
        raise InterruptedError
    assert not list(elsewhere.iterdir()) and (run / "finder" / "config.yaml").exists() and (run / BEFORE).is_dir()


def test_what_a_killed_start_set_aside_is_not_lost(tmp_path: Path) -> None:
    run = used(tmp_path / "run").path
    filled(run, FILES)
    before = listing(run)
    with RunDir.create(run, overwrite=True).lock():
        pass  # and killed before it began
    again = RunDir.create(run, overwrite=True)
    again.restore()
    assert listing(run) == before


def test_of_a_finder_in_use_nothing_is_set_aside(tmp_path: Path) -> None:
    run = used(tmp_path / "run").path
    filled(run, FILES)
    inner = RunDir.create(run / "finder")
    before = listing(run)
    with pytest.raises(UserError, match="in use"):
        RunDir.create(run, overwrite=True)
    with inner.lock():
        assert listing(run) == before


@pytest.mark.parametrize("kind", ["notes", "DeepLabCut", "another tool's configuration", "no YAML", "a configuration"])
def test_what_is_no_run_is_not_overwritten(tmp_path, kind) -> None:
    mine = deeplabcut(tmp_path / "mine") if kind == "DeepLabCut" else tmp_path / "mine"
    filled(mine, ("notes.txt", "split.json", "model.json", "checkpoints/last.ckpt"))
    texts = {
        "another tool's configuration": "data: {}\nmodel: {}\n",
        "no YAML": "[",
        "a configuration": yaml.safe_dump(to_dict(Config())),
    }
    if kind in texts:
        (mine / "config.yaml").write_text(texts[kind])
    if kind == "a configuration":
        (mine / "split.json").unlink()
        (mine / "checkpoints").rename(mine / "weights")
    before = listing(mine)
    with pytest.raises(UserError, match=f"{mine} is no run of semipose .*choose another folder with --out"):
        RunDir.create(mine, overwrite=True)
    assert RunDir.create(mine).path.name == "mine-2"
    assert listing(mine) == before and not (mine / LOCK).exists()


def test_overwrite_follows_no_link(tmp_path) -> None:
    run, elsewhere = used(tmp_path / "run").path, tmp_path / "elsewhere"
    filled(elsewhere, ("last.ckpt", "val.json", "metrics.csv"))
    before = listing(elsewhere)
    (run / "checkpoints").symlink_to(elsewhere)
    (run / "predictions").symlink_to(elsewhere)
    (run / "metrics.csv").symlink_to(elsewhere / "metrics.csv")
    with RunDir.create(run, overwrite=True).lock():
        assert listing(elsewhere) == before and not (run / "checkpoints").exists()
        filled(run, FILES)
    (tmp_path / "link").symlink_to(run)
    with pytest.raises(UserError, match="link is a link and is not overwritten"):
        RunDir.create(tmp_path / "link", overwrite=True)
    assert set(FILES) < set(listing(run))


def test_a_running_one_is_not_overwritten(tmp_path) -> None:
    run = RunDir.create(tmp_path / "run")
    run.write_yaml("config.yaml", {})
    with pytest.raises(UserError, match="in use by another process; wait for it or choose another --out"):
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
    with pytest.raises(UserError, match=r"run is in use by another process; wait for it$"), RunDir(run.path).lock():
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


@pytest.mark.parametrize("content", [b"step,a\n1,\xff\n", b"step,a\n1," + b"x" * 200_000 + b"\n", b"step,a\n1,2,3,4\n"])
def test_a_damaged_table_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        MetricsFile(tmp_path / "metrics.csv", 5)
    assert (tmp_path / "metrics.csv").read_bytes() == content


def test_what_others_call_a_part_is_theirs(tmp_path: Path) -> None:
    run = used(tmp_path / "run").path
    filled(run, ("thesis.part", "config.yaml", "config.yaml.0a1b2c3d.part", "checkpoints/mine.part"))
    RunDir.create(run, overwrite=True).begun()
    assert set(listing(run)) == {MARKER, "thesis.part", "checkpoints/mine.part"}


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("back", [True, False])
def test_wherever_it_is_interrupted_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool, back: bool
) -> None:
    """While an old run is set aside, or put back, at each of its files."""
    for stops in range(1, 60):
        run = used(tmp_path / f"run{stops}").path
        filled(run, (*FILES, "from.json", "start.safetensors"))
        before, calls, real = listing(run), 0, os.replace

        def move(*places: object, stops: int = stops, real: object = real) -> None:
            nonlocal calls
            calls += 1
            if calls == stops:
                raise OSError(28, "No space left on device")
            real(*places)  # type: ignore[operator]

        if back:
            with RunDir.create(run, overwrite=True).lock():
                filled(run, ("for.yaml", "finder/config.yaml"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", move)
            if killed and not back:
                patch.setattr(RunDir, "restore", lambda self: None)
            with contextlib.suppress(UserError):
                if back:
                    RunDir(run).restore()
                else:
                    RunDir.create(run, overwrite=True)
        with RunDir.create(run, overwrite=True).lock():
            RunDir(run).restore()
        found = {name: content for name, content in listing(run).items() if not name.startswith("finder")}
        assert found == before, stops
        if calls < stops:
            return
    pytest.fail("it is never done")
