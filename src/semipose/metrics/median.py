"""The median error in pixels: what someone who measures in their own video asks for."""

from __future__ import annotations

import numpy as np

from semipose.metrics.pck import normalized_distance


def median_error(pred: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    """The median distance of the labelled joints from the truth, in pixels, and that of each joint, (K,).

    Arguments as of `pck`, in the same frame: pixels of the images that the labels are of. Every labelled joint counts,
    also of a sample that has no norm for PCK. A prediction that is not finite is infinitely far; NaN where nothing is
    labelled.
    """
    distance = normalized_distance(pred, truth, np.ones(len(truth)))
    return _median(distance.ravel()), np.array([_median(column) for column in distance.T])


def _median(distance: np.ndarray) -> float:
    known = distance[~np.isnan(distance)]
    return float(np.median(known)) if len(known) else float("nan")
