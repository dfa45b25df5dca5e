"""What names an image, as text and taken apart; and what names a source of synthetic people.

A reference is an absolute path of an image file, "video:<absolute path>#<number>" for one frame of a video, or
"synth:<domain>/<seed>/<index>" for a synthetic person. Samples, caches and records keep the text; this is the only file
that looks at how it begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl

from semipose.errors import UserError

_VIDEO, _SYNTH = "video:", "synth:"
_NUMBER = re.compile("[0-9]{1,18}")
_PERSON = re.compile("synth:([^/]*)/([0-9]{1,18})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class File:
    """An image file."""

    path: str

    def __str__(self) -> str:
        return self.path

    @property
    def file(self) -> Path:
        return Path(self.path)

    @property
    def folder(self) -> str:
        """What the images beside it have in common."""
        return str(self.file.parent)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of the video at `path`: its place, from 0, in the order in which frames are shown."""

    path: str
    number: int

    def __str__(self) -> str:
        return f"{_VIDEO}{self.path}#{self.number}"

    @property
    def file(self) -> Path:
        """The video's."""
        return Path(self.path)

    @property
    def folder(self) -> str:
        """The video's."""
        return str(self.file.parent)


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic person, which is drawn when it is read; there is no `file`."""

    domain: str
    seed: int
    index: int
    file: ClassVar[None] = None

    def __str__(self) -> str:
        return f"{_SYNTH}{self.domain}/{self.seed}/{self.index}"

    @property
    def folder(self) -> str:
        """What the other people of its seed have in common."""
        return f"{_SYNTH}{self.domain}/{self.seed}"


Ref = File | Frame | Person


def parse(text: str | Path) -> Ref:
    """A reference taken apart. Text that begins as neither a frame nor a synthetic person is a path.

    Raises:
        UserError: a frame without a number, or a synthetic person without a seed and an index.
    """
    text = str(text)
    if text.startswith(_VIDEO):
        frame = split_frame(text[len(_VIDEO) :])
        if frame is None:
            raise UserError(f"image {text!r} names no frame; write video:<path>#<number>, as in video:/data/a.mp4#12")
        return Frame(*frame)
    if text.startswith(_SYNTH):
        person = _PERSON.fullmatch(text)
        if person is None:
            raise UserError(
                f"image {text!r} is no synthetic person; write synth:<domain>/<seed>/<index>, as in synth:wild/0/12"
            )
        return Person(person[1], int(person[2]), int(person[3]))
    return File(text)


def is_frame(text: str) -> bool:
    """Whether a reference is to a frame of a video."""
    return text.startswith(_VIDEO)


def split_frame(name: str) -> tuple[str, int] | None:
    """ "clip.mp4#17" as the video's name and the frame's number; None where it does not end in a number."""
    video, mark, number = name.rpartition("#")
    return (video, int(number)) if mark and _NUMBER.fullmatch(number) else None


@dataclass(frozen=True)
class People:
    """A source of synthetic people: `count` of a seed, from index `start`, each `step`-th."""

    domain: str
    count: int = 1000
    seed: int = 0
    start: int = 0
    step: int = 1

    def __str__(self) -> str:
        step = f"&step={self.step}" if self.step != 1 else ""
        return f"{_SYNTH}{self.domain}?seed={self.seed}&count={self.count}&start={self.start}{step}"


MOST, LONGEST = 1_000_000, 18
"""People of a source, whose labels are all made when it is opened, and digits of a number."""


def is_people(source: object) -> bool:
    """Whether a source's text says that it is one of synthetic people."""
    return str(source).startswith(_SYNTH)


def parse_people(source: str | Path) -> People:
    """ "synth:<domain>?count=1000&seed=0&start=0&step=1", of which each number may be left out.

    Raises:
        UserError: another key, or a value that is no number.
    """
    domain, _mark, query = str(source).removeprefix(_SYNTH).partition("?")
    numbers: dict[str, int] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        number = int(value) if _NUMBER.fullmatch(value) and len(value) <= LONGEST else -1
        if key not in ("count", "seed", "start", "step") or number < (key == "step"):
            raise UserError(
                f"{source}: {key}={value} is not understood; write synth:{domain}?count=1000&seed=0&start=0"
            )
        numbers[key] = number
    if numbers.get("count", 0) > MOST:
        raise UserError(f"{source}: at most {MOST:,} people or frames are drawn; take a smaller count")
    return People(domain, **numbers)
