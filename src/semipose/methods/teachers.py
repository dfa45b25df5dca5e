"""Who teaches: a network itself, with gradient or without, one that is fixed, or the average of one over time."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Protocol

import torch
from torch import Tensor, nn

STATISTICS = ("batch", "variance", "sigma")
"""What an average may normalise with."""


class Teacher(Protocol):
    """Predicts heatmaps, and may follow its student after each optimiser step."""

    def __call__(self, image: Tensor) -> Tensor: ...
    def update(self, student: nn.Module) -> None: ...


Block = Callable[[], contextlib.AbstractContextManager[object]]
_BLOCK: ContextVar[Block] = ContextVar("block", default=contextlib.nullcontext)


@contextlib.contextmanager
def teaching(block: Block) -> Iterator[None]:
    """A block in which each pass of a teacher without gradient is in a `block()` of its own, such as an autocast."""
    before = _BLOCK.set(block)
    try:
        yield
    finally:
        _BLOCK.reset(before)


@torch.no_grad()
def _told(net: nn.Module, image: Tensor) -> Tensor:
    with _BLOCK.get()():
        heatmaps: Tensor = net(image)
        return heatmaps


class Itself:
    """A network as its own teacher, or its peer's. Not a submodule: its weights are the student's."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def __call__(self, image: Tensor) -> Tensor:
        return _told(self.net, image)

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

    def forward(self, image: Tensor) -> Tensor:
        return _told(self.net, image)

    def update(self, student: nn.Module) -> None:
        """It is fixed."""


class Snapshot(nn.Module):
    """A network as it was when it was last `taken`, which normalises with its own batch, as a network that learns does.
    Before that it is the network's copy at the start.

    Attributes:
        taken: how often. It is saved with the weights.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = copy.deepcopy(net).requires_grad_(False)
        self.taken = 0

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        return self.net(image)

    def take(self, net: nn.Module) -> None:
        """Copy a network, batch norm's statistics included."""
        self.net.load_state_dict(net.state_dict())
        self.taken += 1

    def update(self, student: nn.Module) -> None:
        """It changes where it is taken alone."""

    def get_extra_state(self) -> int:
        return self.taken

    def set_extra_state(self, state: int) -> None:
        self.taken = state


class Ema(nn.Module):
    """The exponential moving average of a student's parameters, theta' <- decay theta' + (1 - decay) theta (Mean
    Teacher; Xie et al. 2021, section 6.3). It starts as the student's copy.

    Args:
        statistics: of batch norm. `batch`: the teacher's own batch's, as the student's are its own (EMA). `variance`:
            averages of the student's running means and variances, its counts copied, in evaluation mode (EMAN, as
            released). `sigma`: the same with averaged standard deviations (Kim et al., Pose-MUM, Eq. 3).
    """

    def __init__(self, student: nn.Module, decay: float, statistics: str = "batch") -> None:
        super().__init__()
        self.net = copy.deepcopy(student).requires_grad_(False)
        self.decay, self.statistics = decay, statistics
        self.train(self.training)

    def train(self, mode: bool = True) -> Ema:
        return super().train(mode and self.statistics == "batch")

    def forward(self, image: Tensor) -> Tensor:
        return _told(self.net, image)

    @torch.no_grad()
    def update(self, student: nn.Module) -> None:
        """After a step of the student's optimiser."""
        mine: list[Tensor] = [*self.net.parameters()]
        theirs: list[Tensor] = [*student.parameters()]
        squared: list[Tensor] = []
        if self.statistics != "batch":
            for (name, own), other in zip(self.net.named_buffers(), student.buffers(), strict=True):
                if not own.is_floating_point():
                    own.copy_(other)
                elif self.statistics == "sigma" and name.endswith("running_var"):
                    squared.append(own.sqrt_())
                    mine.append(own)
                    theirs.append(other.sqrt())
                else:
                    mine.append(own)
                    theirs.append(other)
        torch._foreach_lerp_(mine, theirs, 1 - self.decay)
        for own in squared:
            own.square_()
