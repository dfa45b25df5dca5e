"""The collapse monitor: does the network forget the unlabelled images while it learns the labelled ones by heart?"""

from __future__ import annotations

from dataclasses import dataclass

ADVICE = (
    "the model is collapsing: its response to unlabelled images fell to {student:.2f} (highest {highest:.2f}) while"
    " that to labelled images is {labeled:.2f}, so it predicts background where nobody labelled. Make the hard view"
    " harder than the easy one (method.hard=affine60+jc5), do not let the teacher's side learn (method.name=single or"
    " dual), or add labels"
)


@dataclass
class CollapseMonitor:
    """Watches smoothed responses, Xie et al. 2021, Figure 3.

    It fires once, when the labelled response is near its highest and above `floor`, while the student's response to
    unlabelled images is below half of its own highest, or never rose above a tenth of the labelled one.
    """

    floor: float = 0.3
    smoothing: float = 0.8
    labeled: float = 0.0
    student: float = 0.0
    most_labeled: float = 0.0
    most_student: float = 0.0
    seen: int = 0
    fired: bool = False

    def update(self, labeled: float, student: float) -> str | None:
        """One measurement of both responses; the warning, at the moment it fires."""
        keep = min(self.smoothing, self.seen / (self.seen + 1))
        self.seen += 1
        self.labeled = keep * self.labeled + (1 - keep) * labeled
        self.student = keep * self.student + (1 - keep) * student
        self.most_labeled = max(self.most_labeled, self.labeled)
        self.most_student = max(self.most_student, self.student)
        rising = self.labeled > max(self.floor, 0.9 * self.most_labeled)
        fallen = self.student < 0.5 * self.most_student or self.student < 0.1 * self.labeled
        if self.fired or not (rising and fallen and self.student < 0.5 * self.labeled):
            return None
        self.fired = True
        return ADVICE.format(student=self.student, highest=self.most_student, labeled=self.labeled)
