"""Batches as a function of the step, so that a run can start at any step and any number of ranks sees the same ones."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from types import FrameType

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from semipose.data.crops.build import Crops
from semipose.draws import permutation
from semipose.errors import UserError

TIMEOUT = 120
"""Seconds in which a batch must be there, handed over and all; else a worker hangs, which is an error."""

LABELED, UNLABELED = 1, 2


@dataclass(frozen=True)
class Share:
    """This process's part of a global batch."""

    rank: int = 0
    world: int = 1

    def of(self, batch: int) -> slice:
        """The rows of a global batch that are this rank's."""
        if batch < 1 or batch % self.world:
            raise UserError(f"a batch of {batch} does not divide over {self.world} devices; choose a multiple of that")
        size = batch // self.world
        return slice(self.rank * size, (self.rank + 1) * size)


def positions(step: int, batch: int, n: int, seed: int, stream: int) -> np.ndarray:
    """(batch,) positions in 0..n-1 of one step: pass after pass over the data, each in its own keyed order."""
    place = np.arange(step * batch, (step + 1) * batch)
    return np.array([_order(n, seed, stream, p // n)[p % n] for p in place.tolist()])


@lru_cache(maxsize=8)
def _order(n: int, seed: int, stream: int, turn: int) -> np.ndarray:
    return permutation(n, seed, stream, turn)


class Batches(Dataset):
    """Step -> {"labeled": crops (B,Hs,Ws,3) uint8, "keypoints": (B,K,3) in crop pixels, "unlabeled": crops, and "told",
    rows of `told`, if a finished teacher has said it of each unlabelled crop}.

    Of windows also "to_crop" (B,3,3), from image to crop pixels; unlabelled crops are then the first frames of a
    process's windows, then their second ones, and so on, so that images next to each other are no neighbours in time.

    Args:
        windows: (M, W) which unlabelled crops are neighbouring frames, `unlabeled_batch` / W of these a step; None
            where they are single images.
    """

    def __init__(
        self,
        labeled: Crops,
        unlabeled: Crops | None,
        batch: int,
        unlabeled_batch: int,
        seed: int,
        share: Share,
        windows: np.ndarray | None = None,
    ) -> None:
        self.labeled, self.unlabeled, self.windows = labeled, unlabeled, windows
        self.batch, self.unlabeled_batch, self.seed = batch, unlabeled_batch, seed
        self.told: np.ndarray | None = None
        count = unlabeled_batch if windows is None else unlabeled_batch // windows.shape[1]
        self.mine = {size: share.of(size) for size in (batch, unlabeled_batch, count)}

    def steps_of(self, epochs: int) -> int:
        """How many steps `epochs` passes over the unlabelled samples take, over the labelled where there are none."""
        n, batch = self._passed
        return -(-epochs * n // batch)

    def ends_epoch(self, step: int) -> bool:
        """Whether a pass over the samples that count ends within a step."""
        n, batch = self._passed
        return (step + 1) * batch // n > step * batch // n

    @property
    def _passed(self) -> tuple[int, int]:
        """How many samples are an epoch, and how many of them are a step's."""
        if self.unlabeled is None:
            return len(self.labeled), self.batch
        return len(self.unlabeled) if self.windows is None else self.windows.size, self.unlabeled_batch

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        rows = self._rows(step, self.batch, len(self.labeled), LABELED)
        batch = {
            "labeled": torch.from_numpy(self.labeled.images(rows)),
            "keypoints": torch.from_numpy(self.labeled.keypoints(rows)),
        }
        if self.unlabeled is not None:
            rows = self._unlabeled_rows(step, len(self.unlabeled))
            batch["unlabeled"] = torch.from_numpy(self.unlabeled.images(rows))
            if self.told is not None:
                batch["told"] = torch.from_numpy(self.told[rows])
            if self.windows is not None:
                batch["to_crop"] = torch.from_numpy(self.unlabeled.matrices[rows].astype(np.float32))
        return batch

    def _unlabeled_rows(self, step: int, n: int) -> np.ndarray:
        if self.windows is None:
            return self._rows(step, self.unlabeled_batch, n, UNLABELED)
        count, length = len(self.windows), self.windows.shape[1]
        chosen: np.ndarray = self.windows[self._rows(step, self.unlabeled_batch // length, count, UNLABELED)]
        return chosen.T.ravel()

    def _rows(self, step: int, batch: int, n: int, stream: int) -> np.ndarray:
        return positions(step, batch, n, self.seed, stream)[self.mine[batch]]


@contextlib.contextmanager
def loading(
    batches: Batches, start: int, stop: int, workers: int, pin: bool
) -> Iterator[Iterable[dict[str, torch.Tensor]]]:
    """The batches of steps start..stop-1, in order; the same with any number of workers, which end with the block.

    Raises:
        UserError: where a batch is taken, when a worker died (at once) or did not hand one over within `TIMEOUT`
            seconds.
    """
    others = set(active_children())
    loader = DataLoader(
        batches,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        pin_memory=pin,
        worker_init_fn=_leave_signals,
    )
    watched = None
    try:
        watched = _Watched(loader, others) if workers else None
        yield watched or loader
    finally:
        for worker in set(active_children()) - others:
            worker.kill()
            worker.join()
        if watched is not None:
            watched.leave()


class _Watched:
    """Batches from worker processes. The death of one is an error where a batch is taken, and nowhere else: torch's
    handler of SIGCHLD raises wherever the main process stands, be it in the answer to another error.

    One that hangs is killed, which ends every wait for it. The loader's own time-out ends only the wait for a message:
    the tensors that a message is of are fetched from the worker afterwards, without one."""

    def __init__(self, loader: DataLoader, others: set[BaseProcess]) -> None:
        self.batches = iter(loader)
        self.workers = set(active_children()) - others
        self.late = False
        self.heard = signal.getsignal(signal.SIGCHLD)  # torch's handler, which raises once for each loader
        self.waiting = False
        if _in_main_thread():
            signal.signal(signal.SIGCHLD, self._hear)

    def leave(self) -> None:
        """Give SIGCHLD back."""
        if _in_main_thread():
            signal.signal(signal.SIGCHLD, self.heard)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.waiting and callable(self.heard):
            self.heard(number, frame)

    def __iter__(self) -> _Watched:
        return self

    def __next__(self) -> dict[str, torch.Tensor]:
        taken = threading.Event()
        try:
            self.waiting = True
            threading.Thread(target=self._end_late, args=(taken,), daemon=True).start()
            try:
                self._hear(signal.SIGCHLD, None)  # of those that died since the last batch
                return next(self.batches)
            finally:
                self.waiting = False
                taken.set()
        except (RuntimeError, OSError, EOFError) as error:  # the latter where a worker dies while handing over
            if self.late:
                raise UserError(
                    f"a data loading worker hangs: no batch came within {TIMEOUT} seconds; see that the disk of"
                    " data.cache answers, or set workers=0"
                ) from None
            if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                raise
            if isinstance(error, RuntimeError) and not str(error).startswith(("DataLoader", "Pin memory")):
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(
                f"a data loading worker was lost: {reason}; see that memory and the disk of data.cache suffice,"
                " or set workers=0"
            ) from None

    def _end_late(self, taken: threading.Event) -> None:
        """Kill the workers where no batch is `taken` in time. A process that was stopped, as by Ctrl-Z, and its workers
        with it, loses no more than one of these seconds."""
        for _ in range(TIMEOUT):
            if taken.wait(1):
                return
        self.late = True
        for worker in self.workers:
            worker.kill()


def _in_main_thread() -> bool:
    """Where alone Python lets signals be handled."""
    return threading.current_thread() is threading.main_thread()


def _leave_signals(worker: int) -> None:
    """What stops a whole process group is answered by the main process, which needs its workers until it has."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
