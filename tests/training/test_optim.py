from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from semipose.config import OptimConfig
from semipose.training.optim import Guard, Known, build_adam, learning_rate, not_finite

NO, YES = torch.tensor(0.0), torch.tensor(1.0)


def test_the_rate_falls_at_each_milestone() -> None:
    config = OptimConfig(lr=0.1, milestones=[0.5, 0.8], gamma=0.1)
    rates = [learning_rate(config, step, 10) for step in range(10)]
    assert rates == pytest.approx([0.1] * 5 + [0.01] * 3 + [0.001] * 2)
    assert learning_rate(OptimConfig(lr=0.1, milestones=[]), 9, 10) == 0.1


@pytest.mark.parametrize("fault", [math.nan, math.inf, -math.inf])
def test_not_finite_sees_loss_and_gradients(fault) -> None:
    good, bad = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    good.grad, bad.grad = torch.ones(2), torch.ones(3)
    assert not_finite(torch.tensor(1.0), [good, bad]) == 0
    assert not_finite(torch.tensor(fault), [good, bad]) == 1
    bad.grad[1] = fault
    assert not_finite(torch.tensor(1.0), [good, bad]) == 1
    assert not_finite(torch.tensor(1.0), [nn.Parameter(torch.ones(1))]) == 0


def test_what_does_not_learn_is_left_out() -> None:
    frozen = nn.Parameter(torch.ones(1), requires_grad=False)
    adam = build_adam(OptimConfig(lr=0.5), [frozen, nn.Parameter(torch.ones(2))])
    assert [p.numel() for p in adam.param_groups[0]["params"]] == [2] and adam.defaults["lr"] == 0.5


def test_no_update_from_the_first_step_that_is_not_finite() -> None:
    weight = nn.Parameter(torch.ones(3))
    adam = build_adam(OptimConfig(lr=0.1), [weight])
    guard = Guard(adam, late=False)
    weight.grad = torch.ones(3)
    guard.watch(0, NO, NO)
    adam.step()
    assert guard.read(wait=False) == Known(None, False)
    state = {key: value.clone() for key, value in adam.state[weight].items()}
    moved = weight.detach().clone()
    assert moved[0] != 1
    weight.grad = torch.tensor([math.nan, 1, 1])
    guard.watch(1, YES, NO)
    adam.step()
    assert guard.read(wait=False) == Known(1, False)
    weight.grad = torch.ones(3)
    guard.watch(2, NO, NO)
    adam.step()
    assert guard.read(wait=False) == Known(1, False), "the first one is what matters"
    assert torch.equal(weight, moved)
    assert all(torch.equal(adam.state[weight][key], value) for key, value in state.items())


def test_late_reading_misses_nothing() -> None:
    guard = Guard(build_adam(OptimConfig(), [nn.Parameter(torch.ones(1))]), late=True)
    guard.watch(0, NO, NO)
    assert guard.read(wait=False) == Known(None, False)
    guard.watch(1, YES, NO)
    assert guard.read(wait=False) == Known(None, False), "that is what was known a step before"
    assert guard.read(wait=True) == Known(1, False)
    guard.watch(2, NO, NO)
    assert guard.read(wait=False) == Known(1, False)


def test_who_is_asked_to_stop_knows_of_the_newest_step_before_saving() -> None:
    guard = Guard(build_adam(OptimConfig(), [nn.Parameter(torch.ones(1))]), late=True)
    guard.watch(0, NO, YES)
    guard.watch(1, YES, YES)
    assert guard.read(wait=False) == Known(1, True)
