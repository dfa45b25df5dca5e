from __future__ import annotations

import pytest
import torch
from lightning_fabric import Fabric

from semipose.config import Config
from semipose.errors import UserError
from semipose.training.launch import launch, mean_over_ranks, together


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accelerator": "abacus"}, "accelerator=abacus, devices=1, strategy=auto"),
        ({"accelerator": "cpu", "devices": -3}, "devices=-3"),
        ({"accelerator": "cpu", "strategy": "teamwork"}, "strategy=teamwork"),
        ({"accelerator": "cpu", "devices": 7}, "a batch of 32 does not divide over 7 devices"),  # before any starts
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


GLOO = "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234"


@pytest.mark.parametrize("error", [RuntimeError(GLOO), torch.distributed.DistBackendError("remote exited")])
def test_what_a_connection_to_a_lost_process_raises_is_a_line(error, tmp_path) -> None:
    last = tmp_path / "last.ckpt"
    none = r"^another of the 2 processes .* no checkpoint had been written yet$"
    with pytest.raises(UserError, match=none), together(2, last):
        raise error
    last.write_text("")
    with pytest.raises(UserError, match=rf"--resume {last}$"), together(2, last):
        raise error
    with pytest.raises(RuntimeError, match=r"closed|exited"), together(1, last):
        raise error
    with pytest.raises(RuntimeError, match="shapes"), together(2, last):
        raise RuntimeError("shapes do not fit")


def test_processes_that_do_not_meet_are_a_line(monkeypatch) -> None:
    def refuses(self: object) -> None:
        raise torch.distributed.DistNetworkError("The client socket has timed out after 1000ms")

    monkeypatch.setattr(Fabric, "launch", refuses)
    with pytest.raises(UserError, match=r"did not meet \(The client socket has timed out .* same address, port"):
        launch(Config(accelerator="cpu", threads=1))
