"""The readers, a file a format.

A new format is a file here with a `FORMAT`, and the file's name in `READERS` of `semipose.data.open`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from semipose.data.sample import PoseData


class Format(NamedTuple):
    """One kind of source. `labeled` and `unlabeled` read it, and are None where it cannot be used as such. They take
    what `semipose.data.open.open_all` and `open_unlabeled` hand on."""

    what: str
    fits: Callable[[str], bool]
    labeled: Callable[..., PoseData] | None
    unlabeled: Callable[..., PoseData] | None


def parted(source: str | Path, endings: Sequence[str], whole: str = "") -> tuple[Path, str]:
    """ "data.yaml#val" as the file, which has one of these endings, and the part; `whole` where none is named."""
    path, mark, part = str(source).rpartition("#")
    named = bool(mark) and Path(path).suffix.lower() in endings
    return (Path(path), part) if named else (Path(source), whole)


def data_set(what: str, fits: Callable[[str], bool], read: Callable[..., PoseData]) -> Format:
    """Of sources that say themselves what their joints are: `read` takes the source and the folder of its images."""

    def reads(source: str | Path, images: str | Path | None = None, **_: object) -> PoseData:
        return read(source, images)

    return Format(what, fits, reads, reads)


def of_tool(what: str, fits: Callable[[str], bool], read: Callable[..., PoseData]) -> Format:
    """The same of labelling tools' exports: `read` takes the source, the folder of its images, the category, and
    whether images outside that folder are read."""

    def reads(
        source: str | Path,
        images: str | Path | None = None,
        category: str | int | None = None,
        outside: bool = False,
        **_: object,
    ) -> PoseData:
        return read(source, images, category, outside)

    return Format(what, fits, reads, reads)
