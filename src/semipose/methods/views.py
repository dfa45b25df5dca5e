"""What a teacher predicts for several views of an image, brought into the frame of the first and made one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semipose.augment import Policy
from semipose.draws import Draws
from semipose.geometry import View, align
from semipose.methods.target import Codec, Teach, soft
from semipose.methods.teachers import Teacher
from semipose.target import Target

Aggregate = Callable[[Tensor, Tensor], Tensor]
"""(heatmaps (V, B, K, h, w), cells that each view sees (V, B, 1, h, w) bool) -> (B, K, h, w)."""


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


def of_views(draw: Policy, views: int, at_once: int = 4) -> Teach:
    """Teaches the mean of what a teacher predicts for several views of an image, in the frame of the first, and says
    its doubt: how far they deviate. The view alone, as it is, where `views` is 1.

    Args:
        draw: the further views, each from the plain image.
        views: how many, the teacher's own among them.
    """
    if views == 1:
        return soft

    def teach(teacher: Teacher, view: View, codec: Codec, draws: Draws) -> Target:
        more = draws.again("views")  # so that what is drawn afterwards is what a single view leaves to draw
        return pooled(
            teacher, [view, *(draw(view.plain, more) for _ in range(views - 1))], codec.flip, average, at_once
        )

    return teach
