"""Optimisers, schedules of their rates, and the guard that makes no update from a step that is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from semipose.config import OptimConfig
from semipose.errors import UsageError
from semipose.models.stages import Staged
from semipose.training.muon import Muon


def build_adam(config: OptimConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
    """Adam over the parameters that learn, fused, as `Guard` needs it; no weight decay, as the papers."""
    return torch.optim.Adam([p for p in parameters if p.requires_grad], lr=config.lr, fused=True)


def build_optimizer(config: OptimConfig, module: nn.Module) -> torch.optim.Optimizer:
    """The optimiser that `config` names, over the parameters of `module` that learn; those of backbones in groups of
    their own where `config.backbone_rate` is below 1.

    Raises:
        UsageError: weight decay with Adam.
    """
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    backbones = [part for part in module.modules() if isinstance(part, Staged)] if config.backbone_rate < 1 else []
    slow = {id(p) for part in backbones for p in part.parameters()}
    if config.name == "adam":
        if config.weight_decay:
            raise UsageError(f"optim.weight_decay is {config.weight_decay:g}; adam has none: set optim.name=adamw")
        if not slow:
            return build_adam(config, parameters.values())
        return torch.optim.Adam(_parted([*parameters.values()], slow, config), lr=config.lr, fused=True)
    kernels = [p for name, p in parameters.items() if _is_kernel(name, p)]
    rest = [p for name, p in parameters.items() if not _is_kernel(name, p)]
    if config.name == "adamw":
        groups = [
            {**group, "weight_decay": decay}
            for part, decay in ((kernels, config.weight_decay), (rest, 0.0))
            for group in _parted(part, slow, config)
        ]
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    transposed = [m.weight for m in module.modules() if isinstance(m, nn.ConvTranspose2d) and m.groups == 1]
    rates, steps = (config.lr, config.lr_rest), config.newton_schulz
    of_kernels, of_rest = (_parted(part, slow, config) for part in (kernels, rest))
    return Muon(of_kernels, of_rest, *rates, config.momentum, steps, config.weight_decay, transposed)


def copy_state(optimizer: torch.optim.Optimizer, network: nn.Module, copy: nn.Module) -> None:
    """What the optimiser remembers of a network's parameters, for those of a copy of it too: momentum and counts."""
    pairs = [(a, b) for a, b in zip(network.parameters(), copy.parameters(), strict=True) if b.requires_grad]
    if isinstance(optimizer, Muon):
        optimizer.copy_momentum(pairs)
    for parameter, other in pairs:
        known = optimizer.state.get(parameter, {})
        if "exp_avg" in known:
            optimizer.state[other] = {key: value.clone() for key, value in known.items()}


def _is_kernel(name: str, parameter: nn.Parameter) -> bool:
    """Of a convolution or a matrix; a transformer's positions and tokens are none."""
    return parameter.ndim in (2, 4) and name.rpartition(".")[2] == "weight"


def _parted(parameters: list[nn.Parameter], slow: set[int], config: OptimConfig) -> list[dict[str, Any]]:
    """One group, or where some are slow two, of which the second has a factor of the rate."""
    groups: list[dict[str, Any]] = [{"params": [p for p in parameters if id(p) not in slow]}]
    if slow:
        groups.append({"params": [p for p in parameters if id(p) in slow], "factor": config.backbone_rate})
    return groups


def set_rates(optimizer: torch.optim.Optimizer, config: OptimConfig, step: int, steps: int) -> None:
    """Give every group its rate of a step: its own, times what the schedule says."""
    part = schedule(config, step, steps)
    for group in optimizer.param_groups:
        group["lr"] = (config.lr_rest if group.get("rest") else config.lr) * part * group.get("factor", 1.0)


def learning_rate(config: OptimConfig, step: int, steps: int) -> float:
    """The rate `lr` of a step."""
    return config.lr * schedule(config, step, steps)


def schedule(config: OptimConfig, step: int, steps: int) -> float:
    """The part of a rate that a step has, counted from 0 of `steps`."""
    warmup = config.warmup if config.warmup >= 1 else config.warmup * steps
    if step + 1 < warmup:
        return (step + 1) / warmup
    if config.schedule == "step":
        passed = sum(step >= round(milestone * steps) for milestone in config.milestones)
        return config.gamma**passed
    begin = warmup if config.schedule == "cosine" else max(warmup, (1 - config.decay) * steps)
    done = min(1.0, max(0.0, step - begin) / max(1.0, steps - begin))
    left = (1 + math.cos(math.pi * done)) / 2 if config.schedule == "cosine" else 1 - done
    return config.final + (1 - config.final) * left


def not_finite(loss: Tensor, parameters: Iterable[nn.Parameter]) -> Tensor:
    """Scalar on the device: 1 where the loss or any gradient is not finite, else 0."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) if gradients else loss.new_zeros(())
    return (~torch.isfinite(loss.detach() + norm)).float()


class GuardReading(NamedTuple):
    """What `Guard` has read: the first step that was not finite, and whether the run was asked to stop."""

    bad: int | None
    asked: bool


class Guard:
    """Makes no update from the first step on that is not finite, and tells the loop of it.

    The update is skipped on the device, with what torch's own GradScaler uses.

    Args:
        late: read what was known a step before, unless told to wait; so a GPU is never waited for.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, late: bool) -> None:
        self._optimizer, self._late = optimizer, late
        self._first: Tensor | None = None
        self._copies: list[tuple[Tensor, torch.cuda.Event | None]] = []

    def watch(self, step: int, bad: Tensor, asked: Tensor) -> None:
        """Before the update of a step. `bad`, `asked`: scalars on the device, above 0 for yes."""
        now = (bad > 0).float() * (step + 1)
        self._first = now if self._first is None else torch.where(self._first > 0, self._first, now)
        self._optimizer.found_inf = (self._first > 0).float()  # type: ignore[attr-defined]
        before = self._copies[-1:] if self._late else []
        self._copies = [*before, _copy(torch.stack([self._first, asked]))]

    def read(self, wait: bool) -> GuardReading:
        """What is known after the newest step, or where `late` and not `wait` after the one before it."""
        values, event = self._copies[-1 if wait else 0]
        if event is not None:
            event.synchronize()
        first, asked = values.tolist()
        if asked and not wait:  # the loop is about to save
            return self.read(wait=True)
        return GuardReading(int(first) - 1 if first else None, asked > 0)


def _copy(value: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    host = value.to("cpu", non_blocking=value.is_cuda)
    if not value.is_cuda:
        return host, None
    event = torch.cuda.Event()
    event.record()
    return host, event
