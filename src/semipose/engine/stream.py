"""Batches as a function of the step, so that a run can start at any step and any number of ranks sees the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from semipose.data.crops import Crops
from semipose.draws import permutation
from semipose.errors import UserError

TIMEOUT = 120
"""Seconds after which a worker that delivers nothing is an error."""

LABELED, UNLABELED = 1, 2


@dataclass(frozen=True)
class Share:
    """This process's part of a global batch."""

    rank: int = 0
    world: int = 1

    def of(self, batch: int) -> slice:
        """The rows of a global batch that are this rank's."""
        if batch % self.world:
            raise UserError(f"a batch of {batch} does not divide over {self.world} devices; choose a multiple")
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
    """Step -> {"labeled": crops (B,Hs,Ws,3) uint8, "keypoints": (B,K,3) in crop pixels, "unlabeled": crops}."""

    def __init__(
        self, labeled: Crops, unlabeled: Crops | None, batch: int, unlabeled_batch: int, seed: int, share: Share
    ) -> None:
        self.labeled, self.unlabeled = labeled, unlabeled
        self.sizes, self.seed, self.share = (batch, unlabeled_batch), seed, share

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        rows = self._rows(step, self.sizes[0], len(self.labeled), LABELED)
        batch = {
            "labeled": torch.from_numpy(self.labeled.images(rows)),
            "keypoints": torch.from_numpy(self.labeled.keypoints(rows)),
        }
        if self.unlabeled is not None:
            rows = self._rows(step, self.sizes[1], len(self.unlabeled), UNLABELED)
            batch["unlabeled"] = torch.from_numpy(self.unlabeled.images(rows))
        return batch

    def _rows(self, step: int, batch: int, n: int, stream: int) -> np.ndarray:
        return positions(step, batch, n, self.seed, stream)[self.share.of(batch)]


def loader(batches: Batches, start: int, stop: int, workers: int, pin: bool) -> DataLoader:
    """The batches of steps start..stop-1, in order; the same with any number of workers."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        pin_memory=pin,
        timeout=TIMEOUT if workers else 0,
        persistent_workers=False,
    )
