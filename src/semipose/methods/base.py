"""What a method is: networks, and one step that turns a labelled and an unlabelled batch into named losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from semipose.augment import Policy, masked, without_mirror
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View
from semipose.methods.target import Codec, Labeled, follow, response, truth
from semipose.options import check_limits, option
from semipose.target import Target

VIEWS = ("easy", "labeled", "hard", "multi")
"""Options that name policies which move images."""
OptionsOf = TypeVar("OptionsOf", bound="Options")


@dataclass
class Options:
    """What every method reads.

    Attributes:
        name: the method's.
        easy: policy of the teacher's view, and of the labelled images.
        labeled: policy of the labelled images, where it is another than `easy`; the papers have none. Joint Cutout
            masks labelled joints there; for an unlabelled one, what lies in the image's corner.
    """

    name: str = option("supervised")
    easy: str = option("affine30+flip50", source="Xie, section 4.1; the mirror: released code")
    labeled: str | None = option(None, source="Xie, Eq. 8: as easy")

    def check(self) -> None:
        """Raises UserError where an option cannot be what it is; more than its limit where one hangs on another."""
        check_limits(self, "method.")
        for key in ("easy", "multi"):
            view = getattr(self, key, None)
            if view and masked(view):
                raise UserError(
                    f"method.{key} is {view!r}: Joint Cutout masks joints that a teacher or labels found, as"
                    " cut-occlude does, so it can be part of method.hard and method.labeled alone"
                )


def unmirrored(options: OptionsOf) -> OptionsOf:
    """The same options, whose views are not mirrored."""
    views = {key: getattr(options, key, None) for key in VIEWS}
    return replace(options, **{key: without_mirror(view) for key, view in views.items() if view})


class Outcome(NamedTuple):
    """What one step hands to the loop: losses by name, whose sum is minimised, and measures by name, only logged. All
    are scalars on the device."""

    losses: dict[str, Tensor]
    measures: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        return sum(self.losses.values())  # type: ignore[return-value]


class Method(nn.Module):
    """Students that learn, and the step in which they do.

    Args:
        students: the networks to train; each is evaluated.
        codec: heatmap stride and sigma, and the skeleton's mirror permutation.
        easy: the policy of what teachers see, and of the labelled images unless `labeled` is set.
    """

    names: tuple[str, ...] = ("a", "b", "c", "d")
    share = 1.0
    masked = False
    once: Callable[[View, Draws], Target] | None = None
    """What is asked about each unlabelled image before the first step; its answers are `View.told` in every step."""

    def __init__(self, students: Sequence[nn.Module], codec: Codec, easy: Policy) -> None:
        super().__init__()
        self.students = nn.ModuleList(students)
        self.easy = self.labeled = easy
        self.register_buffer("flip", codec.flip, persistent=False)
        self._stride, self._sigma = codec.stride, codec.sigma

    @property
    def codec(self) -> Codec:
        return Codec(self._stride, self._sigma, self.flip)  # type: ignore[arg-type]

    def forward(self, labeled: Labeled, unlabeled: View | None, draws: Draws) -> Outcome:
        """One step; on the labelled images alone where there are no others, as before a burn-in ends."""
        labels = self.labels(labeled, draws)
        return self.learn(labels) if unlabeled is None else self.step(labels, unlabeled, draws)

    def learn(self, labels: Target) -> Outcome:
        """Each network from the labels alone (Xie et al. 2021, Eq. 1)."""
        learnt = [follow(student, labels) for student in self.students]
        names = [f"supervised_{name}" for name in self.names] if len(learnt) > 1 else ["supervised"]
        losses = {name: self.share * each.loss for name, each in zip(names, learnt, strict=False)}
        seen = torch.stack([response(each.heatmaps) for each in learnt]).mean()
        return Outcome(losses, {"response/labeled": seen})

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        """The paper: losses from the labels in `labels`, and from unlabelled images."""
        return self.learn(labels)

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        """What `step` teaches each student about unlabelled images, before it is moved into the student's view; nothing
        where labels alone teach."""
        return []

    def after_step(self) -> None:
        """Called after every optimiser step; teachers that follow their student do so here."""

    def after_burn_in(self) -> Sequence[tuple[nn.Module, nn.Module]]:
        """Called where a burn-in ends, before the first step with unlabelled images.

        Returns:
            pairs of a network and a copy, which is to go on in the optimiser as the network does.
        """
        return ()

    def after_epoch(self) -> None:
        """Called where a pass over the unlabelled images ends, after `after_step`."""

    def labels(self, labeled: Labeled, draws: Draws) -> Target:
        """The labels' heatmaps in a view of the labelled images."""
        known = truth(labeled, labeled.view, self.codec) if self.masked else None
        return truth(labeled, self.labeled(labeled.view, draws, known), self.codec)
