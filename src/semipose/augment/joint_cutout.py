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
        frame, centers = joints(target)
        return view.edit(filled(frame, *boxes(pick(centers, count, draws), frame, draws)))

    return policy


def released_joint_cutout(count: int, channels: int = 24) -> Policy:
    """Joint Cutout as Xie et al.'s released code has it: joints drawn with replacement from 24 channels, of which only
    the skeleton's have a joint, and boxes clamped with height and width exchanged, which spares an upright crop's feet.
    """

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        frame, centers = joints(target)
        n, k = centers.shape[:2]
        order = draws.integers(n, count, high=max(channels, k))
        picked = centers.gather(1, order.clamp_max(k - 1)[..., None].expand(-1, -1, 2))
        low, high = boxes(picked, frame, draws)
        limit = constant(frame.size, high)  # exchanged on purpose
        low, high = low.clamp_min(0), torch.minimum(high, limit)
        return view.edit(filled(frame, low, torch.where((order < k)[..., None], high, low - 1)))

    return policy


def joints(target: Target | None) -> tuple[View, Tensor]:
    """The view that a teacher saw, and where it found joints, (B, K, 2) in that view's pixels."""
    if target is None:
        raise ValueError("Joint Cutout masks joints that a teacher found: it can be part of the hard view only")
    return target.frame, decode(target.heatmaps, target.frame.size[0] / target.heatmaps.shape[-2])[0]


def pick(centers: Tensor, count: int, draws: Draws) -> Tensor:
    """(B, min(count, K), 2): places of different joints, drawn at random from (B, K, 2)."""
    n, k = centers.shape[:2]
    order = draws.uniform(n, k).argsort(1)[:, : min(count, k)]
    return centers.gather(1, order[..., None].expand(-1, -1, 2))


def boxes(centers: Tensor, frame: View, draws: Draws) -> tuple[Tensor, Tensor]:
    """`around` places (B, n, 2) that are shifted at random."""
    return around(shifted(centers, frame, draws), frame, draws)


def shifted(centers: Tensor, frame: View, draws: Draws) -> Tensor:
    """Places (B, n, 2), each shifted at random."""
    return centers + JITTER * frame.size[0] * draws.normal(*centers.shape)


def around(centers: Tensor, frame: View, draws: Draws) -> tuple[Tensor, Tensor]:
    """Boxes of random sizes about places (B, n, 2): their lowest and their highest corners, (B, n, 2)."""
    height = frame.size[0]
    half = draws.uniform(*centers.shape, low=HALF[0] * height, high=HALF[1] * height)
    return centers - half, centers + half


def filled(frame: View, low: Tensor, high: Tensor) -> Edit:
    """Boxes (B, n, 2) to (B, n, 2), upright in `frame`, filled with the mean colour wherever the view shows them."""

    def mask(image: Tensor, view: View) -> Tensor:
        hit = hits(pixels(view.size, view.to(frame)), low, high).any(1)
        return torch.where(hit[:, None], view.fill, image)

    return mask


def hits(at: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """(B, n, H, W) bool: which boxes (B, n, 2) to (B, n, 2) hold the places (B, H, W, 2)."""
    x, y = at.movedim(-1, 0).contiguous()[:, :, None]
    left, top, right, bottom = torch.cat([low, high], -1)[..., None, None].unbind(2)
    return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
