"""RandAugment without geometry (Cubuk et al. 2020), of the operations that Xie et al. 2021 use: batched, on the
image's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semipose.augment.policy import Policy
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, constant, exact, pixels
from semipose.target import Target

STRONGEST = 30
"""The highest magnitude there is."""
GRAY = (0.299, 0.587, 0.114)
SMOOTH = ((1, 1, 1), (1, 5, 1), (1, 1, 1))
Operation = Callable[[Tensor, float, Tensor], Tensor]
"""(images (B,3,H,W) in [0, 1], magnitude as a part of the largest, random numbers (B,3)) -> images."""


def rand_augment(magnitude: float = 20, count: int = 2, operations: Sequence[Operation] | None = None) -> Policy:
    """`count` of the operations, drawn with replacement, at fixed `magnitude` of 30. Operations that can point either
    way take a random sign, the cutout a random place.

    A magnitude is turned into an argument as in RandAugment's own code: how many bits Posterize keeps and from where
    Solarize inverts both grow with it, so that these two are the milder the higher it is.

    Which image gets which operation is known on the host, so each operation runs on its own images alone.

    Raises:
        UserError: a magnitude above 30.
    """
    if not 0 <= magnitude <= STRONGEST:
        raise UserError(f"RandAugment of magnitude {magnitude:g} is impossible; give 0 to {STRONGEST}, as in ra20")
    choice = operations or OPERATIONS

    def policy(view: View, draws: Draws, target: Target | None = None) -> View:
        n = len(view)
        which = draws.integers(n, count, high=len(choice), host=True)
        chance = draws.uniform(n, count, 3)

        def edit(image: Tensor, view: View) -> Tensor:
            for turn in range(count):
                image = _apply(image, which[:, turn], magnitude / STRONGEST, chance[:, turn], choice)
            return image

        return view.edit(edit)

    return policy


def released_rand_augment(magnitude: float = 20) -> Policy:
    """As Xie et al.'s released code has it: Posterize keeps fewer bits and Solarize inverts more the higher the
    magnitude is, and SolarizeAdd adds to all pixels and inverts what is bright then."""
    return rand_augment(magnitude, operations=RELEASED)


def _apply(
    image: Tensor, which: Tensor, level: float, chance: Tensor, operations: Sequence[Operation] | None = None
) -> Tensor:
    image = image.clone()
    for index in which.unique().tolist():
        rows = (which == index).nonzero()[:, 0].to(image.device, non_blocking=True)
        image[rows] = (operations or OPERATIONS)[index](image[rows], level, chance[rows]).clamp(0, 1)
    return image


def _auto_contrast(x: Tensor, level: float, chance: Tensor) -> Tensor:
    low, high = x.amin((-2, -1), keepdim=True), x.amax((-2, -1), keepdim=True)
    flat = high - low < 1 / 255
    return torch.where(flat, x, (x - low) / torch.where(flat, 1, high - low))


def _equalize(x: Tensor, level: float, chance: Tensor) -> Tensor:
    b, c, h, w = x.shape
    bins = (x * 255).round().long().flatten(2)
    counts = torch.zeros(b, c, 256, device=x.device, dtype=x.dtype).scatter_add_(
        2, bins, torch.ones_like(bins, dtype=x.dtype)
    )
    below = counts.cumsum(2) - counts
    last = counts.gather(2, bins.amax(2, keepdim=True))
    table = below / (h * w - last).clamp_min(1)
    flat = last == h * w
    return torch.where(flat, x.flatten(2), table.gather(2, bins)).view(b, c, h, w)


def _invert(x: Tensor, level: float, chance: Tensor) -> Tensor:
    return 1 - x


def _posterize(x: Tensor, level: float, chance: Tensor) -> Tensor:
    step = 2 ** (8 - round(4 * level))
    return ((x * 255) / step).floor() * step / 255


def _solarize(x: Tensor, level: float, chance: Tensor) -> Tensor:
    return torch.where(x * 255 < 256 * level, x, 1 - x)


def _solarize_add(x: Tensor, level: float, chance: Tensor) -> Tensor:
    return torch.where(x * 255 < 128, x + 110 * level / 255, x)


def _released_posterize(x: Tensor, level: float, chance: Tensor) -> Tensor:
    step = 2 ** (8 - max(2, 6 - int(4 * level)))
    return ((x * 255) / step).floor() * step / 255


def _released_solarize(x: Tensor, level: float, chance: Tensor) -> Tensor:
    return _solarize(x, 1 - level, chance)


def _released_solarize_add(x: Tensor, level: float, chance: Tensor) -> Tensor:
    return _solarize((x + 110 * level / 255).clamp_max(1), 0.5, chance)


def _towards(other: Callable[[Tensor], Tensor]) -> Operation:
    def enhance(x: Tensor, level: float, chance: Tensor) -> Tensor:
        sign = (chance[:, 0] < 0.5).to(x.dtype)[:, None, None, None] * 2 - 1
        base = other(x)
        return base + (1 + 0.9 * level * sign) * (x - base)

    return enhance


def _gray(x: Tensor) -> Tensor:
    return (x * constant(GRAY, x)[:, None, None]).sum(1, keepdim=True)


def _smooth(x: Tensor) -> Tensor:
    kernel = constant(SMOOTH, x).div(13).expand(3, 1, 3, 3)
    with exact(x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)


def _cutout(x: Tensor, level: float, chance: Tensor) -> Tensor:
    h, w = x.shape[-2:]
    half = 80 / 256 * h * level / 2
    center = chance[:, None, None, 1:] * constant((w, h), x)
    at = pixels((h, w), torch.eye(3, device=x.device, dtype=x.dtype).expand(len(x), 3, 3))
    return torch.where(((at - center).abs() <= half).all(-1)[:, None], 0.5, x)


OPERATIONS: tuple[Operation, ...] = (
    _auto_contrast,
    _equalize,
    _invert,
    _posterize,
    _solarize,
    _solarize_add,
    _towards(_gray),  # color
    _towards(lambda x: _gray(x).mean((-2, -1), keepdim=True)),  # contrast
    _towards(torch.zeros_like),  # brightness
    _towards(_smooth),  # sharpness
    _cutout,
)
RELEASED = (
    *OPERATIONS[:3],
    _released_posterize,
    _released_solarize,
    _released_solarize_add,
    *OPERATIONS[6:],
)
