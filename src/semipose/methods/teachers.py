"""Who teaches: a network itself, with gradient or without, one that is fixed, or the average of one over time."""

from __future__ import annotations

import copy
from typing import Protocol

import torch
from torch import Tensor, nn


class Teacher(Protocol):
    """Predicts heatmaps, and may follow its student after each optimiser step."""

    def __call__(self, image: Tensor) -> Tensor: ...
    def update(self, student: nn.Module) -> None: ...


class Itself:
    """A network as its own teacher, or its peer's. Not a submodule: its weights are the student's."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        return self.net(image)

    def update(self, student: nn.Module) -> None:
        """The student has already learnt."""


class Learning:
    """A network that learns while it teaches: no detach. Not a submodule, as `Itself`."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def __call__(self, image: Tensor) -> Tensor:
        return self.net(image)

    def update(self, student: nn.Module) -> None:
        """Gradients do."""


class Frozen(nn.Module):
    """A trained network that stays as it is, in evaluation mode for good (Xie et al. 2021, Eq. 8: f_t is fixed)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Frozen:
        return super().train(False)

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        return self.net(image)

    def update(self, student: nn.Module) -> None:
        """It is fixed."""


class Ema(nn.Module):
    """The exponential moving average of a student's parameters, theta' <- decay theta' + (1 - decay) theta (Mean
    Teacher; Xie et al. 2021, section 6.3). It starts as the student's copy.

    Args:
        buffers: also average batch norm's statistics, copy its counts, and stay in evaluation mode (EMAN); otherwise
            batch norm uses the teacher's own batch, as the student's does.
    """

    def __init__(self, student: nn.Module, decay: float, buffers: bool = False) -> None:
        super().__init__()
        self.net = copy.deepcopy(student).requires_grad_(False)
        self.decay, self.buffers_too = decay, buffers
        self.train(self.training)

    def train(self, mode: bool = True) -> Ema:
        return super().train(mode and not self.buffers_too)

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        return self.net(image)

    @torch.no_grad()
    def update(self, student: nn.Module) -> None:
        """After a step of the student's optimiser."""
        mine: list[Tensor] = [*self.net.parameters()]
        theirs: list[Tensor] = [*student.parameters()]
        if self.buffers_too:
            for own, other in zip(self.net.buffers(), student.buffers(), strict=True):
                if own.is_floating_point():
                    mine.append(own)
                    theirs.append(other)
                else:
                    own.copy_(other)
        torch._foreach_lerp_(mine, theirs, 1 - self.decay)
