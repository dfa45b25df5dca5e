"""Supervised training: the baseline (Xie et al. 2021, Eq. 1)."""

from __future__ import annotations

from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods.base import Method, Outcome
from semipose.methods.target import Labeled, follow, response


class Supervised(Method):
    """One network on the labelled images alone."""

    def forward(self, labeled: Labeled, unlabeled: View | None, draws: Draws) -> Outcome:
        (student,) = self.students
        learnt = follow(student, self.known(labeled, draws))
        return Outcome({"supervised": learnt.loss}, {"response/labeled": response(learnt.heatmaps)})
