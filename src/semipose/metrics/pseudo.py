"""How good pseudo-heatmaps are: PCK against labels held back from training, and whether a surer one lies nearer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from semipose.skeleton import Skeleton

BINS = 10


def pseudo_scores(
    distance: np.ndarray,
    taught: np.ndarray,
    confidence: np.ndarray,
    doubt: np.ndarray | None,
    skeleton: Skeleton,
    threshold: float,
) -> dict[str, Any]:
    """Score what S students are taught about N images, K joints each.

    Args:
        distance: (S, N, K) of the pseudo-heatmap's peak to the label, in the PCK's norm; NaN where nothing is scored.
        taught: (S, N, K) bool, whether the joint has a weight.
        confidence: (S, N, K), the peaks that the teacher gave.
        doubt: (S, N, K), where it says how unsure it is.
        threshold: of PCK.

    Returns: plain values, None where nothing was scored: {"threshold", "images", SCORES of all joints, "per_joint":
        {joint: SCORES}, "calibration": {"confidence": CURVE, "doubt"?: CURVE}}; SCORES = {"count", "pck", "taught"
        (share), "pck_taught" (of these alone), "confidence", "doubt"? (means)}; CURVE: see `calibration`, of the joints
        that teach.
    """
    told = {"confidence": confidence} | ({} if doubt is None else {"doubt": doubt})

    def scores(part: np.ndarray) -> dict[str, Any]:
        right = distance[part] <= threshold
        teaching = taught[part]
        found = {"pck": _mean(right), "taught": _mean(teaching), "pck_taught": _mean(right[teaching])}
        return {"count": int(part.sum()), **found, **{name: _mean(values[part]) for name, values in told.items()}}

    known = ~np.isnan(distance)
    one = np.arange(len(skeleton))
    return {
        "threshold": threshold,
        "images": distance.shape[1],
        **scores(known),
        "per_joint": {joint: scores(known & (one == k)) for k, joint in enumerate(skeleton.joints)},
        "calibration": {
            name: calibration(values[known & taught], distance[known & taught], threshold)
            for name, values in told.items()
        },
    }


def calibration(value: np.ndarray, distance: np.ndarray, threshold: float, bins: int = BINS) -> dict[str, Any]:
    """Distances (M,) beside what was said of them (M,): {"correlation": Spearman's, "value", "pck", "distance"}, the
    latter three the mean, PCK and median distance of `bins` parts of equal size, lowest values first."""
    from scipy.stats import spearmanr  # slow to import, and most that import this need no calibration

    order = np.argsort(value, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    varied = len(value) > 1 and np.ptp(value) > 0 and np.ptp(distance) > 0
    return {
        "correlation": float(spearmanr(value, distance).statistic) if varied else None,
        "value": [_mean(value[part]) for part in parts],
        "pck": [_mean(distance[part] <= threshold) for part in parts],
        "distance": [float(np.median(distance[part])) for part in parts],
    }


def columns(scores: dict[str, Any]) -> dict[str, float]:
    """The columns of metrics.csv; what could not be scored is left out."""
    kept = ("pck", "taught", "pck_taught", "confidence", "doubt")
    found = {f"pseudo/{name}": scores.get(name) for name in kept}
    found |= {f"pseudo/pck/{joint}": each["pck"] for joint, each in scores["per_joint"].items()}
    return {name: value for name, value in found.items() if value is not None}


def _mean(values: np.ndarray) -> float | None:
    mean = float(values.mean()) if values.size else math.nan
    return mean if math.isfinite(mean) else None
