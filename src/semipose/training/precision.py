"""In which numbers the passes of students and teachers run in training; as asked for, or as measured.

Under autocast, weights, batch norm's statistics, heatmaps, targets, losses and gradients of weights stay in 32 bits.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from semipose.methods.base import Method
from semipose.methods.teachers import teaching
from semipose.models.pose import SimpleBaseline
from semipose.models.precision import BF16, FP32, Pass, autocast, predict_pass, shortest, sooner
from semipose.training.launch import mean_over_ranks


@dataclass(frozen=True)
class Precision:
    """What passes run in: "32-true" or "bf16-mixed".

    Attributes:
        learning: of students' passes.
        teaching: of teachers' passes without gradient.
        seconds: of a pass in each, under "learning" and "teaching", where it was measured.
    """

    learning: str = FP32
    teaching: str = FP32
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str) -> Precision:
        """As a configuration names it; 32 bits until `auto` has measured."""
        return cls(BF16, BF16) if name == BF16 else cls()

    @contextlib.contextmanager
    def around(self, device: torch.device) -> Iterator[None]:
        """For what a method does in a step, but for going back, which repeats what the passes had."""
        with autocast(self.learning, device), teaching(lambda: autocast(self.teaching, device, cache=False)):
            yield

    def __str__(self) -> str:
        """One line, with the times."""
        parts = [f"{part} in {getattr(self, part)} ({_times(each)})" for part, each in self.seconds.items()]
        return f"precision: {', '.join(parts) or self.learning}"


def _times(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g} s" for name, value in seconds.items())


def choose(
    method: Method, batch: int, unlabeled_batch: int, device: torch.device, world: int = 1, say: bool = False
) -> Precision:
    """What is faster for students and, apart, for teachers, by a few passes of copies of their networks: nothing of the
    run changes. All processes take the same, by the mean of their times.

    Args:
        method: on the device, in the mode it trains in.
        batch, unlabeled_batch: images of a pass in this process; the latter 0 where nothing is taught.
        say: on stderr, what was taken.
    """
    students = _different(method.students)
    others = _different(m for m in method.modules() if isinstance(m, SimpleBaseline) and m not in [*method.students])
    seconds = {"learning": _seconds(_learn, students, max(batch, unlabeled_batch), device, world)}
    if unlabeled_batch:
        seconds["teaching"] = _seconds(predict_pass, others or students, unlabeled_batch, device, world)
    chosen = Precision(**{part: sooner(each) for part, each in seconds.items()}, seconds=seconds)
    if say:
        print(chosen, file=sys.stderr, flush=True)
    return chosen


def _different(networks: Iterable[nn.Module]) -> list[nn.Module]:
    """One of each architecture and mode."""
    return [*{(each.training, *(p.shape for p in each.parameters())): each for each in networks}.values()]


def _learn(network: nn.Module, image: Tensor, name: str) -> None:
    with autocast(name, image.device):
        loss = network(image).square().mean()
    loss.backward()


def _seconds(
    run: Pass, networks: Sequence[nn.Module], batch: int, device: torch.device, world: int
) -> dict[str, float]:
    """Of a pass through all networks, by precision; the mean of all processes."""
    total = torch.zeros(2, device=device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for network in networks:
            total += torch.tensor([*shortest(run, network, batch, device).values()], device=device)
    return dict(zip((FP32, BF16), mean_over_ranks(total, world).tolist(), strict=True))
