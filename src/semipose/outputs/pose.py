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
        error90: (K,) the radius in image pixels that holds the truth in nine of ten cases, where the model has error
            bars (`semipose.models.error_bars`).
        unlike: it is unlike what the model has seen, as one in a hundred of its validation's poses is.
        track: whose it is, from 1, the same in all frames of a video; where that is followed.
    """

    xy: np.ndarray
    score: np.ndarray
    box: tuple[float, float, float, float]
    error90: np.ndarray | None = None
    unlike: bool = False
    track: int | None = None

    @property
    def keypoints(self) -> np.ndarray:
        """(K, 3) x, y, score."""
        return np.concatenate([self.xy, self.score[:, None]], -1)
