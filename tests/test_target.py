from __future__ import annotations

import torch

from semipose.target import Target
from tests.fixtures.tiny import view


def test_a_target_is_as_sure_as_its_peaks_unless_they_were_redrawn() -> None:
    heatmaps = torch.tensor([[[[0.125, 0.5], [0.0, 0.25]], [[-1.0, -0.5], [-2.0, -0.25]]]])
    target = Target(heatmaps, torch.ones(1, 2, 1, 1), view(1))
    assert target.confidence.tolist() == [[0.5, -0.25]]
    given = torch.tensor([[0.75, 0.0]])
    assert Target(heatmaps, target.weight, target.frame, score=given).confidence is given
