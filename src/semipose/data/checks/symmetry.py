"""What the labels' places say of left and right: joints that mirror each other.

Distances decide, which no turn of the body or of the camera changes: the two of a pair are as far from a joint of the
middle, and each as far from the left of another pair as the other from its right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from semipose.data.sample import PoseData
from semipose.sides import find_sides, unknown_words

SAMPLES, JOINTS = 500, 200
"""So many samples, evenly spread, are looked at, and skeletons of no more joints."""
ENOUGH = 6
"""Samples in which a distance has to be measured."""
ALIKE = 0.15
"""Logarithms of two distances that differ by less are of mirror images."""
AXIS = 2
"""Joints of the middle: a chain of joints, as of a worm, mirrors itself end to end, and has one or none."""
APART = 0.04
"""Of the body's extent: joints that are nearer to each other are one behind the other, which says nothing."""


def unnamed_pairs(data: PoseData) -> list[tuple[int, int]]:
    """Joints whose labels mirror each other, and whose names may say left and right in a way that nobody knows: they
    are the same but for one word, letter or number. Not those of the skeleton's pairs."""
    if data.skeleton is None:
        return []
    flip = list(data.skeleton.flip)
    free = {*range(len(flip))} - data.skeleton.paired
    if len(flip) > JOINTS or len(free) < 2:
        return []
    rows = [(i, j) for i, j in unknown_words(data.skeleton.joints) if {i, j} <= free]
    xy = _places(data)
    if not rows or xy is None:
        return []
    far = _distances(xy)
    others = {row: (np.delete(far[row[0]], row), np.delete(far[row[1]], row)) for row in rows}
    ranked = sorted((_unlike(np.sort(ours), np.sort(theirs)), row) for row, (ours, theirs) in others.items())
    chosen: dict[int, int] = {}
    for how, (i, j) in ranked:
        if how < ALIKE and not {i, j} & chosen.keys():
            chosen |= {i: j, j: i}
    order = [chosen.get(k, other) for k, other in enumerate(flip)]
    if sum(k == other for k, other in enumerate(order)) < AXIS:
        return []
    mirrored = far[np.ix_(order, order)]
    for i, j in [row for row in chosen.items() if row[0] < row[1]]:
        rest = [k for k in range(len(flip)) if k not in (i, j)]
        if _unlike(far[i, rest], mirrored[i, rest]) >= ALIKE or not _apart(xy, i, j):
            return []  # one that is wrong may have made the others look right
    return sorted((i, j) for i, j in chosen.items() if i < j)


def side_doubts(data: PoseData, told: Mapping[str, Any] | None = None) -> list[str]:
    """Why left and right are not clear, a line each: then pictures are not mirrored until someone says. None where the
    pairs are named (`told`, as `data.skeleton`), and none on joints that the skeleton pairs, as the data's file may
    whatever their names say."""
    if data.skeleton is None or (told or {}).get("pairs") is not None:
        return []
    joints = data.skeleton.joints
    lines = list(find_sides(joints, data.skeleton.paired).remarks)
    rows = [f"{joints[i]!r} - {joints[j]!r}" for i, j in unnamed_pairs(data)]
    if rows:
        lines.append(f"{', '.join(rows)} lie as left and right do, and the names do not say so: no pairs")
    return lines


def _places(data: PoseData) -> np.ndarray | None:
    """(N, K, 2), NaN where nothing is labelled; None of no labels."""
    points = [s.keypoints for s in data if s.keypoints is not None]
    if not points:
        return None
    stacked = np.stack(points[:: -(-len(points) // SAMPLES)]).astype(np.float64)
    return np.where(stacked[..., 2:] > 0, stacked[..., :2], np.nan)


def _distances(xy: np.ndarray) -> np.ndarray:
    """(K, K) logarithms of the distances between joints of (N, K, 2), in the median; NaN where too few tell."""
    far = np.linalg.norm(xy[:, :, None] - xy[:, None], axis=-1)
    enough = np.isfinite(far).sum(0) >= ENOUGH
    middle = np.full(enough.shape, np.nan)
    middle[enough] = np.nanmedian(far[:, enough], 0)
    return np.log(np.maximum(middle, 1e-3))


def _unlike(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of two rows of logarithms; infinite where fewer than two tell."""
    steps = np.abs(ours - theirs)
    return float(np.nanmax(steps)) if np.isfinite(steps).sum() > 1 else np.inf


def _apart(xy: np.ndarray, i: int, j: int) -> bool:
    """Whether two joints do not lie one behind the other."""
    body = (np.nanmax(xy, 1) - np.nanmin(xy, 1)).max(1)
    return bool(np.nanmedian(np.linalg.norm(xy[:, i] - xy[:, j], axis=1) / np.maximum(body, 1e-9)) > APART)
