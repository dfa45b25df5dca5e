"""Views, and the one place that knows pixel conventions.

Conventions, for the whole package:

* A point is (x, y): x to the right, y down. Integer coordinates are pixel *centres*: the pixel in column j and row i
  has its centre at (j, i), and covers [j - 0.5, j + 0.5] x [i - 0.5, i + 0.5].
* A matrix is 3x3 and acts on column vectors (x, y, 1). A matrix "from a to b" maps a's pixels to b's.
* Sizes are (height, width).
* A heatmap of stride s has cells that cover s x s pixels: cell centre u lies at pixel s * u + (s - 1) / 2.
* Sampling is bilinear with torch's `align_corners=False`, whose normalised coordinate of pixel x is (2x + 1) / W - 1.

Nothing outside this file builds a sampling grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]
Edit = Callable[[Tensor, "View"], Tensor]
"""A deterministic change of pixels: (image (B,3,H,W), the view it was rendered for) -> image. Joints do not move."""

MEAN_COLOR = (0.485, 0.456, 0.406)
"""ImageNet's mean RGB: 0 after normalisation, and what views show where the source crop has no pixels."""


@dataclass(frozen=True, eq=False)
class View:
    """A batch of images as one look at their source crops.

    Pixels are rendered on first use, by one resampling of the source crop through `matrix`, then `edits` in order. So
    composing two warps multiplies two matrices, and nothing is ever resampled twice.

    Attributes:
        source: source crops, (B, 3, Hs, Ws) float in [0, 1], less `MEAN_COLOR`: 0 is what lies outside of them.
        base: (3, 3), from source-crop pixels to pixels of the plain, unaugmented view.
        matrix: (B, 3, 3), from source-crop pixels to this view's pixels. A negative determinant is a mirror image.
        size: (H, W) of the rendered image.
        edits: changes of pixels after resampling (photometric ones, cutout, windows).
        unedited: the pixels before these, where another view has rendered them already.
        told: (B, K, 3 or 4), what a finished teacher said of these images before the training: x and y in source-crop
            pixels, how sure it is, and its doubt where it looked at several views.
    """

    source: Tensor
    base: Tensor
    matrix: Tensor
    size: Size
    edits: tuple[Edit, ...] = ()
    unedited: Tensor | None = None
    told: Tensor | None = None

    @classmethod
    def of(cls, source: Tensor, size: Size) -> View:
        """The plain view of source crops: their central `size` pixels. Accepts uint8 (B, Hs, Ws, 3) or float
        (B, 3, Hs, Ws) in [0, 1]."""
        pixels_last = source.dtype == torch.uint8
        source = source.permute(0, 3, 1, 2).float().div_(255) if pixels_last else source.clone()
        base = central(source.shape[-2:], size, source)
        source.sub_(pixel_row(constant(MEAN_COLOR, source)[:, None, None], source))
        return cls(source, base, base.expand(len(source), 3, 3), size)

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def image(self) -> Tensor:
        """(B, 3, H, W) in [0, 1], channels last."""
        image = self.unedited
        if image is None:
            image = resample(self.source, self.matrix, self.size).add_(self.fill)
        for edit in self.edits:
            image = edit(image, self)
        return image.contiguous(memory_format=torch.channels_last)

    @property
    def fill(self) -> Tensor:
        """(3, 1, 1), the colour of pixels that do not exist."""
        return constant(MEAN_COLOR, self.source)[:, None, None]

    @property
    def plain(self) -> View:
        """The same images, unaugmented."""
        return replace(self, matrix=self.base.expand_as(self.matrix), edits=(), unedited=None)

    def warp(self, step: Tensor) -> View:
        """Moved by `step` (B, 3, 3), from this view's pixels to the new one's."""
        with exact(step):
            return replace(self, matrix=step @ self.matrix, unedited=None)

    def edit(self, *edits: Edit) -> View:
        """With more changes of pixels."""
        return replace(self, edits=self.edits + edits)

    def to(self, other: View) -> Tensor:
        """(B, 3, 3), from this view's pixels to those of another view of the same crops."""
        with exact(self.matrix):
            return other.matrix @ invert(self.matrix)

    @property
    def mirrored(self) -> Tensor:
        """(B,) bool."""
        return determinant(self.matrix) < 0


def exact(like: Tensor) -> torch.autocast:
    """Mixed precision off, for products of matrices: rounded to 16 bits, they put pixels elsewhere."""
    return torch.autocast(like.device.type, enabled=False)


def pixel_row(colour: Tensor, image: Tensor) -> Tensor:
    """A colour (3, 1, 1) as a row (1, 3, 1, W) of an image's pixels: where colours are last in memory, arithmetic on
    three numbers at a time is many times slower. An exported graph keeps the three numbers."""
    if torch.compiler.is_exporting():
        return colour
    return colour.expand(1, 3, 1, image.shape[-1]).contiguous(memory_format=torch.channels_last)


Rows = tuple[float, ...] | tuple[tuple[float, ...], ...]


def constant(values: Rows, like: Tensor) -> Tensor:
    """Numbers as a tensor of `like`'s type, on its device. They are sent there once, since sending waits for the
    device. The tensor is shared; never change it in place."""
    return _constant(values, like.dtype, like.device)


@lru_cache(maxsize=1024)
def _constant(values: Rows, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # else it could not be used in training afterwards
        return torch.tensor(values, dtype=dtype, device=device)


def central(source: Size | torch.Size, size: Size, like: Tensor | None = None) -> Tensor:
    """(3, 3): from a frame of size `source` to the frame of `size` at its centre, at the same scale."""
    x, y = -(source[1] - size[1]) / 2, -(source[0] - size[0]) / 2
    return constant(((1, 0, x), (0, 1, y), (0, 0, 1)), torch.empty(0) if like is None else like)


def similarity(size: Size, degrees: Tensor, scale: Tensor, mirror: Tensor) -> Tensor:
    """(B, 3, 3): about the centre of a frame: mirror (B,) bool, then turn by `degrees` (B,), clockwise as y points
    down, and magnify by `scale` (B,). A true rotation for any aspect ratio."""
    angle = torch.deg2rad(degrees)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    sign = 1 - 2 * mirror.to(cos.dtype)
    cx, cy = (size[1] - 1) / 2, (size[0] - 1) / 2
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    a, b, c, d = cos * sign, -sin, sin * sign, cos
    rows = [a, b, cx - a * cx - b * cy, c, d, cy - c * cx - d * cy, zero, zero, one]
    return torch.stack(rows, -1).view(-1, 3, 3)


def move(matrix: Tensor, xy: Tensor) -> Tensor:
    """Points (B, K, 2) through matrices (B, 3, 3) or (3, 3)."""
    with exact(xy):
        return xy @ matrix[..., :2, :2].mT + matrix[..., None, :2, 2]


def determinant(matrix: Tensor) -> Tensor:
    """Of the linear part of affine matrices (..., 3, 3)."""
    return matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]


def invert(matrix: Tensor) -> Tensor:
    """The inverse of affine matrices (..., 3, 3). Unlike `torch.linalg.inv`, it does not wait for the device."""
    return torch.linalg.inv_ex(matrix).inverse


def resample(x: Tensor, matrix: Tensor, size: Size) -> Tensor:
    """x (B, C, h, w), moved by `matrix` (B, 3, 3), from x's pixels to those of the (B, C, *size) result; bilinear, zero
    where x has no pixels."""
    with exact(x):
        theta = _normalise(x.shape[-2:], x) @ invert(matrix) @ invert(_normalise(size, x))
        grid = _moved(theta, *(_centres(count, x.dtype, x.device) for count in size))
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def look_up(x: Tensor, xy: Tensor) -> Tensor:
    """x (B, C, h, w) at the places xy (B, H, W, 2) of its pixels: (B, C, H, W); bilinear, zero where x has none."""
    with exact(x):
        grid = move(_normalise(x.shape[-2:], x), xy.flatten(1, 2)).view_as(xy)
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def pixels(size: Size, matrix: Tensor) -> Tensor:
    """(B, H, W, 2): where `matrix` (B, 3, 3) sends each pixel centre of a frame."""
    return _moved(matrix, *(torch.arange(count, device=matrix.device, dtype=matrix.dtype) for count in size))


def _moved(matrix: Tensor, ys: Tensor, xs: Tensor) -> Tensor:
    """(B, H, W, 2): where `matrix` (B, 3, 3) sends each (x, y) of xs (W,) and ys (H,). In memory all x lie before all
    y, which is many times faster than in turn, or than torch's affine_grid, whose numbers these are."""
    x, y = xs[None, None, :], ys[None, :, None]
    m = matrix[:, :, :, None, None]
    return torch.stack([m[:, i, 0] * x + m[:, i, 1] * y + m[:, i, 2] for i in (0, 1)]).movedim(0, -1)


@lru_cache(maxsize=1024)
def _centres(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(count,), normalised coordinates of pixel centres; shared, as a `constant`."""
    with torch.inference_mode(False):
        return torch.linspace(-1, 1, count, dtype=dtype, device=device) * (count - 1) / count


def inside(xy: Tensor, size: Size) -> Tensor:
    """(...) bool: whether points (..., 2) lie on the pixels of a frame."""
    return (xy[..., 0] >= -0.5) & (xy[..., 0] <= size[1] - 0.5) & (xy[..., 1] >= -0.5) & (xy[..., 1] <= size[0] - 0.5)


def window(frame: View) -> Edit:
    """An edit that blanks what `frame` did not show, so a view derived from it shows nothing more than it did."""

    def blank(image: Tensor, view: View) -> Tensor:
        seen = inside(pixels(view.size, view.to(frame)), frame.size)
        return torch.where(seen[:, None], image, view.fill)

    return blank


def to_cells(stride: float, like: Tensor) -> Tensor:
    """(3, 3), from a view's pixels to the cells of its heatmaps."""
    offset = (1 - stride) / (2 * stride)
    return constant(((1 / stride, 0, offset), (0, 1 / stride, offset), (0, 0, 1)), like)


def align(heatmaps: Tensor, source: View, target: View, flip: Tensor) -> tuple[Tensor, Tensor]:
    """Heatmaps of one view as they would look in another: T_{source -> target} of Xie et al. 2021, Eq. 7.

    Args:
        heatmaps: (B, K, h, w) in `source`'s frame; the result has the same size, in `target`'s.
        flip: (K,) the skeleton's mirror permutation; left and right swap where one view mirrors the other.

    Returns:
        The heatmaps, one bilinear resampling of the input, and (B, 1, h, w) bool: the cells that `source` could see.
    """
    size = (heatmaps.shape[-2], heatmaps.shape[-1])
    cells = to_cells(target.size[0] / size[0], heatmaps)
    with exact(heatmaps):
        step = cells @ source.to(target) @ invert(to_cells(source.size[0] / size[0], heatmaps))
    moved = resample(heatmaps, step, size)
    seen = inside(pixels(size, invert(step)), size)
    return swap_sides(moved, source, target, flip), seen[:, None]


def swap_sides(x: Tensor, source: View, target: View, flip: Tensor) -> Tensor:
    """What is known a joint, (B, K, ...), with left and right swapped where one view mirrors the other."""
    swapped = source.mirrored ^ target.mirrored
    return torch.where(swapped.view(-1, *[1] * (x.ndim - 1)), x[:, flip], x)


def _normalise(size: Size | torch.Size, like: Tensor) -> Tensor:
    h, w = size
    return constant(((2 / w, 0, 1 / w - 1), (0, 2 / h, 1 / h - 1), (0, 0, 1)), like)
