"""Everything a validation pass measures, as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from semipose.metrics.median import median_error
from semipose.metrics.oks import oks
from semipose.metrics.pck import box_norm, pck
from semipose.metrics.swap import swap_rate
from semipose.skeleton import Skeleton

Table = Callable[[np.ndarray, np.ndarray, np.ndarray, Skeleton, float], dict[str, float]]
"""A benchmark's rows of (pred, truth, norm, skeleton, threshold)."""

ENSEMBLE, TWIN = "ensemble", "labels"


def label_of(network: str, alone: bool = False) -> str:
    """What people read for a network's name in files: "a" where it is not alone is network a."""
    if network in (ENSEMBLE, "mean", TWIN):
        return "labels alone" if network == TWIN else network
    return "network" if alone else f"network {network}"


CURVE = tuple(round(0.01 * i, 2) for i in range(51))
"""Thresholds of the PCK curve: 0 to 0.5 of the norm."""


def evaluate_predictions(
    pred: Mapping[str, np.ndarray],
    truth: np.ndarray,
    skeleton: Skeleton,
    threshold: float = 0.1,
    area: np.ndarray | None = None,
    norm: np.ndarray | None = None,
    table: Table | None = None,
) -> dict[str, Any]:
    """Score each network of a run on N samples.

    Args:
        pred: network name -> (N, K, 3) x, y, score; the name "ensemble" is kept out of the mean of networks.
        truth: (N, K, 3) x, y, v in the same pixels.
        threshold: of the headline PCK and of swaps.
        area: (N,) for OKS in square pixels of the same frame, NaN where unknown; without it `oks` is left out.
        norm: (N,) lengths for PCK; `box_norm(truth)` by default.
        table: `pckh` or `jdr`, for a benchmark's joint groups.

    Returns: floats, ints and strings only, None for NaN:
        {"threshold", "samples", "excluded", "labeled_joints", "thresholds": [51], "joints": [K], "count": {joint: n},
         "networks": {name: SCORES}, "mean": SCORES over networks, "ensemble": SCORES where predicted},
        SCORES = {"pck", "swap", "oks"?, "table"?, "visible"?, "occluded"?, "per_joint": {joint: pck}, "curve": [51]},
        fractions ("visible" and "occluded": the PCK of joints with v 2 and v 1, where the labels have both), and
        {"median_error_px", "per_joint_px": {joint: median}} in pixels.
    """
    networks = {name: p for name, p in pred.items() if name != ENSEMBLE}
    if not networks:
        raise ValueError("no network's predictions to evaluate")
    norm = box_norm(truth) if norm is None else norm
    labels = pck(truth, truth, norm, threshold)
    scores = {name: _scores(p, truth, norm, skeleton, threshold, area, table) for name, p in pred.items()}
    result = {
        "threshold": float(threshold),
        "samples": len(truth),
        "excluded": labels.excluded,
        "labeled_joints": int(labels.count.sum()),
        "thresholds": list(CURVE),
        "joints": list(skeleton.joints),
        "count": dict(zip(skeleton.joints, labels.count.tolist(), strict=True)),
        "networks": {name: scores[name] for name in networks},
        "mean": _mean([scores[name] for name in networks]),
    }
    if ENSEMBLE in scores:
        result[ENSEMBLE] = scores[ENSEMBLE]
    return _jsonable(result)


def _scores(
    pred: np.ndarray,
    truth: np.ndarray,
    norm: np.ndarray,
    skeleton: Skeleton,
    threshold: float,
    area: np.ndarray | None,
    table: Table | None,
) -> dict[str, Any]:
    at = pck(pred, truth, norm, [threshold, *CURVE])
    middle, middles = median_error(pred, truth)
    result = {
        "pck": at.mean[0],  # type: ignore[index]
        "swap": swap_rate(pred, truth, norm, skeleton, threshold),
        "per_joint": dict(zip(skeleton.joints, at.per_joint[0].tolist(), strict=True)),
        "curve": at.mean[1:].tolist(),  # type: ignore[index]
        "median_error_px": middle,
        "per_joint_px": dict(zip(skeleton.joints, middles.tolist(), strict=True)),
    }
    marks = {"visible": truth[..., 2] == 2, "occluded": truth[..., 2] == 1}
    if all(mark.any() for mark in marks.values()):
        for name, mark in marks.items():
            result[name] = pck(pred, np.where(mark[..., None], truth, 0), norm, threshold).mean
    if table is not None:
        result["table"] = table(pred, truth, norm, skeleton, threshold)
    if area is not None:
        similarity = oks(pred, truth, area, skeleton.sigmas)
        known = similarity[~np.isnan(similarity)]
        result["oks"] = known.mean() if len(known) else math.nan
    return result


def _mean(values: list[Any]) -> Any:
    """The mean of equal structures, leaf by leaf."""
    if isinstance(values[0], dict):
        return {key: _mean([v[key] for v in values]) for key in values[0]}
    if isinstance(values[0], list):
        return np.mean(values, axis=0).tolist()
    return float(np.mean(values))


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_jsonable(v) for v in value]
    if isinstance(value, float):  # np.float64 is one
        return float(value) if math.isfinite(value) else None
    return value
