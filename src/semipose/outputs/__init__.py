"""Predictions as files, each written as the frames come, so that a long video takes no more memory than a short one.

A writer is a context manager with `add(frame, poses, scores)`; closed, it has `files`. One that is left by an error
leaves no file of a finished one's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from semipose.errors import UserError
from semipose.outputs.base import Frame, Job, Writer, check_packages
from semipose.outputs.plain import Coco, Csv
from semipose.outputs.pose import Pose

__all__ = ["FORMATS", "Frame", "Job", "Pose", "Writer", "check_writers", "writers"]


def _overlay(job: Job) -> Writer:
    from semipose.outputs.drawn import Overlay

    return Overlay(job)


def _dlc(job: Job) -> Writer:
    from semipose.outputs.tracks import DlcTable

    return DlcTable(job)


def _dlc_csv(job: Job) -> Writer:
    from semipose.outputs.tracks import DlcCsv

    return DlcCsv(job)


def _sleap(job: Job) -> Writer:
    from semipose.outputs.tracks import Sleap

    return Sleap(job)


def _smoothed(job: Job) -> Writer:
    from semipose.outputs.smoothed import Smoothed

    return Smoothed(job)


def _movement(job: Job) -> Writer:
    from semipose.outputs.movement import Movement

    return Movement(job)


FORMATS: dict[str, Callable[[Job], Writer]] = {
    "coco": Coco,
    "csv": Csv,
    "smoothed": _smoothed,
    "dlc": _dlc,
    "dlc-csv": _dlc_csv,
    "sleap": _sleap,
    "movement": _movement,
    "overlay": _overlay,
}


def check_writers(names: Sequence[str]) -> None:
    """
    Raises:
        UserError: a format is not known, or needs a package that is not there.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise UserError(f"there is no output {unknown[0]!r}; choose of {', '.join(FORMATS)}")
    for name in names:
        check_packages(name, "its CSV, dlc-csv" if name == "dlc" else "")


def writers(names: Sequence[str], job: Job) -> list[Writer]:
    """One writer a format named.

    Raises:
        UserError: as `check_writers`.
    """
    check_writers(names)
    return [FORMATS[name](job) for name in dict.fromkeys(names)]
