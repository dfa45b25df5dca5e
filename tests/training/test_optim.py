from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from semipose.config import OptimConfig
from semipose.errors import UsageError
from semipose.models.stages import Staged
from semipose.options import check_limits
from semipose.training.muon import Muon
from semipose.training.optim import (
    Guard,
    GuardReading,
    build_adam,
    build_optimizer,
    learning_rate,
    not_finite,
    schedule,
    set_rates,
)

NO, YES = torch.tensor(0.0), torch.tensor(1.0)


def test_the_rate_falls_at_each_milestone() -> None:
    config = OptimConfig(lr=0.1, milestones=[0.5, 0.8], gamma=0.1)
    rates = [learning_rate(config, step, 10) for step in range(10)]
    assert rates == pytest.approx([0.1] * 5 + [0.01] * 3 + [0.001] * 2)
    assert learning_rate(OptimConfig(lr=0.1, milestones=[]), 9, 10) == 0.1


def parts(steps: int = 100, **options: object) -> list[float]:
    """What the schedule leaves of a rate, from the first step to one after the last."""
    return [schedule(OptimConfig(**options), step, steps) for step in range(steps + 1)]


def test_the_cosine_falls_from_the_whole_to_what_is_left() -> None:
    rates = parts(schedule="cosine")
    assert (rates[0], rates[-1]) == (1, 0) and rates[50] == pytest.approx(0.5)
    assert rates == sorted(rates, reverse=True) and 0 < rates[99] < 0.001
    rates = parts(schedule="cosine", final=0.1, warmup=20)
    assert rates[:2] == [0.05, 0.1] and rates[19] == rates[20] == 1 and rates[60] == pytest.approx(0.55)
    assert rates[-1] == pytest.approx(0.1)


def test_warm_up_stable_decay() -> None:
    rates = parts(schedule="wsd", warmup=0.1, decay=0.2, final=0.5)
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert set(rates[9:81]) == {1} and rates[90] == pytest.approx(0.75) and rates[-1] == 0.5
    assert parts(schedule="wsd", decay=0) == [1] * 101
    assert parts(schedule="wsd", decay=1)[50] == 0.5


def test_warm_up_before_steps() -> None:
    rates = parts(10, warmup=4, milestones=[0.5], gamma=0.5)
    assert rates == [0.25, 0.5, 0.75, 1, 1] + [0.5] * 6
    assert parts(10, warmup=1) == parts(10), "one step of warm-up is none"
    assert parts(10, warmup=20)[9] == 0.5, "longer than the training"


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 2, 2), nn.Linear(5, 6))


def test_each_group_keeps_its_own_rate() -> None:
    config = OptimConfig(name="muon", lr=0.02, lr_rest=0.004, schedule="cosine")
    muon = build_optimizer(config, network())
    assert isinstance(muon, Muon)
    assert [[p.ndim for p in group["params"]] for group in muon.param_groups] == [[4, 4, 2], [1, 1, 1, 1, 1]]
    for step, part in ((0, 1.0), (5, 0.5)):
        set_rates(muon, config, step, 10)
        assert [group["lr"] for group in muon.param_groups] == pytest.approx([0.02 * part, 0.004 * part])
        assert learning_rate(config, step, 10) == pytest.approx(0.02 * part)


def test_weight_decay_is_of_kernels_and_matrices() -> None:
    config = OptimConfig(name="adamw", lr=0.5, weight_decay=0.1)
    net = network()
    adamw = build_optimizer(config, net)
    before = [p.detach().clone() for p in net.parameters()]
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    adamw.step()
    for p, was in zip(net.parameters(), before, strict=True):
        torch.testing.assert_close(p.detach(), was * 0.95 if p.ndim > 1 else was)
    with pytest.raises(UsageError, match=r"optim.weight_decay is 0.1; adam has none: set optim.name=adamw"):
        build_optimizer(OptimConfig(weight_decay=0.1), net)


class Pose(nn.Module):
    """A backbone, a head, and positions, which are no kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Staged()
        self.backbone.stages = nn.ModuleDict({"stem": nn.Conv2d(3, 4, 3)})
        self.head = nn.Conv2d(3, 4, 3)
        self.head.pos_embed = nn.Parameter(torch.zeros(1, 2, 2, 4))


@pytest.mark.parametrize("name", ["adam", "adamw", "muon"])
def test_backbones_have_a_part_of_the_rate(name) -> None:
    """The first step of each optimiser is as long as its rate, whatever the gradient."""
    config = OptimConfig(name=name, lr=0.1, lr_rest=0.05, backbone_rate=0.1, newton_schulz=5)
    net = Pose()
    optimizer = build_optimizer(config, net)
    set_rates(optimizer, config, 0, 10)
    counted = [p for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in counted} == {id(p) for p in net.parameters()} and len(counted) == 5
    before = {key: p.detach().clone() for key, p in net.named_parameters()}
    for p in net.parameters():
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    moved = {key: float((p.detach() - before[key]).norm()) for key, p in net.named_parameters()}
    assert moved["backbone.stages.stem.bias"] == pytest.approx(0.1 * moved["head.bias"], rel=1e-2)
    assert moved["backbone.stages.stem.weight"] == pytest.approx(0.1 * moved["head.weight"], rel=1e-2)
    again = build_optimizer(config, net)
    again.load_state_dict(optimizer.state_dict())
    assert [group.get("factor") for group in again.param_groups] == [
        group.get("factor") for group in optimizer.param_groups
    ]


def test_positions_are_no_kernels() -> None:
    net = Pose()
    muon = build_optimizer(OptimConfig(name="muon"), net)
    assert [[*p.shape] for p in muon.param_groups[1]["params"]] == [[4], [4], [1, 2, 2, 4]]


def test_one_rate_has_no_further_groups() -> None:
    for name, count in (("adam", 1), ("adamw", 2), ("muon", 2)):
        groups = build_optimizer(OptimConfig(name=name), Pose()).param_groups
        assert len(groups) == count and not any("factor" in group for group in groups)


@pytest.mark.parametrize("rate", [0.0, 1.5, -1.0])
def test_a_backbone_s_rate_is_a_part(rate) -> None:
    with pytest.raises(UsageError, match=r"backbone_rate is .*; it is above 0 and up to 1; .* see model.freeze"):
        check_limits(OptimConfig(backbone_rate=rate))


@pytest.mark.parametrize("name", ["adam", "adamw", "muon"])
def test_a_frozen_parameter_stays(name) -> None:
    net = network()
    net[0].weight.requires_grad_(False)
    optimizer = build_optimizer(OptimConfig(name=name), net)
    assert not any(p is net[0].weight for group in optimizer.param_groups for p in group["params"])


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


@pytest.mark.parametrize("shape", [(3,), (2, 3, 1, 1)])
@pytest.mark.parametrize("name", ["adam", "adamw", "muon"])
def test_no_update_from_the_first_step_that_is_not_finite(name, shape) -> None:
    module = nn.Module()
    weight = module.weight = nn.Parameter(torch.ones(shape))
    config = OptimConfig(name=name, lr=0.1, weight_decay=0.0 if name == "adam" else 0.1)
    optimizer = build_optimizer(config, module)
    guard = Guard(optimizer, late=False)
    weight.grad = torch.ones(shape)
    guard.watch(0, NO, NO)
    optimizer.step()
    assert guard.read(wait=False) == GuardReading(None, False)
    state = {key: value.clone() for key, value in optimizer.state[weight].items()}
    moved = weight.detach().clone()
    assert (moved != 1).all() and state
    weight.grad = torch.ones(shape)
    weight.grad.view(-1)[0] = math.nan
    guard.watch(1, YES, NO)
    optimizer.step()
    assert guard.read(wait=False) == GuardReading(1, False)
    weight.grad = torch.ones(shape)
    guard.watch(2, NO, NO)
    optimizer.step()
    assert guard.read(wait=False) == GuardReading(1, False), "the first one is what matters"
    assert torch.equal(weight, moved)
    assert all(torch.equal(optimizer.state[weight][key], value) for key, value in state.items())


def test_late_reading_misses_nothing() -> None:
    guard = Guard(build_adam(OptimConfig(), [nn.Parameter(torch.ones(1))]), late=True)
    guard.watch(0, NO, NO)
    assert guard.read(wait=False) == GuardReading(None, False)
    guard.watch(1, YES, NO)
    assert guard.read(wait=False) == GuardReading(None, False), "that is what was known a step before"
    assert guard.read(wait=True) == GuardReading(1, False)
    guard.watch(2, NO, NO)
    assert guard.read(wait=False) == GuardReading(1, False)


def test_who_is_asked_to_stop_knows_of_the_newest_step_before_saving() -> None:
    guard = Guard(build_adam(OptimConfig(), [nn.Parameter(torch.ones(1))]), late=True)
    guard.watch(0, NO, YES)
    guard.watch(1, YES, YES)
    assert guard.read(wait=False) == GuardReading(1, True)
