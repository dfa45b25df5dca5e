"""Predictions as files, each written as the frames come, so that a long video takes no more memory than a short one.

A writer is a context manager with `add(frame, poses, scores)`; closed, it has `files`. One that is left by an error
leaves no file of a finished one's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from semipose.errors import UserError
from semipose.outputs.base import Frame, Job, Writer, check_packages
from semipose.outputs.plain import Coco, Csv
from semipose.outputs.pose import Pose

__all__ = ["FORMATS", "Frame", "Job", "Pose", "Writer", "check_writers", "ended_apart", "writers"]


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


@contextmanager
def ended_apart(made: Sequence[Writer]) -> Iterator[Sequence[Writer]]:
    """Writers, of which each is ended by itself: what one cannot write at its end takes no file of another's.

    Raises:
        Exception: the first of a writer's own, when all have ended.
    """
    failed: list[Exception] = []

    def end(writer: Writer, kind: Any, error: Any, at: Any) -> bool:
        try:
            writer.__exit__(kind, error, at)
        except Exception as own:
            failed.append(own)
        return False

    with ExitStack() as stack:
        for writer in made:
            stack.push(partial(end, writer.__enter__()))
        yield made
    if failed:
        raise failed[0]


def writers(names: Sequence[str], job: Job) -> list[Writer]:
    """One writer a format named.

    Raises:
        UserError: as `check_writers`.
    """
    check_writers(names)
    made: list[Writer] = []
    try:
        for name in dict.fromkeys(names):
            made.append(FORMATS[name](job))
    except BaseException as error:
        for writer in made:
            writer.__exit__(type(error), error, None)  # leaves no part of a file
        raise
    return made
