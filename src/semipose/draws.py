"""Random numbers keyed by (seed, step), the same however a batch is split over devices."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor

from semipose.options import refuse_negative


class Draws:
    """The random numbers of one step.

    Numbers are drawn on the CPU for the whole global batch, and each rank keeps its own rows. So a run can resume at
    any step without a generator's state, one process and two draw alike, CPU and GPU draw alike, and nothing is read
    back from the device.
    """

    def __init__(self, *key: int, rank: int = 0, world: int = 1, device: torch.device | str = "cpu") -> None:
        self._key = key
        refuse_negative(*key)
        state = np.random.SeedSequence(key).generate_state(2, np.uint32)
        self._generator = torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1]))
        self._rank, self._world, self._device = rank, world, device

    def again(self, tag: str) -> Draws:
        """Numbers keyed by this step and `tag`: the same at every call, whatever was drawn in between."""
        key = (*self._key, zlib.crc32(tag.encode()))
        return Draws(*key, rank=self._rank, world=self._world, device=self._device)

    def uniform(self, n: int, *shape: int, low: float = 0.0, high: float = 1.0, host: bool = False) -> Tensor:
        """(n, *shape) in [low, high) for this rank's n samples; on the device unless `host`."""
        return self._mine(n, torch.rand(n * self._world, *shape, generator=self._generator), host) * (high - low) + low

    def normal(self, n: int, *shape: int) -> Tensor:
        """(n, *shape), standard normal."""
        return self._mine(n, torch.randn(n * self._world, *shape, generator=self._generator))

    def integers(self, n: int, *shape: int, high: int, host: bool = False) -> Tensor:
        """(n, *shape) whole numbers in [0, high)."""
        return self._mine(n, torch.randint(high, (n * self._world, *shape), generator=self._generator), host)

    def partners(self, n: int) -> Tensor:
        """(n,) for each of this rank's n samples the place of another one in the global batch, each place once over all
        ranks; its own where it is alone."""
        order = torch.rand(n * self._world, generator=self._generator).argsort()
        return self._mine(n, torch.empty_like(order).scatter(0, order, order.roll(-1)))

    def others(self, own: Tensor, places: Tensor) -> Tensor:
        """(n, ...) what lies at `places` (n,) of the global batch, of which `own` (n, ...) is this rank's part; without
        gradient. All ranks have to ask."""
        own = own.detach()
        if self._world > 1:
            parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(self._world)]
            torch.distributed.all_gather(parts, own.contiguous())
            own = torch.cat(parts)
        return own[places]

    def shared(self, *shape: int) -> Tensor:
        """(*shape,) in [0, 1), the same on every rank; on the host."""
        return torch.rand(*shape, generator=self._generator)

    def _mine(self, n: int, numbers: Tensor, host: bool = False) -> Tensor:
        rows = numbers[self._rank * n : (self._rank + 1) * n]
        return rows if host else rows.to(self._device, non_blocking=True)


def permutation(n: int, *key: int) -> np.ndarray:
    """A keyed random order of 0..n-1."""
    refuse_negative(*key)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key))).permutation(n)
