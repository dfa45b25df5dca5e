"""What becomes of a teacher's heatmaps before a student follows them: functions from Target to Target, and by name.

`soft` (in `methods/target.py`) leaves them as they are; names are joined by +, as in `confident0.4+refined`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

from semipose.augment import Policy
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View
from semipose.heatmap import decode, encode, quarter
from semipose.methods.target import Codec, Target, Teach, seen_from, soft
from semipose.methods.teachers import Teacher

Change = Callable[[Target], Target]


def confident(threshold: float) -> Change:
    """Joints whose peak is not above `threshold` do not teach (Xie et al. 2021, section 6.3, second attempt)."""

    def change(target: Target) -> Target:
        peak = target.heatmaps.amax((-2, -1), keepdim=True)
        return replace(target, weight=target.weight * (peak > threshold))

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


def refined(sigma: float) -> Change:
    """A fresh Gaussian at each keypoint that the heatmaps tell, read off as in evaluation (a quarter cell from the
    arg-max towards its higher neighbour)."""

    def change(target: Target) -> Target:
        h, w = target.heatmaps.shape[-2:]
        stride = target.frame.size[0] / h
        xy, _ = decode(target.heatmaps, stride, quarter)
        return replace(target, heatmaps=encode(xy, (h, w), stride, sigma))

    return change


def distilled(draw: Policy, views: int, sigma: float) -> Teach:
    """DataDistill (Xie et al. 2021, section 5): the heatmaps of several views of an image are summed in the frame of
    the first, and fresh Gaussians stand at the keypoints that the sum tells.

    Args:
        draw: the further views, each from the plain image.
        views: how many are summed, the teacher's own among them.
    """

    def teach(teacher: Teacher, view: View, codec: Codec, draws: Draws) -> Target:
        more = draws.again("distilled")  # so that what is drawn afterwards is what any other `teach` leaves to draw
        target = soft(teacher, view)
        summed = target.heatmaps
        for _ in range(views - 1):
            summed = summed + seen_from(soft(teacher, draw(view.plain, more)), view, codec.flip).heatmaps
        return refined(sigma)(replace(target, heatmaps=summed))

    return teach


def then(teach: Teach, *changes: Change) -> Teach:
    """What `teach` gives, changed."""

    def changed(teacher: Teacher, view: View, codec: Codec, draws: Draws) -> Target:
        target = teach(teacher, view, codec, draws)
        for change in changes:
            target = change(target)
        return target

    return changed if changes else teach


CHANGES: dict[str, Callable[[float, float], Change]] = {
    "confident": lambda threshold, sigma: confident(threshold),
    "foreground": lambda _, sigma: foreground(sigma),
    "refined": lambda _, sigma: refined(sigma),
}
"""Name -> change, of its number and the heatmaps' sigma."""

NUMBERED = frozenset({"confident"})


def parse_changes(text: str, sigma: float) -> list[Change]:
    """The changes that a text such as `confident0.4` names; none for `soft`."""
    if text == "soft":
        return []
    parts = [re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)?", part.strip()) for part in text.split("+")]
    if not all(part and part[1] in CHANGES and bool(part[2]) == (part[1] in NUMBERED) for part in parts):
        raise UserError(
            f"method.teach is {text!r}; it can be soft, or any of {', '.join(CHANGES)} joined by +, confident with its"
            " threshold, as in confident0.4"
        )
    return [CHANGES[part[1]](float(part[2] or 0), sigma) for part in parts if part]
