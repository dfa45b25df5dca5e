"""Single whose student sees tiles mixed across images: MUM, Pose-MUM and Pose-MUM+ (Kim et al., section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from semipose.methods.average import AverageOptions
from semipose.methods.consistency import Single, SingleOptions, single
from semipose.methods.mix import TILES, Mixing, fitted
from semipose.methods.target import Codec
from semipose.options import at_least, option, within

OPEN = "ours; Kim leaves it open"


@dataclass
class MumOptions(SingleOptions):
    """Single's, with images that exchange tiles."""

    mix_group: int = option(4, at_least(1, "it can be 1 (nothing is mixed) or more"), TILES)


@dataclass
class PoseMumOptions(MumOptions):
    """What mixing features reads as well.

    Attributes:
        mix_after: stages whose output may be mixed as well as the images; the paper names none.
        mix_chance: of each of these, a step; the paper gives none.
        mix_anew: whether each stage has a permutation of its own, or all have the images'; the paper does not say.
    """

    mix_after: list[str] = option(["layer1", "layer2", "layer3"], source=OPEN)
    mix_chance: float = option(0.5, within(0, 1, "it can be 0 to 1"), OPEN)
    mix_anew: bool = option(True, source=OPEN)

    def mixing(self, network: nn.Module) -> Mixing:
        """How tiles of the images and of what the stages in `mix_after` give are mixed, checked against the network."""
        tiles = (self.mix_tiles[0], self.mix_tiles[1])
        mix = Mixing(self.mix_group, tiles, (*self.mix_after,), self.mix_chance, self.mix_anew, self.unmix)
        return fitted(mix, network)


@dataclass
class PoseMumPlusOptions(PoseMumOptions, AverageOptions):
    """Those of Pose-MUM and of the average that teaches."""


def mum(options: MumOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """The images' tiles are mixed."""
    return single(options, networks, codec)


def pose_mum(options: PoseMumOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """And those of what some stages give."""
    return single(options, networks, codec)


def pose_mum_plus(options: PoseMumPlusOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """Taught by EMAN."""
    teacher = options.average(networks[0], "sigma")
    return single(options, networks, codec, teacher)
