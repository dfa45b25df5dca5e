"""A network's heatmaps, averaged over several views of each crop before they are decoded.

Views are named by words, joined by `+`. Each word adds its views to the plain one, so their number, which is how many
times longer the network takes, is a sum: `flip+turn15+scale10` are six. Nothing is drawn at random.

| word | number | adds |
|---|---|---|
| `none` | | nothing |
| `flip` | | the mirrored view |
| `turnD` | above 0 to 180 | two views, turned by D degrees either way; at 180 one |
| `scaleP` | above 0 to 50 | two views, magnified by 1 + P / 100 and by 1 - P / 100 |

Upright people are seen as in training by small turns: `flip+turn15`. A body seen from above, in a square crop, has no
upright: `turn90+turn180` are its four turns.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from semipose.errors import UserError
from semipose.geometry import Size, View, align, constant, invert, move, similarity
from semipose.heatmap import predicted

NONE = "none"
MOST = 32
"""Views, the plain one among them: all of a crop's go through the network at once."""


class Look(NamedTuple):
    """One view of a crop: about its centre mirrored, then turned by `degrees`, clockwise, and magnified by `scale`."""

    degrees: float = 0.0
    scale: float = 1.0
    mirror: bool = False


Looks = tuple[Look, ...]
"""The plain view first."""
PLAIN: Looks = (Look(),)


class Word(NamedTuple):
    """What a word adds for its number, 0 where it takes none; its number, above 0 to `highest`, in words."""

    looks: Callable[[float], Looks]
    highest: float = 0
    number: str = ""

    @property
    def example(self) -> str:
        return f"{self.highest / 10:g}" if self.number else ""


WORDS: dict[str, Word] = {
    NONE: Word(lambda _: ()),
    "flip": Word(lambda _: (Look(mirror=True),)),
    "turn": Word(lambda d: (Look(d), Look(-d)) if d < 180 else (Look(d),), 180, "a turn in degrees"),
    "scale": Word(lambda p: (Look(scale=1 + p / 100), Look(scale=1 - p / 100)), 50, "a change of size in percent"),
}


def parse(text: str) -> Looks:
    """The views that a text such as `flip+turn15` names.

    Raises:
        UserError: a word is unknown, has no number or one too many, its number is out of range, a view is named twice,
            or there are more than `MOST`.
    """
    looks = (*PLAIN, *(look for word in text.split("+") for look in _looks(word.strip(), text)))
    if len(set(looks)) < len(looks):
        raise UserError(f"views {text!r} name a view twice; leave one out")
    if len(looks) > MOST:
        raise UserError(f"views {text[:60]!r}... are {len(looks)}; take at most {MOST}, the plain one among them")
    return looks


def _looks(text: str, whole: str) -> Looks:
    where = f"view {text[:60]!r}" if text == whole.strip() else f"view {text[:60]!r} of {whole[:60]!r}"
    match = re.fullmatch(r"([a-z]+)(\d{1,9}(?:\.\d{1,9})?)?", text)
    word = WORDS.get(match[1]) if match else None
    if match is None or word is None or (match[2] is None) == bool(word.number):
        near = difflib.get_close_matches(re.sub(r"-?\d.*", "", text.lower())[:60], WORDS, 1, 0.5)
        hint = f"; did you mean {near[0]}{WORDS[near[0]].example}?" if near else ""
        raise UserError(
            f"{where} is not understood; join any of {', '.join(WORDS)} by +, turn and scale with a number, as in"
            f" flip+turn15+scale10{hint}"
        )
    number = float(match[2] or 0)
    if word.number and not 0 < number <= word.highest:
        raise UserError(
            f"{where} is impossible; {match[1]} takes {word.number}, above 0 to {word.highest:g}, as in"
            f" {match[1]}{word.example}"
        )
    return word.looks(number)


def matrices(looks: Looks, size: Size) -> Tensor:
    """(V, 3, 3) float64, from pixels of the plain view of a `size` to those of each."""
    degrees, scale, mirror = (torch.tensor(values) for values in zip(*looks, strict=True))
    return similarity(size, degrees.double(), scale.double(), mirror)


def cover(looks: Looks, size: Size) -> Size:
    """(Hs, Ws): the source crop in which every view finds all its pixels, about the centre of the plain one of `size`,
    whose pixels are pixels of it."""
    h, w = size
    corners = torch.tensor([[0, 0], [w - 1, 0], [0, h - 1], [w - 1, h - 1]], dtype=torch.float64)
    x, y = (-move(invert(matrices(looks, size)), corners)).flatten(0, 1).amax(0).tolist()  # alike on either side
    return h + 2 * math.ceil(y - 1e-6), w + 2 * math.ceil(x - 1e-6)


def averaged(
    network: Callable[[Tensor], Tensor],
    crop: View,
    looks: Looks,
    flip: Sequence[int],
    test: str = "none",
    first_cell: float | None = None,
) -> Tensor:
    """A network's heatmaps (B, K, h, w) in the frame of plain views: the mean over all views, each brought back by one
    resampling. A cell that lies between a view's border cells and nothing counts by the part that is there; one that
    the view does not see does not count. All views of all crops are one batch.

    Args:
        crop: B plain views of source crops of at least `cover` (elsewhere views show the fill colour).
        flip: the skeleton's mirror permutation of K joints.
        test: `predicted`'s flip test, of each view.
        first_cell: at which pixel the network's first cell lies where that is not the middle of the pixels it covers.
    """
    if len(looks) == 1:
        return predicted(network, crop.image, flip, test)
    count, steps = len(looks), matrices(looks, crop.size).to(crop.matrix)
    plain = replace(crop, source=crop.source.repeat(count, 1, 1, 1), matrix=crop.matrix.repeat(count, 1, 1))
    views = plain.warp(steps.repeat_interleave(len(crop), 0))
    heatmaps = predicted(network, views.image, flip, test)
    stride = crop.size[0] / heatmaps.shape[-2]
    if first_cell is not None:
        aside = (stride - 1) / 2 - first_cell
        shift = constant(((1, 0, aside), (0, 1, aside), (0, 0, 1)), crop.matrix)
        plain, views = plain.warp(shift), views.warp(shift)
    there = torch.ones_like(heatmaps[:, :1])
    swap = torch.tensor([*flip, len(flip)], device=heatmaps.device)
    moved, seen = align(torch.cat([heatmaps, there], 1), views, plain, swap)
    total = (moved * seen).unflatten(0, (count, len(crop))).sum(0)
    return total[:, :-1] / total[:, -1:]
