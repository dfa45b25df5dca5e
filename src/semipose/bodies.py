"""Bodies to heatmaps and back, batched on the model's device: where several bodies are in an image, and how large.

Three channels: Gaussians at the bodies' centres, and these times each body's width and height on a scale of logarithms,
0 for `SPAN` halvings of the image's longer side and 1 for the whole of it. What lies between two bodies belongs to the
one whose Gaussian is higher there. The ratio of two channels at a peak is a size, so all three are learnt as any
heatmaps are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from semipose.geometry import Size, invert, move, pixels, to_cells
from semipose.heatmap import encode, on_map, quarter
from semipose.skeleton import Skeleton

BODIES = Skeleton("bodies", ("centre", "width", "height"))
"""The channels, as a network's joints."""
SPAN = 6.0
"""Halvings of the image's longer side, down to the smallest body that is told from a smaller one."""
SAME = 0.6
"""Boxes that overlap by more (intersection over union) are of one body."""
NEAR = 0.05
"""Of a Gaussian: cells where it is lower are beside the body."""
AROUND = 3
"""Cells across in which a peak is the highest, and over which its size is read."""


def extents(xy: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The boxes that points span.

    Args:
        xy: (..., K, 2).
        known: (..., K) bool.

    Returns:
        (..., 4) centre and sides, x, y, w, h; and (...) bool, whether any point is known: else the box is 0.
    """
    some = known.any(-1)
    low = torch.where(known[..., None], xy, torch.inf).amin(-2)
    high = torch.where(known[..., None], xy, -torch.inf).amax(-2)
    boxes = torch.cat([(low + high) / 2, high - low], -1)
    return torch.where(some[..., None], boxes, 0), some


def encode_bodies(boxes: Tensor, known: Tensor, view: Size, stride: float, sigma: float) -> Tensor:
    """The heatmaps of bodies.

    Args:
        boxes: (B, N, 4) centres and sides in pixels of a view of size `view`.
        known: (B, N) bool: the others are none.
        stride: pixels a cell.
        sigma: in cells.

    Returns:
        (B, 3, h, w), the channels of `BODIES`.
    """
    size = (int(view[0] // stride), int(view[1] // stride))
    shown = known & on_map(boxes[..., :2], size, stride, sigma)
    gaussians = encode(boxes[..., :2], size, stride, sigma) * shown[..., None, None]
    centre, whose = gaussians.max(1)
    sides = (1 + (boxes[..., 2:] / max(view)).clamp_min(1e-6).log2() / SPAN).clamp_min(0)
    here = sides[:, :, :, None].expand(-1, -1, -1, whose[0].numel())  # (B, N, 2, cells)
    sides = here.gather(1, whose.flatten(1)[:, None, None].expand(-1, 1, 2, -1))[:, 0]
    return torch.cat([centre[:, None], centre[:, None] * sides.unflatten(-1, size)], 1)


def unknown_cells(heatmaps: Tensor, corners: Tensor, known: Tensor, stride: float) -> Tensor:
    """Where boxes of which nothing is taught lie, and no body that is.

    Args:
        heatmaps: (B, 3, h, w) of the bodies.
        corners: (B, N, 3, 2) in view pixels: a corner of each box, which may be turned, and the two next to it.
        known: (B, N) bool: the others are none.
        stride: pixels a cell.

    Returns:
        (B, 1, h, w) bool.
    """
    size = (heatmaps.shape[-2], heatmaps.shape[-1])
    cells = pixels(size, invert(to_cells(stride, heatmaps))[None])[:, None]  # (1, 1, h, w, 2)
    corner, along, down = (each[:, :, None, None] for each in corners.unbind(2))
    along, down, off = along - corner, down - corner, cells - corner
    area = _cross(along, down)
    inside = torch.ones_like(off[..., 0], dtype=torch.bool)
    for share in (_cross(off, down) / area, _cross(along, off) / area):  # NaN where a box is a line: not inside
        inside &= (share >= 0) & (share <= 1)
    return (inside & known[..., None, None]).any(1, keepdim=True) & (heatmaps[:, :1] < NEAR)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def decode_bodies(heatmaps: Tensor, stride: float, most: int) -> tuple[Tensor, Tensor]:
    """The surest bodies of heatmaps (B, 3, h, w).

    Returns:
        (B, most, 4) centres and sides in view pixels, and (B, most) scores, surest first; 0 where there is none, or one
        that is surer is in the same place.
    """
    centre, cells = heatmaps[:, :1], heatmaps.shape[-2] * heatmaps.shape[-1]
    smooth = F.avg_pool2d(heatmaps, AROUND, 1, AROUND // 2)
    peaks = torch.where(F.max_pool2d(centre, AROUND, 1, AROUND // 2) == centre, centre, 0)
    score, place = peaks.flatten(1).clamp_min(0).topk(min(most, cells))
    width = heatmaps.shape[-1]
    at = torch.stack([place % width, place // width], -1).to(heatmaps.dtype)
    at = quarter(centre.expand(-1, place.shape[1], -1, -1), at)
    read = smooth.flatten(2).gather(-1, place[:, None].expand(-1, 3, -1))
    share = (read[:, 1:] / read[:, :1].clamp_min(1e-6)).clamp(0, 1).mT
    longer = stride * max(heatmaps.shape[-2:])
    boxes = torch.cat([move(invert(to_cells(stride, heatmaps)), at), longer * 2 ** (SPAN * (share - 1))], -1)
    double = overlap(boxes, boxes).triu(1).amax(-2) > SAME
    score = torch.where(double, 0, score)
    order = score.argsort(dim=-1, descending=True, stable=True)
    boxes, score = boxes.gather(1, order[..., None].expand(-1, -1, 4)), score.gather(1, order)
    missing = most - score.shape[1]
    return F.pad(boxes, (0, 0, 0, missing)), F.pad(score, (0, missing))


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union (..., N, M) of boxes (..., N, 4) and (..., M, 4), as centres and sides."""
    low = torch.maximum((a[..., :2] - a[..., 2:] / 2)[..., :, None, :], (b[..., :2] - b[..., 2:] / 2)[..., None, :, :])
    high = torch.minimum((a[..., :2] + a[..., 2:] / 2)[..., :, None, :], (b[..., :2] + b[..., 2:] / 2)[..., None, :, :])
    both = (high - low).clamp_min(0).prod(-1)
    total = a[..., 2:].prod(-1)[..., :, None] + b[..., 2:].prod(-1)[..., None, :]
    return both / (total - both).clamp_min(1e-9)
