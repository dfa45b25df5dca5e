"""Consistency between two views of an unlabelled image (Xie et al. 2021): naive, and taught from easy to hard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from semipose.augment import Policy
from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods.base import Method, Outcome
from semipose.methods.target import (
    Codec,
    Followed,
    Target,
    Teach,
    background,
    follow,
    follow_together,
    response,
    seen_from,
    soft,
)
from semipose.methods.teachers import Ema, Itself, Learning, Teacher
from semipose.models.stages import Tap

Move = Callable[[Target, View, Tensor], Target]
Mix = Callable[[int, Draws], Tap]
"""Draws a step's tap for so many images."""


class Naive(Method):
    """Both views of one strength, both sides learn: the standard consistency loss, Eq. 2. It collapses (section
    3.2)."""

    def __init__(self, student: nn.Module, codec: Codec, easy: Policy, weight: float = 1.0) -> None:
        super().__init__([student], codec, easy)
        self.weight = weight

    def step(self, known: Target, unlabeled: View, draws: Draws) -> Outcome:
        (student,) = self.students
        learnt = follow(student, known)
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

    def step(self, known: Target, unlabeled: View, draws: Draws) -> Outcome:
        (student,) = self.students
        learnt = None if self.joint else follow(student, known)
        (target,) = self.pseudo(unlabeled, draws)
        hard = self.hard(target.frame, draws, target)
        moved = self.move(target, hard, self.codec.flip)
        tap = self.mix(len(hard), draws) if self.mix else None
        if learnt is None:
            learnt, taught = follow_together(student, [known, moved], tap)
        else:
            taught = follow(student, moved, tap)
        losses = {"supervised": learnt.loss, "unsupervised": self.weight * taught.loss}
        return Outcome(losses, responses(learnt, target, taught))

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        return [self.teach(self.teacher, self.easy(unlabeled, draws), self.codec, draws)]

    def after_step(self) -> None:
        self.teacher.update(self.students[0])


class UnbiasedTeacher(Single):
    """Unbiased Teacher's scheme (Liu et al., ICLR 2021) on heatmaps: the student first learns from labels alone; where
    that burn-in ends it is copied, and the copy, from then on its average, teaches."""

    teacher: Ema

    def after_burn_in(self) -> None:
        self.teacher.net.load_state_dict(self.students[0].state_dict())


class Dual(Method):
    """Two networks: each one's predictions on the easy view teach the other the hard view, Eq. 6 and 7.

    Args:
        share: of each network's supervised loss; 1 in the paper, 1/2 in its released code.
        teach: how a network's predictions become its peer's target.
    """

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
    ) -> None:
        super().__init__(students, codec, easy)
        if len(students) != 2:
            raise ValueError(f"Dual trains 2 networks, got {len(students)}")
        self.hard, self.move, self.weight, self.share = hard, move, weight, share
        self.teach = teach

    def step(self, known: Target, unlabeled: View, draws: Draws) -> Outcome:
        losses, measures = {}, []
        for name, student, target in zip(self.names, self.students, self.pseudo(unlabeled, draws), strict=False):
            learnt = follow(student, known)
            # One warp for both; each cutout follows its teacher.
            hard = self.hard(target.frame, draws.again("hard"), target)
            taught = follow(student, self.move(target, hard, self.codec.flip))
            losses[f"supervised_{name}"] = self.share * learnt.loss
            losses[f"unsupervised_{name}"] = self.weight * taught.loss
            measures.append(responses(learnt, target, taught))
        return Outcome(losses, {name: (measures[0][name] + measures[1][name]) / 2 for name in measures[0]})

    def pseudo(self, unlabeled: View, draws: Draws) -> list[Target]:
        easy = self.easy(unlabeled, draws)
        targets = [self.teach(Itself(student), easy, self.codec, draws) for student in self.students]
        return targets[::-1]


def responses(learnt: Followed, target: Target, taught: Followed) -> dict[str, Tensor]:
    """The curves of Figures 3 and 7: responses to labelled images, and of teacher and student to unlabelled ones."""
    return {
        "response/labeled": response(learnt.heatmaps),
        "response/teacher": response(target.heatmaps),
        "response/student": response(taught.heatmaps),
        "response/background": background(target.heatmaps),
    }
