"""MPJPE, the mean distance between predicted and true joints in mm: as they are, root-relative, and aligned.

A joint that was to be predicted and is not finite is infinitely far: leaving joints out never improves a mean.
`mean_found` says how good the others are, and `missing` how many there are not; neither compares methods alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semipose.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class MPJPE:
    """In mm.

    Attributes:
        mean: over all labelled joints of all people (a joint counts once wherever it is labelled); infinite where one
            is missing, NaN where nothing is labelled.
        per_joint: (K,), the same for each joint.
        count: (K,) labelled joints.
        missing: (K,) of them, predictions that are not finite.
        mean_found: over the labelled joints that were predicted; NaN where none was.
    """

    mean: float
    per_joint: np.ndarray
    count: np.ndarray
    missing: np.ndarray
    mean_found: float


def mpjpe(pred: np.ndarray, truth: np.ndarray) -> MPJPE:
    """Score N people.

    Args:
        pred: (N, K, 3) mm.
        truth: (N, K, 3) mm in the same frame; a joint that is not finite is not labelled.

    Raises:
        ValueError: shapes do not fit.
    """
    pred, truth = _pair(pred, truth)
    labeled = np.isfinite(truth).all(-1)
    found = labeled & np.isfinite(pred).all(-1)
    with np.errstate(invalid="ignore"):
        off = np.linalg.norm(pred - truth, axis=-1)
    distance = np.where(found, off, np.where(labeled, np.inf, 0.0))
    count, missing = labeled.sum(0), (labeled & ~found).sum(0)
    near = np.where(found, distance, 0.0)
    return MPJPE(
        mean=float(_ratio(distance.sum(), labeled.sum())),
        per_joint=_ratio(distance.sum(0), count),
        count=count,
        missing=missing,
        mean_found=float(_ratio(near.sum(), found.sum())),
    )


def relative(points: np.ndarray, root: Sequence[int]) -> np.ndarray:
    """(..., K, 3) less the middle of the `root` joints; NaN throughout where one of them is."""
    points = np.asarray(points, np.float64)
    with np.errstate(invalid="ignore"):
        return points - points[..., list(root), :].mean(-2, keepdims=True)


def root_of(skeleton: Skeleton) -> tuple[int, ...] | None:
    """The joint that MPJPE is relative to (pelvis or root), or both hips, whose middle stands for it; None where the
    skeleton has neither."""
    pelvis = skeleton.index("pelvis", "root", "root (pelvis)", "hip")
    if pelvis is not None:
        return (pelvis,)
    hips = skeleton.index("left hip"), skeleton.index("right hip")
    return None if hips[0] is None or hips[1] is None else (hips[0], hips[1])


def aligned(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Each person of `pred` (N, K, 3) turned, scaled and moved onto `truth` by least squares (Procrustes; Umeyama
    1991), never mirrored, by the joints that both have; NaN where those are fewer than three."""
    pred, truth = _pair(pred, truth)
    both = (np.isfinite(pred) & np.isfinite(truth)).all(-1, keepdims=True)
    count = np.maximum(both.sum(1, keepdims=True), 1)
    middle, goal = (np.where(both, p, 0).sum(1, keepdims=True) / count for p in (pred, truth))
    a, b = (np.where(both, p - m, 0) for p, m in ((pred, middle), (truth, goal)))
    u, s, vt = np.linalg.svd(a.mT @ b)
    upright = np.sign(np.linalg.det(u @ vt))  # -1 where the best fit would be a mirror image
    s[:, 2] *= upright
    u[:, :, 2] *= upright[:, None]
    spread = (a**2).sum((1, 2))
    scale = s.sum(1) / np.where(spread > 0, spread, 1)
    moved = scale[:, None, None] * (pred - middle) @ (u @ vt) + goal
    return np.where(both.sum(1, keepdims=True) >= 3, moved, np.nan)


def mpjpe_summary(
    pred: np.ndarray, truth: np.ndarray, joints: Sequence[str], root: Sequence[int] | None = None
) -> dict[str, Any]:
    """All three as plain values for JSON, None for what is not finite.

    "root_relative" is there with a `root` (see `root_of`), and leaves out people whose root is not labelled; it counts
    the root's own joints too, as is usual. "aligned" leaves out people of fewer than three labelled joints, which
    would fit whatever was predicted.

    Returns: {"people": N, "absolute": SCORES, "root_relative": SCORES, "aligned": SCORES},
        SCORES = {"mean", "mean_found", "missing", "per_joint": {joint: mm}}.
    """
    pred, truth = _pair(pred, truth)
    enough = np.isfinite(truth).all(-1).sum(1)[:, None, None] >= 3
    scores = {"absolute": mpjpe(pred, truth)}
    if root is not None:
        scores["root_relative"] = mpjpe(relative(pred, root), relative(truth, root))
    scores["aligned"] = mpjpe(aligned(pred, truth), np.where(enough, truth, np.nan))
    return {"people": len(pred), **{name: _plain(score, joints) for name, score in scores.items()}}


def _plain(score: MPJPE, joints: Sequence[str]) -> dict[str, Any]:
    return {
        "mean": _number(score.mean),
        "mean_found": _number(score.mean_found),
        "missing": int(score.missing.sum()),
        "per_joint": {joint: _number(mm) for joint, mm in zip(joints, score.per_joint, strict=True)},
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _pair(pred: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pred, truth = np.asarray(pred, np.float64), np.asarray(truth, np.float64)
    if pred.shape != truth.shape or pred.ndim != 3 or pred.shape[-1] != 3:
        raise ValueError(f"predictions {pred.shape} and truth {truth.shape} must both be (N, K, 3)")
    return pred, truth


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
