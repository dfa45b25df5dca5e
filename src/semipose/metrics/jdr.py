"""Joint detection rate, the 2D measure on Human3.6M of Xie et al. (ICCV 2021), Table 7."""

from __future__ import annotations

import numpy as np

from semipose.metrics.pck import group_means, pck
from semipose.skeleton import Skeleton

GROUPS = ("Knee", "Ankle", "Elbow", "Wrist")


def jdr(
    pred: np.ndarray, truth: np.ndarray, head: np.ndarray, skeleton: Skeleton, threshold: float = 0.5
) -> dict[str, float]:
    """The share of joints detected, that is within half a head size of the truth.

    Args:
        pred, truth: (N, K, 2+) and (N, K, 3) x, y, v in image pixels.
        head: (N,) head sizes in the same pixels (`head_sizes`).
        threshold: as a part of the head size.

    Returns: fractions, "Knee" to "Wrist", each the mean of left and right, and "Avg", the mean of these four, as in
        Table 7 (92.5, 88.8, 88.2, 83.3: 88.2); NaN where nothing is labelled.

    Raises:
        UserError: the skeleton has none of these joints.
    """
    groups = group_means(pck(pred, truth, head, threshold).per_joint, skeleton, GROUPS)
    return {**groups, "Avg": float(np.mean(list(groups.values())))}


def head_sizes(count: int, width: int) -> np.ndarray:
    """(N,) head sizes for `jdr`: a tenth of the network's input width, taken as pixels of the image (25.6 at 256).

    Xie et al. do not define it. The measure is that of Qiu et al. (ICCV 2019), whose released code takes this length
    for everyone, however large in the image.
    """
    return np.full(count, width / 10)
