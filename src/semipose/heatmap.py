"""Keypoints to heatmaps and back, batched on the model's device, and the flip test between."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semipose.errors import UserError
from semipose.geometry import Size, invert, move, to_cells

Refine = Callable[[Tensor, Tensor], Tensor]
"""(heatmaps (B,K,h,w), arg-max cells (B,K,2)) -> sub-cell positions (B,K,2), in cells."""
POWER = 6
"""Of a heatmap in a soft arg-max: a cell at half of the peak's height has 1/64 of its weight."""


def encode(xy: Tensor, size: Size, stride: float, sigma: float) -> Tensor:
    """Gaussians of height 1 at sub-cell positions.

    Args:
        xy: (B, K, 2) in view pixels.
        size: (h, w) of the heatmaps.
        stride: pixels a cell.
        sigma: in cells.

    Returns:
        (B, K, h, w).
    """
    x, y = move(to_cells(stride, xy), xy).split(1, -1)
    gx = torch.exp(-((torch.arange(size[1], device=xy.device) - x) ** 2) / (2 * sigma**2))
    gy = torch.exp(-((torch.arange(size[0], device=xy.device) - y) ** 2) / (2 * sigma**2))
    return gy[..., :, None] * gx[..., None, :]


def on_map(xy: Tensor, size: Size, stride: float, sigma: float) -> Tensor:
    """(B, K) bool: whether the Gaussian (cut at 3 sigma) of a point (B, K, 2), in view pixels, touches the map."""
    x, y = move(to_cells(stride, xy), xy).unbind(-1)
    reach = 3 * sigma
    return (x >= -reach) & (x <= size[1] - 1 + reach) & (y >= -reach) & (y <= size[0] - 1 + reach)


def peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Arg-max cells (B, K, 2) as (x, y), and the peaks' values (B, K)."""
    value, place = heatmaps.flatten(2).max(-1)
    w = heatmaps.shape[-1]
    return torch.stack([place % w, place // w], -1).to(heatmaps.dtype), value


def soft_peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """As `peaks`, with a gradient: the mean cell by a power of the heatmap. A second peak counts as far as it is nearly
    as high. The peaks' values have no gradient. Of an empty heatmap, the middle and 0."""
    height = heatmaps.detach().amax((-2, -1)).clamp_min(0)
    mass = (heatmaps / height.clamp_min(1e-3)[..., None, None]).clamp_min(0) ** POWER + 1e-9
    share = mass / mass.sum((-2, -1), keepdim=True)
    x, y = (share.sum(other) @ torch.arange(float(share.shape[5 - other]), device=share.device) for other in (2, 3))
    return torch.stack([x, y], -1), height


def spread(heatmaps: Tensor, cells: Tensor) -> Tensor:
    """How wide heatmaps are around cells (B, K, 2): the root mean square distance (B, K), in cells, of their squares. A
    second peak far away makes it large."""
    power = heatmaps.clamp_min(0).square()
    total = power.sum((-2, -1)).clamp_min(1e-12)
    whole = torch.zeros_like(total)
    for axis, other in ((0, -2), (1, -1)):
        along = power.sum(other)
        away = torch.arange(along.shape[-1], device=along.device) - cells[..., axis, None]
        whole = whole + (along * away.square()).sum(-1)
    return (whole / total).sqrt()


def decode(
    heatmaps: Tensor, stride: float, refine: Refine | None = None, first_cell: float | None = None
) -> tuple[Tensor, Tensor]:
    """Positions (B, K, 2) in view pixels and scores (B, K), the peaks' values.

    Args:
        stride: pixels a cell.
        refine: `quarter` or `dark`; None is the arg-max alone.
        first_cell: at which pixel the first cell lies where that is not the middle of the pixels it covers.
    """
    cells, score = peaks(heatmaps)
    if refine is not None:
        cells = refine(heatmaps, cells)
    xy = move(invert(to_cells(stride, heatmaps)), cells)
    return xy if first_cell is None else xy + (first_cell - (stride - 1) / 2), score


def predicted(network: Callable[[Tensor], Tensor], image: Tensor, flip: Sequence[int], test: str = "none") -> Tensor:
    """A network's heatmaps (B, K, h, w), 32 bits, of images (B, 3, H, W), with a flip test or without.

    Args:
        flip: the skeleton's mirror permutation of K joints.
        test: `none`; `plain`, the mean with the mirrored image's heatmaps, mirrored back; `shift`, the same with those
            moved by one cell to the right, the first column staying, as SimpleBaseline and HRNet do: where cell u lies
            at pixel s u, mirroring misplaces a peak by (s - 1) / s of a cell.
    """
    heatmaps = network(image).float()
    if test == "none":
        return heatmaps
    mirrored = network(image.flip(-1)).float()[:, list(flip)].flip(-1)
    if test == "shift":
        mirrored = torch.cat([mirrored[..., :1], mirrored[..., :-1]], -1)
    return (heatmaps + mirrored) / 2


def quarter(heatmaps: Tensor, cells: Tensor) -> Tensor:
    """A quarter cell from the arg-max towards its higher neighbour (SimpleBaseline's decoding); the border stays."""
    at = _sampler(heatmaps, cells)
    dx, dy = at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)
    return cells + 0.25 * torch.stack([dx, dy], -1).sign() * _interior(heatmaps, cells, 1)[..., None]


def dark(heatmaps: Tensor, cells: Tensor, kernel: int = 11) -> Tensor:
    """One Newton step to the maximum of the logarithm of the blurred heatmap (Zhang et al., DARK, CVPR 2020, Eq. 7).

    The blur's sigma is OpenCV's for its kernel width; peaks keep their height. Where the Hessian is not that of a
    maximum, or within two cells of the border, the arg-max stays.
    """
    smooth = _blur(heatmaps, kernel)
    height = heatmaps.amax((-2, -1), keepdim=True) / smooth.amax((-2, -1), keepdim=True).clamp_min(1e-12)
    at = _sampler((smooth * height).clamp_min(1e-10).log(), cells)
    here = at(0, 0)
    dx, dy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    dxx, dyy = (at(2, 0) - 2 * here + at(-2, 0)) / 4, (at(0, 2) - 2 * here + at(0, -2)) / 4
    dxy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    det = dxx * dyy - dxy**2
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], -1) / torch.where(det == 0, 1, det)[..., None]
    good = (det > 0) & (dxx < 0) & _interior(heatmaps, cells, 2) & (step.abs().amax(-1) <= 2)
    return cells + torch.where(good[..., None], step, 0)


DECODERS = ("argmax", "quarter", "dark")
FLIP_TESTS = ("none", "plain", "shift")


@functools.cache
def decoder(name: str, sigma: float = 2.0) -> Refine | None:
    """The refinement that one of `DECODERS` names, for heatmaps of a `sigma` in cells: DARK blurs over 6 sigma - 1
    cells, which is 11 at 2 and 17 at 3."""
    if name not in DECODERS:
        raise UserError(f"decode is {name[:60]!r}; it can be {', '.join(DECODERS)}")
    if name == "dark":
        return functools.partial(dark, kernel=max(3, 2 * round(3 * sigma) - 1))
    return {"argmax": None, "quarter": quarter}[name]


def _sampler(heatmaps: Tensor, cells: Tensor) -> Callable[[int, int], Tensor]:
    h, w = heatmaps.shape[-2:]
    flat, (x, y) = heatmaps.flatten(2), cells.long().unbind(-1)

    def at(dx: int, dy: int) -> Tensor:
        place = (y + dy).clamp(0, h - 1) * w + (x + dx).clamp(0, w - 1)
        return flat.gather(-1, place[..., None])[..., 0]

    return at


def _interior(heatmaps: Tensor, cells: Tensor, border: int) -> Tensor:
    h, w = heatmaps.shape[-2:]
    x, y = cells.unbind(-1)
    return (x >= border) & (x < w - border) & (y >= border) & (y < h - border)


def _blur(heatmaps: Tensor, kernel: int) -> Tensor:
    sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8
    reach = kernel // 2
    taps = torch.arange(-reach, reach + 1, device=heatmaps.device, dtype=heatmaps.dtype)
    taps = torch.exp(-(taps**2) / (2 * sigma**2))
    taps = taps / taps.sum()
    b, k, h, w = heatmaps.shape
    x = heatmaps.reshape(b * k, 1, h, w)
    x = F.conv2d(x, taps.view(1, 1, 1, -1), padding=(0, reach))
    return F.conv2d(x, taps.view(1, 1, -1, 1), padding=(reach, 0)).view(b, k, h, w)
