"""Predictions as files, each written as the frames come, so that a long video takes no more memory than a short one.

A writer is a context manager with `add(frame, poses, scores)`; closed, it has `files`. One that is left by an error
leaves no file of a finished one's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from semipose.data.sample import Sample
from semipose.errors import UserError
from semipose.outputs.plain import Coco, Csv
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton

__all__ = ["FORMATS", "Frame", "Job", "Pose", "Writer", "writers"]


@dataclass(frozen=True, eq=False)
class Frame:
    """What was predicted on.

    Attributes:
        name: of the image or frame, as in its sample's id.
        image_id: as in COCO results.
        pixels: RGB uint8 (H, W, 3).
        video: the file it is a frame of, if it is.
        number: its place there; else among the images.
        path: the image's file, or the video's.
        samples: its boxes.
    """

    name: str
    image_id: int | str
    pixels: np.ndarray
    video: Path | None
    number: int
    path: str
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Job:
    """What writers have to know beforehand. `people`: the most poses of any frame; `inputs`: files, resolved, that are
    not to be written over."""

    folder: Path
    skeleton: Skeleton
    people: int = 1
    inputs: frozenset[Path] = frozenset()

    def free(self, name: str, starts: bytes = b"") -> Path:
        """A file's place in the folder.

        Raises:
            UserError: an input is there, or a file that does not start as those of earlier runs.
        """
        path = self.folder / name
        foreign = False
        if starts and path.is_file():
            with path.open("rb") as file:
                foreign = file.read(len(starts)) not in (starts, b"")
        if foreign or path.resolve() in self.inputs:
            raise UserError(f"{path} is there and no prediction of an earlier run; choose another folder with --out")
        return path


class Writer(Protocol):
    files: list[Path]

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None: ...


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


FORMATS: dict[str, Callable[[Job], Writer]] = {
    "coco": Coco,
    "csv": Csv,
    "dlc": _dlc,
    "dlc-csv": _dlc_csv,
    "sleap": _sleap,
    "overlay": _overlay,
}


def writers(names: Sequence[str], job: Job) -> list[Writer]:
    """One writer a format named."""
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise UserError(f"there is no output {unknown[0]!r}; choose of {', '.join(FORMATS)}")
    return [FORMATS[name](job) for name in dict.fromkeys(names)]
