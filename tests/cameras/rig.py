"""Cameras around a person, for tests."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from semipose.cameras.camera import Camera


def around(rng: np.random.Generator, count: int, lens: float = 1.0) -> list[Camera]:
    """`count` cameras 3 to 6 m from the origin, spread around it, looking about at it, with lenses of up to `lens`
    times what Human3.6M's are like."""
    cameras = []
    for number in range(count):
        angle = 2 * np.pi * (number + rng.uniform(-0.25, 0.25)) / count
        center = rng.uniform(3000, 6000) * np.array([np.cos(angle), np.sin(angle), rng.uniform(-0.2, 0.5)])
        forward = -center / np.linalg.norm(center)
        right = np.cross(forward, (0, 0, 1))
        right /= np.linalg.norm(right)
        R = np.stack([right, np.cross(forward, right), forward])
        R = Rotation.from_rotvec(rng.normal(0, 0.03, 3)).as_matrix() @ R
        K = np.array([[rng.uniform(900, 1300), 0, 500], [0, rng.uniform(900, 1300), 500], [0, 0, 1]])
        distortion = lens * rng.uniform(-1, 1, 5) * (0.25, 0.25, 0.003, 0.003, 0.02)
        cameras.append(Camera(K, R, -R @ center, tuple(distortion)))
    return cameras


def body(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """(*shape, 3) mm, within a metre of the origin."""
    return rng.uniform(-900, 900, (*shape, 3))


def seen(points: np.ndarray, cameras: list[Camera]) -> np.ndarray:
    return np.stack([camera.project(points) for camera in cameras])
