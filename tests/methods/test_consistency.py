from __future__ import annotations

import pytest
import torch

from semipose.errors import UserError
from semipose.methods import build_method, options
from semipose.methods.consistency import EasyHardOptions, responses
from semipose.methods.target import Fit
from semipose.target import Target
from tests.fixtures.tiny import CODEC, Tiny, view


def test_dual_takes_two() -> None:
    with pytest.raises(ValueError, match="Dual trains 2 networks, got 1"):
        build_method(options("dual"), [Tiny()], CODEC)


def test_the_curves_of_figure_3() -> None:
    """Means of the highest cells, and the share of cells with nothing above 0.1."""

    def maps(*peaks: float) -> torch.Tensor:
        heat = torch.zeros(1, len(peaks), 2, 2)
        heat[0, :, 0, 0] = torch.tensor(peaks)
        return heat

    def followed(heat: torch.Tensor) -> Fit:
        return Fit(torch.tensor(0.0), heat)

    target = Target(maps(0.5, 0.25), torch.ones(1, 2, 1, 1), view(1))
    found = responses(followed(maps(1.0, 0.5)), target, followed(maps(0.0625, 0.0)))
    assert {name: value.item() for name, value in found.items()} == {
        "response/labeled": 0.75,
        "response/teacher": 0.375,
        "response/student": 0.03125,
        "response/background": 0.75,
    }


def test_fresh_gaussians_have_the_labels_sigma_unless_told() -> None:
    peak = torch.zeros(1, 1, 16, 12)
    peak[0, 0, 8, 6] = 1
    target = Target(peak, torch.ones(1, 1, 1, 1), view(1))
    heights = {}
    for sigma in (None, 3.0):
        (change,) = EasyHardOptions("single", teach="refined", sigma=sigma).changes(CODEC)
        heights[sigma] = change(target).heatmaps[0, 0, 8, 7].item()
    assert heights[None] == pytest.approx(torch.tensor(-0.5 / CODEC.sigma**2).exp().item(), abs=0.02)
    assert heights[3.0] == pytest.approx(torch.tensor(-0.5 / 9).exp().item(), abs=0.02)


def test_what_cannot_be_taught_is_refused_before_anything_is_built() -> None:
    with pytest.raises(UserError, match=r"method\.teach is 'refind0\.4'"):
        options("dual", teach="refind0.4").check()
