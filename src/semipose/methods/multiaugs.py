"""Single and Dual whose student sees several copies of a hard view, each occluded in its own way (Zhou et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from semipose.augment import POLICIES, Policy, compose, parse, parts
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View
from semipose.methods.base import Outcome
from semipose.methods.consistency import HARD, MOVES, Dual, EasyHardOptions, Move, Single, responses
from semipose.methods.target import Codec, Fit, Teach, follow, seen_from, soft
from semipose.methods.teach import then
from semipose.options import Limit, one_of, option
from semipose.target import Target


@dataclass
class MultiAugsOptions(EasyHardOptions):
    """What several paths read.

    Attributes:
        hard: policy of the hard view, one for all paths.
        paths: what occludes each path's own copy of it, such as `[joco, jccm, jc5, jo2]`; words that move nothing.
    """

    hard: str = option("affine30", source="ours: as the easy view's; Zhou: a second affine on the easy crop")
    hard_of: str = option("easy", one_of(*HARD), "Zhou, released code")
    paths: list[str] = option(
        ["joco", "jccm", "jc5", "jo2"],
        Limit(lambda value: len(value) > 0, "give one path or more, as in [joco, jccm]"),
        "Zhou, ResNet18 at 1K labels",
    )

    def check(self) -> None:
        super().check()
        for path in self.paths:
            if moving := [name for name, _ in parts(path) if POLICIES[name].moves or name == "released-hard"]:
                raise UserError(
                    f"method.paths has {path!r}, and {moving[0]} moves the image: all paths share one warp, which is"
                    " method.hard's; leave it out"
                )

    def policies(self) -> list[Policy]:
        """Of each path's view: random numbers of the hard view are the same in all, a path's are its own."""
        return [
            HARD[self.hard_of](compose(parse(self.hard), apart(parse(path), f"path {i}")))
            for i, path in enumerate(self.paths)
        ]


def apart(policy: Policy, tag: str) -> Policy:
    """The policy with random numbers of its own."""
    return lambda view, draws, target=None: policy(view, draws.again(tag), target)


def copies(target: Target, paths: Sequence[Policy], move: Move, flip: Tensor, draws: Draws) -> list[Target]:
    """The target in each path's view. They share one warp, so it is moved once, and the image sampled once."""
    views = [path(target.frame, draws.again("hard"), target) for path in paths]
    moved, clear = move(target, views[0], flip), replace(views[0], edits=()).image
    return [replace(moved, frame=replace(view, unedited=clear)) for view in views]


def follow_each(student: nn.Module, targets: Sequence[Target]) -> Fit:
    """`follow` for one target after the other, each a batch of its own: the sum of their losses, and all heatmaps."""
    fits = [follow(student, target) for target in targets]
    return Fit(sum((fit.loss for fit in fits[1:]), fits[0].loss), torch.cat([fit.heatmaps.detach() for fit in fits]))


class MultiAugs(Single):
    """One network that teaches itself on several paths.

    Args:
        paths: each draws a copy of the hard view, given the easy one and the teacher's prediction on it.
    """

    def __init__(
        self,
        student: nn.Module,
        codec: Codec,
        easy: Policy,
        paths: Sequence[Policy],
        teach: Teach = soft,
        move: Move = seen_from,
        weight: float = 1.0,
    ) -> None:
        super().__init__(student, codec, easy, paths[0], teach=teach, move=move, weight=weight)
        self.paths = paths

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        (student,) = self.students
        learnt = follow(student, labels)
        (target,) = self.pseudo(unlabeled, draws)
        taught = follow_each(student, copies(target, self.paths, self.move, self.codec.flip, draws))
        losses = {"supervised": learnt.loss, "unsupervised": self.weight * taught.loss}
        return Outcome(losses, responses(learnt, target, taught))


class MultiAugsDual(Dual):
    """Two networks, each of which teaches the other on several paths; arguments as in `MultiAugs`."""

    def __init__(
        self,
        students: Sequence[nn.Module],
        codec: Codec,
        easy: Policy,
        paths: Sequence[Policy],
        teach: Teach = soft,
        move: Move = seen_from,
        weight: float = 1.0,
    ) -> None:
        super().__init__(students, codec, easy, paths[0], move, weight, teach=teach)
        self.paths = paths

    def taught(self, student: nn.Module, target: Target, draws: Draws) -> Fit:
        return follow_each(student, copies(target, self.paths, self.move, self.codec.flip, draws))


def multiaugs(options: MultiAugsOptions, networks: Sequence[nn.Module], codec: Codec) -> MultiAugs:
    """From its options."""
    move, changed = MOVES[options.outside], then(soft, *options.changes(codec))
    return MultiAugs(networks[0], codec, parse(options.easy), options.policies(), changed, move, options.weight)


def multiaugs_dual(options: MultiAugsOptions, networks: Sequence[nn.Module], codec: Codec) -> MultiAugsDual:
    """From its options."""
    move, changed = MOVES[options.outside], then(soft, *options.changes(codec))
    return MultiAugsDual(networks, codec, parse(options.easy), options.policies(), changed, move, options.weight)
