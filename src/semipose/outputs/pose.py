"""What is predicted in one box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pose:
    """One predicted person (or animal, or thing).

    Attributes:
        xy: (K, 2) joints in image pixels.
        score: (K,) heatmap peaks, about 0 to 1.
        box: (x, y, w, h) it was predicted in.
    """

    xy: np.ndarray
    score: np.ndarray
    box: tuple[float, float, float, float]

    @property
    def keypoints(self) -> np.ndarray:
        """(K, 3) x, y, score."""
        return np.concatenate([self.xy, self.score[:, None]], -1)
