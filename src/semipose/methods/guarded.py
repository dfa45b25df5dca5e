"""Our own methods: the labels are learnt out, then one network teaches itself, or two each other, beside a twin that
has labels alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods.base import Method, Outcome
from semipose.methods.consistency import Dual, DualOptions, EasyHardOptions, Single, SingleOptions, dual, single
from semipose.methods.mix import Mixing, TileOptions, tiles_of
from semipose.methods.target import Codec, follow
from semipose.options import at_least, every, option, within
from semipose.target import Target

MethodOf = TypeVar("MethodOf", bound=Method)
GROUP = 4
"""Of images that exchange tiles (Kim et al., Figure 1)."""


@dataclass
class TwinOptions(TileOptions, EasyHardOptions):
    """What our own methods read.

    Attributes:
        mix_group: images that exchange tiles; 0 for 4 where the hard view is drawn from the plain image, and for none
            where it is drawn from the easy view.
        mix_tiles: rows and columns of tiles; [0, 0] for as many as the network's grid has, up to four.
        burn_in: the part of the training's length in which labels alone teach.
    """

    hard: str = option("affine60+flip50", source="ours")
    burn_in: float = option(0.5, within(0, 1, "it is a part of the training, 0 to 1"), "ours")
    mix_group: int = option(
        0, at_least(0, "it can be 1 (nothing is mixed), more, or 0 for what suits the hard view"), "ours; Kim: 4"
    )
    mix_tiles: list[int] = option(
        [0, 0], every(at_least(0, "give two numbers, rows and columns, as in [4, 3], or [0, 0]"), 2), "ours"
    )

    @property
    def group(self) -> int:
        return self.mix_group or (1 if self.hard_of == "easy" else GROUP)

    def mixing(self, network: nn.Module) -> Mixing:
        if self.mix_tiles == [0, 0]:
            self.mix_tiles = list(tiles_of(network, self.unmix))
        return super().mixing(network)


@dataclass
class GuardedOptions(TwinOptions, SingleOptions):
    """Of one network."""


@dataclass
class GuardedDualOptions(TwinOptions, DualOptions):
    """Of two networks."""


class Twinned(Method):
    """What comes beside students: a twin, a copy of the first where the burn-in ends, which from then on learns from
    the labels alone. A run keeps the better of the two on its validation images, so unlabelled images that mislead do
    no harm."""

    twin: nn.Module

    def learn(self, labels: Target) -> Outcome:
        """The students alone. A loss of 0 is the twin's: several processes expect all parameters to learn."""
        losses, measures = super().learn(labels)
        nothing = torch.stack([p.sum() for p in self.twin.parameters()]).sum() * 0
        return Outcome({**losses, "twin": nothing}, measures)

    def after_burn_in(self) -> Sequence[tuple[nn.Module, nn.Module]]:
        self.twin.load_state_dict(self.students[0].state_dict())
        return [(self.students[0], self.twin)]

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        losses, measures = super().step(labels, unlabeled, draws)
        return Outcome({**losses, "twin": follow(self.twin, labels).loss}, measures)


class Guarded(Twinned, Single):
    """One network that teaches itself, and its twin."""


class GuardedDual(Twinned, Dual):
    """Two networks that teach each other, and a twin of the first."""


def guarded(options: GuardedOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """From its options; the second network is the twin."""
    return _beside(single(options, networks, codec, kind=Guarded), networks[1])


def guarded_dual(options: GuardedDualOptions, networks: Sequence[nn.Module], codec: Codec) -> Dual:
    """From its options; the third network is the twin."""
    return _beside(dual(options, networks[:2], codec, kind=GuardedDual), networks[2])


def _beside(method: MethodOf, twin: nn.Module) -> MethodOf:
    method.twin = twin
    twin.load_state_dict(method.students[0].state_dict())
    return method
