"""What time and shape teach without a teacher: losses on unlabelled images that any method can have beside its own.

Both are of where a student sees joints, by a soft arg-max, moved back through its view's matrix: they are properties of
the pose, not of the view. Lengths are in sides: the longer side of the network's input, so that a body is as long as it
is in the picture that the network sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, exact, invert, move, swap_sides, to_cells
from semipose.heatmap import soft_peaks
from semipose.methods.base import Method

VARIANCE = 0.99
"""Of the labels' variance, so much has to be in the components of a pose space."""
QUANTILE = 0.95
"""Of what is seen in labels, so much is let be."""
FEWEST, FOLDS = 5, 10
"""Poses with all joints that a pose space needs, and parts of them that are left out in turn to see how far off a pose
is that it was not made from."""
RIDGE = 1e-4


class Places(NamedTuple):
    """Where a student sees joints.

    Attributes:
        xy: (B, K, 2) in pixels of the source crops.
        confidence: (B, K) the peaks, 0 to 1, without gradient.
        to_crop: (B, 3, 3) from image to source-crop pixels; None where nobody says.
        side: pixels that are one side.
    """

    xy: Tensor
    confidence: Tensor
    to_crop: Tensor | None
    side: float


def places(student: nn.Module, view: View, flip: Tensor, to_crop: Tensor | None = None) -> Places:
    """A student's pass over a view, and where it sees joints, however the view is turned and mirrored."""
    heatmaps = student(view.image).float()
    with exact(heatmaps):
        cells, peak = soft_peaks(heatmaps)
        to_view = invert(to_cells(view.size[0] / heatmaps.shape[-2], cells))
        xy = move(invert(view.matrix), move(to_view, cells))
    xy, peak = (swap_sides(each, view, view.plain, flip) for each in (xy, peak))
    return Places(xy, peak.clamp(0, 1), to_crop, float(max(view.size)))


def excess(distance: Tensor, tolerance: float, weight: Tensor) -> Tensor:
    """Scalar: the mean of what distances have above a tolerance, times the square of how sure the network is. Without
    the square, a low peak would pull as hard as a high one, as it takes less to move it."""
    return (weight**2 * (distance - tolerance).relu()).mean()


def jumps(xy: Tensor, to_crop: Tensor, side: float) -> Tensor:
    """How far joints go between neighbouring frames in the image, in sides of the two frames' mean.

    Args:
        xy: (W, n, K, 2) in source-crop pixels, of n windows of W frames.
        to_crop: (W, n, 3, 3) from image pixels.

    Returns:
        (W - 1, n, K).
    """
    image = move(invert(to_crop), xy)
    scale = to_crop[..., 0, 0]
    scale = (scale[1:] + scale[:-1]) / 2 / side
    return torch.linalg.vector_norm(image[1:] - image[:-1], dim=-1) * scale[..., None]


class Temporal(nn.Module):
    """A joint's jump between neighbouring frames above a tolerance, weighted by how sure the network is in both.

    Args:
        window: frames; a batch has the first ones of all windows, then the second ones, and so on.
        tolerance: in sides.
        said: how it was learnt, for the record.
    """

    def __init__(self, window: int, tolerance: float, said: str) -> None:
        super().__init__()
        self.window, self.tolerance = window, tolerance
        self.about = {"tolerance": tolerance, "from": said}

    def forward(self, seen: Places) -> Tensor:
        assert seen.to_crop is not None
        xy, sure, to_crop = (each.unflatten(0, (self.window, -1)) for each in (seen.xy, seen.confidence, seen.to_crop))
        return excess(jumps(xy, to_crop, seen.side), self.tolerance, sure[1:] * sure[:-1])


class Shape(nn.Module):
    """A joint's distance from the nearest pose in the labels' pose space above a tolerance, weighted by how sure the
    network is of it.

    Args:
        space: the pose space, of the joints that it is of.
        joints: (J,) these.
        tolerance: in sides.
        poses: how many it was made from, for the record.
    """

    mean: Tensor
    basis: Tensor
    joints: Tensor

    def __init__(self, space: Space, joints: np.ndarray, tolerance: float, poses: int) -> None:
        super().__init__()
        self.tolerance = tolerance
        for name, value in (("mean", space.mean), ("basis", space.basis), ("joints", torch.from_numpy(joints))):
            self.register_buffer(name, value.float() if value.is_floating_point() else value, persistent=False)
        self.about = {"tolerance": tolerance, "components": space.components, "poses": poses, "joints": len(joints)}

    def forward(self, seen: Places) -> Tensor:
        xy, sure = seen.xy[:, self.joints] / seen.side, seen.confidence[:, self.joints]
        return excess(Space(self.mean, self.basis).distances(xy, sure), self.tolerance, sure)


class Space(NamedTuple):
    """Poses of J joints that differ from a mean by principal components, and by where they lie.

    Attributes:
        mean: (2 J,) in sides, x and y of each joint, about its own middle.
        basis: (2 J, M + 2) orthonormal: M components, and the two directions in which all joints move alike.
    """

    mean: Tensor
    basis: Tensor

    @classmethod
    def of(cls, poses: Tensor) -> Space:
        """Of complete poses (N, J, 2): the fewest components that hold `VARIANCE` of what they vary, each about its
        middle."""
        rows = (poses - poses.mean(1, keepdim=True)).flatten(1)
        mean = rows.mean(0)
        _, values, directions = torch.linalg.svd(rows - mean, full_matrices=False)
        held = (values**2).cumsum(0) / (values**2).sum().clamp_min(1e-12)
        count = min(int((held < VARIANCE).sum()) + 1, len(values))
        alike = torch.eye(2, dtype=rows.dtype).repeat(poses.shape[1], 1) / poses.shape[1] ** 0.5
        return cls(mean, torch.cat([directions[:count].T, alike], 1))

    @property
    def components(self) -> int:
        """How many."""
        return self.basis.shape[1] - 2

    def distances(self, xy: Tensor, weight: Tensor) -> Tensor:
        """(B, J): how far each joint of poses (B, J, 2) is from the pose of the space that fits best, by the joints'
        weights (B, J), of which no gradient is taken. A joint without weight pulls no other."""
        with exact(xy):
            off = xy.flatten(1) - self.mean
            with torch.no_grad():
                each = (weight / weight.amax(1, keepdim=True).clamp_min(1e-6)).repeat_interleave(2, 1)[..., None]
                weighted = (each * self.basis).mT
                ridge = RIDGE * torch.eye(self.basis.shape[1], dtype=xy.dtype, device=xy.device)
                fit = torch.linalg.solve_ex(weighted @ self.basis + ridge, weighted)[0]
            rest = off - (fit @ off[..., None])[..., 0] @ self.basis.mT
            return torch.linalg.vector_norm(rest.unflatten(1, (-1, 2)), dim=-1)


class VideoLosses(nn.Module):
    """Losses by name beside a method's, each with its weight.

    Args:
        losses: name -> `Temporal` or `Shape`.
        weights: of these.
    """

    def __init__(self, losses: Mapping[str, Temporal | Shape], weights: Mapping[str, float]) -> None:
        super().__init__()
        self.losses, self.weights = nn.ModuleDict(losses), dict(weights)

    def forward(self, method: Method, unlabeled: View, to_crop: Tensor | None, draws: Draws) -> dict[str, Tensor]:
        """Summed over the method's students, each of which sees the images once more, in an easy view of its own."""
        view = method.easy(unlabeled, draws.again("losses"))
        flip = method.codec.flip
        seen = [places(student, view, flip, to_crop) for student in method.students]
        return {
            name: self.weights[name] * torch.stack([loss(each) for each in seen]).sum()
            for name, loss in self.losses.items()
        }

    @property
    def about(self) -> dict[str, dict[str, float | int | str]]:
        """What each has learnt from the labels."""
        return {name: loss.about for name, loss in self.losses.items()}  # type: ignore[misc]


def learnt_shape(poses: np.ndarray) -> Shape:
    """The pose space of labels (N, K, 3), x, y in sides and v: of those with all joints that at least half of them
    have. The tolerance is what a joint of a pose is off that was left out.

    Raises:
        UserError: too few poses, or nothing is left that a pose cannot be.
    """
    known = poses[..., 2] > 0
    joints = np.flatnonzero(known.mean(0) >= 0.5)
    whole = torch.from_numpy(poses[known[:, joints].all(1)][:, joints, :2].astype(np.float64))
    off = "or set losses.shape: 0"
    if len(whole) < FEWEST:
        raise UserError(
            f"losses.shape needs {FEWEST} labelled poses with all joints, and {len(whole)} of {len(poses)} have all"
            f" {len(joints)}; label more, {off}"
        )
    space = Space.of(whole)
    if space.components >= 2 * len(joints) - 2:
        raise UserError(
            f"losses.shape: {len(whole)} labelled poses of {len(joints)} joints vary in every direction, and so tell"
            f" nothing of what is none; label more joints, {off}"
        )
    folds = np.arange(len(whole)) % min(FOLDS, len(whole))
    left = (_left_out(whole, folds == fold) for fold in range(folds.max() + 1))
    return Shape(space, joints, float(np.quantile(np.concatenate([*left]), QUANTILE)), len(whole))


def _left_out(poses: Tensor, out: np.ndarray) -> np.ndarray:
    """Distances of those left out from the space of the others."""
    away = poses[out]
    return Space.of(poses[~out]).distances(away, torch.ones_like(away[..., 0])).numpy().ravel()


def body_side(poses: np.ndarray) -> float:
    """The median of the longer side of the extent of labelled joints (N, K, 3), of those with two or more.

    Raises:
        UserError: there is none.
    """
    xy = np.where(poses[..., 2:] > 0, poses[..., :2], np.nan)[(poses[..., 2] > 0).sum(1) > 1]
    side = float(np.median((np.nanmax(xy, 1) - np.nanmin(xy, 1)).max(-1))) if len(xy) else 0.0
    if side <= 0:
        raise UserError(
            "losses.temporal takes its tolerance from the size of the labelled bodies, and none has two joints; label a"
            " second joint, or set losses.temporal: 0"
        )
    return side


def usual(distances: Iterable[float]) -> float:
    """What of labelled distances is let be."""
    return float(np.quantile([*distances], QUANTILE))
