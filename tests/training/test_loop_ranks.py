"""Two processes on the CPU, as torchrun starts them: the same run as one, where batch norm does not look at batches."""

from __future__ import annotations

import csv
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from semipose.config import Config
from semipose.errors import UserError
from semipose.methods.base import Method
from semipose.models import checkpoint
from semipose.training import precision, stream
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from semipose.training.signals import EXIT_STOPPED, Stopped
from tests.fixtures.runs import STEPS, at_step, child, dies, exit_code, resume, tiny


def _fixed(self: nn.BatchNorm2d, mode: bool = True) -> nn.Module:
    return nn.Module.train(self, False)


def _rank(config: Config, path: Path, rank: int, port: int, record: Path, act: Callable[[], None]) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test"}
    os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    rows, whole = [], stream.Batches._rows

    def recorded(self, step: int, batch: int, n: int, kind: int):
        found = whole(self, step, batch, n, kind)
        rows.append((step, kind, found.tolist()))
        return found

    stream.Batches._rows = recorded
    nn.BatchNorm2d.train = _fixed
    Method.after_step = at_step(2, act)
    code = 0
    try:
        run_training(config, RunDir.create(path), progress=False)
    except Stopped:
        code = EXIT_STOPPED
    record.with_name(f"rows{rank}").write_text(repr(rows))
    sys.stdout.flush()
    os._exit(code)  # without waiting for the other at the process group's end


def two(config: Config, path: Path, *, second: Callable[[], None] = lambda: None) -> list[int | None]:
    """Train in two processes, `second` acting in step 2 of rank 1; their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    acts = (lambda: None, second)
    children = [child(_rank, config, path, rank, port, path, acts[rank]) for rank in (0, 1)]
    return [exit_code(process) for process in children]


MUON = {"name": "muon", "lr": 0.02}


@pytest.mark.parametrize("optim", [{}, MUON], ids=["adam", "muon"])
def test_two_processes_train_as_one(optim, cache, tmp_path, monkeypatch) -> None:
    config = tiny(cache, "single", strategy="ddp", devices=2, log_every=2, optim=optim)
    assert two(config, tmp_path / "two") == [0, 0]
    monkeypatch.setattr(nn.BatchNorm2d, "train", _fixed)
    one, both = RunDir.create(tmp_path / "one"), RunDir(tmp_path / "two")
    run_training(tiny(cache, "single", log_every=2, optim=optim), one, progress=False)
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
        resume(tiny(cache, "single", log_every=2, optim=optim), both)


def tensors(state: object) -> list[torch.Tensor]:
    """All of a nested state, in order."""
    if isinstance(state, torch.Tensor):
        return [state]
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return [value for each in inner for value in tensors(each)]


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


def test_what_is_not_finite_in_one_process_ends_both(cache, tmp_path, capfd) -> None:
    config = tiny(cache, "supervised", strategy="ddp", devices=2)
    assert two(config, tmp_path / "two", second=_loses_a_value) == [1, 1]
    assert capfd.readouterr().err.count("UserError: step 3: the loss or a gradient is not finite") == 2
