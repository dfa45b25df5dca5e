"""What the JSON readers share: rows with all their fields, boxes that are boxes, image files inside their folder."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from semipose.data.pictures import EXTENSIONS
from semipose.data.refs import Frame, parse, split_frame
from semipose.data.sample import FAR, NEAR
from semipose.data.video import VIDEOS, is_video
from semipose.errors import UserError, plain_line
from semipose.files import below, read_json

load_json = read_json
Json = Any
NUMBER = 1 << 63
"""Ids that are numbers are below, on both sides."""


def starts(source: str, sign: str) -> bool:
    """Whether this is a JSON whose content starts with a sign."""
    return source.lower().endswith(".json") and ends(source).lstrip().startswith(sign)


def ends(source: str) -> str:
    """The first and last 64 KiB of a file: enough to tell one JSON from another without reading all of a large one."""
    part = 1 << 16
    try:
        with open(source, "rb") as file:
            head = file.read(part)
            file.seek(max(part, os.path.getsize(source) - part))
            return (head + file.read()).decode("utf-8", "replace")
    except OSError:
        return ""


def rows_of(document: Json, key: str, path: Path) -> list[Json]:
    rows = document.get(key) if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: '{key}' must be a list of objects; is this a COCO file?")
    if not rows:
        raise UserError(f"{path}: '{key}' is empty")
    return rows


def field_of(row: Json, key: str, where: str) -> Any:
    if row.get(key) is None:
        raise UserError(f"{where} has no '{key}'; add it or remove the entry")
    return row[key]


def id_of(row: Json, key: str, where: str) -> int | str:
    """What names an entry: a number or a text."""
    value = field_of(row, key, where)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UserError(f"{where} has {key} {shown(value)}; it must be a number or a text")
    if not isinstance(value, str) and not abs(value) < NUMBER:
        raise UserError(f"{where} has {key} {shown(value)}, which is too large; mend it")
    return value  # type: ignore[return-value]


def name_of(row: Json, key: str, where: str) -> str:
    """The name of a file."""
    name = str(id_of(row, key, where))
    if not name or "\0" in name:
        raise UserError(f"{where} has {key} {shown(name)}, which names no file; mend it")
    return name


def numbers_of(values: Json, count: int, where: str, words: str, far: float = FAR) -> list[float]:
    """A list of `count` numbers, at most `far` on both sides; `words` says what it is: "box {}, expected x and y"."""
    if isinstance(values, list | tuple) and len(values) == count:
        try:
            numbers = [float(value) for value in values if not isinstance(value, bool | None)]
        except (TypeError, ValueError, OverflowError):
            numbers = []
        if len(numbers) == count and not any(abs(value) > far for value in numbers):
            return numbers
        words += f", at most {far:g}" if len(numbers) == count else ""
    raise UserError(f"{where} has {words.format(shown(values))}; mend it or remove the entry")


def points_of(values: Json, shape: tuple[int, int], where: str, words: str) -> np.ndarray:
    """(K, D) float64 of a list, flat or of lists; NaN where a number is missing (null). `words` says what they are.

    Raises:
        UserError: another number of values, one that is no number, infinite, or beyond `FAR`.
    """
    try:
        points = np.asarray(values if isinstance(values, list | np.ndarray) else None, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where} has {words} that are not all numbers") from None
    if points.size != shape[0] * shape[1]:
        raise UserError(f"{where} has {points.size} {words}, expected {shape[0]} x {shape[1]}")
    if (np.abs(points) > FAR).any():
        raise UserError(f"{where} has {words} beyond {FAR:g} pixels; mend or remove it")
    return points.reshape(shape)


def shown(value: Any) -> str:
    """The beginning of a value of a file, in a line."""
    try:
        return plain_line(repr(value))[:60]
    except RecursionError:
        return "lists in lists"


def refuse_twice(values: Iterable[Any], what: str) -> None:
    twice = [v for v, n in Counter(values).items() if n > 1]
    if twice:
        raise UserError(f"{what} {twice[0]!r} occurs more than once ({len(twice)} such); ids must differ")


def box_of(row: Json, where: str) -> tuple[float, float, float, float]:
    words = "bbox {}, expected four numbers x, y, w, h"
    x, y, w, h = numbers_of(field_of(row, "bbox", where), 4, where, words, math.inf)
    if not (math.isfinite(x + y + w + h) and w >= NEAR and h >= NEAR):
        raise UserError(f"{where} has the empty bbox {[x, y, w, h]}; mend it or remove the annotation")
    if max(map(abs, (x, y, w, h))) > FAR:
        raise UserError(f"{where} has the bbox {[x, y, w, h]}, larger than any image; mend it or remove the annotation")
    return (x, y, w, h)


def is_nothing(row: Json) -> bool:
    """Whether a COCO annotation has no labelled joint, and a box that is a line or a point: nobody can be seen there.
    COCO's train2017 has one, 2206849."""
    box, points = row.get("bbox"), row.get("keypoints") or []
    flat = isinstance(box, list) and len(box) == 4 and 0 in box[2:]
    return flat and isinstance(points, list) and not any(points[2::3])


def size_of(row: Json) -> tuple[int, int] | None:
    """(height, width) that a COCO image entry states; None where it states none that can be."""
    size = (row.get("height"), row.get("width"))
    return size if all(type(side) is int and 1 < side <= FAR for side in size) else None


def file_names(rows: Sequence[Json], path: Path) -> dict[Any, str]:
    """image id -> file name."""
    ids = [id_of(row, "id", f"{path}: images entry {i}") for i, row in enumerate(rows)]
    refuse_twice(ids, f"{path}: image id")
    return {n: name_of(row, "file_name", f"{path}: image {n}") for n, row in zip(ids, rows, strict=True)}


def sessions_of(names: Iterable[str]) -> dict[str, str | None]:
    """The folder that each image is in: its last name, or the path where another folder has the same; None where an
    image is in none."""
    folders = {name: PurePosixPath(name).parent for name in names}
    alike = Counter(folder.name for folder in set(folders.values()))
    return {n: (f.as_posix() if alike[f.name] > 1 else f.name) if f.name else None for n, f in folders.items()}


def image_folder(path: Path, images: str | Path | None, first: str) -> Path:
    """The folder of the images that `path` names: the one given, else the nearest of the file's own and the `images`
    beside it or one or two folders above that has the `first` image; else the file's own."""
    if images is not None:
        return Path(images)
    around = (Path(os.path.abspath(path)).parents[:3], path.resolve().parents[:3])
    places = [place for near in around for place in (near[0], *(folder / "images" for folder in near))]
    inside = not (PurePosixPath(first).is_absolute() or ".." in PurePosixPath(first).parts)
    return next((place for place in places if inside and os.path.exists(place / first)), path.parent)


class ImageFolder:
    """The images folder: file names become absolute paths inside it.

    Args:
        names: all that will be asked for, as far as known: what one of them names is no other's.
    """

    def __init__(self, folder: Path, names: Iterable[str] = ()) -> None:
        if not folder.is_dir():
            raise UserError(f"the images folder {folder} does not exist; give the folder of the images")
        self.folder = folder.resolve()
        self._known: dict[str, str] = {}
        self._taken = {os.path.normpath(self.folder / name) for name in names}

    @cached_property
    def below(self) -> dict[str, list[Path]]:
        """Image files in all folders below, by file name and by stem without leading zeros."""
        files: dict[str, list[Path]] = {}
        for file in below(self.folder):
            if file.suffix.lower() in (*EXTENSIONS, *VIDEOS):
                files.setdefault(file.name, []).append(file)
                files.setdefault(file.stem.lstrip("0") or "0", []).append(file)
        return files

    def path(self, name: str, where: str) -> str:
        """The absolute path of an image; `where` is what errors call the entry that names it."""
        if name not in self._known:
            self._known[name] = self._find(name, where)
        return self._known[name]

    def _find(self, name: str, where: str) -> str:
        frame = split_frame(name)
        if frame is not None and is_video(frame[0]):
            return str(Frame(str(Path(self.path(frame[0], where)).resolve()), frame[1]))
        posix = PurePosixPath(name)
        if (
            posix.is_absolute()
            or PureWindowsPath(name).drive
            or ".." in posix.parts
            or ".." in PureWindowsPath(name).parts
        ):
            raise UserError(f"{where} has file_name {name!r}, which leads out of the images folder; make it relative")
        direct = self.folder / name
        if os.path.exists(direct):  # False, where Path.exists raises, for a name that no disk can hold
            return str(direct)
        # Every video has an img0.png: another's is not this one.
        shared = {str(p): _shared(p, posix) for p in self.below.get(posix.name, []) if str(p) not in self._taken}
        most = max(shared.values(), default=0)
        paths = [path for path, parts in shared.items() if parts == most >= min(2, len(posix.parts))]
        if len(paths) > 1:
            raise UserError(
                f"{where}: {name!r} is not in {self.folder}, and {len(paths)} folders below have a {posix.name}"
            )
        self._taken.update(paths)
        # A missing file is reported with all others, by `check` and when crops are made.
        return paths[0] if paths else str(direct)

    def by_number(self, image_id: Any, where: str) -> str:
        """The file that detection results mean by `image_id`: a name, or the number in one."""
        if isinstance(image_id, str) and PurePosixPath(image_id).suffix:
            return image_id
        files = self.below.get(str(image_id).lstrip("0") or "0", [])
        if len(files) != 1:
            raise UserError(
                f"{where} is of image_id {image_id!r}, by which {len(files)} files of {self.folder} are named;"
                " give the folder of its images, or the file's name as image_id"
            )
        return files[0].relative_to(self.folder).as_posix()

    def refuse_if_none_exists(self, images: set[str]) -> None:
        files = {parse(image).file for image in images}
        if images and not any(file is not None and os.path.exists(file) for file in files):
            raise UserError(
                f"none of the {len(images)} images is in {self.folder}, first {min(images)}; give the images folder"
                " (to semipose init, the folder that holds both)"
            )


def _shared(path: Path, name: PurePosixPath) -> int:
    """How many of their last parts are the same, of files with the same name."""
    folders = zip(reversed(path.parts[:-1]), reversed(name.parts[:-1]), strict=False)
    return 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], folders))
