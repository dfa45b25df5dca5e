"""The pictures and videos of a project, by number: a browser never names a file."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semipose.browser.safety import is_inside
from semipose.data.discover import DRAWN
from semipose.data.pictures import EXTENSIONS
from semipose.data.refs import File, Frame, parse
from semipose.data.video import VIDEOS, probe
from semipose.errors import UserError
from semipose.files import names_below, real

IMAGES = 0
"""The source of all pictures; videos follow, a source each."""
HOME = ".semipose-ui"
"""The folder in a project for what belongs to no label and no run. Its name is hidden, so nothing in it is data."""
FRAME = re.compile(r"(?:(.*)-)?img0*(\d+)", re.DOTALL)
"""How pictures of a video's frames are named, here and by DeepLabCut: img00012, or clip-img00012 beside others."""


@dataclass(frozen=True)
class Source:
    """Pictures (`video` None), or a video. `count` is None of a video that nobody has looked at yet."""

    name: str
    count: int | None
    video: Path | None = None


class Library:
    """What can be shown of a folder.

    Args:
        outside: whether pictures and videos are shown that links lead to out of the folder.

    Attributes:
        images: names relative to the folder, sorted; what is new since comes last.
        left_out: how many lie outside.
    """

    def __init__(self, root: Path, outside: bool = False) -> None:
        self.root, self.outside = root, outside
        self.images: list[str] = []
        self._at: dict[str, int] = {}
        self.videos: list[Path] = []
        self.left_out = 0
        self.refresh()

    def refresh(self) -> None:
        """Look at the folder again."""
        names = [name for name in names_below(self.root) if not _is_hidden(name)]
        runs = {os.path.dirname(name) for name in names if name.endswith("model.safetensors")} - {""}
        suffixes = (*EXTENSIONS, *VIDEOS)
        shown: dict[str, bool] = {}
        images, videos, left_out = [], [], 0
        base = os.path.realpath(self.root)
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() not in suffixes:
                continue
            folder, last = os.path.split(stem)
            if folder not in shown:
                shown[folder] = not (_is_in(folder, runs) or any(map(DRAWN.search, folder.split(os.sep))))
            if not shown[folder] or DRAWN.search(last):
                continue
            if not self.outside and not real(os.path.join(self.root, name)).startswith(base.rstrip(os.sep) + os.sep):
                left_out += 1
            elif suffix.lower() in EXTENSIONS:
                images.append(name)
            else:
                videos.append(self.root / name)
        # A page that is open calls frames by their numbers: those that were there keep them.
        self.images += [name for name in images if name not in self._at]
        self._at = {name: index for index, name in enumerate(self.images)}
        self.videos += [video for video in videos if video not in set(self.videos)]
        self.left_out = left_out
        self.stems = _apart([video.relative_to(self.root) for video in self.videos])

    def add(self, image: Path) -> None:
        """A picture that was written since."""
        name = os.path.relpath(image, self.root)
        if name not in self._at:
            self._at[name] = len(self.images)
            self.images.append(name)

    def sources(self) -> list[Source]:
        """Pictures first, then each video."""
        films = [Source(video.relative_to(self.root).as_posix(), None, video) for video in self.videos]
        return [Source("pictures", len(self.images)), *films]

    def count(self, source: int) -> int:
        """How many frames a source has.

        Raises:
            UserError: there is none of this number, or the video cannot be read.
        """
        return len(self.images) if source == IMAGES else len(probe(self._video(source)))

    def _video(self, source: int) -> Path:
        if not 0 < source <= len(self.videos):
            raise UserError(f"there is no source {source}; reload the page")
        video = self.videos[source - 1]
        self._refuse_outside(video)
        return video

    def ref(self, source: int, index: int) -> str:
        """The reference of a frame, with a picture's links followed.

        Raises:
            UserError: there is none of this number, or it leads out of the folder.
        """
        if source != IMAGES:
            video = self._video(source)
            if not 0 <= index < len(probe(video)):
                raise UserError(f"{video.name} has no frame {index}")
            return str(Frame(os.path.realpath(video), index))
        if not 0 <= index < len(self.images):
            raise UserError(f"there is no picture {index}; reload the page")
        path = self.root / self.images[index]
        self._refuse_outside(path)
        return os.path.realpath(path)

    def _refuse_outside(self, path: Path) -> None:
        if not self.outside and not is_inside(path, self.root):
            raise UserError(f"{path.name} is a link that leads out of the folder; semipose ui --outside shows it")

    def place(self, ref: str) -> tuple[int, int] | None:
        """(source, index) of a reference; None where it is not shown."""
        match parse(ref):
            case Frame(path, number):
                where = [os.path.realpath(video) for video in self.videos]
                here = os.path.realpath(path)
                return (1 + where.index(here), number) if here in where else None
            case File(path):
                for base in (f"{self.root}{os.sep}", f"{os.path.realpath(self.root)}{os.sep}"):
                    at = self._at.get(path.removeprefix(base)) if path.startswith(base) else None
                    if at is not None:
                        return IMAGES, at
        return None

    def name(self, source: int, index: int) -> str:
        """What a frame is called."""
        return self.images[index] if source == IMAGES else f"{self.stems[source - 1]} · {index}"

    def again(self, source: int, index: int, name: str) -> tuple[int, int]:
        """Where a frame of this name is now: a page, or what a browser kept, may be of an earlier server's numbers.

        Raises:
            UserError: there is none.
        """
        if source == IMAGES:
            if name in self._at:
                return IMAGES, self._at[name]
        elif name.removesuffix(f" · {index}") in self.stems:
            return 1 + self.stems.index(name.removesuffix(f" · {index}")), index
        raise UserError(f"there is no frame {name[:80]!r} any more; its labels were not saved")

    def written(self, source: int, folders: tuple[str, ...]) -> dict[int, str]:
        """Frame -> its picture, of those frames of a video that were written as pictures to labeled-data/<video>/ or as
        <video>-img00012 to one of `folders`."""
        stem, found = self.stems[source - 1], dict[int, str]()
        for name in self.images:
            folder, last = os.path.split(os.path.splitext(name)[0])
            match = FRAME.fullmatch(last)
            if match is None:
                continue
            of = match[1] if folder in folders else os.path.basename(folder) if not match[1] else None
            if of == stem and len(match[2]) < 10:
                found.setdefault(int(match[2]), name)
        return found


def _apart(videos: Sequence[Path]) -> list[str]:
    """A name for each, no two the same: its own, with as much of its folders and its ending as tells it from others."""
    names = [video.stem for video in videos]
    ways = (
        lambda video: "-".join((*video.parts[-2:-1], video.stem)),
        lambda video: "-".join(video.with_suffix("").parts),
        lambda video: "-".join((*video.with_suffix("").parts, video.suffix[1:])),
    )
    for way in ways:
        names = [way(v) if n > 1 else name for v, name, n in zip(videos, names, _how_often(names), strict=True)]
    for i, n in enumerate(_how_often(names)):  # as "a/b.mp4" and "a-b.mp4" may still be
        while n > 1 and _how_often(names)[i] > 1:
            names[i] += f"-{i + 1}"
    return names


def _how_often(names: Sequence[str]) -> list[int]:
    counts = Counter(name.casefold() for name in names)
    return [counts[name.casefold()] for name in names]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or f"{os.sep}." in name


def _is_in(folder: str, folders: set[str]) -> bool:
    return bool(folders) and any(folder == each or folder.startswith(each + os.sep) for each in folders)
