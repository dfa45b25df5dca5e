"""Points in space from what several calibrated cameras see (Hartley and Sturm 1997, the linear method)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from semipose.cameras.camera import Camera

LEAST_WEIGHT = 0.01
"""Of the surest view's: a view that is hardly trusted still fixes a depth that no other view does."""
OF_BOX = 0.1
"""Tolerance relative to the longer side of a person's box in a view: where PCK@0.1 draws its line, too."""
PARALLEL = 1e-8
"""Least ratio of the normal matrix's eigenvalues, about the squared angle between rays (0.01 degrees)."""


@dataclass(frozen=True, eq=False)
class Triangulation:
    """Points and how well the views agree on them.

    Attributes:
        points: (..., 3) world mm; NaN where fewer than two views are usable, or their rays are parallel.
        residual: (...) px, the root mean square distance between a view and the point seen from it, over the views
            used; NaN with the point, infinite where the point lies behind one of them.
        used: (V, ...) bool, the views that the point was made from.
    """

    points: np.ndarray
    residual: np.ndarray
    used: np.ndarray


def triangulate(
    xy: np.ndarray,
    cameras: Sequence[Camera],
    score: np.ndarray | None = None,
    tolerance: float | np.ndarray = 15.0,
) -> Triangulation:
    """Triangulate what V cameras see, any number of points at once, each by itself.

    A view is usable where its point is finite, its lens can be undone there, and its score is positive. A point is
    first made from all usable views and from each two of them; the one with the least sum over the views of
    score x min(error / tolerance, 1)^2 tells right views from wrong ones, and the views within the tolerance make the
    point. Nothing is drawn at random. Where no two views agree, all usable ones make the point, and the residual says
    so: a guess, which `residual > tolerance` finds.

    The linear method minimises, over X, the sum of score x depth^2 x (undistorted reprojection error in px)^2.

    Args:
        xy: (V, ...,  2) px as photographed, lens included.
        cameras: V cameras.
        score: (V, ...) confidence, 1 everywhere by default; relative to each point's surest view.
        tolerance: px, one number or an array that broadcasts with (V, ...).

    Raises:
        ValueError: shapes do not fit, or fewer than two cameras.
    """
    xy = np.asarray(xy, np.float64)
    shape = xy.shape[:-1]
    if xy.ndim < 2 or xy.shape[-1] != 2 or len(xy) != len(cameras) or len(cameras) < 2:
        raise ValueError(f"xy of shape {xy.shape} for {len(cameras)} cameras; (V, ..., 2) for V >= 2 is expected")
    xy = xy.reshape(len(cameras), -1, 2)
    ideal = np.stack([camera.undistort(points) for camera, points in zip(cameras, xy, strict=True)])
    weight = _weights(ideal, np.ones(shape) if score is None else score)
    within = np.broadcast_to(tolerance, shape).reshape(weight.shape)
    system = _System.of(ideal, cameras)

    points = system.solve(weight)
    error = _errors(points, xy, cameras)
    cost = _cost(error, weight, within)
    for pair in combinations(range(len(cameras)), 2):
        alone = np.zeros_like(weight)
        alone[list(pair)] = weight[list(pair)]
        tried = system.solve(np.where((alone > 0).sum(0) == 2, alone, 0))
        off = _errors(tried, xy, cameras)
        better = _cost(off, weight, within) < cost
        error, cost = np.where(better, off, error), np.where(better, _cost(off, weight, within), cost)
    agree = (weight > 0) & (error <= within)
    used = np.where(agree.sum(0) >= 2, agree, weight > 0)
    points = system.solve(np.where(used, weight, 0))
    used &= np.isfinite(points).all(-1)
    with np.errstate(invalid="ignore"):
        squares = np.where(used, _errors(points, xy, cameras), 0) ** 2
        residual = np.sqrt(squares.sum(0) / used.sum(0))
    return Triangulation(points.reshape(*shape[1:], 3), residual.reshape(shape[1:]), used.reshape(shape))


@dataclass(frozen=True, eq=False)
class _System:
    """Normal equations of the linear method, a view: A^T A of A = (x P3 - P1, y P3 - P2)."""

    products: np.ndarray  # (V, M, 4, 4)
    origin: np.ndarray  # (3,) mm, the middle of the cameras: a world far from its origin loses no digits

    @classmethod
    def of(cls, ideal: np.ndarray, cameras: Sequence[Camera]) -> _System:
        origin = np.mean([camera.center for camera in cameras], 0)
        shift = np.eye(4)
        shift[:3, 3] = origin
        matrices = np.stack([camera.matrix for camera in cameras]) @ shift
        seen = np.where(np.isfinite(ideal).all(-1, keepdims=True), ideal, 0)[..., None]
        rows = seen * matrices[:, None, 2:] - matrices[:, None, :2]
        return cls(rows.mT @ rows, origin)

    def solve(self, weight: np.ndarray) -> np.ndarray:
        """weight (V, M) -> (M, 3) mm; NaN where the views of positive weight fix no point."""
        total = np.einsum("vm,vmij->mij", weight, self.products)
        normal, right = total[:, :3, :3], -total[:, :3, 3:]
        least, _, most = np.linalg.eigvalsh(normal).T
        fixed = ((weight > 0).sum(0) >= 2) & (least > PARALLEL * most)
        solved = np.linalg.solve(np.where(fixed[:, None, None], normal, np.eye(3)), right)[..., 0]
        return np.where(fixed[:, None], solved + self.origin, np.nan)


def _weights(ideal: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(V, M) in 0..1, 0 where a view is not usable."""
    score = np.asarray(score, np.float64).reshape(ideal.shape[:-1])
    usable = np.isfinite(ideal).all(-1) & np.isfinite(score) & (score > 0)
    score = np.where(usable, score, 0)
    most = score.max(0)
    return np.where(usable, np.maximum(score / np.where(most > 0, most, 1), LEAST_WEIGHT), 0)


def _errors(points: np.ndarray, xy: np.ndarray, cameras: Sequence[Camera]) -> np.ndarray:
    """(V, M) px between points (M, 3) seen from each camera and xy (V, M, 2); infinite behind a camera and for NaN."""
    with np.errstate(all="ignore"):
        off = np.stack([np.hypot(*(camera.project(points) - at).T) for camera, at in zip(cameras, xy, strict=True)])
        ahead = np.stack([camera.depth(points) > 0 for camera in cameras])
    return np.where(ahead & np.isfinite(off), off, np.inf)


def _cost(error: np.ndarray, weight: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    return (weight * np.minimum(error / tolerance, 1) ** 2).sum(0)
