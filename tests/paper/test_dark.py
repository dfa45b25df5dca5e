"""DARK (Zhang et al., CVPR 2020) against its own recipe, map by map with OpenCV: blur of width 11, scaled to the old
maximum, logarithm, one Newton step from the arg-max (Eq. 7 to 9)."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from semipose.heatmap import dark, encode, peaks


def by_hand(heatmap: np.ndarray) -> np.ndarray:
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    smooth = cv2.GaussianBlur(heatmap, (11, 11), 0, borderType=cv2.BORDER_CONSTANT)
    log = np.log(np.maximum(smooth * heatmap.max() / smooth.max(), 1e-10))
    gradient = np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]]) / 2
    xx = (log[y, x + 2] - 2 * log[y, x] + log[y, x - 2]) / 4
    yy = (log[y + 2, x] - 2 * log[y, x] + log[y - 2, x]) / 4
    xy = (log[y + 1, x + 1] - log[y - 1, x + 1] - log[y + 1, x - 1] + log[y - 1, x - 1]) / 4
    return np.array([x, y]) - np.linalg.solve(np.array([[xx, xy], [xy, yy]]), gradient)


def test_dark_is_the_papers() -> None:
    rng = torch.Generator().manual_seed(0)
    xy = torch.rand(4, 3, 2, generator=rng, dtype=torch.float64) * torch.tensor([30.0, 46.0]) + 9
    maps = encode(xy, (64, 48), 1, 2.0) + 0.05 * torch.rand(4, 3, 64, 48, generator=rng, dtype=torch.float64)
    found = dark(maps, peaks(maps)[0])
    expected = np.stack([[by_hand(each) for each in image] for image in maps.numpy()])
    assert np.abs(found.numpy() - expected).max() < 1e-6
    assert (found - xy).norm(dim=-1).max() < (peaks(maps)[0] - xy).norm(dim=-1).max()
