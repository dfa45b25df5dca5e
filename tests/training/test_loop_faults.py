"""Signals, kills, full disks and lost workers, and that every run goes on from them as if nothing had been."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from semipose.config import Config
from semipose.errors import UserError
from semipose.methods import options
from semipose.methods.base import Method
from semipose.models import checkpoint
from semipose.signals import EXIT_STOPPED, Stopped
from semipose.training import loop as train
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from semipose.verbs.synth import synth
from tests.fixtures.runs import STEPS, assert_same_runs, at_step, child, dies, exit_code, resume, tiny

pytestmark = pytest.mark.slow


def _trains(config: Config, run: RunDir, step: int, action: Callable[[], object]) -> None:
    """What a child process does: train, act within a step, and end with the code of the command line."""
    Method.after_step = at_step(step, action)  # type: ignore[method-assign]
    try:
        run_training(config, RunDir(run.path), progress=False)
    except Stopped:
        sys.exit(EXIT_STOPPED)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


@pytest.fixture
def free(run) -> RunDir:
    """A run folder that no process holds."""
    with run.lock():
        return run


def test_resuming_at_every_step_changes_no_bit(cache, run, reference) -> None:
    run_training(tiny(cache), run, progress=False, stop_at=1)
    for step in range(2, STEPS + 1):
        resume(tiny(cache, workers=2 * (step % 3 == 0)), run, stop_at=step)
    assert_same_runs(run, reference)
    before = run.last.read_bytes()
    assert resume(tiny(cache), run)["steps"] == STEPS, "a finished run is finished again"
    assert run.last.read_bytes() == before
    assert_same_runs(run, reference)


def test_a_run_that_an_average_teaches_and_tiles_are_mixed_in_resumes_to_the_bit(cache, tmp_path) -> None:
    """The teacher's parameters and statistics, and which stages mix how, are those of a run that was not stopped."""
    method = options("pose_mum_plus", decay=0.6, joint=True, statistics="sigma")
    config = replace(tiny(cache, steps=4, eval_every=0), method=method)
    whole, parts = RunDir.create(tmp_path / "whole"), RunDir.create(tmp_path / "parts")
    run_training(config, whole, progress=False)
    run_training(config, parts, progress=False, stop_at=1)
    resume(config, parts, stop_at=3)
    resume(config, parts)
    assert_same_runs(parts, whole)
    state = checkpoint.load(parts.last)["method"]
    student, teacher = (state[f"{net}.backbone.stages.stem.1.running_var"] for net in ("students.0", "teacher.net"))
    assert not torch.equal(student, teacher)


def test_a_batch_that_does_not_divide_into_groups_is_refused_before_anything_is_cut(tmp_path) -> None:
    config = tiny(tmp_path / "empty", "mum", optim={"unlabeled_batch": 6})
    with pytest.raises(UserError, match=r"6 unlabelled images .* optim.unlabeled_batch to 4 or 8"):
        run_training(config, RunDir.create(tmp_path / "refused"), progress=False)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_run_goes_on_from_its_last_checkpoint(cache, free, reference, workers) -> None:
    step = random.randrange(2, STEPS)
    process = child(_trains, tiny(cache, workers=workers, save_every=2), free, step, dies)
    assert exit_code(process) == -signal.SIGKILL
    assert checkpoint.load(free.last)["progress"]["step"] == step // 2 * 2
    resume(tiny(cache, workers=2 - workers, save_every=3), free)
    assert_same_runs(free, reference)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_asked_to_stop_finishes_the_step_and_saves(cache, free, reference, number) -> None:
    process = child(_trains, tiny(cache, workers=1), free, 2, lambda: dies(number))
    assert exit_code(process) == EXIT_STOPPED == 3
    assert checkpoint.load(free.last)["progress"]["step"] == 4, "the next one, as the step's backward pass was over"
    resume(tiny(cache), free)
    assert_same_runs(free, reference)


def test_asked_in_its_last_step_a_run_ends_as_it_would_have(cache, free, reference) -> None:
    assert exit_code(child(_trains, tiny(cache), free, STEPS - 1, lambda: dies(signal.SIGTERM))) == 0
    assert_same_runs(free, reference)


def _fills_the_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))


def test_a_full_disk_ends_the_run_and_keeps_its_checkpoint(cache, free, capfd, reference) -> None:
    process = child(_trains, tiny(cache, save_every=2), free, 4, _fills_the_disk)
    assert exit_code(process) == 1
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "File too large" in line)
    assert line.startswith(f"{free.last} could not be written")
    assert checkpoint.load(free.last)["progress"]["step"] == 4
    assert {file.name for file in free.checkpoints.iterdir()} == {"last.ckpt", "previous.ckpt", "best.ckpt"}
    resume(tiny(cache), free)
    assert_same_runs(free, reference)


def test_a_killed_worker_ends_the_run_and_keeps_its_checkpoint(cache, run, reference, monkeypatch) -> None:
    def kill() -> None:
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    monkeypatch.setattr(Method, "after_step", at_step(4, kill))
    config = tiny(cache, workers=2, save_every=2, steps=200)
    with pytest.raises(UserError, match=r"worker was lost: .* set workers=0"):
        run_training(config, run, progress=False)
    assert multiprocessing.active_children() == []
    assert checkpoint.load(run.last)["progress"]["step"] >= 4


def test_another_configuration_is_refused_with_its_differences(cache, run) -> None:
    run_training(tiny(cache, "single"), run, progress=False, stop_at=2)
    other = tiny(cache, "single", seed=1, optim={"lr": 0.5}, workers=2, save_every=7)
    with pytest.raises(UserError) as caught:
        resume(other, run)
    message = str(caught.value)
    assert "optim.lr: 0.001 -> 0.5" in message and "seed: 0 -> 1" in message and "--init-from" in message
    assert "workers" not in message and "save_every" not in message and "\n" not in message
    assert checkpoint.load(run.last)["progress"]["step"] == 2


def test_other_data_or_processes_are_refused(cache, run, monkeypatch) -> None:
    config = tiny(cache, "single")
    run_training(config, run, progress=False, stop_at=2)
    state = checkpoint.load(run.last)
    checkpoint.save(run.checkpoints / "two.ckpt", {**state, "world": 2})
    with pytest.raises(UserError, match="processes: 2 -> 1"):
        run_training(config, run, resume=run.checkpoints / "two.ckpt", progress=False)
    opened = train.open_sets

    def relabeled(*arguments: object) -> object:
        sets = opened(*arguments)
        sets.labeled[0].keypoints[3, 0] += 1
        return sets

    monkeypatch.setattr(train, "open_sets", relabeled)
    with pytest.raises(UserError, match="data: other samples or labels"):
        resume(config, run)


def _drawn(folder: Path, cache: Path, count: int = 12) -> Config:
    """A run on files: drawn people as pictures, with labels."""
    synth(folder, domain="studio", count=count, progress=False)
    return tiny(
        cache, "single", data={"labeled": str(folder / "annotations.json"), "unlabeled": str(folder / "images")}
    )


@pytest.mark.parametrize("use", ["labeled", "unlabeled", "val"])
def test_other_pixels_are_refused_by_name(tmp_path, run, use) -> None:
    config = _drawn(tmp_path / "people", tmp_path / "cache")
    if use == "val":
        _drawn(tmp_path / "others", tmp_path / "cache", 4)
        annotations = tmp_path / "others" / "annotations.json"
        annotations.write_text(annotations.read_text().replace("studio-0", "val-0"))
        for path in (tmp_path / "others" / "images").iterdir():
            path.rename(path.with_name(path.name.replace("studio-0", "val-0")))
        config = replace(config, data=replace(config.data, val=str(annotations)))
    run_training(config, run, progress=False, stop_at=2)
    folder = tmp_path / ("others" if use == "val" else "people") / "images"
    for number in (2, 3):
        path = sorted(folder.iterdir())[number]
        stat = path.stat()
        content = cv2.imencode(".png", 255 - cv2.imread(str(path)))[1].tobytes()
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    name = sorted(folder.iterdir())[2].name
    with pytest.raises(
        UserError, match=rf"2 images of {use} have another content, first .*{name}.*--init-from"
    ) as caught:
        resume(config, run)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_knows_no_pixels_goes_on(tmp_path, run) -> None:
    config = _drawn(tmp_path / "people", tmp_path / "cache")
    run_training(config, run, progress=False, stop_at=2)
    state = checkpoint.load(run.last)
    assert set(state.pop("contents")) == {"labeled", "unlabeled", "val"}
    checkpoint.save(run.last, state)
    path = min((tmp_path / "people" / "images").iterdir())
    path.write_bytes(cv2.imencode(".png", 255 - cv2.imread(str(path)))[1].tobytes())
    resume(config, run, stop_at=3)
    assert checkpoint.load(run.last)["progress"]["step"] == 3


def test_pictures_that_were_copied_or_touched_are_the_same(tmp_path, run) -> None:
    config = _drawn(tmp_path / "people", tmp_path / "cache")
    run_training(config, run, progress=False, stop_at=2)
    for path in (tmp_path / "people" / "images").iterdir():
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    resume(replace(config, data=replace(config.data, cache=str(tmp_path / "other"))), run, stop_at=3)


def test_a_damaged_checkpoint_is_refused_before_anything_is_read(cache, run, monkeypatch) -> None:
    run_training(tiny(cache, "single", save_every=1), run, progress=False, stop_at=2)
    data = bytearray(run.last.read_bytes())
    data[-100] ^= 1
    run.last.write_bytes(data)
    opened = train.open_sets
    monkeypatch.setattr(train, "open_sets", None)
    previous = run.checkpoints / "previous.ckpt"
    with pytest.raises(UserError, match=f"is damaged.*{previous} is whole"):
        resume(tiny(cache, "single", save_every=1), run)
    monkeypatch.setattr(train, "open_sets", opened)
    run_training(tiny(cache, "single"), RunDir(run.path), resume=previous, progress=False, stop_at=3)
    assert checkpoint.load(run.last)["progress"]["step"] == 3


def test_bits_that_differ_would_be_seen(tmp_path, reference) -> None:
    run = RunDir(Path(shutil.copytree(reference.path, tmp_path / "copy")))
    assert_same_runs(run, reference)
    state = checkpoint.load(run.last)
    name = next(key for key in state["method"] if key.endswith("running_mean"))
    state["method"][name] = torch.nextafter(state["method"][name], torch.tensor(9.0))
    checkpoint.save(run.last, state)
    with pytest.raises(AssertionError, match="method differs"):
        assert_same_runs(run, reference)
