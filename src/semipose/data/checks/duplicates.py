"""Near-duplicates: pictures that show the same, resized, compressed again, brightened, or a moment later.

Candidates have nearly the same perceptual hash: the signs, against their median, of the lowest frequencies of a small
grey picture. In front of a camera that stands still all frames have, so a candidate counts only where the small
pictures, blurred, differ nowhere by much, an animal that has moved changes a few cells, and little on the whole: so do
those of another animal, at the same place in the same box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, overload

import cv2
import numpy as np

from semipose.data.packed import blocks
from semipose.data.video import thumbnail

SIDE = 32
BITS = 6
"""Hashes that differ in more of their 64 bits are of other pictures."""
LEVELS = 30.0
"""Grey levels of 255 by which small pictures of the same may differ in any cell, mean brightness aside. Frame after
frame of a running mouse differ by 14 to 25, frames five apart by 65."""
SPREAD = 2.4
"""Grey levels by which they may differ in the root mean square over all cells. Frame after frame of a running mouse
differ by 0.6 to 2.1, half-size copies of photographs by 1.3 to 2.2, and another mouse at the same place of the same
box, of which the fur and the light are others everywhere, by 2.8 and more."""
SLACK = 0.1
"""For what 32 bits round off."""
REACH = SPREAD * SIDE + SLACK
"""How far small pictures of the same can be apart, as vectors."""
PRINT = 8 + SIDE * SIDE
"""Bytes of a print."""
Name = TypeVar("Name", int, str)
_COUNTS = np.array([bin(n).count("1") for n in range(256)], np.uint8)


class Print(NamedTuple):
    """What is kept of an image: (8,) uint8, 64 bits of hash, and (32, 32) uint8, the small grey picture."""

    bits: np.ndarray
    small: np.ndarray


def fingerprint(pixels: np.ndarray) -> Print:
    """Of an RGB uint8 (H, W, 3) image."""
    small = thumbnail(pixels, SIDE)
    low = cv2.dct(small)[:8, :8].ravel()
    return Print(np.packbits(low > np.median(low[1:])), small.astype(np.uint8))


class Prints(Sequence[Print]):
    """Prints in one run of bytes: of a million, a gigabyte."""

    def __init__(self) -> None:
        self._content = bytearray()

    def add(self, prints: Iterable[Print]) -> None:
        """At the end."""
        for mark in prints:
            self._content += _key(mark)

    def __len__(self) -> int:
        return len(self._content) // PRINT

    @overload
    def __getitem__(self, index: int) -> Print: ...
    @overload
    def __getitem__(self, index: slice) -> list[Print]: ...
    def __getitem__(self, index: int | slice) -> Print | list[Print]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start = range(len(self))[index] * PRINT
        own = np.frombuffer(bytes(self._content[start : start + PRINT]), np.uint8)
        return Print(own[:8], own[8:].reshape(SIDE, SIDE))


class Twins:
    """Pictures that others are compared with.

    Only those are looked at whose lowest frequencies lie as near as two of the same may, found by a tree: what differs
    little on the whole differs no more in some of its frequencies. Time grows with both numbers together."""

    def __init__(self, those: Mapping[str, Print]) -> None:
        first: dict[bytes, str] = {}
        for name, mark in those.items():
            first.setdefault(_key(mark), name)
        self._names = list(first.values())
        if self._names:
            from scipy.spatial import cKDTree

            self._album = Album(those[name] for name in self._names)
            self._tree = cKDTree(_lowest(self._album.smalls))

    def near(self, these: Mapping[Name, Print]) -> dict[Name, str]:
        """Each of `these` that nearly is one of them, with the one that it is nearest to (of equals the first)."""
        if not self._names:
            return {}
        asked: dict[bytes, list[Name]] = {}
        for name, mark in these.items():
            asked.setdefault(_key(mark), []).append(name)
        found: dict[Name, str] = {}
        for block in blocks(asked.values()):
            marks = [these[alike[0]] for alike in block]
            low = _lowest(np.stack([_even(mark.small) for mark in marks]))
            for alike, mark, place in zip(block, marks, low, strict=True):
                near = _nearest(self._album, self._tree, mark, place)
                found |= {} if near is None else dict.fromkeys(alike, self._names[near])
        return {name: found[name] for name in these if name in found}


class Album:
    """Prints that are looked through at once, to which others are added one by one."""

    def __init__(self, prints: Iterable[Print] = ()) -> None:
        marks = list(prints)
        self._count = len(marks)
        self._bits = np.array([mark.bits for mark in marks], np.uint8).reshape(-1, 8)
        self._smalls = np.array([_even(mark.small) for mark in marks], np.float32).reshape(-1, SIDE, SIDE)

    @property
    def smalls(self) -> np.ndarray:
        """(N, 32, 32) float32, blurred, their means 0."""
        return self._smalls[: self._count]

    def add(self, mark: Print) -> None:
        """One more; room is doubled where it is short."""
        if self._count == len(self._bits):
            more = max(64, self._count)
            self._bits = np.concatenate([self._bits, np.empty((more, 8), np.uint8)])
            self._smalls = np.concatenate([self._smalls, np.empty((more, SIDE, SIDE), np.float32)])
        self._bits[self._count], self._smalls[self._count] = mark.bits, _even(mark.small)
        self._count += 1

    def nearest(self, mark: Print, among: np.ndarray | None = None) -> tuple[int, float] | None:
        """Which one, all or of those at places `among` in ascending order, this nearly is, and how far they are from
        each other; None where it is none of them."""
        bits = self._bits[: self._count] if among is None else self._bits[among]
        near = np.flatnonzero(_COUNTS[bits ^ mark.bits].sum(1) <= BITS)
        near = near if among is None else among[near]
        if not len(near):
            return None
        apart = self._smalls[near] - _even(mark.small)
        spread = np.sqrt((apart**2).mean((1, 2)))
        spread[np.abs(apart).max((1, 2)) > LEVELS] = np.inf
        best = int(spread.argmin())
        return (int(near[best]), float(spread[best])) if spread[best] <= SPREAD else None


def _nearest(album: Album, tree: Any, mark: Print, place: np.ndarray) -> int | None:
    """The place in an album of what a print nearly is. Those whose lowest frequencies are nearest come first; no other
    can be nearer on the whole than these frequencies are."""
    count = 64
    while True:
        distances, near = tree.query(place, min(count, tree.n), distance_upper_bound=REACH)
        near, distances = np.atleast_1d(near), np.atleast_1d(distances)
        within = np.isfinite(distances)
        best = album.nearest(mark, np.sort(near[within]))
        all_seen = not within.all() or count >= tree.n
        if all_seen or (best is not None and best[1] * SIDE < distances[-1] - SLACK):
            return None if best is None else best[0]
        count *= 8


def _lowest(smalls: np.ndarray) -> np.ndarray:
    """(N, 8) of the 9 lowest frequencies of small pictures all but the mean, in a basis of length 1."""
    return np.array([cv2.dct(small)[:3, :3].ravel()[1:] for small in smalls], np.float64).reshape(-1, 8)


def _key(mark: Print) -> bytes:
    return mark.bits.tobytes() + mark.small.tobytes()


def _even(small: np.ndarray) -> np.ndarray:
    blurred = cv2.GaussianBlur(small.astype(np.float32), (3, 3), 0)
    return np.asarray(blurred - blurred.mean())
