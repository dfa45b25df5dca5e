from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from semipose.data.crops.build import CropSpec, build_crops
from semipose.errors import UserError
from semipose.training import stream
from semipose.training.stream import Batches, Share, loading, positions
from tests.fixtures.runs import dies, points


@pytest.mark.parametrize(("batch", "n"), [(4, 12), (5, 12), (7, 3)])
def test_every_sample_once_a_pass(batch, n) -> None:
    stream_of = np.concatenate([positions(step, batch, n, 0, 1) for step in range(3 * n)])
    passes = stream_of[: len(stream_of) // n * n].reshape(-1, n)
    assert (np.sort(passes, 1) == np.arange(n)).all()
    assert n < 4 or len({tuple(order) for order in passes}) == len(passes), "each pass has its own order"


def test_the_order_is_keyed_by_seed_and_stream() -> None:
    assert (positions(5, 4, 12, 0, 1) == positions(5, 4, 12, 0, 1)).all()
    keys = [(0, 1), (0, 2), (1, 1)]
    assert len({tuple(positions(0, 12, 12, *key)) for key in keys}) == 3


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_ranks_share_a_batch(world) -> None:
    whole = positions(2, 6, 12, 0, 1)
    parts = [whole[Share(rank, world).of(6)] for rank in range(world)]
    assert (np.concatenate(parts) == whole).all() and {len(part) for part in parts} == {6 // world}


@pytest.mark.parametrize(("batch", "world"), [(5, 2), (0, 1), (-4, 2)])
def test_a_batch_that_does_not_divide_is_refused(batch, world) -> None:
    with pytest.raises(UserError, match=f"batch of {batch} does not divide over {world} devices"):
        Batches([], None, 4, batch, 0, Share(0, world))


@pytest.fixture(scope="module")
def crops(cache):
    return build_crops(points(6), CropSpec((64, 48), (64, 48)), cache, progress=False)


def test_batches_hold_the_rows_of_their_positions(crops) -> None:
    batches = Batches(crops, crops, 4, 2, 7, Share())
    batch, rows = batches[5], positions(5, 4, 6, 7, stream.LABELED)
    assert torch.equal(batch["labeled"], torch.from_numpy(crops.images(rows)))
    assert torch.equal(batch["keypoints"], torch.from_numpy(crops.keypoints(rows)))
    others = positions(5, 2, 6, 7, stream.UNLABELED)
    assert torch.equal(batch["unlabeled"], torch.from_numpy(crops.images(others)))
    assert set(Batches(crops, None, 4, 4, 7, Share())[0]) == {"labeled", "keypoints"}


def test_epochs_are_passes_over_the_unlabelled_samples(crops) -> None:
    assert Batches(crops, crops, 3, 4, 0, Share()).steps_of(1) == 2
    assert Batches(crops, crops, 3, 4, 0, Share()).steps_of(2) == 3
    assert Batches(crops, None, 3, 4, 0, Share()).steps_of(2) == 4
    assert Batches(crops, None, 3, 4, 0, Share()).steps_of(0) == 0


def test_windows_stand_in_a_batch_frame_by_frame(crops) -> None:
    """So that images next to each other are of different windows; each rank has whole ones."""
    windows = np.array([[4, 5], [0, 1], [2, 3]])
    batches = Batches(crops, crops, 4, 4, 7, Share(), windows)
    batch, chosen = batches[3], windows[positions(3, 2, 3, 7, stream.UNLABELED)]
    rows = [*chosen[:, 0], *chosen[:, 1]]
    assert torch.equal(batch["unlabeled"], torch.from_numpy(crops.images(rows)))
    assert np.allclose(batch["to_crop"].numpy(), crops.matrices[rows], atol=1e-4)
    assert batch["to_crop"].dtype == torch.float32
    for rank in (0, 1):
        mine = Batches(crops, crops, 4, 4, 7, Share(rank, 2), windows)[3]["unlabeled"]
        assert torch.equal(mine, torch.from_numpy(crops.images(chosen[rank])))
    assert batches.steps_of(2) == 3 and [batches.ends_epoch(step) for step in range(3)] == [False, True, True]
    with pytest.raises(UserError, match="a batch of 2 does not divide over 4 devices"):
        Batches(crops, crops, 4, 4, 7, Share(0, 4), windows)


@pytest.mark.parametrize("workers", [0, 2])
def test_loading_starts_at_any_step_in_order(crops, workers) -> None:
    batches = Batches(crops, None, 4, 4, 0, Share())
    with loading(batches, 3, 8, workers, False) as incoming:
        found = [batch["keypoints"] for batch in incoming]
    assert len(found) == 5 and all(torch.equal(a, batches[i]["keypoints"]) for i, a in enumerate(found, 3))
    with loading(batches, 8, 8, workers, False) as incoming:
        assert list(incoming) == []


class Acting(Dataset):
    """Batches that are numbers, and one, at step `at`, that does something first."""

    def __init__(self, action: Callable[[], object], at: int = 5) -> None:
        self.action, self.at = action, at

    def __getitem__(self, step: int) -> torch.Tensor:
        if step == self.at:
            self.action()
        return torch.tensor(step)


def test_a_killed_worker_is_an_error_within_seconds() -> None:
    began = time.monotonic()
    with (
        pytest.raises(UserError, match=r"worker was lost: .*workers=0") as caught,
        loading(Acting(dies), 0, 10, 2, False) as incoming,
    ):
        list(incoming)
    assert time.monotonic() - began < 20 and "\n" not in str(caught.value)
    assert multiprocessing.active_children() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_worker_that_hangs_is_an_error_after_the_timeout(monkeypatch) -> None:
    monkeypatch.setattr(stream, "TIMEOUT", 1)
    began = time.monotonic()
    with (
        pytest.raises(UserError, match=r"worker hangs: no batch came within 1 seconds; .* set workers=0") as caught,
        loading(Acting(lambda: time.sleep(600)), 0, 10, 2, False) as incoming,
    ):
        list(incoming)
    assert time.monotonic() - began < 20 and "\n" not in str(caught.value)
    assert multiprocessing.active_children() == [], "nothing is left that the process would wait for at its end"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("thread", [False, True], ids=["main", "thread"])
@pytest.mark.parametrize("sent", [False, True], ids=["waiting", "handing over"])
def test_a_worker_that_is_stopped_is_an_error_after_the_timeout(monkeypatch, sent: bool, thread: bool) -> None:
    """While its batch is waited for, and while the tensors of a batch that it has announced are fetched from it."""
    monkeypatch.setattr(stream, "TIMEOUT", 1)

    def take() -> str:
        stops = Acting(lambda: None if sent else os.kill(os.getpid(), signal.SIGSTOP), 0)
        with loading(stops, 0, 10, 1, False) as incoming:
            if sent:
                until = time.monotonic() + 20
                while incoming.batches._worker_result_queue.empty() and time.monotonic() < until:
                    time.sleep(0.01)
                os.kill(multiprocessing.active_children()[0].pid, signal.SIGSTOP)
            with pytest.raises(UserError, match="worker hangs: no batch came within 1 seconds") as caught:
                list(incoming)
        return str(caught.value)

    began = time.monotonic()
    if thread:
        with ThreadPoolExecutor(1) as pool:
            assert "\n" not in pool.submit(take).result(40)
    else:
        assert "\n" not in take()
    assert time.monotonic() - began < 20 and multiprocessing.active_children() == []


def test_a_death_is_told_where_a_batch_is_taken() -> None:
    for _ in range(2):  # the handler of SIGCHLD is given back
        with loading(Acting(dies), 0, 10, 2, False) as incoming:
            taken = [int(step) for step, _ in zip(incoming, range(2), strict=False)]  # then step 5 is begun
            ended = time.monotonic() + 1
            while time.monotonic() < ended:
                sum(range(1000))
            began = time.monotonic()
            with pytest.raises(UserError, match="worker was lost"):
                taken.extend(int(step) for step in incoming)
        assert taken[:2] == [0, 1] and multiprocessing.active_children() == []
        assert time.monotonic() - began < 20


def test_workers_leave_signals_to_the_main_process() -> None:
    def both() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    with loading(Acting(both), 0, 8, 1, False) as incoming:
        assert [int(step) for step in incoming] == list(range(8))


def test_workers_end_with_the_block() -> None:
    def ended_early() -> None:
        with loading(Acting(dies), 0, 100, 2, False) as incoming:
            next(iter(incoming))
            raise KeyError("step")

    with pytest.raises(KeyError) as caught:
        ended_early()
    assert caught.traceback and multiprocessing.active_children() == []


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"), loading(Acting(dies), 0, 3, 0, False):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize(("batch", "n"), [(4, 6), (2, 6), (6, 6), (8, 6), (5, 6)])
def test_an_epoch_ends_in_the_step_that_shows_its_last_sample(batch, n, crops) -> None:
    """Of the unlabelled samples where there are any; the number of ends is that of whole passes."""
    for batches in (Batches(crops, crops, 1, batch, 0, Share()), Batches(crops, None, batch, 1, 0, Share())):
        seen, ends = 0, 0
        for step in range(12):
            whole = (seen + batch) // n > seen // n
            seen += batch
            assert batches.ends_epoch(step) == whole
            ends += whole
        assert batches.ends_epoch(batches.steps_of(1) - 1) and ends > 1
