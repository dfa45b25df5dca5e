"""What becomes of a teacher's heatmaps before a student follows them: functions from Target to Target, and by name.

`soft` (in `methods/target.py`) leaves them as they are; names are joined by +, as in `confident0.4+refined`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import torch

from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View
from semipose.heatmap import decode, encode, quarter
from semipose.methods.target import Codec, Teach
from semipose.methods.teachers import Teacher
from semipose.target import Target

Change = Callable[[Target], Target]


def confident(threshold: float) -> Change:
    """Joints whose teacher's peak is not above `threshold` do not teach (Xie et al. 2021, section 6.3, second
    attempt)."""

    def change(target: Target) -> Target:
        return replace(target, weight=target.weight * (target.confidence > threshold)[..., None, None])

    return change


def foreground(sigma: float) -> Change:
    """Cells weigh more the higher they are, so that one whole Gaussian counts as much as all of the background (Xie et
    al. 2021, section 6.3, first attempt; the function is ours, the paper names none).

    A cell of height v weighs 1 + v h w / (2 pi sigma^2); v is cut to 0..1, and nothing learns through it.
    """

    def change(target: Target) -> Target:
        h, w = target.heatmaps.shape[-2:]
        high = target.heatmaps.detach().clamp(0, 1)
        return replace(target, weight=target.weight * (1 + h * w / (2 * math.pi * sigma**2) * high))

    return change


def agreeing(threshold: float) -> Change:
    """Joints of which the teacher's views differ by a standard deviation above `threshold`, in heights of heatmaps, do
    not teach; all do where it has one view (ours)."""

    def change(target: Target) -> Target:
        if target.doubt is None:
            return target
        return replace(target, weight=target.weight * (target.doubt <= threshold)[..., None, None])

    return change


def refined(sigma: float, threshold: float = -math.inf, below: str = "refined") -> Change:
    """Threshold-and-refine (Yu et al. 2024): a fresh Gaussian at each keypoint that the heatmaps tell, read off as in
    evaluation (a quarter cell from the arg-max towards its higher neighbour), for joints whose teacher's peak
    reaches `threshold`.

    Args:
        sigma: of the Gaussians, in cells.
        below: what becomes of a joint whose peak is lower: "refined", it does not teach; "zeroed", it teaches
            background; "raw", it teaches as it is.
    """

    def change(target: Target) -> Target:
        h, w = target.heatmaps.shape[-2:]
        stride = target.frame.size[0] / h
        xy, _ = decode(target.heatmaps, stride, quarter)
        fresh, high = encode(xy, (h, w), stride, sigma), (target.confidence >= threshold)[..., None, None]
        redrawn = replace(target, heatmaps=fresh, score=target.confidence)
        if below == "refined":
            return replace(redrawn, weight=target.weight * high)
        return replace(redrawn, heatmaps=torch.where(high, fresh, target.heatmaps * (below == "raw")))

    return change


def then(teach: Teach, *changes: Change) -> Teach:
    """What `teach` gives, changed."""

    def changed(teacher: Teacher, view: View, codec: Codec, draws: Draws) -> Target:
        return chain(*changes)(teach(teacher, view, codec, draws))

    return changed if changes else teach


def chain(*changes: Change) -> Change:
    """One change after the other."""
    return lambda target: reduce(lambda changed, change: change(changed), changes, target)


CHANGES: dict[str, Callable[[float | None, float], Change]] = {
    "confident": lambda threshold, sigma: confident(threshold or 0),
    "agreeing": lambda threshold, sigma: agreeing(threshold or 0),
    "foreground": lambda _, sigma: foreground(sigma),
    "refined": lambda threshold, sigma: refined(sigma, -math.inf if threshold is None else threshold),
    "zeroed": lambda threshold, sigma: refined(sigma, threshold or 0, "zeroed"),
    "raw": lambda threshold, sigma: refined(sigma, threshold or 0, "raw"),
}
"""Name -> change, of its number and the sigma of Gaussians."""

NUMBERLESS, EITHER = frozenset({"foreground"}), frozenset({"refined"})


def parse_changes(text: str, sigma: float) -> list[Change]:
    """The changes that a text such as `confident0.4` names; none for `soft`."""
    if text == "soft":
        return []
    parts = [re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)?", part.strip()) for part in text.split("+")]
    if not all(part and part[1] in CHANGES and _fits(part[1], part[2]) for part in parts):
        raise UserError(
            f"method.teach is {text!r}; it can be soft, or any of {', '.join(CHANGES)} joined by +, all but foreground"
            " and refined with a threshold from 0 to 1, as in confident0.4, refined with one or without"
        )
    return [CHANGES[part[1]](None if part[2] is None else float(part[2]), sigma) for part in parts if part]


def _fits(name: str, number: str | None) -> bool:
    return (name in EITHER or (number is None) == (name in NUMBERLESS)) and float(number or 0) <= 1
