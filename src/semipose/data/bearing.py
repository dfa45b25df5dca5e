"""How bodies lie before the camera: held in one place, upright, or in any direction, as seen from above."""

from __future__ import annotations

import numpy as np

from semipose.data.images import image_size
from semipose.data.sample import PoseData

STILL, AWAY, ENOUGH = 0.03, 0.3, 10
"""Parts of the frame's width: a joint that moves less, so far from its place in a mirrored frame, is held; and in how
many images it has to be seen."""
SAMPLES, JOINTS = 1000, 50
"""So many, evenly spread, tell how bodies lie."""
ANYWHERE, UPRIGHT = 0.5, 0.85
"""The mean of unit vectors from joint to joint, over the labels, is 1 where bodies all lie one way and 0 where they lie
every way: below the first they lie anyhow, above the second they are upright."""


def is_whole(data: PoseData) -> bool:
    """Whether boxes are whole frames, by the first."""
    first = data[0]
    return first.box == (0, 0, *map(float, image_size(first.image)[::-1]))


def is_held(data: PoseData) -> bool:
    """Whether a joint is always at one place of the frame, far from that of its mirror image: mirrored pictures do not
    occur."""
    points = _points(data)
    x = np.where(
        points[..., 2] > 0,
        points[..., 0] / np.array([s.box[2] for s in data if s.keypoints is not None])[:, None],
        np.nan,
    )
    seen = np.isfinite(x).sum(0) >= ENOUGH
    if not (seen.any() and is_whole(data)):
        return False
    middle, spread = (np.array([each(column) for column in x[:, seen].T]) for each in (np.nanmean, np.nanstd))
    return bool(((spread < STILL) & (np.abs(2 * middle - 1) > AWAY)).any())


def lies_anyhow(data: PoseData) -> bool:
    """Whether bodies lie in every direction, as seen from above."""
    return one_way(data, ENOUGH) < ANYWHERE


def is_upright(data: PoseData) -> bool:
    """Whether bodies lie one way and are not held: such a body turns away from the camera, and crosses its limbs."""
    return one_way(data, 1) > UPRIGHT and not is_held(data)


def one_way(data: PoseData, enough: int) -> float:
    """0 where bodies lie in every direction and 1 where all lie in one: in the median over pairs of joints; 1 where
    none are labelled in `enough` samples."""
    points = _points(data)
    points = points[:: -(-len(points) // SAMPLES), :: -(-points.shape[1] // JOINTS)]
    xy = np.where(points[..., 2:] > 0, points[..., :2], np.nan)
    step = xy[:, :, None] - xy[:, None]
    length = np.linalg.norm(step, axis=-1, keepdims=True)
    unit = np.divide(step, length, out=np.full_like(step, np.nan), where=length > 0)
    seen = np.isfinite(unit[..., 0]).sum(0) >= enough
    return float(np.median(np.linalg.norm(np.nanmean(unit[:, seen], 0), axis=-1))) if seen.any() else 1.0


def _points(data: PoseData) -> np.ndarray:
    """(N, K, 3)"""
    return np.stack([s.keypoints for s in data if s.keypoints is not None]).astype(np.float64)
