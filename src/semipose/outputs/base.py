"""What writers of predictions are given, and what each of them is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Protocol

import numpy as np

from semipose.data.sample import Sample
from semipose.errors import UserError
from semipose.files import bears
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton


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


class Style(NamedTuple):
    """How poses are drawn: in a colour for each joint or side, with the joints' names, and a strip below that says
    which colour is which. Dots are no smaller than the frame makes them visible."""

    colors: Literal["joint", "side"] = "side"
    names: bool = False
    legend: bool = False


PLAIN = Style()


@dataclass(frozen=True)
class Job:
    """What writers have to know beforehand. `people`: the most poses of any frame; `inputs`: files, resolved, that are
    not to be written over; `tracked`: poses of videos have a `track`, 1 to `people`; `style`: of pictures; `films`: the
    videos to come, in their order, None for images."""

    folder: Path
    skeleton: Skeleton
    people: int = 1
    inputs: frozenset[Path] = frozenset()
    tracked: bool = False
    style: Style = PLAIN
    films: tuple[Path | None, ...] = ()

    def free(self, name: str, mark: bytes = b"") -> Path:
        """A file's place in the folder; `mark`: a pattern that is in all that is written there (`files.bears`).

        Raises:
            UserError: an input is there, or a file without the mark.
        """
        path = self.folder / name
        if (path.exists() and not bears(path, mark)) or path.resolve() in self.inputs:
            raise UserError(f"{path} is there and no prediction of an earlier run; choose another folder with --out")
        return path


NEEDED = {"dlc": ("pandas", "tables"), "sleap": ("sleap_io",)}
"""Packages of the extras, by format."""


def check_packages(form: str, instead: str = "") -> None:
    """
    Args:
        instead: what to do without.

    Raises:
        UserError: a format needs a package that is not there.
    """
    gone = [name for name in NEEDED.get(form, ()) if find_spec(name) is None]
    if gone:
        how = f"pip install 'semipose[{form}]'{f'; or {instead}' if instead else ''}"
        raise UserError(f"format {form} needs {' and '.join(gone)}, not installed here: {how}")


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet runs."""


def cell(name: str) -> str:
    """A name in a CSV, as text where a spreadsheet would take it for a formula."""
    return f"'{name}" if name.startswith(FORMULA) else name


class Writer(Protocol):
    files: list[Path]

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None: ...
