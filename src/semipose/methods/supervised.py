"""Supervised training: the baseline (Xie et al. 2021, Eq. 1), and the control that has a method's views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from semipose.augment import Policy, parse
from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods.base import Method, Options, Outcome
from semipose.methods.mix import TILES, Mixing, fitted
from semipose.methods.target import Codec, Labeled, follow, response
from semipose.options import at_least, every, option


@dataclass
class SupervisedOptions(Options):
    """What supervised training reads: mixing too, so that a control can have what MUM's student has.

    Attributes:
        mix_labeled: labelled images that exchange tiles; 1 for none.
        mix_tiles: rows and columns of tiles.
    """

    mix_labeled: int = option(1, at_least(1, "it can be 1 (nothing is mixed) or more"), "ours: none")
    mix_tiles: list[int] = option(
        [4, 3], every(at_least(1, "give two numbers, rows and columns, as in [4, 3]"), 2), TILES
    )


class Supervised(Method):
    """One network on the labelled images alone: what every method does without unlabelled ones.

    Args:
        mixing: draws how tiles of the labelled images are mixed; not at all when None.
    """

    def __init__(self, students: Sequence[nn.Module], codec: Codec, easy: Policy, mixing: Mixing | None = None) -> None:
        super().__init__(students, codec, easy)
        self.mixing = mixing

    def forward(self, labeled: Labeled, unlabeled: View | None, draws: Draws) -> Outcome:
        if self.mixing is None:
            return super().forward(labeled, unlabeled, draws)
        labels = self.labels(labeled, draws)
        fit = follow(self.students[0], labels, self.mixing(len(labels.frame), draws))
        return Outcome({"supervised": fit.loss}, {"response/labeled": response(fit.heatmaps)})


def supervised(options: SupervisedOptions, networks: Sequence[nn.Module], codec: Codec) -> Supervised:
    """From its options."""
    tiles = (options.mix_tiles[0], options.mix_tiles[1])
    mixing = fitted(Mixing(options.mix_labeled, tiles), networks[0]) if options.mix_labeled > 1 else None
    return Supervised(networks, codec, parse(options.easy), mixing)
