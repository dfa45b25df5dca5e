"""Where a network calls its tap, without computing anything; and that knowing it needs no timm."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from semipose.config import ModelConfig
from semipose.models.build import build_model
from semipose.models.taps import grids, no_tap


def test_grids_are_what_the_tap_is_called_with() -> None:
    config = ModelConfig(weights="none", size=[64, 32], deconv=[8], options={"layers": [1] * 4, "channels": [8] * 4})
    network, seen = build_model(config, 3).eval(), {}

    def look(name: str, x: torch.Tensor) -> torch.Tensor:
        seen.setdefault(name, []).append((x.shape[-2], x.shape[-1]))
        return x

    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 32), look)
    assert grids(network) == seen and next(iter(seen)) == "image" and seen["image"] == [(64, 32)]


def test_no_tap_changes_nothing() -> None:
    x = torch.ones(1)
    assert no_tap("stem", x) is x


@pytest.mark.slow
def test_methods_need_no_timm() -> None:
    script = "import sys, semipose.methods.pose_mum; sys.exit('timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
