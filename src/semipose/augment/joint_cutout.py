"""Joint Cutout: mask the surroundings of joints that the teacher detected (Xie et al. 2021, section 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from semipose.augment.policy import Policy
from semipose.draws import Draws
from semipose.geometry import Edit, View, constant, pixels
from semipose.heatmap import decode
from semipose.target import Target

JITTER = 10 / 256
HALF = (10 / 256, 20 / 256)
"""Of the view's height. The paper says only that centres and sizes are perturbed; these are its released code's pixels
at 256x192: centres N(0, 10), half-sides 10 to 19."""


def joint_cutout(count: int) -> Policy:
    """Mask `count` different joints, each picked at random from the teacher's predictions in its own view."""

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        frame, centers = _joints(target)
        n, k = centers.shape[:2]
        order = draws.uniform(n, k).argsort(1)[:, : min(count, k)]
        picked = centers.gather(1, order[..., None].expand(-1, -1, 2))
        return view.edit(_cutout(frame, *_boxes(picked, frame, draws)))

    return policy


def released_joint_cutout(count: int, channels: int = 24) -> Policy:
    """Joint Cutout as Xie et al.'s released code has it: joints drawn with replacement from 24 channels, of which only
    the skeleton's have a joint, and boxes clamped with height and width exchanged, which spares an upright crop's feet.
    """

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        frame, centers = _joints(target)
        n, k = centers.shape[:2]
        order = draws.integers(n, count, high=max(channels, k))
        picked = centers.gather(1, order.clamp_max(k - 1)[..., None].expand(-1, -1, 2))
        low, high = _boxes(picked, frame, draws)
        limit = constant(frame.size, high)  # exchanged on purpose
        low, high = low.clamp_min(0), torch.minimum(high, limit)
        return view.edit(_cutout(frame, low, torch.where((order < k)[..., None], high, low - 1)))

    return policy


def _joints(target: Target | None) -> tuple[View, Tensor]:
    if target is None:
        raise ValueError("Joint Cutout masks joints that a teacher found: it can be part of the hard view only")
    return target.frame, decode(target.heatmaps, target.frame.size[0] / target.heatmaps.shape[-2])[0]


def _boxes(centers: Tensor, frame: View, draws: Draws) -> tuple[Tensor, Tensor]:
    n, count = centers.shape[:2]
    height = frame.size[0]
    centers = centers + JITTER * height * draws.normal(n, count, 2)
    half = draws.uniform(n, count, 2, low=HALF[0] * height, high=HALF[1] * height)
    return centers - half, centers + half


def _cutout(frame: View, low: Tensor, high: Tensor) -> Edit:
    """Boxes (B, n, 2) to (B, n, 2), upright in `frame`, filled with the mean colour wherever the view shows them."""

    def mask(image: Tensor, view: View) -> Tensor:
        x, y = pixels(view.size, view.to(frame)).unbind(-1)
        (left, top), (right, bottom) = (each.transpose(0, 1)[..., None, None].unbind(2) for each in (low, high))
        hit = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)  # (n, B, H, W)
        return torch.where(hit.any(0)[:, None], view.fill, image)

    return mask
