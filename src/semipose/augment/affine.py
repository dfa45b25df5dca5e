"""Rotation, scale and mirror, as matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from semipose.augment.policy import Policy
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, constant, exact, similarity, window
from semipose.target import Target


def affine(degrees: float, scale: float, flip: float = 0.0) -> Policy:
    """Uniform in +-`degrees` and 1 +- `scale`, mirrored with probability `flip`, about the view's centre.

    "Affine 30" is (30, 0.25) and "Affine 60" is (60, 0.5): Xie et al. 2021, section 4.1. A scale above 1 magnifies.
    """
    if not (0 <= scale < 1 and 0 <= flip <= 1):
        raise UserError(f"an affine with scales 1 +- {scale:g} and flips of {flip:.0%} is impossible; lower its number")

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        n = len(view)
        angle = draws.uniform(n, low=-degrees, high=degrees)
        factor = draws.uniform(n, low=1 - scale, high=1 + scale)
        return view.warp(similarity(view.size, angle, factor, draws.uniform(n) < flip))

    return policy


def afresh(policy: Policy) -> Policy:
    """The policy applied to the plain image instead of the view at hand, as T_h(I) in Xie et al. 2021, Eq. 3."""
    return lambda view, draws, target=None: policy(view.plain, draws, target)


def onto(policy: Policy) -> Policy:
    """The policy composed on the view at hand, and blank where that ended."""
    return lambda view, draws, target=None: policy(view, draws, target).edit(window(view))


def released_easy(view: View, draws: Draws, target: Target | None = None) -> View:
    """The easy crop of Xie et al.'s released code: clipped normal rotation with probability 0.6, scale of the box that
    is cut out, mirror 0.5."""
    return view.warp(_released(view, draws, chance=0.6, flip=0.5))


def released_hard(view: View, draws: Draws, target: Target | None = None) -> View:
    """The second affine of Xie et al.'s released code, on the easy crop: probability 0.8, scale of the part that is
    looked at, no mirror; as there, a rotation of normalised coordinates, which shears crops that are not square."""
    step = _released(view, draws, chance=0.8, flip=0.0)
    aspect = view.size[1] / view.size[0]
    cx = (view.size[1] - 1) / 2
    squeeze = constant(((1 / aspect, 0, cx - cx / aspect), (0, 1, 0), (0, 0, 1)), step)
    spread = constant(((aspect, 0, cx - cx * aspect), (0, 1, 0), (0, 0, 1)), step)
    with exact(step):
        return view.warp(spread @ step @ squeeze)


def _released(view: View, draws: Draws, chance: float, flip: float) -> Tensor:
    n = len(view)
    turned = draws.uniform(n) < chance
    angle = torch.where(turned, (30 * draws.normal(n)).clamp(-60, 60), 0)
    shown = (1 + 0.25 * draws.normal(n)).clamp(0.75, 1.25)  # a larger part of the image is a smaller person
    return similarity(view.size, angle, 1 / shown, draws.uniform(n) < flip)
