"""Two networks that teach each other, and a third that learns from what they agree on, now or at the end of the last
epoch: SSPCM (Huang et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from semipose.augment import Policy, parse
from semipose.draws import Draws
from semipose.geometry import View
from semipose.heatmap import peaks
from semipose.methods.consistency import HARD, MOVES, Dual, Move, PairOptions
from semipose.methods.target import Codec, seen_from, soft
from semipose.methods.teach import Change, chain
from semipose.methods.teachers import Itself, Snapshot
from semipose.options import one_of, option, within
from semipose.target import Target

Choice = Callable[[Tensor, Tensor], Tensor]
"""(a network's heatmaps now and at the end of the last epoch (2, B, K, h, w), another's) -> (B, K, h, w)."""


def closest(ours: Tensor, theirs: Tensor) -> Tensor:
    """For each joint, of the four pairings the one whose arg-max positions lie closest together, the earliest of equal
    ones: the mean of its two heatmaps. The pairings: now and now, last and now, now and last, last and last."""
    places = [torch.stack([peaks(each)[0] for each in heatmaps]) for heatmaps in (ours, theirs)]
    apart = (places[0][None] - places[1][:, None]).norm(dim=-1).flatten(0, 1)
    chosen = apart.argmin(0)[..., None, None]
    own = torch.where(chosen % 2 == 0, ours[0], ours[1])
    return (own + torch.where(chosen < 2, theirs[0], theirs[1])) / 2


def plain(ours: Tensor, theirs: Tensor) -> Tensor:
    """The mean of both networks' heatmaps of now."""
    return (ours[0] + theirs[0]) / 2


CHOICES: dict[str, Choice] = {"closest": closest, "plain": plain}


@dataclass
class SspcmOptions(PairOptions):
    """What it reads beside Dual's. `model` is the third network, and one of the two; `peer` the other of the two.

    Attributes:
        pair: what the third network learns: the mean of the `closest` pairing, or of the `plain` one.
        peak: joints whose peak, the mean of both networks', is not above it do not teach.
    """

    hard: str = option("jo2+affine30", source="Huang: joint cut-occlude of 2; the affine is ours, as the easy view's")
    hard_of: str = option("easy", one_of(*HARD), "Huang, released code")
    pair: str = option("closest", one_of(*CHOICES), "Huang: position inconsistency")
    peak: float = option(0.1, within(0, 1, "it is a height of heatmaps, 0 to 1"), "Huang")


class Sspcm(Dual):
    """Three networks: the first, C, is the result; A and B teach each other, and together C. Dual's step, of other
    targets.

    Args:
        pair: how C's target is made of A's and B's heatmaps; one of `CHOICES`.
        peak: joints whose mean peak is not above it do not teach.
        change: what becomes of a target before it teaches.
    """

    names = ("c", "a", "b")
    count = 3

    def __init__(
        self,
        students: Sequence[nn.Module],
        codec: Codec,
        easy: Policy,
        hard: Policy,
        pair: Choice = closest,
        peak: float = 0.1,
        change: Change = lambda target: target,
        move: Move = seen_from,
        weight: float = 1.0,
        share: float = 1.0,
    ) -> None:
        super().__init__(students, codec, easy, hard, move, weight, share)
        self.pair, self.peak, self.change = pair, peak, change
        self.last = nn.ModuleList(Snapshot(student) for student in self.students[1:])

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        easy = self.easy(unlabeled, draws)
        a, b = (soft(Itself(student), easy) for student in self.students[1:])
        sure = (a.confidence + b.confidence) / 2 > self.peak
        c = replace(a, heatmaps=self.pair(*(self.with_last(i, now, easy) for i, now in enumerate((a, b)))))
        targets = (replace(each, weight=each.weight * sure[..., None, None]) for each in (c, b, a))
        return [self.change(target) for target in targets]

    def with_last(self, i: int, now: Target, easy: View) -> Tensor:
        """(2, B, K, h, w): what a network predicts, and its copy of the end of the last epoch; in the first, itself."""
        last = self.last[i](easy.image) if self.last[i].taken and self.pair is not plain else now.heatmaps
        return torch.stack([now.heatmaps, last])

    def after_epoch(self) -> None:
        for last, student in zip(self.last, self.students[1:], strict=True):
            last.take(student)  # type: ignore[operator]


def sspcm(options: SspcmOptions, networks: Sequence[nn.Module], codec: Codec) -> Sspcm:
    """From its options."""
    return Sspcm(
        networks,
        codec,
        parse(options.easy),
        options.hard_policy(),
        CHOICES[options.pair],
        options.peak,
        chain(*options.changes(codec)),
        MOVES[options.outside],
        options.weight,
        options.share,
    )
