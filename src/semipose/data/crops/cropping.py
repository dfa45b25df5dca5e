"""Where a crop lies in its image, and its pixels.

Pixels are addressed by their centres, so a box (x, y, w, h), which covers the edges x to x + w, has its centre at
(x + w/2 - 1/2, y + h/2 - 1/2). It is widened or heightened to the aspect ratio of `CropSpec.size`, enlarged by
`CropSpec.padding` and scaled to that size. The crop shows `CropSpec.cover` pixels around the same centre at the same
scale: crop pixel = network input pixel + ((Ws - W)/2, (Hs - H)/2). Outside the image a crop is black.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np


@dataclass(frozen=True)
class CropSpec:
    """How samples are cut out.

    Attributes:
        size: (H, W) of the network input.
        cover: (Hs, Ws) of the crop, at least `size`: what a rotated or shrunk view may need around it.
        padding: box enlargement, after the box has taken the aspect ratio of `size`.
        store: "raw" pixels (fastest) or "jpeg" of quality 95 (some tenth of the disk).
    """

    size: tuple[int, int]
    cover: tuple[int, int]
    padding: float = 1.25
    store: Literal["raw", "jpeg"] = "raw"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))
        object.__setattr__(self, "cover", tuple(int(n) for n in self.cover))
        if min(self.size) < 1 or self.cover[0] < self.size[0] or self.cover[1] < self.size[1]:
            raise ValueError(f"crop cover {self.cover} must be at least the network input size {self.size}")
        if not self.padding > 0 or self.store not in ("raw", "jpeg"):
            raise ValueError(f"crop padding must be positive and store raw or jpeg, got {self.padding}, {self.store!r}")


def crop_matrices(boxes: np.ndarray, spec: CropSpec) -> np.ndarray:
    """(N, 3, 3) float64, image pixel -> crop pixel, for (N, 4) boxes (x, y, w, h)."""
    x, y, w, h = np.asarray(boxes, np.float64).reshape(-1, 4).T
    (height, width), (cover_height, cover_width) = spec.size, spec.cover
    scale = width / (np.maximum(w, h * width / height) * spec.padding)
    matrices = np.zeros((len(scale), 3, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale
    matrices[:, 0, 2] = (cover_width - 1) / 2 - scale * (x + w / 2 - 0.5)
    matrices[:, 1, 2] = (cover_height - 1) / 2 - scale * (y + h / 2 - 0.5)
    matrices[:, 2, 2] = 1
    return matrices


def cut(image: np.ndarray, matrix: np.ndarray, cover: tuple[int, int]) -> np.ndarray:
    """The (Hs, Ws, 3) crop of an (H, W, 3) image under `matrix` (3, 3), a scale and a shift.

    Shrinking to a half or less averages blocks of k x k pixels first, k = floor(1 / scale), and interpolates only the
    rest, so that fine texture does not alias. The blocks' own shift of (k - 1)/2 is part of the matrix used.
    """
    scale = matrix[0, 0]
    k = max(1, int(1 / scale + 1e-9))
    (x0, x1), (y0, y1) = (
        _span(matrix[axis, 2], scale, cover[1 - axis], image.shape[1 - axis], margin=2 * k) for axis in (0, 1)
    )
    if x0 >= x1 or y0 >= y1:
        return np.zeros((*cover, 3), np.uint8)
    region = image[y0:y1, x0:x1]
    if k > 1:
        region = _averaged(region, k)
    to_image = np.array([[k, 0, x0 + (k - 1) / 2], [0, k, y0 + (k - 1) / 2], [0, 0, 1]])
    return cv2.warpAffine(region, (matrix @ to_image)[:2], cover[::-1], flags=cv2.INTER_LINEAR)


def _averaged(region: np.ndarray, k: int) -> np.ndarray:
    """The means of blocks of k x k pixels; those of the last ones that the region lacks are black."""
    height, width = region.shape[:2]
    if k > min(height, width):
        # Black pixels up to whole blocks may be thousands of times as many as the picture's own.
        rows = np.add.reduceat(region, np.arange(0, height, k), axis=0, dtype=np.int64)
        sums = np.add.reduceat(rows, np.arange(0, width, k), axis=1)
        return np.rint(sums / k**2).astype(np.uint8)
    down, right = -height % k, -width % k
    if down or right:
        region = cv2.copyMakeBorder(region, 0, down, 0, right, cv2.BORDER_CONSTANT)
    return cv2.resize(region, (region.shape[1] // k, region.shape[0] // k), interpolation=cv2.INTER_AREA)


def _span(shift: float, scale: float, out: int, limit: int, margin: int) -> tuple[int, int]:
    """The image columns (or rows) that `out` crop pixels look at, within 0..limit."""
    low, high = (-0.5 - shift) / scale, (out - 0.5 - shift) / scale
    return max(0, int(np.floor(low)) - margin), min(limit, int(np.ceil(high)) + margin + 1)
