"""Passes in 32 bits or bf16. What training takes of both is in tests/training/test_precision.py."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from semipose.models import precision
from semipose.models.precision import BF16, CLEARLY, FP32, autocast, predict_pass, shortest, sooner

CPU = torch.device("cpu")


class Convolution(nn.Module):
    size = (8, 6)

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 2, 1)
        self.seen: list[tuple[torch.Size, torch.dtype, bool]] = []

    def forward(self, image: Tensor) -> Tensor:
        out = self.inner(image)
        self.seen.append((image.shape, out.dtype, out.requires_grad))
        return out


@pytest.mark.parametrize(("seconds", "name"), [(CLEARLY - 0.01, BF16), (CLEARLY + 0.01, FP32)])
def test_bf16_is_taken_where_clearly_sooner(seconds: float, name: str) -> None:
    assert sooner({FP32: 1.0, BF16: seconds}) == name


def test_a_copy_is_timed_in_turn_and_the_shortest_pass_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    network, names = Convolution(), list[str]()

    def stub(run: precision.Pass, copied: nn.Module, image: Tensor, name: str) -> float:
        assert copied is not network and image.shape == (5, 3, 8, 6)
        names.append(name)
        return 10.0 - len(names)

    monkeypatch.setattr(precision, "_timed", stub)
    turns = 1 + precision.TURNS
    assert shortest(predict_pass, network, 5, CPU) == {FP32: 10.0 - (2 * turns - 1), BF16: 10.0 - 2 * turns}
    assert names == [FP32, BF16] * turns


@pytest.mark.parametrize(("name", "dtype"), [(FP32, torch.float32), (BF16, torch.bfloat16)])
def test_a_pass_that_predicts_has_its_precision_and_no_gradient(name: str, dtype: torch.dtype) -> None:
    network = Convolution()
    predict_pass(network, torch.rand(2, 3, 8, 6), name)
    assert network.seen == [(torch.Size([2, 3, 8, 6]), dtype, False)]
    with autocast(BF16, CPU), autocast(FP32, CPU):
        assert network.inner(torch.rand(1, 3, 2, 2)).dtype == torch.float32
