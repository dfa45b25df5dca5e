"""Labels that look as if left and right were exchanged, found by the body's own geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semipose.data.sample import PoseData

FLAT = 0.3
"""Sine of an angle below which a point lies too nearly on the line through left and right to tell their order."""
AGREE = 0.85
"""The part of the samples that must have a pair in the same order before the others are suspected."""
ENOUGH = 8
"""Samples below which nothing is said."""


@dataclass(frozen=True)
class Order:
    """Of one pair: `left` and `right` names, the ids that look `swapped`, and whether an order could be `known`."""

    left: str
    right: str
    known: bool
    swapped: tuple[str, ...]


def orders(data: PoseData) -> tuple[Order, ...]:
    """For each pair, the samples in which its left joint lies where the right one usually does.

    What is compared is on which side of the line from left to right another part of the body lies: a joint of the
    middle, or the middle of another pair. A turn of the body or of the camera does not change that, an exchange of the
    two does. Parts that lie on one side in `AGREE` of the samples have a vote; a sample whose votes are against is
    named. Where no part does, as of people seen from the front and from behind, nothing is known.
    """
    if data.skeleton is None or not data.skeleton.pairs:
        return ()
    points = np.stack([s.keypoints for s in data if s.keypoints is not None]).astype(np.float64)
    ids = np.array([s.id for s in data if s.keypoints is not None])
    xy = np.where(points[..., 2:] > 0, points[..., :2], np.nan)
    pairs = data.skeleton.pairs
    middle = xy[:, [k for k in range(len(data.skeleton)) if k not in {i for pair in pairs for i in pair}]]
    middles = np.stack([(xy[:, left] + xy[:, right]) / 2 for left, right in pairs], 1)
    rows = []
    for n, (left, right) in enumerate(pairs):
        parts = np.concatenate([middle, np.delete(middles, n, 1)], 1)
        votes = _sides(xy[:, left], xy[:, right], parts)
        count, usual = (votes != 0).sum(0), np.sign(votes.sum(0))
        agree = (votes == usual).sum(0) >= AGREE * count
        sure = (count >= ENOUGH) & (usual != 0) & agree
        against = (votes * usual)[:, sure].sum(1) < 0
        names = (data.skeleton.joints[left], data.skeleton.joints[right])
        rows.append(Order(*names, bool(sure.any()), tuple(ids[against].tolist())))
    return tuple(rows)


def _sides(left: np.ndarray, right: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(N, R) of -1 and 1, on which side of the line from left (N, 2) to right each of the parts (N, R, 2) lies; 0 where
    it is near the line or a joint is missing."""
    along = (right - left)[:, None]
    to = parts - ((left + right) / 2)[:, None]
    cross = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
    length = np.linalg.norm(along, axis=-1) * np.linalg.norm(to, axis=-1)
    sine = np.divide(cross, length, out=np.zeros_like(cross), where=np.nan_to_num(length) > 0)
    return np.where(np.abs(np.nan_to_num(sine)) > FLAT, np.sign(np.nan_to_num(sine)), 0)
