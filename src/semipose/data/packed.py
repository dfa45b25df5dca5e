"""Rows of plain values in few arrays, made into objects where one is looked at: a million take some hundred megabytes
where objects take a gigabyte."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, overload

import numpy as np

BLOCK = 4096
"""Rows that are objects at a time while they are packed."""
FOLDERS = 1 << 16
"""Folders that texts are kept without."""


class Texts(Sequence[str]):
    """N texts in one run of bytes, each without the folder that it begins with, of which there are few."""

    def __init__(
        self, content: bytearray, starts: np.ndarray, lengths: np.ndarray, codes: np.ndarray, folders: tuple[str, ...]
    ) -> None:
        """`starts` and `lengths` (N,) say where each lies in `content`, `codes` (N,) which of `folders` precedes it."""
        self._content, self._starts, self._lengths = content, starts, lengths
        self._codes, self._folders = codes, folders

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Any texts; also file names that are no UTF-8, as Python has them."""
        growing = GrowingTexts()
        growing.add(texts)
        return growing.texts()

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        start = int(self._starts[index])
        own = self._content[start : start + int(self._lengths[index])]
        return self._folders[int(self._codes[index])] + own.decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), BLOCK):
            part = (column[first : first + BLOCK].tolist() for column in (self._starts, self._lengths, self._codes))
            for start, length, code in zip(*part, strict=True):
                own = self._content[start : start + length]
                yield self._folders[code] + own.decode("utf-8", "surrogatepass")

    def take(self, rows: np.ndarray) -> Texts:
        """Those at (M,) positions; the bytes are shared."""
        return Texts(self._content, self._starts[rows], self._lengths[rows], self._codes[rows], self._folders)

    def differ(self) -> bool:
        """Whether no two are the same; takes less memory than `grouped`."""
        keys = np.fromiter(map(hash, self), np.int64, len(self))
        keys.sort()
        return not bool((keys[1:] == keys[:-1]).any())

    def grouped(self) -> tuple[np.ndarray, np.ndarray]:
        """(M,) where each text is first, in their order, and (N,) which of these each one is."""
        return grouped(np.fromiter(map(hash, self), np.int64, len(self)))


def grouped(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) where each of (N,) keys is first, in their order, and (N,) which of these each one is."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[inverse.reshape(-1)]


class GrowingTexts:
    """Texts that others are added to. What was made of it before stays as it is."""

    def __init__(self) -> None:
        self._content, self._lengths, self._codes = bytearray(), array("I"), array("H")
        self._folders = {"": 0}

    def add(self, texts: Iterable[str]) -> None:
        """At the end. Beyond `FOLDERS` folders, texts are kept whole."""
        folders = self._folders
        for text in texts:
            cut = text.rfind("/") + 1
            code = folders.get(text[:cut])
            if code is None:
                cut, code = (cut, len(folders)) if len(folders) < FOLDERS else (0, 0)
                folders.setdefault(text[:cut], code)
            own = text[cut:].encode("utf-8", "surrogatepass")
            self._content += own
            self._lengths.append(len(own))
            self._codes.append(code)

    def texts(self) -> Texts:
        """All so far, each number in the least room."""
        lengths = np.array(self._lengths, np.min_scalar_type(max(self._lengths, default=0)))
        small = len(self._content) < 1 << 32
        starts = np.cumsum(lengths, dtype=np.uint32 if small else np.uint64)
        np.subtract(starts, lengths, out=starts)
        return Texts(self._content, starts, lengths, np.array(self._codes, np.uint16), tuple(self._folders))


Column = Texts | np.ndarray | list[Any] | None
"""One attribute of all rows; None where it is the default of each."""


def packed(values: Sequence[Any], default: Any) -> Column:
    """Values of one kind in the least room."""
    growing = Growing(default)
    growing.add(values)
    return growing.column()


class Growing:
    """A column that blocks of values are added to: texts, numbers, or, where blocks are of several kinds, a list.

    Args:
        default: of the attribute.
    """

    def __init__(self, default: Any) -> None:
        self._default, self._count = default, 0
        self._rows: GrowingTexts | array[float] | list[Any] | None = None

    def add(self, values: Sequence[Any]) -> None:
        """At the end."""
        if not len(values):
            return
        rows = self._room(values)
        if not self._count:
            self._rows = rows
        elif type(rows) is not type(self._rows):
            self._rows = self._plain()
        self._count += len(values)
        if isinstance(self._rows, GrowingTexts):
            self._rows.add(values)
        elif self._rows is not None:
            self._rows.extend(values)

    def _room(self, values: Sequence[Any]) -> GrowingTexts | array[float] | list[Any] | None:
        """What values of one block may be added to."""
        if all(value is self._default for value in values):
            return None
        kinds = set(map(type, values))
        return GrowingTexts() if kinds == {str} else array("d") if kinds == {float} else []

    def _plain(self) -> list[Any]:
        if isinstance(self._rows, GrowingTexts):
            return list(self._rows.texts())
        return [self._default] * self._count if self._rows is None else list(self._rows)

    def column(self) -> Column:
        """All so far."""
        if isinstance(self._rows, GrowingTexts):
            return self._rows.texts()
        return np.array(self._rows) if isinstance(self._rows, array) else self._rows


def taken(column: Column, rows: np.ndarray) -> Column:
    """A column's values at (M,) positions."""
    if isinstance(column, Texts):
        return column.take(rows)
    return [column[i] for i in rows.tolist()] if isinstance(column, list) else None if column is None else column[rows]


def value(column: Column, row: int, default: Any) -> Any:
    """One of a column's values, a number as Python's."""
    if column is None:
        return default
    return column[row].item() if isinstance(column, np.ndarray) else column[row]


def blocks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """`BLOCK` of them at a time."""
    rest = iter(rows)
    while block := list(islice(rest, BLOCK)):
        yield block


def positions(index: slice | Iterable[int], length: int) -> np.ndarray:
    """(M,) int64 of a slice or of positions, from the end where they are negative.

    Raises:
        IndexError: there is no such row.
    """
    if isinstance(index, slice):
        return np.arange(length)[index]
    rows = np.fromiter(map(operator.index, index), np.int64)
    if len(rows) and not (-length <= rows.min() and rows.max() < length):
        raise IndexError(f"no row {rows.min() if rows.min() < -length else rows.max()} of {length}")
    return rows % length if length else rows
