"""Percentage of correct keypoints: the share of labelled joints predicted within a threshold of the truth.

A joint is right where |prediction - truth| <= threshold x norm, `norm` being one length per sample:

- `box_norm`: the longer side of the box that encloses the labelled joints. The project's default: PCK@0.1 counts joints
  "within a tenth of the longer side of the box that encloses the labelled joints" (Yang and Ramanan 2013).
- `torso_norm`: left shoulder to right hip; with threshold 0.2, the PCK of LSP.
- `head_norm`: neck to head top. MPII's PCKh measures its head boxes and multiplies their diagonal by 0.6: see pckh.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semipose.errors import UserError
from semipose.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class PCK:
    """Fractions in 0..1. With a sequence of T thresholds, `mean` and `per_joint` gain a leading axis T.

    Attributes:
        threshold: a float, or (T,) array.
        mean: right joints / labelled joints over all samples (micro average: a joint counts once wherever it is
            labelled, so a joint labelled often weighs more); NaN where nothing is labelled. A float, or (T,).
        per_joint: (K,) or (T, K), the same for each joint; NaN for a joint labelled nowhere.
        count: (K,) labelled joints that were scored.
        excluded: samples with labelled joints left out because their norm is NaN (no head, no torso, one joint only).
    """

    threshold: float | np.ndarray
    mean: float | np.ndarray
    per_joint: np.ndarray
    count: np.ndarray
    excluded: int


def pck(pred: np.ndarray, truth: np.ndarray, norm: np.ndarray, threshold: float | Sequence[float] = 0.1) -> PCK:
    """Score N predictions.

    Args:
        pred: (N, K, 2+) x, y in the frame of `truth`; what follows (a score) is not read. A joint that is NaN or
            infinite is wrong.
        truth: (N, K, 3) x, y, v; labelled means v > 0 and x, y finite.
        norm: (N,) lengths in the same pixels; NaN leaves the sample out and counts it in `excluded`.
        threshold: fraction of the norm, or a sequence of them.

    Raises:
        UserError: a norm is zero, negative or infinite.
        ValueError: shapes do not fit, or a threshold is negative or not finite.
    """
    distance = normalized_distance(pred, truth, norm)
    thresholds = np.atleast_1d(np.asarray(threshold, dtype=np.float64))
    if thresholds.ndim != 1 or not (np.isfinite(thresholds) & (thresholds >= 0)).all():
        raise ValueError(f"PCK thresholds are finite and not negative, got {threshold}")
    scored = ~np.isnan(distance)
    count = scored.sum(0)
    right = (distance[None] <= thresholds[:, None, None]).sum(1)
    per_joint = _fraction(right, count)
    mean = _fraction(right.sum(1), count.sum())
    excluded = int((labeled_joints(truth) & ~scored).any(1).sum())
    if np.ndim(threshold) == 0:
        return PCK(float(thresholds[0]), float(mean[0]), per_joint[0], count, excluded)
    return PCK(thresholds, mean, per_joint, count, excluded)


def labeled_joints(truth: np.ndarray) -> np.ndarray:
    """Where (..., K, 3) keypoints are labelled: v > 0 and x, y finite. Returns (..., K) bool."""
    return (truth[..., 2] > 0) & np.isfinite(truth[..., :2]).all(-1)


def normalized_distance(pred: np.ndarray, truth: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """Distance / norm of every joint, (N, K) float64: NaN where it is not scored (unlabelled, or the sample has no
    norm), infinity where the prediction is not finite. Arguments and errors as in `pck`."""
    pred, truth, norm = (np.asarray(a, dtype=np.float64) for a in (pred, truth, norm))
    if truth.ndim != 3 or truth.shape[2] != 3 or pred.ndim != 3 or pred.shape[2] < 2:
        raise ValueError(f"expected pred (N, K, 2+) and truth (N, K, 3), got {pred.shape} and {truth.shape}")
    if pred.shape[:2] != truth.shape[:2] or norm.shape != truth.shape[:1]:
        raise ValueError(f"pred {pred.shape}, truth {truth.shape} and norm {norm.shape} do not agree on N and K")
    wrong = np.flatnonzero((norm <= 0) | np.isinf(norm))
    if len(wrong):
        shown = ", ".join(map(str, wrong[:8])) + (", ..." if len(wrong) > 8 else "")
        raise UserError(
            f"PCK: {len(wrong)} of {len(norm)} norms are not positive and finite (samples {shown});"
            " give NaN for a sample that has none"
        )
    with np.errstate(invalid="ignore", over="ignore"):
        difference = pred[..., :2] - truth[..., :2]
        distance = np.hypot(difference[..., 0], difference[..., 1]) / norm[:, None]
    distance = np.where(np.isfinite(distance), distance, np.inf)
    return np.where(labeled_joints(truth) & ~np.isnan(norm)[:, None], distance, np.nan)


def box_norm(truth: np.ndarray) -> np.ndarray:
    """Longer side of the box enclosing the labelled joints of (N, K, 3), in pixels: (N,); NaN where fewer than two
    different points are labelled."""
    truth = np.asarray(truth, dtype=np.float64)
    labeled = labeled_joints(truth)[..., None]
    low = np.where(labeled, truth[..., :2], np.inf).min(1)
    high = np.where(labeled, truth[..., :2], -np.inf).max(1)
    return _positive((high - low).max(1))


def torso_norm(truth: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Left shoulder to right hip, in pixels: (N,); NaN where either is unlabelled."""
    return _length(truth, skeleton, ("left shoulder",), ("right hip",))


def head_norm(truth: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Neck (or upper neck) to head top, in pixels: (N,), without MPII's factor 0.6; NaN where either is unlabelled."""
    return _length(truth, skeleton, ("upper neck", "neck"), ("head top", "top of head"))


def group_means(per_joint: np.ndarray, skeleton: Skeleton, groups: Sequence[str]) -> dict[str, float]:
    """Group -> mean of the (K,) rates of its left and right joint ("Head": of the head top); NaN where the skeleton
    lacks one or it is labelled nowhere.

    Raises:
        UserError: the skeleton has a joint of none of the groups.
    """
    indices = {
        group: [skeleton.index("head top", "top of head")]
        if group == "Head"
        else [skeleton.index(f"left {group}"), skeleton.index(f"right {group}")]
        for group in groups
    }
    if not any(i is not None for found in indices.values() for i in found):
        raise UserError(f"skeleton {skeleton.name!r} has none of the joints {', '.join(groups)}; measure it by pck")
    return {
        group: float(np.mean([np.nan if i is None else per_joint[i] for i in found]))
        for group, found in indices.items()
    }


def _length(truth: np.ndarray, skeleton: Skeleton, a: tuple[str, ...], b: tuple[str, ...]) -> np.ndarray:
    i, j = skeleton.index(*a), skeleton.index(*b)
    if i is None or j is None:
        raise UserError(f"skeleton {skeleton.name!r} has no {a[0] if i is None else b[0]}; measure it by pck")
    truth = np.asarray(truth, dtype=np.float64)
    both = labeled_joints(truth[:, [i, j]]).all(1)
    return _positive(np.where(both, np.hypot(*(truth[:, i, :2] - truth[:, j, :2]).T), np.nan))


def _positive(length: np.ndarray) -> np.ndarray:
    return np.where(length > 0, length, np.nan)


def _fraction(right: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.where(count > 0, right / np.maximum(count, 1), np.nan)
