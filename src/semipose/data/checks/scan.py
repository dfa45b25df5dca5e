"""Reading every image of a data set once: its size, its content's hash, and what tells near-duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from semipose.data.checks.duplicates import Print, Twins, fingerprint
from semipose.data.crops.store import digest, images_of
from semipose.data.images import read_image, read_images
from semipose.data.packed import Texts, blocks
from semipose.data.pictures import decode_turned, read_bytes
from semipose.data.refs import Person, is_frame, parse
from semipose.data.sample import PoseData
from semipose.errors import UserError


@dataclass(frozen=True, eq=False)
class Scan:
    """What is known of each of M images of one set, in a few numbers.

    Attributes:
        names: (M,) the images in the order of first use.
        place: (N,) which of them each sample is in.
        shapes: (M, 2) height and width, 0 of those that cannot be read.
        digests: (M,) uint64 of the contents' hashes.
        turns: (M,) EXIF's orientation, by which each was turned.
        peaks: (M,) the brightest value of any channel.
        errors: image -> why it cannot be read.
        prints: image -> what tells near-duplicates, of a set that others are compared with.
        near: image's place -> the image of the other set that it nearly is.
    """

    names: Texts
    place: np.ndarray
    shapes: np.ndarray
    digests: np.ndarray
    turns: np.ndarray
    peaks: np.ndarray
    errors: dict[str, str] = field(default_factory=dict)
    prints: dict[str, Print] = field(default_factory=dict)
    near: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: PoseData) -> Scan:
        """Nothing is read yet."""
        names, place = images_of(data)
        m = len(names)
        shapes, digests = np.zeros((m, 2), np.int32), np.zeros(m, np.uint64)
        return cls(names, place, shapes, digests, np.ones(m, np.uint8), np.zeros(m, np.uint8))

    @property
    def readable(self) -> np.ndarray:
        """(M,) whether each could be read."""
        return self.shapes[:, 0] > 0

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """(height, width) of each image that could be read, by name."""
        rows = zip(self.names, self.shapes.tolist(), strict=True)
        return {name: (height, width) for name, (height, width) in rows if height}


class _Facts(NamedTuple):
    """What one image gave."""

    shape: tuple[int, int]
    digest: bytes
    peak: int
    turn: int
    mark: Print | None


def read_all(
    data: PoseData, progress: bool = True, workers: int = 0, keep: bool = False, against: Twins | None = None
) -> Scan:
    """Read every image once.

    Args:
        workers: threads that read pictures; 0 reads in the caller's.
        keep: what tells near-duplicates, as others are to be compared with these.
        against: what each image is compared with; nothing more is kept of it.
    """
    scan, marked = Scan.of(data), keep or against is not None
    bar = track(
        _facts_of(scan.names, workers, marked),
        f"reading {escape(data.name)}",
        len(scan.names),
        console=Console(stderr=True),
        disable=not progress,
    )
    for block in blocks(bar):
        for m, name, facts in block:
            if isinstance(facts, str):
                scan.errors[name] = facts
                continue
            scan.shapes[m], scan.peaks[m], scan.turns[m] = facts.shape, facts.peak, facts.turn
            scan.digests[m] = int.from_bytes(facts.digest[:8], "little")
            if keep and facts.mark is not None:
                scan.prints[name] = facts.mark
        if against is not None:
            marks = {m: facts.mark for m, _, facts in block if isinstance(facts, _Facts) and facts.mark is not None}
            scan.near.update(against.near(marks))
    return scan


def _facts_of(names: Texts, workers: int, marked: bool) -> Iterator[tuple[int, str, _Facts | str]]:
    """The place and name of each image, and what it gave or why it cannot be read; frames last, a video's in order."""
    stills = ((m, name) for m, name in enumerate(names) if not is_frame(name))
    films = {name: m for m, name in enumerate(names) if is_frame(name)}
    frames = ((films[name], name, _frame(pixels, marked)) for name, pixels in read_images(list(films)))
    return chain(_pictures(stills, workers, marked), frames)


def _pictures(stills: Iterator[tuple[int, str]], workers: int, marked: bool) -> Iterator[tuple[int, str, _Facts | str]]:
    def read(still: tuple[int, str]) -> tuple[int, str, _Facts | str]:
        return *still, _read(still[1], marked)

    if not workers:
        yield from map(read, stills)
        return
    with ThreadPoolExecutor(workers) as pool:
        for block in blocks(stills):
            yield from pool.map(read, block)


def _read(image: str, marked: bool) -> _Facts | str:
    try:
        if isinstance(parse(image), Person):
            return _facts(read_image(image), digest(image.encode()), marked)
        content = read_bytes(image)
        pixels, turn = decode_turned(content, image)
        return _facts(pixels, digest(content), marked, turn)
    except UserError as e:
        return str(e)


def _frame(pixels: np.ndarray | UserError, marked: bool) -> _Facts | str:
    if isinstance(pixels, UserError):
        return str(pixels)
    return _facts(pixels, digest(pixels.tobytes()), marked)


def _facts(pixels: np.ndarray, content: bytes, marked: bool, turn: int = 1) -> _Facts:
    mark = fingerprint(pixels) if marked else None
    return _Facts(pixels.shape[:2], content, int(pixels.max()), turn, mark)
