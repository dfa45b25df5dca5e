"""Denoising and selecting pseudo-heatmaps (Yu et al., WACV 2024, supplement, Algorithm 1): what two networks predict
for several views of an image is pooled, and the surer one teaches, joint by joint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from semipose.augment import Policy, parse
from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods.consistency import MOVES, Dual, Move, PairOptions
from semipose.methods.target import Codec, seen_from
from semipose.methods.teach import Change, chain
from semipose.methods.teachers import Itself
from semipose.methods.views import AGGREGATES, Aggregate, highest, pooled
from semipose.options import at_least, number, one_of, option
from semipose.target import Target

Reading = Callable[[Tensor, Tensor, float], Tensor]
"""(the student's own doubt (B, K), its peer's, margin) -> where the peer teaches it, (B, K) bool."""

READINGS: dict[str, Reading] = {
    "printed": lambda own, peer, margin: peer + margin < own,
    "peer": lambda own, peer, margin: ~(own + margin < peer),
    "none": lambda own, peer, margin: torch.ones_like(own, dtype=torch.bool),
}
"""Who teaches a student a joint. "printed", as lines 23 to 26 stand: its peer where that is surer by more than the
margin, else the student itself; so an endless margin makes two Singles, an endless negative one Dual, where both still
teach the joint: one that was dropped before is never taken if the other was not, whatever finite margin there is.
"peer", the other way round: its peer unless the student itself is surer by more than the margin. "none": its peer, as
in Dual."""


def selected(own: Target, peer: Target, reading: Reading, margin: float) -> Target:
    """A student's own target with the joints that its peer teaches replaced (lines 23 and 24). Both say their doubt; a
    joint that one of them has dropped counts as endlessly doubted there."""
    assert own.doubt is not None and peer.doubt is not None
    by_peer = reading(unless_dropped(own), unless_dropped(peer), margin)
    cells = by_peer[..., None, None]
    return Target(
        torch.where(cells, peer.heatmaps, own.heatmaps),
        torch.where(cells, peer.weight, own.weight),
        own.frame,
        torch.where(by_peer, peer.confidence, own.confidence),
        torch.where(by_peer, peer.doubt, own.doubt),
    )


def unless_dropped(target: Target) -> Tensor:
    """(B, K), a target's doubt, endless where a joint does not teach."""
    assert target.doubt is not None
    return target.doubt.masked_fill(target.weight.amax((-2, -1)) == 0, torch.inf)


REFINE = ("after", "before")


@dataclass
class DenoiseSelectOptions(PairOptions):
    """What Algorithm 1 reads beside Dual's.

    Attributes:
        views: how many views of an image are pooled, the easy one among them (K+1); the paper gives no number.
        multi: policy of the further views, S_m.
        pool: how views are aggregated: `max`, `mean`, or `none` (the easy view alone).
        at_once: how many of the further views are one batch; fewer take less memory, but for the images themselves.
        select: who teaches a joint: `printed` (Algorithm 1: the peer where it is surer by more than `margin`, else the
            student itself), `peer` (the peer unless the student itself is surer by more than `margin`), `none` (the
            peer).
        margin: Delta, in heights of heatmaps.
        refine: where what `teach` says is done: `after` the selection, or `before` it, where a dropped joint is then
            not selected.
    """

    views: int = option(4, at_least(1, "it can be 1 (the easy view alone) or more"), "ours; the papers give no number")
    multi: str = option("affine30+flip50", source="ours")
    pool: str = option("max", one_of(*AGGREGATES), "Yu: the maximum")
    at_once: int = option(4, at_least(1, "it can be 1 (one view after the other) or more"), "no number depends on it")
    select: str = option("printed", one_of(*READINGS), "Yu, suppl. Algorithm 1")
    margin: float = option(0.0, number("it is a number; 0 lets the surer network teach"), "ours")
    refine: str = option("after", one_of(*REFINE), "ours; Yu's Algorithm 1 leaves it open")


class DenoiseSelect(Dual):
    """Two networks, taught as Dual's by what is pooled and selected; Algorithm 1 is `pseudo` and then Dual's step.

    Args:
        easy: the weak view, S_w; everything is pooled in its frame, so that its heatmaps are not resampled.
        multi: draws a further view of the plain image, S_m.
        count: K, how many of them.
        aggregate: one of `AGGREGATES`.
        at_once: how many of the further views are one batch.
        reading: who teaches a joint, one of `READINGS`.
        margin: Delta.
        change: what becomes of a target before it teaches, such as threshold-and-refine.
        change_first: before the selection, in which a dropped joint then never wins; after it otherwise.
    """

    def __init__(
        self,
        students: Sequence[nn.Module],
        codec: Codec,
        easy: Policy,
        hard: Policy,
        multi: Policy,
        count: int,
        aggregate: Aggregate = highest,
        at_once: int = 4,
        reading: Reading = READINGS["printed"],
        margin: float = 0.0,
        change: Change = lambda target: target,
        change_first: bool = False,
        move: Move = seen_from,
        weight: float = 1.0,
        share: float = 1.0,
    ) -> None:
        super().__init__(students, codec, easy, hard, move, weight, share)
        self.multi, self.count, self.aggregate, self.at_once = multi, count, aggregate, at_once
        self.reading, self.margin, self.change, self.change_first = reading, margin, change, change_first

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        weak = self.easy(unlabeled, draws)
        views = [weak, *(self.multi(unlabeled, draws) for _ in range(self.count))]
        pools = [pooled(Itself(each), views, self.codec.flip, self.aggregate, self.at_once) for each in self.students]
        if self.change_first:
            pools = [self.change(each) for each in pools]
        chosen = [selected(own, peer, self.reading, self.margin) for own, peer in zip(pools, pools[::-1], strict=True)]
        return chosen if self.change_first else [self.change(each) for each in chosen]


def denoise_select(options: DenoiseSelectOptions, networks: Sequence[nn.Module], codec: Codec) -> DenoiseSelect:
    """From its options, K being one less than the views."""
    return DenoiseSelect(
        networks,
        codec,
        parse(options.easy),
        options.hard_policy(),
        parse(options.multi),
        options.views - 1,
        AGGREGATES[options.pool],
        options.at_once,
        READINGS[options.select],
        options.margin,
        chain(*options.changes(codec)),
        options.refine == "before",
        MOVES[options.outside],
        options.weight,
        options.share,
    )
