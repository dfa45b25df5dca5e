"""Error bars made from predictions on labelled crops, and how often they hold the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semipose.data.crops.build import Crops
from semipose.inference.evaluation import skeleton_of, truth_of
from semipose.models.error_bars import ErrorBars

FOLDS = 5


def bars_of(predicted: np.ndarray, crops: Crops) -> ErrorBars | None:
    """Error bars from predictions (N, K, 4) as `predict_crops` gives them with `spreads`; None where there are too few
    labelled joints."""
    return ErrorBars.fit(predicted[..., 2], predicted[..., 3], *_residuals(predicted, crops))


def coverage(
    predicted: np.ndarray, crops: Crops, bars: ErrorBars | None = None, groups: Sequence[str] | None = None
) -> dict[str, Any] | None:
    """How often error bars hold the truth, of all labelled joints and joint by joint, and their median radius.

    Args:
        predicted: as of `bars_of`.
        bars: a model's own, for data that they were not made from. None: each fifth of the images is judged by bars
            made from the others, instances of an image together.
        groups: of each of the N predictions, the animal, person or video it is of: instead of fifths, each of these is
            judged by bars made from the others.

    Returns:
        `coverage`, `median_radius_px` (image pixels), `per_joint` (share by name), `folds`; None where there are no
        bars, or no labels.
    """
    residual, known = _residuals(predicted, crops)
    images = np.unique([sample.image for sample in crops.data], return_inverse=True)[1]
    folds = images % FOLDS if groups is None else np.unique(np.array(groups), return_inverse=True)[1]
    folds = folds if bars is None else np.zeros(len(residual), int)
    radius = np.full(residual.shape, np.nan)
    for fold in np.unique(folds):
        of_fold = folds == fold
        rest, here = predicted[~of_fold], predicted[of_fold]
        made = bars or ErrorBars.fit(rest[..., 2], rest[..., 3], residual[~of_fold], known[~of_fold])
        if made is None:
            return None
        radius[of_fold] = made.radius(here[..., 2], here[..., 3])
    if not known.any():
        return None
    held = residual <= radius
    return {
        "coverage": float(held[known].mean()),
        "median_radius_px": float(np.median((radius / _magnified(crops))[known])),
        "per_joint": {
            joint: float(held[known[:, i], i].mean()) if known[:, i].any() else None
            for i, joint in enumerate(skeleton_of(crops).joints)
        },
        "folds": len(np.unique(folds)) if bars is None else 0,
    }


def _residuals(predicted: np.ndarray, crops: Crops) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) errors in pixels of the network's input, and where there is a label."""
    truth = truth_of(crops)
    away = np.linalg.norm(predicted[..., :2] - truth[..., :2], axis=-1)
    return away * _magnified(crops), truth[..., 2] > 0


def _magnified(crops: Crops) -> np.ndarray:
    """(N, 1) pixels of the network's input to one of the image."""
    return np.sqrt(np.abs(np.linalg.det(np.asarray(crops.matrices)[:, :2, :2])))[:, None]
