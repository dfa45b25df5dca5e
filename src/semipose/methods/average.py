"""Single taught by an average of the student over time: a mean teacher, EMAN, and Unbiased Teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from semipose.methods.consistency import Single, SingleOptions, single
from semipose.methods.target import Codec
from semipose.methods.teachers import STATISTICS, Ema
from semipose.options import one_of, option, within


@dataclass
class AverageOptions(SingleOptions):
    """What a method reads that an average teaches.

    Attributes:
        decay: of the average, alpha.
        statistics: what the average normalises with: its own `batch` (null in mean_teacher and unbiased_teacher), or
            averages of the student's means and `sigma` (Pose-MUM, Eq. 3; null in eman and pose_mum_plus) or `variance`
            (EMAN as released).
    """

    decay: float = option(
        0.999,
        within(0, 1, "it can be 0 (the student itself) to 1 (its first state)"),
        "Xie, section 6.3; Kim, Tables 2 and 4",
    )
    statistics: str | None = option(
        None, one_of(None, *STATISTICS), "its own batch's in a mean teacher; Kim, Eq. 3 in EMAN"
    )

    def average(self, student: nn.Module, statistics: str) -> Ema:
        """Of a student; it normalises with `statistics` unless the option says otherwise."""
        return Ema(student, self.decay, self.statistics or statistics)


class UnbiasedTeacher(Single):
    """Unbiased Teacher's scheme (Liu et al., ICLR 2021) on heatmaps: the student first learns from labels alone; where
    that burn-in ends it is copied, and the copy, from then on its average, teaches."""

    teacher: Ema

    def after_burn_in(self) -> Sequence[tuple[nn.Module, nn.Module]]:
        self.teacher.net.load_state_dict(self.students[0].state_dict())
        return ()


def mean_teacher(options: AverageOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """Parameters are averaged; the teacher normalises with its own batch (Xie et al. 2021, section 6.3)."""
    return single(options, networks, codec, options.average(networks[0], "batch"))


def eman(options: AverageOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """Batch norm's statistics are averaged too (Kim et al., Pose-MUM, Eq. 3)."""
    return single(options, networks, codec, options.average(networks[0], "sigma"))


def unbiased_teacher(options: AverageOptions, networks: Sequence[nn.Module], codec: Codec) -> Single:
    """A mean teacher whose average begins where the burn-in ends."""
    return single(options, networks, codec, options.average(networks[0], "batch"), kind=UnbiasedTeacher)
