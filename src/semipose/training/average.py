"""Averages of networks over their steps: what is scored and kept of them, where a run asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from semipose.methods.teachers import Ema


class Averages(nn.Module):
    """Exponential moving averages of networks' weights and of batch norm's statistics. They begin as copies.

    Args:
        decay: how much of an average stays in a step; (1 + t) / (10 + t) after t steps where that is less, so that what
            networks began with is soon forgotten.
    """

    def __init__(self, networks: Sequence[nn.Module], decay: float) -> None:
        super().__init__()
        self.decay, self.followed = decay, tuple(networks)
        self.each = nn.ModuleList(Ema(network, decay, "variance") for network in networks)

    @property
    def networks(self) -> list[nn.Module]:
        """The averages, in the order of what they follow."""
        return [each.net for each in self.each]  # type: ignore[misc]

    def update(self, step: int) -> None:
        """After an optimiser step."""
        for average, network in zip(self.each, self.followed, strict=True):
            average.decay = min(self.decay, (1 + step) / (10 + step))  # type: ignore[assignment]
            average.update(network)  # type: ignore[operator]

    def copy(self, network: nn.Module, other: nn.Module) -> None:
        """The average of `other` becomes a copy of that of `network`."""
        at = {id(each): average for each, average in zip(self.followed, self.networks, strict=True)}
        at[id(other)].load_state_dict(at[id(network)].state_dict())
