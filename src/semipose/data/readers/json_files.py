"""What the JSON readers share: rows with all their fields, boxes that are boxes, image files inside their folder."""

from __future__ import annotations

import math
import os
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from itertools import chain, takewhile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from semipose import limits
from semipose.data.pictures import EXTENSIONS
from semipose.data.refs import Frame, parse, split_frame
from semipose.data.sample import FAR, NEAR
from semipose.data.video import is_video
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
        with limits.opened(source) as file:
            head = file.read(part)
            file.seek(max(part, os.path.getsize(source) - part))
            code = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"  # which reading will refuse
            return (head + file.read()).decode(code, "replace")
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
            numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        except OverflowError:
            numbers = []
        if len(numbers) == count and (far == math.inf or all(abs(value) <= far for value in numbers)):
            return numbers
        words += f", at most {far:g}" if len(numbers) == count and not any(map(math.isnan, numbers)) else ""
    raise UserError(f"{where} has {words.format(shown(values))}; mend it or remove the entry")


def points_of(values: Json, shape: tuple[int, int], where: str, words: str) -> np.ndarray:
    """(K, D) float64 of a list of K lists, or of all their numbers one after another; NaN where a number is missing
    (null). `words` says what they are.

    Raises:
        UserError: another number of values, or in another order, one that is no number, infinite, or beyond `FAR`.
    """
    try:
        points = array_of(values)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where} has {words} that are not all numbers") from None
    if points.shape not in (shape, (shape[0] * shape[1],)):
        count = " x ".join(map(str, points.shape))
        raise UserError(f"{where} has {count} {words}, expected {shape[0]} x {shape[1]}")
    if (np.abs(points) > FAR).any():
        raise UserError(f"{where} has {words} beyond {FAR:g} pixels; mend or remove it")
    return points.reshape(shape)


NUMBERS = {int, float, type(None)}


def array_of(values: Json) -> np.ndarray:
    """float64 of a list of numbers, or of lists of them; NaN where one is missing (null).

    Raises:
        TypeError, ValueError, OverflowError: it is something else, or has a text or a truth value in it.
    """
    if not isinstance(values, list):
        raise TypeError
    every = chain.from_iterable(values) if values and isinstance(values[0], list) else values
    if not NUMBERS.issuperset(map(type, every)):
        raise TypeError
    return np.asarray(values, np.float64)


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
    high, wide = (_side(row.get(key)) for key in ("height", "width"))
    return (high, wide) if high and wide else None


def _side(value: Json) -> int | None:
    """Of a picture: also what tools write for 640, 640.0 and "640"."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 8:
        value = int(value)
    whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and 1 < value <= FAR else None


def file_names(rows: Sequence[Json], path: Path) -> dict[Any, str]:
    """image id -> file name."""
    ids = [id_of(row, "id", f"{path}: images entry {i}") for i, row in enumerate(rows)]
    refuse_twice(ids, f"{path}: image id")
    names = {n: name_of(row, "file_name", f"{path}: image {n}") for n, row in zip(ids, rows, strict=True)}
    refuse_twice(map(posixpath.normpath, names.values()), f"{path}: file_name")
    return names


def sessions_of(names: Iterable[str]) -> dict[str, str | None]:
    """The folder that each image is in, or the video that it is a frame of, without its ending: the last name, or the
    path where another has the same; None where an image is in none."""
    folders = {name: _session(name) for name in names}
    alike = Counter(folder.name for folder in set(folders.values()))
    return {n: (f.as_posix() if alike[f.name] > 1 else f.name) if f.name else None for n, f in folders.items()}


def _session(name: str) -> PurePosixPath:
    frame = split_frame(name)
    path = PurePosixPath(name)
    return PurePosixPath(frame[0]).with_suffix("") if frame is not None and is_video(frame[0]) else path.parent


def image_folder(path: Path, images: str | Path | None, first: str) -> Path:
    """The folder of the images that `path` names: the one given, else the nearest of the file's own and the `images`
    beside it or one or two folders above that has the `first` image; else the file's own."""
    if images is not None:
        return Path(images)
    around = (Path(os.path.abspath(path)).parents[:3], path.resolve().parents[:3])
    places = [place for near in around for place in (near[0], *(folder / "images" for folder in near))]
    inside = not (PurePosixPath(first).is_absolute() or ".." in PurePosixPath(first).parts)
    return next((place for place in places if inside and os.path.exists(place / first)), path.parent)


OUTSIDE: ContextVar[bool] = ContextVar("outside", default=False)


@contextmanager
def outward(outside: bool) -> Iterator[None]:
    """Around a reader: whether paths in its file may lead out of the folder of the images."""
    token = OUTSIDE.set(outside)
    try:
        yield
    finally:
        OUTSIDE.reset(token)


def folded(name: str) -> str:
    """A name as it is compared: without the case of its letters, and with their marks in them, which a Mac writes as
    characters of their own."""
    return unicodedata.normalize("NFC", name).casefold()


class ImageFolder:
    """The images folder: file names become absolute paths inside it.

    Backslashes are taken for slashes, and letters of another case for the same where nothing else has the name. A path
    that leads out of the folder, absolute or with "..", is followed back into it; else the file is looked for by its
    last folders, or by its name in an address of Label Studio.

    Args:
        names: all that will be asked for, as far as known: what one of them names is no other's.
        beside: another folder that names may be relative to, such as that of the file which has them.
        outside: whether a path that leads out of the folder, to a file that exists, is read where it is; as `outward`
            says by default.
    """

    def __init__(
        self, folder: Path, names: Iterable[str] = (), beside: Path | None = None, outside: bool | None = None
    ) -> None:
        if not folder.is_dir():
            raise UserError(f"the images folder {folder} does not exist; give the folder of the images")
        self.folder = folder.resolve()
        self.outside = OUTSIDE.get() if outside is None else outside
        self._bases = (self.folder, *([beside.resolve()] if beside is not None else []))
        self._known: dict[str, str] = {}
        names = [name.replace("\\", "/") for name in names]
        frames = [(name, split_frame(name)) for name in names]
        names = [name for name, frame in frames if frame is None or not is_video(frame[0])]
        names += dict.fromkeys(frame[0] for _, frame in frames if frame is not None and is_video(frame[0]))
        self._taken = {os.path.normpath(self.folder / name) for name in names}
        self._alike = Counter(folded(PurePosixPath(name).name) for name in names)
        self._listed: dict[Path, dict[str, list[str]]] = {}

    @cached_property
    def below(self) -> dict[str, list[Path]]:
        """Image files in all folders below, by file name in small letters, by that and the folder's, and by stem
        without leading zeros."""
        files: dict[str, list[Path]] = {}
        for file in below(self.folder):
            if file.suffix.lower() in EXTENSIONS or is_video(file):
                files.setdefault(folded(file.name), []).append(file)
                files.setdefault(folded(f"{file.parent.name}/{file.name}"), []).append(file)
                files.setdefault(file.stem.lstrip("0") or "0", []).append(file)
        return files

    def path(self, name: str, where: str) -> str:
        """The absolute path of an image; `where` is what errors call the entry that names it."""
        if name in self._known:
            return self._known[name]
        found = self._find(name, where)
        if found != f"{self.folder}{os.sep}{name}":  # what is where it should be, is found again as quickly
            self._known[name] = found
        return found

    def _find(self, name: str, where: str) -> str:
        frame = split_frame(name)
        if frame is not None and is_video(frame[0]):
            return str(Frame(str(Path(self.path(frame[0], where)).resolve()), frame[1]))
        if _is_inside(name) and os.path.exists(self.folder / name):  # Path.exists raises for some names
            return str(self.folder / name)
        plain = name.replace("\\", "/")
        inside = _is_inside(name)
        aimed = [] if inside else [os.path.normpath(base / plain) for base in self._bases]
        there = [path for path in aimed if os.path.exists(path)]
        here = next((path for path in there if Path(os.path.realpath(path)).is_relative_to(self.folder)), None)
        if here is not None:
            return here
        posix = PurePosixPath(*(part for part in PureWindowsPath(plain).parts if part not in ("..", _anchor(plain))))
        climbs = not inside and not PureWindowsPath(plain).anchor
        direct = None if climbs and len(posix.parts) < 2 else self._any_case(posix)
        if direct is not None:
            return direct
        # Every video has an img0.png: another's is not this one.
        found = self._below(posix, where, name, min(2, len(posix.parts)) if inside else 2)
        if found is None and not inside and not climbs and self._alike[folded(posix.name)] <= 1:
            found = self._any_case(PurePosixPath(posix.name))  # the folder of the images itself has another name
        lost = climbs and not any(Path(path).is_relative_to(self.folder) for path in aimed)
        if found is None and not there and not lost:
            found = self._uploaded(name)
        if found is None and (there or lost) and not self.outside:
            raise UserError(
                f"{where} has file_name {name!r}, which leads out of the images folder {self.folder}; name the folder"
                " of the images, or read it where it is: data.outside=true (--outside of semipose init, check and"
                " split)"
            )
        # A missing file is reported with all others, by `check` and when crops are made.
        return found or (there[0] if there else str(self.folder / posix))

    def _any_case(self, name: PurePosixPath) -> str | None:
        """A file of this path, whatever the case of its letters; None where there is none, or several."""
        place = self.folder
        for part in name.parts:
            if os.path.exists(place / part):
                place = place / part
                continue
            if place not in self._listed:
                files: dict[str, list[str]] = {}
                for file in os.listdir(place) if place.is_dir() else ():
                    files.setdefault(folded(file), []).append(file)
                self._listed[place] = files
            alike = self._listed[place].get(folded(part), [])
            if len(alike) != 1:
                return None
            place = place / alike[0]
        return str(place) if name.parts else None

    def _uploaded(self, name: str) -> str | None:
        """A file by its address in Label Studio, which puts letters before the name of one that is uploaded."""
        if not ADDRESS.search(name) and not UPLOADED.fullmatch(PurePosixPath(name).name):
            return None
        for other in names_in(name):
            posix = PurePosixPath(other)
            near = self._any_case(posix)
            alone = [p for p in self.below.get(folded(posix.name), []) if str(p) not in self._taken]
            if near is None and len(alone) == 1 and self._alike[folded(posix.name)] <= 1:
                near = str(alone[0])
            if near is not None:
                return near
        return None

    def _below(self, posix: PurePosixPath, where: str, name: str, least: int) -> str | None:
        """A file in the folders below that shares the last `least` parts of its path."""
        known = "/".join(posix.parts[-2:]) if least > 1 else posix.name  # many folders may have the name
        near = self.below.get(folded(known), [])
        near = [p for p in near if p.name == posix.name] or near
        shared = {str(p): _shared(p, posix) for p in near if str(p) not in self._taken}
        most = max(shared.values(), default=0)
        paths = [path for path, parts in shared.items() if parts == most >= least]
        if len(paths) > 1:
            raise UserError(
                f"{where}: {name!r} is not in {self.folder}, and {len(paths)} folders below have a {posix.name}"
            )
        self._taken.update(paths)
        return paths[0] if paths else None

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

    def refuse_if_none_exists(self, images: Collection[str]) -> None:
        files = (parse(image).file for image in images)
        if images and not any(file is not None and os.path.exists(file) for file in files):
            raise UserError(
                f"none of the {len(set(images))} images is in {self.folder}, first {min(images)}; give the images"
                " folder (to semipose init, the folder that holds both)"
            )


ADDRESS = re.compile(r"[?]d=|://|upload/")
UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
"""What Label Studio makes of an uploaded file's name."""


def names_in(address: str) -> list[str]:
    """By which a picture may be found that has an address in Label Studio: the path in it, its last part, and its name
    before it was uploaded; none where the address is of no picture."""
    try:
        parts = urlsplit(address.replace("\\", "/"))
        path = parse_qs(parts.query).get("d", [unquote(parts.path)])[0].lstrip("/")
    except ValueError:
        return []
    if PurePosixPath(path).suffix.lower() not in EXTENSIONS or "\0" in path:
        return []
    name = PurePosixPath(path).name
    before = UPLOADED.fullmatch(name)
    uploaded = "upload/" in path or "://" in address
    return list(dict.fromkeys([*([] if uploaded else [path]), name, *([before[1]] if before else [])]))


def _is_inside(name: str) -> bool:
    """Whether a path leads into the folder that it is relative to."""
    return not (
        PurePosixPath(name).is_absolute()
        or PureWindowsPath(name).anchor
        or ".." in PurePosixPath(name).parts
        or ".." in PureWindowsPath(name).parts
    )


def _anchor(name: str) -> str:
    """ "/" or "C:\\", what makes a path absolute."""
    return PureWindowsPath(name).anchor


def _shared(path: Path, name: PurePosixPath) -> int:
    """How many of their last parts are the same, of files with the same name."""
    folders = zip(reversed(path.parts[:-1]), reversed(name.parts[:-1]), strict=False)
    return 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], folders))
