"""Labels that look as if left and right were exchanged, found by the body's own geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semipose.data.bearing import is_upright
from semipose.data.sample import PoseData

FLAT, CLEAR = 0.3, 0.5
"""Sines of an angle: below the first a point lies too nearly on the line through left and right to tell their order;
above the second it tells it clearly."""
AGREE = 0.9
"""The part of the samples that must have a pair in the same order before the others are suspected."""
ENOUGH, MANY = 8, 300
"""Samples below which nothing is said: of bodies that are held or seen from above, and of upright ones, which turn away
from the camera and cross their limbs."""
APART = 0.1
"""Just beyond the line lie at most so many of those clearly beyond it, where labels were exchanged."""
FEW = 4
"""From so many on, one of them may lie near it."""
UNANIMOUS = 0.9
"""The part of a sample's votes that must be against it."""


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
    two does. Parts that lie on one side in `AGREE` of the samples have a vote; not where, beside those clearly beyond
    the line, many lie near it (`APART`), for then the body bends so far by itself. A sample whose votes are against is
    named. Where no part has a vote, as of people seen from the front and from behind, nothing is known. An upright body
    whose pairs are all in the other order is seen from behind, as far as anyone can tell: it is not named.
    """
    if data.skeleton is None or not data.skeleton.pairs:
        return ()
    points = np.stack([s.keypoints for s in data if s.keypoints is not None]).astype(np.float64)
    ids = np.array([s.id for s in data if s.keypoints is not None])
    xy = np.where(points[..., 2:] > 0, points[..., :2], np.nan)
    pairs = data.skeleton.pairs
    middle = xy[:, [k for k in range(len(data.skeleton)) if k not in {i for pair in pairs for i in pair}]]
    middles = np.stack([(xy[:, left] + xy[:, right]) / 2 for left, right in pairs], 1)
    upright, found = is_upright(data), []
    for n, (left, right) in enumerate(pairs):
        parts = np.concatenate([middle, np.delete(middles, n, 1)], 1)
        found.append(_against(_sines(xy[:, left], xy[:, right], parts), MANY if upright else ENOUGH))
    known = np.array([each is not None for each in found])
    judged = np.stack([np.zeros((2, len(ids)), bool) if each is None else np.stack(each) for each in found], 1)
    against, told = judged
    if known.sum() > 1 and upright:
        behind = (against.sum(0) == told.sum(0)) & (told.sum(0) > 1)
        against = against & ~behind
    rows = zip(pairs, known.tolist(), against, strict=True)
    names = data.skeleton.joints
    return tuple(Order(names[a], names[b], sure, tuple(ids[bad].tolist())) for (a, b), sure, bad in rows)


def _against(sines: np.ndarray, enough: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Of (N, R) sines: which samples are (N,) against the usual order, and which tell one; None where nothing does."""
    votes = np.where(np.abs(sines) > FLAT, np.sign(sines), 0)
    usual = np.sign(votes.sum(0))
    along = sines * usual
    count = (votes != 0).sum(0)
    agree = (votes == usual).sum(0) >= AGREE * count
    beyond, near = (along < -CLEAR).sum(0), ((along >= -CLEAR) & (along < 0)).sum(0)
    few = beyond < FEW
    apart = (beyond == 0) | (near <= APART * np.where(few, beyond, np.maximum(beyond, 1 / APART)))
    sure = (count >= enough) & (usual != 0) & agree & apart
    if not sure.any():
        return None
    told = (np.abs(along[:, sure]) > CLEAR).sum(1)
    bad = (along[:, sure] < -CLEAR).sum(1)
    return (told > 0) & (bad >= UNANIMOUS * told), told > 0


def _sines(left: np.ndarray, right: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(N, R) sines of the angle between the line from left (N, 2) to right and the way to each of the parts (N, R, 2):
    its sign says on which side it lies; 0 where a joint is missing."""
    along = (right - left)[:, None]
    to = parts - ((left + right) / 2)[:, None]
    cross = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
    length = np.linalg.norm(along, axis=-1) * np.linalg.norm(to, axis=-1)
    sine = np.divide(cross, length, out=np.zeros_like(cross), where=np.nan_to_num(length) > 0)
    return np.asarray(np.nan_to_num(sine))
