"""Labels in the format that their project has, read and changed picture by picture.

A change is written whole or not at all, by one writer at a time. What a change is based on is told by a version of the
picture's labels: where another program has changed them meanwhile, nothing is written and `Conflict` says what is there
now; its changes to other pictures stay.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from filelock import FileLock, Timeout

from semipose.browser.safety import is_inside
from semipose.data.refs import Frame, parse
from semipose.data.sample import FAR, MARKS, PoseData
from semipose.errors import UserError
from semipose.files import Part, write_atomically, writing
from semipose.skeleton import Skeleton

NONE = Skeleton("none", ("joint",))
WAIT = 10
"""Seconds that a change waits for another server's."""


@dataclass(frozen=True)
class Body:
    """One instance in a picture. `key` is what the file calls it, None for a new one; `points` is (K, 3) x, y, v in the
    file's pixels, v as in COCO, and x and y are 0 where v is."""

    points: tuple[tuple[float, float, int], ...]
    key: int | str | None = None

    @classmethod
    def of(cls, points: np.ndarray, key: int | str | None = None) -> Body:
        return cls(tuple((float(x), float(y), int(v)) if v else (0.0, 0.0, 0) for x, y, v in points.tolist()), key)

    @property
    def array(self) -> np.ndarray:
        """(K, 3) float64."""
        return np.array(self.points, np.float64).reshape(-1, 3)

    @property
    def labeled(self) -> bool:
        return any(v for _, _, v in self.points)

    def ordered(self, mine: Sequence[str], asked: Sequence[str]) -> Body:
        """The same with its points, which are of the joints `mine`, in the order of the joints `asked`; those that it
        lacks are unlabelled."""
        places = {joint: point for joint, point in zip(mine, self.points, strict=True)}
        return Body(tuple(places.get(joint, (0.0, 0.0, 0)) for joint in asked), self.key)


def bodies_from(rows: Any, joints: int) -> list[Body]:
    """Bodies as a browser sends them: [{"key": ..., "points": [[x, y, v], ...]}].

    Raises:
        UserError: they are none.
    """
    try:
        if not isinstance(rows, list) or len(rows) > 1000:
            raise ValueError
        found = []
        for row in rows:
            key, points = row["key"], np.array(row["points"], np.float64)
            if points.shape != (joints, 3) or not (isinstance(key, int | str) or key is None) or isinstance(key, bool):
                raise ValueError
            if not (np.isin(points[:, 2], MARKS).all() and np.isfinite(points).all() and np.abs(points).max() <= FAR):
                raise ValueError
            found.append(Body.of(points.round(3), key))
    except (ValueError, TypeError, KeyError, OverflowError):
        raise UserError("these are no labels of this skeleton; reload the page") from None
    keys = [body.key for body in found if body.key is not None]
    if len(keys) > len(set(keys)):
        raise UserError("two bodies have one key; reload the page")
    return found


def version_of(bodies: Iterable[Body]) -> str:
    """What tells one state of a picture's labels from another."""
    text = json.dumps([[body.key, body.points] for body in bodies])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class Conflict(Exception):
    """Another program has changed a picture's labels; `bodies` and `version` are what is there now."""

    def __init__(self, bodies: Sequence[Body], version: str = "") -> None:
        super().__init__("another program has changed these labels")
        self.bodies, self.version = list(bodies), version or version_of(bodies)


@dataclass
class Store:
    """Labels of some pictures.

    Attributes:
        path: the file, or what names the project.
        what: the format.
        skeleton: its joints.
        most: bodies that a picture can have.
        occluded: whether it can say that a joint is hidden.
        why: why it can only be read; "" where it can be changed.
    """

    names_frames: ClassVar[bool] = False
    """Whether it has labels of frames of videos by their number, without a picture of them."""

    path: Path
    what: str = ""
    skeleton: Skeleton = NONE
    most: int = 1000
    occluded: bool = True
    why: str = ""

    def labeled(self) -> set[str]:
        """The pictures with a labelled joint: real paths, or references of frames."""
        raise NotImplementedError

    def has(self, image: str) -> bool:
        """Whether a picture or frame has an entry."""
        raise NotImplementedError

    def state(self) -> object:
        """What differs where the labels do."""
        return None

    def get(self, image: str) -> list[Body]:
        """The bodies in a picture, none where it has no entry."""
        raise NotImplementedError

    def put(self, image: str, bodies: Sequence[Body], version: str) -> list[Body]:
        """Change a picture's labels; returns them as they are in the file now.

        Raises:
            Conflict: `version` is not that of what the file has.
            UserError: they cannot be written; the file is as it was.
        """
        raise UserError(self.why)

    def can_add(self, image: str) -> bool:
        """Whether a picture without an entry can get one here."""
        return False

    def lacks(self, image: str) -> str:
        """Why it cannot add a picture."""
        return f"{Path(image).name} lies where {self.path.name} cannot name it; copy it there"

    def warm(self) -> None:
        """Load what the first change would wait for."""


class Fixed(Store):
    """What a reader gives, to be looked at."""

    names_frames = True

    def __init__(self, path: Path, data: PoseData, what: str, why: str) -> None:
        assert data.skeleton is not None
        super().__init__(path, what, data.skeleton, why=why)
        self._bodies: dict[str, list[Body]] = {}
        for n, sample in enumerate(data):
            if sample.keypoints is not None and not sample.iscrowd:
                self._bodies.setdefault(key_of(sample.image), []).append(Body.of(sample.keypoints, n))

    def has(self, image: str) -> bool:
        return image in self._bodies

    def labeled(self) -> set[str]:
        return {image for image, bodies in self._bodies.items() if any(body.labeled for body in bodies)}

    def get(self, image: str) -> list[Body]:
        return self._bodies.get(image, [])


def key_of(image: str) -> str:
    """An image as stores call it: its real path, or the reference of a frame of a real path."""
    ref = parse(image)
    if isinstance(ref, Frame):
        return str(Frame(os.path.realpath(ref.path), ref.number))
    return os.path.realpath(image)


@dataclass
class FileStore(Store):
    """Labels in a file that is changed here. What differs from format to format is `_read`, which takes the file's
    content, and `_changed`, which gives the new content of each file that a change touches.

    Attributes:
        lock: a file that writers of this project hold.
        within: the folder that a file has to be in, with links followed, to be changed.
    """

    lock: Path = Path()
    within: Path | None = None
    _stamp: object = None
    _mutex: Any = field(default_factory=threading.RLock)

    also: ClassVar[tuple[str, ...]] = ()
    """Endings of files beside it whose change is one of the labels too."""

    def _read(self) -> None:
        raise NotImplementedError

    def _get(self, image: str) -> list[Body]:
        raise NotImplementedError

    def _changed(self, image: str, bodies: Sequence[Body]) -> Mapping[Path, bytes | Part]:
        raise NotImplementedError

    def fresh(self) -> None:
        """Read the file again where it has changed.

        Raises:
            UserError: it cannot be read now.
        """
        with self._mutex:
            stamp = self._now()
            if stamp != self._stamp:
                self._stamp = None
                self._read()
                self._stamp = stamp

    def state(self) -> object:
        self.fresh()
        return self._stamp

    def _now(self) -> object:
        places = [self.path, *(self.path.with_suffix(ending) for ending in self.also)]
        return tuple(stamp_of(place) for place in places)

    def get(self, image: str) -> list[Body]:
        with self._mutex:
            self.fresh()
            return self._get(image)

    def put(self, image: str, bodies: Sequence[Body], version: str) -> list[Body]:
        if self.why:
            raise UserError(self.why)
        with self._mutex, self._alone():
            self.fresh()
            there = self._get(image)
            if version_of(there) != version:
                raise Conflict(there)
            if list(bodies) == there:
                return there
            if len(bodies) > self.most:
                raise UserError(f"{self.path.name} has room for {self.most} bodies in a picture, not {len(bodies)}")
            contents = self._changed(image, bodies)
            try:
                self._write(image, contents)
            finally:
                for content in contents.values():
                    if isinstance(content, Part):
                        content.drop()
            self.fresh()
            return self._get(image)

    def _write(self, image: str, contents: Mapping[Path, bytes | Part]) -> None:
        """New contents of files, whole or not at all."""
        if self._now() != self._stamp:  # written by another program in this moment
            self.fresh()
            raise Conflict(self._get(image))
        away = next((path for path in contents if self.within and not is_inside(path, self.within)), None)
        if away is not None:
            raise UserError(f"{away.name} is a link that leads out of the folder and was not changed")
        self._stamp = None
        for path, content in contents.items():
            if isinstance(content, bytes):
                write_atomically(Path(os.path.realpath(path)), content)
                continue
            with writing(path), content.path.open("r+b") as file:
                os.fsync(file.fileno())
            with writing(path):
                content.done()

    @contextmanager
    def _alone(self) -> Any:
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.lock, timeout=WAIT):
                yield
        except Timeout:
            raise UserError(f"another program holds {self.lock}; the labels were not saved") from None


def stamp_of(path: Path) -> object:
    """What differs where a file was written anew; None where it is not there."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def plain(number: float) -> float | int:
    """A number as it is written: whole ones without a point."""
    return int(number) if number == math.floor(number) else number
