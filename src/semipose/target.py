"""What a network should predict for a view: what a teacher gives, a student follows and Joint Cutout reads."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from semipose.geometry import View


@dataclass(frozen=True)
class Target:
    """What a network should predict for a view.

    Attributes:
        heatmaps: (B, K, h, w).
        weight: (B, K, 1, 1) or (B, K, h, w), 0 where nothing is known.
        frame: the view they live in.
        score: (B, K), the peaks that the teacher gave, where the heatmaps were redrawn.
        doubt: (B, K), how unsure the teacher is of each joint, where it says so.
    """

    heatmaps: Tensor
    weight: Tensor
    frame: View
    score: Tensor | None = None
    doubt: Tensor | None = None

    @property
    def confidence(self) -> Tensor:
        """(B, K), the teacher's peaks."""
        return self.heatmaps.amax((-2, -1)) if self.score is None else self.score
