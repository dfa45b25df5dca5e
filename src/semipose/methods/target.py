"""Targets, the losses that follow them, and what is monitored: the words every method's step is written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from semipose.draws import Draws
from semipose.geometry import View, align, move, swap_sides
from semipose.heatmap import encode, on_map
from semipose.methods.teachers import Teacher
from semipose.models.taps import Tap
from semipose.target import Target


@dataclass(frozen=True)
class Labeled:
    """Images with keypoints (B, K, 3), in pixels of `view`: x, y and visibility (0 is unlabelled)."""

    view: View
    keypoints: Tensor


@dataclass(frozen=True)
class Codec:
    """What a skeleton and a network fix: heatmap stride, sigma in cells, mirror permutation (K,)."""

    stride: int
    sigma: float
    flip: Tensor


def truth(labeled: Labeled, view: View, codec: Codec) -> Target:
    """The labels' Gaussians in a view of the labelled images. A joint that is unlabelled or NaN, or whose Gaussian lies
    wholly off the map, has weight 0."""
    size = (view.size[0] // codec.stride, view.size[1] // codec.stride)
    step = labeled.view.to(view)
    known = (labeled.keypoints[..., 2] > 0) & labeled.keypoints.isfinite().all(-1)
    xy = move(step, torch.where(known[..., None], labeled.keypoints[..., :2], 0))
    xy, known = (swap_sides(each, labeled.view, view, codec.flip) for each in (xy, known))
    weight = (known & on_map(xy, size, codec.stride, codec.sigma)).to(xy.dtype)
    heatmaps = encode(xy, size, codec.stride, codec.sigma)
    return Target(heatmaps * weight[..., None, None], weight[..., None, None], view)


class Teach(Protocol):
    """How a teacher's predictions on a view become a target: as they are, or refined, re-weighted, pooled."""

    def __call__(self, teacher: Teacher, view: View, codec: Codec, draws: Draws) -> Target: ...


def soft(teacher: Teacher, view: View, codec: Codec | None = None, draws: Draws | None = None) -> Target:
    """The teacher's heatmaps as they are."""
    heatmaps = teacher(view.image)
    return Target(heatmaps, heatmaps.new_ones(*heatmaps.shape[:2], 1, 1), view)


def seen_from(target: Target, view: View, flip: Tensor) -> Target:
    """The target in another view, T_{e -> h} of Eq. 7; cells its own view could not see have weight 0."""
    heatmaps, seen = align(target.heatmaps, target.frame, view, flip)
    return Target(heatmaps, weight_from(target, view, flip) * seen, view)


def seen_with_background(target: Target, view: View, flip: Tensor) -> Target:
    """As `seen_from`, but what the target's own view could not see is taught as background, as in Xie et al.'s released
    code. There a joint weighs what it weighs least in its own view."""
    heatmaps, seen = align(target.heatmaps, target.frame, view, flip)
    weight = weight_from(target, view, flip)
    if weight.shape[-2:] != (1, 1):
        least = swap_sides(target.weight.amin((-2, -1), keepdim=True), target.frame, view, flip)
        weight = torch.where(seen, weight, least)
    return Target(heatmaps, weight, view)


def weight_from(target: Target, view: View, flip: Tensor) -> Tensor:
    """A target's weights in another view; those a cell are moved with it."""
    if target.weight.shape[-2:] == (1, 1):
        return swap_sides(target.weight, target.frame, view, flip)
    return align(target.weight, target.frame, view, flip)[0]


def mse(prediction: Tensor, target: Target) -> Tensor:
    """Half the mean squared error over (B, K, h, w), Eq. 1; masked joints stay in the denominator, as in SimpleBaseline
    and the released code."""
    return 0.5 * (target.weight * (prediction - target.heatmaps) ** 2).mean()


class Fit(NamedTuple):
    """A student's loss against its target, and what it predicted (B, K, h, w)."""

    loss: Tensor
    heatmaps: Tensor


def follow(student: nn.Module, target: Target, tap: Tap | None = None) -> Fit:
    """The student predicts for the target's view; a `tap` may change what passes between its stages."""
    prediction = student(target.frame.image) if tap is None else student(target.frame.image, tap)
    return Fit(mse(prediction, target), prediction)


def follow_together(student: nn.Module, targets: Sequence[Target], tap: Tap | None = None) -> list[Fit]:
    """As `follow` for each, in one batch: they share batch norm's statistics. The tap is for the last one alone."""
    sizes = [len(target.frame) for target in targets]
    whole = torch.cat([target.frame.image for target in targets])
    predictions = (student(whole) if tap is None else student(whole, of_last(tap, sizes[-1]))).split(sizes)
    return [Fit(mse(each, target), each) for each, target in zip(predictions, targets, strict=True)]


def of_last(tap: Tap, count: int) -> Tap:
    """A tap for the last `count` images of a batch."""

    def tap_last(name: str, x: Tensor) -> Tensor:
        others, last = x.split([len(x) - count, count])  # unlike a slice's, its gradient stays channels-last
        tapped = tap(name, last)
        return x if tapped is last else torch.cat([others, tapped])

    return tap_last


def response(heatmaps: Tensor) -> Tensor:
    """Scalar: the mean over images and joints of the heatmap's maximum, the response of Xie et al.'s Figure 3."""
    return heatmaps.detach().amax((-2, -1)).mean()


def background(heatmaps: Tensor, threshold: float = 0.1) -> Tensor:
    """Scalar: the share of cells with no joint above `threshold`."""
    return (heatmaps.detach().amax(1) < threshold).to(heatmaps.dtype).mean()
