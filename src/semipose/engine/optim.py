"""Adam with step decay, and an update that a non-finite step does not make."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from semipose.config import OptimConfig


def build_adam(config: OptimConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
    """Adam over the parameters that learn, fused where the device has it; no weight decay, as the papers."""
    return torch.optim.Adam([p for p in parameters if p.requires_grad], lr=config.lr, fused=True)


def learning_rate(config: OptimConfig, step: int, steps: int) -> float:
    """The rate of a step: `gamma` for each milestone passed."""
    passed = sum(step >= round(milestone * steps) for milestone in config.milestones)
    return config.lr * config.gamma**passed


def not_finite(loss: Tensor, parameters: Iterable[nn.Parameter]) -> Tensor:
    """Scalar on the device: 1 where the loss or any gradient is not finite, else 0."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) if gradients else loss.new_zeros(())
    return (~torch.isfinite(loss.detach() + norm)).float()


def skip_if(optimizer: torch.optim.Optimizer, flag: Tensor) -> None:
    """Make the next update do nothing where `flag` is 1, decided on the device: what torch's own GradScaler uses."""
    optimizer.found_inf = flag  # type: ignore[attr-defined]


class Lagging:
    """Reads one scalar a step without waiting for the device: on a GPU the value of the step before, on the CPU its
    own."""

    def __init__(self) -> None:
        self._pending: tuple[Tensor, torch.cuda.Event] | None = None

    def read(self, value: Tensor) -> float:
        """The newest value that is there."""
        if value.device.type != "cuda":
            return float(value)
        before, event = self._pending, torch.cuda.Event()
        host = value.detach().to("cpu", non_blocking=True)
        event.record()
        self._pending = (host, event)
        if before is None:
            return 0.0
        before[1].synchronize()
        return float(before[0])
