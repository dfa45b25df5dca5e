"""Denoising and selecting pseudo-heatmaps (Yu et al., WACV 2024, supplement, Algorithm 1): what two networks predict
for several views of an image is pooled, and the surer one teaches, joint by joint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semipose.augment import Policy, parse
from semipose.draws import Draws
from semipose.geometry import View, align
from semipose.methods.consistency import MOVES, Dual, DualOptions, Move
from semipose.methods.target import Codec, seen_from, soft
from semipose.methods.teach import Change, chain
from semipose.methods.teachers import Itself, Teacher
from semipose.options import at_least, number, one_of, option
from semipose.target import Target

Aggregate = Callable[[Tensor, Tensor], Tensor]
"""(heatmaps (V, B, K, h, w), cells that each view sees (V, B, 1, h, w) bool) -> (B, K, h, w)."""
Reading = Callable[[Tensor, Tensor, float], Tensor]
"""(the student's own doubt (B, K), its peer's, margin) -> where the peer teaches it, (B, K) bool."""


def highest(heatmaps: Tensor, seen: Tensor) -> Tensor:
    """Winner takes all: a cell's maximum over the views that see it (lines 17 and 18)."""
    return heatmaps.masked_fill(~seen, -torch.inf).amax(0)


def average(heatmaps: Tensor, seen: Tensor) -> Tensor:
    """A cell's mean over the views that see it (section 1.1)."""
    return (heatmaps * seen).sum(0) / seen.sum(0)


def alone(heatmaps: Tensor, seen: Tensor) -> Tensor:
    """The first view's heatmaps."""
    return heatmaps[0]


AGGREGATES: dict[str, Aggregate] = {"max": highest, "mean": average, "none": alone}


def deviation(heatmaps: Tensor, seen: Tensor) -> Tensor:
    """(B, K): a joint's highest standard deviation of a cell over the views that see it (lines 19 to 22)."""
    squares = (heatmaps - average(heatmaps, seen)) ** 2
    return average(squares, seen).amax((-2, -1)).sqrt()


def pooled(
    teacher: Teacher, views: Sequence[View], flip: Tensor, aggregate: Aggregate = highest, at_once: int = 4
) -> Target:
    """What a teacher predicts for several views, aggregated in the frame of the first, and its doubt: how far they
    deviate. Arguments as in `gathered`."""
    heatmaps, seen = gathered(teacher, views, flip, at_once)
    every = heatmaps.new_ones(*heatmaps.shape[1:3], 1, 1)
    return Target(aggregate(heatmaps, seen), every, views[0], doubt=deviation(heatmaps, seen))


def gathered(teacher: Teacher, views: Sequence[View], flip: Tensor, at_once: int = 4) -> tuple[Tensor, Tensor]:
    """A teacher's heatmaps of V views in the frame of the first, (V, B, K, h, w), and the cells that each view sees,
    (V, B, 1, h, w) bool. The first view's heatmaps stay as they are; the others' are resampled once each.

    Args:
        at_once: how many of the others are one batch, which bounds memory; batch norm in training sees as many.
    """
    frame, *others = views
    first = soft(teacher, frame).heatmaps
    maps, seen = [first], [torch.ones_like(first[:, :1], dtype=torch.bool)]
    for some in batched(others, at_once):
        predictions = teacher(torch.cat([view.image for view in some])).chunk(len(some))
        for prediction, view in zip(predictions, some, strict=True):
            moved, sight = brought_back(prediction, view, frame, flip)
            maps.append(moved)
            seen.append(sight)
    return torch.stack(maps), torch.stack(seen)


def brought_back(heatmaps: Tensor, view: View, frame: View, flip: Tensor) -> tuple[Tensor, Tensor]:
    """A view's heatmaps in `frame`, and (B, 1, h, w) bool: the cells that are made of its own cells alone. Those half a
    cell from its border are mixed with nothing, which would look like a doubt."""
    own = torch.ones_like(heatmaps[:, :1])
    moved, _ = align(torch.cat([heatmaps, own], 1), view, frame, F.pad(flip, (0, 1), value=len(flip)))
    return moved[:, :-1], moved[:, -1:] > 0.999


def batched(views: Sequence[View], count: int) -> Iterator[Sequence[View]]:
    """Parts of `count` views, the last perhaps shorter."""
    for start in range(0, len(views), count):
        yield views[start : start + count]


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
class DenoiseSelectOptions(DualOptions):
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
