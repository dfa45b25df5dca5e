"""Consistency between two views of an unlabelled image (Xie et al. 2021): naive, and taught from easy to hard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from semipose.augment import Policy, afresh, onto, parse
from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods.base import Method, Options, Outcome
from semipose.methods.mix import TileOptions, mixing_of
from semipose.methods.target import (
    Codec,
    Fit,
    Teach,
    background,
    follow,
    follow_together,
    response,
    seen_from,
    seen_with_background,
    soft,
)
from semipose.methods.teach import Change, parse_changes, then
from semipose.methods.teachers import Itself, Learning, Teacher
from semipose.methods.views import of_views
from semipose.models.taps import Tap
from semipose.options import above_zero, at_least, one_of, option, or_null, within
from semipose.target import Target

Move = Callable[[Target, View, Tensor], Target]
Mix = Callable[[int, Draws], Tap]
"""Draws a step's tap for so many images."""

MOVES: dict[str, Move] = {"ignore": seen_from, "background": seen_with_background}
HARD = {"image": afresh, "easy": onto}


@dataclass
class NaiveOptions(Options):
    """What every method with unlabelled images reads.

    Attributes:
        weight: lambda, of the unsupervised loss.
        burn_in: the part of the training's length in which labels alone teach; none in the paper.
    """

    weight: float = option(1.0, at_least(0, "it can be 0 or more"), "Xie, section 3.2")
    burn_in: float = option(0.0, within(0, 1, "it is a part of the training, 0 to 1"), "none in Xie")


@dataclass
class EasyHardOptions(NaiveOptions):
    """What every method reads in which an easy view teaches a hard one.

    Attributes:
        hard: policy of the student's view.
        hard_of: what the hard view is drawn from: `image`, the plain image (Xie et al. 2021, Eq. 3), or `easy`, the
            easy view, blank where that ended (their released code).
        outside: what the student is taught where the teacher saw nothing: `ignore`, or `background` (released code).
        teach: what becomes of the teacher's heatmaps before they teach: `soft`, nothing, or changes joined by +:
            `confident0.4` (only peaks above 0.4 teach), `foreground` (high cells weigh more), `refined` (fresh
            Gaussians), `refined0.4` (threshold-and-refine: fresh Gaussians, joints with lower peaks do not teach),
            `zeroed0.4` (those teach background), `raw0.4` (those stay as they are).
        sigma: of the fresh Gaussians, in cells; null: model.sigma.
        views: how many views of an image the teacher's heatmaps are averaged over, the easy one among them.
        multi: policy of the further views.
        at_once: how many of the further views are one batch; fewer take less memory, but for the images themselves.
    """

    hard: str = option("affine60+flip50+jc5", source="Xie, sections 4.1 and 6.2; a mirror of its own: ours")
    hard_of: str = option("image", one_of(*HARD), "Xie, Eq. 3")
    outside: str = option("ignore", one_of(*MOVES), "ours; background in Xie's released code")
    teach: str = option("soft", source="Xie, Eq. 2: heatmaps as they are")
    sigma: float | None = option(
        None, or_null(above_zero("it is a width in cells, above 0, or null for model.sigma")), "ours: the labels'"
    )
    views: int = option(1, at_least(1, "it can be 1 (the easy view alone) or more"), "one in Xie, Eq. 3")
    multi: str = option("affine30+flip50", source="ours")
    at_once: int = option(4, at_least(1, "it can be 1 (one view after the other) or more"), "no number depends on it")

    def check(self) -> None:
        super().check()
        parse(self.hard)
        parse(self.multi)
        parse_changes(self.teach, sigma=1)

    def hard_policy(self) -> Policy:
        """Of the hard view."""
        return HARD[self.hard_of](parse(self.hard))

    def changes(self, codec: Codec) -> list[Change]:
        """What becomes of a target before it teaches."""
        return parse_changes(self.teach, self.sigma or codec.sigma)

    def pooling(self) -> Teach:
        """How the teacher's heatmaps of several views become one target."""
        return of_views(parse(self.multi), self.views, self.at_once)


def hard_view(options: Options) -> str:
    """The student's view as a policy of the plain image; "" where there is no hard view."""
    hard: str = getattr(options, "hard", "")
    return f"{options.easy}+{hard}" if hard and getattr(options, "hard_of", "image") == "easy" else hard


@dataclass
class SingleOptions(TileOptions, EasyHardOptions):
    """Of one network.

    Attributes:
        joint: whether labelled and hard images go through the student in one batch, as EMAN's do.
    """

    mix_group: int = option(1, at_least(1, "it can be 1 (nothing is mixed) or more"), "none in Xie")
    joint: bool = option(False, source="Xie, released code")


@dataclass
class PairOptions(EasyHardOptions):
    """Of two networks.

    Attributes:
        share: of each network's supervised loss: 1 (paper) or 0.5 (released code).
    """

    share: float = option(1.0, at_least(0, "it can be 0 or more"), "Xie, Eq. 1 and section 3.2")


@dataclass
class DualOptions(TileOptions, PairOptions):
    """Of two networks that learn from each other's heatmaps as they are."""

    mix_group: int = option(1, at_least(1, "it can be 1 (nothing is mixed) or more"), "none in Xie")


class Naive(Method):
    """Both views of one strength, both sides learn: the standard consistency loss, Eq. 2. It collapses (section
    3.2)."""

    def __init__(self, student: nn.Module, codec: Codec, easy: Policy, weight: float = 1.0) -> None:
        super().__init__([student], codec, easy)
        self.weight = weight

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        (student,) = self.students
        learnt = follow(student, labels)
        (target,) = self.pseudo(unlabeled, draws)
        drawn = follow(student, seen_from(target, self.easy(unlabeled, draws), self.codec.flip))
        losses = {"supervised": learnt.loss, "unsupervised": self.weight * drawn.loss}
        return Outcome(losses, responses(learnt, target, drawn))

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        return [soft(Learning(student), self.easy(unlabeled, draws)) for student in self.students]


class Single(Method):
    """One network: its predictions on the easy view teach it the hard view, Eq. 4.

    Args:
        hard: draws the hard view, given the easy one and the teacher's prediction on it.
        teacher: who predicts on the easy view; the student itself when None.
        teach: how its predictions become a target.
        move: how a target is carried into the hard view.
        weight: lambda, of the unsupervised loss.
        mix: draws a tap for the student's pass over the hard view, which mixes its tiles (MUM, Pose-MUM).
        joint: labelled and hard images go through the student in one batch (EMAN).
    """

    def __init__(
        self,
        student: nn.Module,
        codec: Codec,
        easy: Policy,
        hard: Policy,
        teacher: Teacher | None = None,
        teach: Teach = soft,
        move: Move = seen_from,
        weight: float = 1.0,
        mix: Mix | None = None,
        joint: bool = False,
    ) -> None:
        super().__init__([student], codec, easy)
        self.hard, self.move, self.weight = hard, move, weight
        self.mix, self.joint = mix, joint
        self.teacher, self.teach = teacher or Itself(student), teach

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        (student,) = self.students
        learnt = None if self.joint else follow(student, labels)
        (target,) = self.pseudo(unlabeled, draws)
        hard = self.hard(target.frame, draws, target)
        moved = self.move(target, hard, self.codec.flip)
        tap = self.mix(len(hard), draws) if self.mix else None
        if learnt is None:
            learnt, taught = follow_together(student, [labels, moved], tap)
        else:
            taught = follow(student, moved, tap)
        losses = {"supervised": learnt.loss, "unsupervised": self.weight * taught.loss}
        return Outcome(losses, responses(learnt, target, taught))

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        return [self.teach(self.teacher, self.easy(unlabeled, draws), self.codec, draws)]

    def after_step(self) -> None:
        self.teacher.update(self.students[0])


class Dual(Method):
    """Two networks: each one's predictions on the easy view teach the other the hard view, Eq. 6 and 7. What teaches
    them, and how many there are, may be another's: `pseudo`, `count`.

    Args:
        share: of each network's supervised loss; 1 in the paper, 1/2 in its released code.
        teach: how a network's predictions become its peer's target.
        mix: draws a tap for both students' passes over the hard view, as in `Single`.
    """

    count = 2

    def __init__(
        self,
        students: Sequence[nn.Module],
        codec: Codec,
        easy: Policy,
        hard: Policy,
        move: Move = seen_from,
        weight: float = 1.0,
        share: float = 1.0,
        teach: Teach = soft,
        mix: Mix | None = None,
    ) -> None:
        super().__init__(students, codec, easy)
        if len(students) != self.count:
            raise ValueError(f"{type(self).__name__} trains {self.count} networks, got {len(students)}")
        self.hard, self.move, self.weight, self.share = hard, move, weight, share
        self.teach, self.mix = teach, mix

    def step(self, labels: Target, unlabeled: View, draws: Draws) -> Outcome:
        losses, measures = {}, []
        for name, student, target in zip(self.names, self.students, self.pseudo(unlabeled, draws), strict=False):
            learnt = follow(student, labels)
            taught = self.taught(student, target, draws)
            losses[f"supervised_{name}"] = self.share * learnt.loss
            losses[f"unsupervised_{name}"] = self.weight * taught.loss
            measures.append(responses(learnt, target, taught))
        return Outcome(losses, mean_of(measures))

    def taught(self, student: nn.Module, target: Target, draws: Draws) -> Fit:
        """A student's lesson from its peer, on the hard view: one warp for both, each cutout follows its teacher."""
        hard = self.hard(target.frame, draws.again("hard"), target)
        tap = self.mix(len(hard), draws) if self.mix else None
        return follow(student, self.move(target, hard, self.codec.flip), tap)

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        easy = self.easy(unlabeled, draws)
        targets = [self.teach(Itself(student), easy, self.codec, draws) for student in self.students]
        return targets[::-1]


def responses(learnt: Fit, target: Target, taught: Fit) -> dict[str, Tensor]:
    """The curves of Figures 3 and 7: responses to labelled images, and of teacher and student to unlabelled ones."""
    return {
        "response/labeled": response(learnt.heatmaps),
        "response/teacher": response(target.heatmaps),
        "response/student": response(taught.heatmaps),
        "response/background": background(target.heatmaps),
    }


def mean_of(measures: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of several networks' measures, by name."""
    first, *others = measures
    return {name: sum((each[name] for each in others), first[name]) / len(measures) for name in first}


def naive(options: NaiveOptions, networks: Sequence[nn.Module], codec: Codec) -> Naive:
    """From its options."""
    return Naive(networks[0], codec, parse(options.easy), options.weight)


def single(
    options: SingleOptions,
    networks: Sequence[nn.Module],
    codec: Codec,
    teacher: Teacher | None = None,
    teach: Teach | None = None,
    kind: type[Single] = Single,
) -> Single:
    """From its options; the student is its own teacher unless another is given."""
    mix = options.mixing(networks[0]) if options.group > 1 else None
    move, changed = MOVES[options.outside], then(teach or options.pooling(), *options.changes(codec))
    easy, hard = parse(options.easy), options.hard_policy()
    return kind(networks[0], codec, easy, hard, teacher, changed, move, options.weight, mix, options.joint)


def undetached(options: SingleOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """Single whose teacher learns too: no detach, and it collapses (Xie et al. 2021, section 3.3)."""
    return single(options, networks, codec, Learning(networks[0]))


def dual(options: DualOptions, networks: Sequence[nn.Module], codec: Codec, kind: type[Dual] = Dual) -> Dual:
    """From its options."""
    mix = mixing_of(options, networks) if options.group > 1 else None
    move, changed = MOVES[options.outside], then(options.pooling(), *options.changes(codec))
    easy, hard = parse(options.easy), options.hard_policy()
    return kind(networks, codec, easy, hard, move, options.weight, options.share, changed, mix)
