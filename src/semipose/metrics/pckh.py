"""PCKh, MPII's measure (Andriluka et al., CVPR 2014): PCK against the head's size, with the benchmark's own groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from semipose.metrics.pck import group_means, head_norm, pck
from semipose.skeleton import Skeleton

if TYPE_CHECKING:
    from semipose.data.sample import Sample

GROUPS = ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
UNSCORED = ("pelvis", "thorax")
OF_LENGTH = 0.75
"""MPII's head size / the length from upper neck to head top: its two head joints are computed from the head's box and
lie 0.8 of its diagonal apart, of which the head size is 0.6."""


def pckh(
    pred: np.ndarray, truth: np.ndarray, head: np.ndarray, skeleton: Skeleton, threshold: float = 0.5
) -> dict[str, float]:
    """PCKh by joint group, as the benchmark's evaluation of validation sets counts it.

    A group is the plain mean of its left and right joint; "Head" is the head top. "Mean" is right joints / labelled
    joints over all joints but pelvis and thorax: the upper neck, which is in no group, is in the mean.

    Args:
        pred, truth: (N, K, 2+) and (N, K, 3) x, y, v in image pixels.
        head: (N,) head sizes in the same pixels (`head_sizes`); NaN leaves a sample out.
        threshold: as a part of the head size; 0.5 is PCKh@0.5.

    Returns: fractions; NaN where nothing is labelled.

    Raises:
        UserError: the skeleton has none of these joints, or a head size is not positive.
    """
    found = pck(pred, pckh_truth(truth, skeleton), head, threshold)
    return {**group_means(found.per_joint, skeleton, GROUPS), "Mean": float(found.mean)}


def pckh_truth(truth: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(N, K, 3) labels without those that PCKh leaves out: pelvis and thorax become v 0."""
    scored = np.array(truth, np.float64)
    scored[:, [i for name in UNSCORED if (i := skeleton.index(name)) is not None], 2] = 0
    return scored


def head_sizes(samples: Sequence[Sample], truth: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(N,) head sizes in image pixels: each sample's own, 0.6 of the diagonal of its head's box; NaN where it has none.

    Where no sample has one: of MPII, as in a list without `gt_valid.mat`, 0.75 of the length from upper neck to head
    top, which is the same to the rounding of its joints; of other data sets, whose head joints are annotated, the
    length from neck to head top, which is not the benchmark's.

    Raises:
        UserError: no sample has a head size, and the skeleton no neck or head top.
    """
    own = np.array([math.nan if s.head_size is None else s.head_size for s in samples])
    if np.isfinite(own).any():
        return own
    return head_norm(truth, skeleton) * (1 if skeleton.index("upper neck") is None else OF_LENGTH)
