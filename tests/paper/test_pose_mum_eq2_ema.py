"""Kim et al., Pose-MUM, Eq. 2: theta_T <- tau theta_T + (1 - tau) theta_S, of the trainable parameters alone."""

from __future__ import annotations

import pytest
import torch

from semipose.methods.teachers import STATISTICS, Ema
from tests.fixtures.tiny import Tiny, view

STEPS = 3


def walk(net: Tiny, step: int) -> None:
    """Other parameters, as after an optimiser step, and other running statistics, as after a pass."""
    with torch.no_grad():
        for each in net.parameters():
            each.add_(torch.randn(each.shape, generator=torch.Generator().manual_seed(step)))
    net(view(4, step).image)


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize("decay", [0.0, 0.6, 0.999])
def test_parameters_are_averaged_after_every_step(decay: float, statistics: str) -> None:
    net = Tiny()
    teacher = Ema(net, decay, statistics)
    expected = [p.detach().double().clone() for p in net.parameters()]
    for step in range(STEPS):
        walk(net, step)
        teacher.update(net)
        expected = [
            decay * t + (1 - decay) * s.detach().double() for t, s in zip(expected, net.parameters(), strict=True)
        ]
    for mine, theirs in zip(teacher.net.parameters(), expected, strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=1e-5, atol=1e-6)
    if decay == 0:
        assert all(torch.equal(a, b) for a, b in zip(teacher.net.parameters(), net.parameters(), strict=True))


def test_batch_norm_statistics_are_not_averaged() -> None:
    """They are of the teacher's own batch: the student's leave no trace."""
    net = Tiny()
    teacher = Ema(net, 0.6).train()
    before = [b.clone() for b in teacher.net.buffers()]
    for step in range(STEPS):
        walk(net, step)
        teacher.update(net)
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.net.buffers(), strict=True))
    image = view(4, 9).image
    x = teacher.net.stem(image)
    own = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    expected = teacher.net.head(
        (own * teacher.net.norm.weight[:, None, None] + teacher.net.norm.bias[:, None, None]).relu()
    )
    torch.testing.assert_close(teacher(image), expected, rtol=1e-4, atol=1e-5)
