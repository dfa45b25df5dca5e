"""Left/right swaps: how often a joint is put where its mirror partner is."""

from __future__ import annotations

import numpy as np

from semipose.metrics.pck import normalized_distance
from semipose.skeleton import Skeleton


def swap_rate(
    pred: np.ndarray, truth: np.ndarray, norm: np.ndarray, skeleton: Skeleton, threshold: float = 0.1
) -> float:
    """Share of paired joints predicted at the opposite joint instead of their own.

    A joint counts where it and its partner are both labelled (and the sample has a norm). It is swapped where the
    prediction lies within threshold x norm of the partner and farther than that from the joint itself. Predictions
    that are not finite are not swapped but stay in the denominator.

    Args: as in `pck`; pred (N, K, 2+), truth (N, K, 3), norm (N,).

    Returns: a fraction, NaN where no pair is labelled.
    """
    flip = list(skeleton.flip)
    own = normalized_distance(pred, truth, norm)
    opposite = normalized_distance(pred, np.asarray(truth)[:, flip], norm)
    paired = np.array([flip[k] != k for k in range(len(skeleton))])
    counted = paired & ~np.isnan(own) & ~np.isnan(opposite)
    swapped = counted & (opposite <= threshold) & (own > threshold)
    return float(swapped.sum() / counted.sum()) if counted.any() else float("nan")
