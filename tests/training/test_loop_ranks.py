"""Two processes on the CPU, as torchrun starts them: the same run as one."""

from __future__ import annotations

import csv
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from semipose.config import Config
from semipose.errors import UserError
from semipose.methods.base import Method
from semipose.models import checkpoint, precision
from semipose.signals import EXIT_STOPPED, Stopped
from semipose.training import stream
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from tests.fixtures import ranks
from tests.fixtures.runs import STEPS, at_step, dies, exit_code, resume, tiny


def _fixed(self: nn.BatchNorm2d, mode: bool = True) -> nn.Module:
    return nn.Module.train(self, False)


def _trains(rank: int, config: Config, path: Path, second: Callable[[], None], number: int) -> None:
    rows, whole = [], stream.Batches._rows

    def recorded(self, step: int, batch: int, n: int, kind: int):
        found = whole(self, step, batch, n, kind)
        rows.append((step, kind, found.tolist()))
        return found

    stream.Batches._rows = recorded
    if rank:
        Method.after_step = at_step(number, second)
    code = 0
    try:
        run_training(config, RunDir.create(path), progress=False)
    except Stopped:
        code = EXIT_STOPPED
    except UserError as error:
        print(f"rank {rank}: {error}", file=sys.stderr)
        code = 1
    path.with_name(f"rows{rank}").write_text(repr(rows))
    sys.stderr.flush()
    os._exit(code)  # without waiting for the other at the process group's end


def two(config: Config, path: Path, *, second: Callable[[], None] = lambda: None, at: int = 2) -> list[int | None]:
    """Train in two processes, `second` acting in one step of rank 1; their exit codes."""
    return [exit_code(process) for process in ranks.two(_trains, config, path, second, at)]


MUON = {"name": "muon", "lr": 0.02}


@pytest.mark.slow
@pytest.mark.parametrize("optim", [{}, MUON], ids=["adam", "muon"])
def test_two_processes_train_as_one(optim, cache, tmp_path, monkeypatch) -> None:
    """To the fifth digit where batch norm does not look at batches, which makes more of what is rounded otherwise."""
    monkeypatch.setattr(nn.BatchNorm2d, "train", _fixed)
    alone = tiny(cache, "single", log_every=2, optim=optim)
    assert two(replace(alone, strategy="ddp", devices=2), tmp_path / "two") == [0, 0]
    one, both = RunDir.create(tmp_path / "one"), RunDir(tmp_path / "two")
    run_training(alone, one, progress=False)
    assert not (tmp_path / "two-2").exists()

    rows = [eval((tmp_path / f"rows{rank}").read_text()) for rank in (0, 1)]
    assert len(rows[0]) == 2 * STEPS
    for (step, kind, first), (_, _, second) in zip(*rows, strict=True):
        assert first + second == stream.positions(step, 4, 12, 0, kind).tolist()

    mine, theirs = (checkpoint.load(run.last) for run in (one, both))
    for part in ("method", "optimizer"):
        a, b = (tensors(each[part]) for each in (mine, theirs))
        assert len(a) == len(b) and max((x - y).abs().max() for x, y in zip(a, b, strict=True)) < 1e-5
    for a, b in zip(*(list(csv.DictReader(run.metrics.open())) for run in (one, both)), strict=True):
        assert set(a) == set(b)
        # What teaches is measured in batches of one device's size, each with its own draws.
        alike = [key for key in a if key != "seconds" and not key.startswith("pseudo/")]
        assert all(a[key] == b[key] or abs(float(a[key]) - float(b[key])) < 1e-5 for key in alike)
    with pytest.raises(UserError, match=r"devices: 2 -> 1.*processes: 2 -> 1"):
        resume(alone, both)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dual", "pose_mum_plus", pytest.param("multiaugs_dual", marks=pytest.mark.slow)])
def test_batch_norm_is_of_the_whole_batch(method, cache, tmp_path) -> None:
    """Its statistics that are estimated at the end too. Dual's teachers normalise as they teach; MultiAugs pastes parts
    of the other process's images."""
    whole = {"unlabeled_batch": 8} if method.startswith("pose_mum") else {}
    alone = tiny(cache, method, steps=2, optim=whole, norm_batches=2, eval_every=0, pseudo=0)
    assert two(replace(alone, strategy="ddp", devices=2), tmp_path / "two") == [0, 0]
    one, both = RunDir.create(tmp_path / "one"), RunDir(tmp_path / "two")
    run_training(alone, one, progress=False)
    mine, theirs = (checkpoint.load(run.last)["method"] for run in (one, both))
    for name, value in mine.items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-4, atol=1e-5, msg=name)


def tensors(state: object) -> list[torch.Tensor]:
    """All of a nested state, in order."""
    if isinstance(state, torch.Tensor):
        return [state]
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return [value for each in inner for value in tensors(each)]


@pytest.mark.slow
def test_two_processes_take_one_precision(cache, tmp_path, monkeypatch) -> None:
    """By the mean of their times, where each alone would take another."""

    def timed(*arguments: object) -> float:
        return 1.0 if arguments[-1] == precision.FP32 else {"0": 0.1, "1": 5.0}[os.environ["RANK"]]

    monkeypatch.setattr(precision, "_timed", timed)
    assert two(tiny(cache, "single", strategy="ddp", devices=2, precision="auto"), tmp_path / "two") == [0, 0]
    taken = checkpoint.load(tmp_path / "two" / "checkpoints" / "last.ckpt")["precision"]
    times = pytest.approx({precision.FP32: 1.0, precision.BF16: 2.55})
    assert taken == {"learning": precision.FP32, "teaching": precision.FP32, "seconds": taken["seconds"]}
    assert taken["seconds"] == {"learning": times, "teaching": times}


@pytest.mark.slow
def test_a_signal_to_one_process_stops_both(cache, tmp_path) -> None:
    config = tiny(cache, "supervised", strategy="ddp", devices=2)
    assert two(config, tmp_path / "two", second=lambda: dies(signal.SIGTERM)) == [EXIT_STOPPED] * 2
    assert checkpoint.load(tmp_path / "two" / "checkpoints" / "last.ckpt")["progress"]["step"] == 4


def _loses_a_value() -> None:
    whole = Method.labels

    def labels(self: Method, *arguments: object) -> object:
        target = whole(self, *arguments)
        return type(target)(target.heatmaps * torch.nan, target.weight, target.frame)

    Method.labels = labels


@pytest.mark.slow
def test_what_is_not_finite_in_one_process_ends_both(cache, tmp_path, capfd) -> None:
    config = tiny(cache, "supervised", strategy="ddp", devices=2)
    assert two(config, tmp_path / "two", second=_loses_a_value) == [1, 1]
    assert capfd.readouterr().err.count("step 3: the loss or a gradient is not finite") == 2


def test_a_killed_process_ends_the_other_with_a_sentence(cache, tmp_path, capfd) -> None:
    config = tiny(cache, "supervised", strategy="ddp", devices=2, save_every=1, steps=200)
    began = time.monotonic()
    assert two(config, tmp_path / "two", second=dies) == [1, -signal.SIGKILL]
    assert time.monotonic() - began < 50
    last = tmp_path / "two" / "checkpoints" / "last.ckpt"
    (line,) = (line for line in capfd.readouterr().err.splitlines() if line.startswith("rank 0"))
    assert re.fullmatch(rf"rank 0: another of the 2 processes .* go on with --resume {last}", line)
    assert checkpoint.load(last)["progress"]["step"] >= 2


def test_a_process_whose_own_error_ends_it_ends_the_other(cache, tmp_path, capfd) -> None:
    def fails() -> None:
        raise UserError("a picture is damaged")

    config = tiny(cache, "supervised", strategy="ddp", devices=2)
    assert two(config, tmp_path / "two", second=fails) == [1, 1]
    said = capfd.readouterr().err
    assert "rank 1: a picture is damaged" in said and "rank 0: another of the 2 processes" in said
