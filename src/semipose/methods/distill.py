"""Single taught by a trained network that stays as it is: PseudoPose and DataDistill (Xie et al. 2021, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from semipose.augment import Policy, parse
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, move, swap_sides
from semipose.methods.consistency import Single, SingleOptions, single
from semipose.methods.target import Codec, Labeled, Teach, seen_from, soft, truth
from semipose.methods.teach import refined
from semipose.methods.teachers import Frozen, Teacher
from semipose.options import at_least, option
from semipose.target import Target


@dataclass
class PseudoPoseOptions(SingleOptions):
    """What a method reads that a trained network teaches.

    Attributes:
        teacher: the trained network: a run folder or model.safetensors.
        stored: whether its pseudo-labels are made once, before the first step, from the plain image (and as many
            further views as `views` says), and drawn as fresh Gaussians in each step's view; then steps are shorter.
    """

    teacher: str | None = option(None, source="yours to name")
    stored: bool = option(False, source="ours: Xie, Eq. 8, has the teacher look at each step's easy view")

    def check(self) -> None:
        super().check()
        if self.teacher is None:
            raise UserError(
                f"method {self.name} needs a trained teacher: set method.teacher to a run folder or model.safetensors;"
                " semipose train --recipe supervised trains one"
            )


@dataclass
class DataDistillOptions(PseudoPoseOptions):
    """What DataDistill reads.

    Attributes:
        views: how many views of an image are summed, the easy one among them; the paper says "multiple".
    """

    views: int = option(4, at_least(1, "it can be 1 (the easy view alone) or more"), "ours; the papers give no number")


def distilled(draw: Policy, views: int, sigma: float) -> Teach:
    """DataDistill (Xie et al. 2021, section 5): the heatmaps of several views of an image are summed in the frame of
    the first, and fresh Gaussians stand at the keypoints that the sum tells. As sure as the teacher is counts the mean
    of what the views say there, so that thresholds mean what they do elsewhere.

    Args:
        draw: the further views, each from the plain image.
        views: how many are summed, the teacher's own among them.
    """

    def teach(teacher: Teacher, view: View, codec: Codec, draws: Draws) -> Target:
        more = draws.again("distilled")  # so that what is drawn afterwards is what any other `teach` leaves to draw
        target = soft(teacher, view)
        summed = target.heatmaps
        for _ in range(views - 1):
            summed = summed + seen_from(soft(teacher, draw(view.plain, more)), view, codec.flip).heatmaps
        found = refined(sigma)(replace(target, heatmaps=summed))
        return replace(found, score=found.confidence / views)

    return teach


def stored(teach: Teach, sigma: float) -> Teach:
    """Fresh Gaussians, `sigma` cells wide, where the teacher saw joints before the training (`View.told`); as `teach`
    does in a view of which nothing is told. The teacher is not asked again, and its view is not even rendered."""

    def recall(teacher: Teacher, view: View, codec: Codec, draws: Draws) -> Target:
        if view.told is None:
            return teach(teacher, view, codec, draws)
        plain, said = view.plain, view.told
        xy, all_known = move(view.base, said[..., :2]), torch.ones_like(said[..., :1])
        target = truth(Labeled(plain, torch.cat([xy, all_known], -1)), view, replace(codec, sigma=sigma))
        score, *doubt = (swap_sides(each, plain, view, codec.flip) for each in said[..., 2:].unbind(-1))
        return replace(target, score=score, doubt=doubt[0] if doubt else None)

    return recall


def pseudopose(options: PseudoPoseOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """The trained network is the second (Eq. 8)."""
    return _taught(options, networks, codec, options.pooling())


def datadistill(options: DataDistillOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """The same, of several views."""
    return _taught(
        options, networks, codec, distilled(parse(options.easy), options.views, options.sigma or codec.sigma)
    )


def _taught(options: PseudoPoseOptions, networks: Sequence[nn.Module], codec: Codec, teach: Teach) -> Single:
    teacher = Frozen(networks[1])
    sigma = options.sigma or codec.sigma
    method = single(options, networks, codec, teacher, stored(teach, sigma) if options.stored else teach)
    if options.stored:
        method.once = lambda view, draws: teach(teacher, view, codec, draws)
    return method
