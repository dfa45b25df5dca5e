from __future__ import annotations

import pytest
import torch

from semipose.config import Config
from semipose.errors import UserError
from semipose.training.launch import launch, mean_over_ranks


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accelerator": "abacus"}, "accelerator=abacus, devices=1, strategy=auto"),
        ({"accelerator": "cpu", "devices": -3}, "devices=-3"),
        ({"accelerator": "cpu", "strategy": "teamwork"}, "strategy=teamwork"),
    ],
)
def test_what_is_not_there_is_a_line(change, message) -> None:
    with pytest.raises(UserError, match=message) as caught:
        launch(Config(**change))
    assert "\n" not in str(caught.value)


def test_one_process() -> None:
    fabric = launch(Config(accelerator="cpu", threads=1))
    assert (fabric.world_size, fabric.global_rank, fabric.device.type) == (1, 0, "cpu")
    assert mean_over_ranks(torch.tensor([1.0, 2.0]), 1).tolist() == [1, 2]
