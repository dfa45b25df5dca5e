"""One calibrated camera: from the world in mm to pixels and back to rays.

Conventions: the world is in mm. x_cam = R X + t, with x to the right, y down and z away from the camera. Pixels are
`semipose.geometry`'s: integer coordinates are pixel centres, as in OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEWTON_STEPS = 20
UNDISTORTED = 1e-7
"""px: a point whose undistorted position does not lead back to within this has none."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera with a lens.

    Attributes:
        K: (3, 3) focal lengths, skew and principal point in px, last row (0, 0, 1).
        R: (3, 3) rotation from world to camera.
        t: (3,) mm, the world's origin in the camera's frame.
        distortion: k1, k2, p1, p2, k3 of OpenCV's model, on the normalised plane (x, y), r^2 = x^2 + y^2:
            (x', y') = (1 + k1 r^2 + k2 r^4 + k3 r^6 + cross (p1 y + p2 x)) (x, y) + r^2 (p2, p1).
        cross: 2 in OpenCV's model; 1 in Human3.6M's own projection, which its published 2D labels follow.
    """

    K: np.ndarray
    R: np.ndarray
    t: np.ndarray
    distortion: tuple[float, ...] = (0.0,) * 5
    cross: float = 2.0

    @property
    def matrix(self) -> np.ndarray:
        """(3, 4) from homogeneous world mm to homogeneous px, without the lens."""
        return self.K @ np.concatenate([self.R, self.t[:, None]], 1)

    @property
    def center(self) -> np.ndarray:
        """(3,) world mm."""
        return -self.R.T @ self.t

    def depth(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) world mm -> (...) mm along the optical axis; what is not positive is not seen."""
        return points @ self.R[2] + self.t[2]

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) world mm -> (..., 2) px. Points behind the camera are not refused: see `depth`."""
        seen = points @ self.R.T + self.t
        if any(self.distortion):
            flat = self._distort(seen[..., :2] / seen[..., 2:])
            seen = np.concatenate([flat, np.ones_like(flat[..., :1])], -1)
        image = seen @ self.K.T
        return image[..., :2] / image[..., 2:]

    def undistort(self, xy: np.ndarray) -> np.ndarray:
        """(..., 2) px as photographed -> (..., 2) px as the same camera without its lens, `matrix`, would see them.

        Newton's method from the point itself. NaN where the lens shows nothing at that pixel: its polynomial folds
        over far from the centre.
        """
        xy = np.asarray(xy, np.float64)
        if not any(self.distortion):
            return xy
        linear, offset = self.K[:2, :2], self.K[:2, 2]
        with np.errstate(all="ignore"):
            flat = goal = (xy - offset) @ np.linalg.inv(linear).T
            for _ in range(NEWTON_STEPS):
                off, (a, b, c, d) = self._distort(flat) - goal, self._slope(flat)
                step = np.stack([d * off[..., 0] - b * off[..., 1], a * off[..., 1] - c * off[..., 0]], -1)
                flat = flat - step / (a * d - b * c)[..., None]
            a, b, c, d = self._slope(flat)
            off = (self._distort(flat) - goal) @ linear.T
            found = (np.abs(off).max(-1) < UNDISTORTED) & (a * d - b * c > 0)
        return np.where(found[..., None], flat @ linear.T + offset, np.nan)

    def _distort(self, flat: np.ndarray) -> np.ndarray:
        k1, k2, p1, p2, k3 = self.distortion
        x, y = flat[..., 0], flat[..., 1]
        r2 = x * x + y * y
        scale = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + self.cross * (p1 * y + p2 * x)
        return flat * scale[..., None] + r2[..., None] * np.array([p2, p1])

    def _slope(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The Jacobian of `_distort`, row by row."""
        k1, k2, p1, p2, k3 = self.distortion
        x, y = flat[..., 0], flat[..., 1]
        r2 = x * x + y * y
        scale = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + self.cross * (p1 * y + p2 * x)
        growth = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
        scale_x, scale_y = growth * x + self.cross * p2, growth * y + self.cross * p1
        return (
            scale + x * scale_x + 2 * p2 * x,
            x * scale_y + 2 * p2 * y,
            y * scale_x + 2 * p1 * x,
            scale + y * scale_y + 2 * p1 * y,
        )
