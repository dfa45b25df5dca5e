"""Rows of plain values in few arrays, made into objects where one is looked at: a million take some hundred megabytes
where objects take a gigabyte."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, overload

import numpy as np

BLOCK = 4096
"""Rows that are objects at a time while they are packed."""


class Texts(Sequence[str]):
    """N texts in one run of bytes."""

    def __init__(self, content: bytes | bytearray, starts: np.ndarray, lengths: np.ndarray) -> None:
        """`starts` (N,) int64 and `lengths` (N,) int32 say where each lies in `content`."""
        self._content, self._starts, self._lengths = content, starts, lengths

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Any texts; also file names that are no UTF-8, as Python has them."""
        content, lengths = bytearray(), list[int]()
        for text in texts:
            own = text.encode("utf-8", "surrogatepass")
            content += own
            lengths.append(len(own))
        ends = np.cumsum(lengths, dtype=np.int64) if lengths else np.zeros(0, np.int64)
        return cls(content, ends - lengths if lengths else ends, np.array(lengths, np.int32))

    @classmethod
    def joined(cls, parts: Sequence[Texts]) -> Texts:
        """One after the other."""
        offsets = np.cumsum([0, *(len(part._content) for part in parts)])
        starts = [part._starts + offset for part, offset in zip(parts, offsets, strict=False)]
        content = b"".join(part._content for part in parts)
        return cls(content, np.concatenate(starts), np.concatenate([part._lengths for part in parts]))

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
        return self._content[start : start + int(self._lengths[index])].decode("utf-8", "surrogatepass")

    def take(self, rows: np.ndarray) -> Texts:
        """Those at (M,) positions; the bytes are shared."""
        return Texts(self._content, self._starts[rows], self._lengths[rows])

    def same(self, other: object) -> bool:
        """Whether these are the same texts, laid out alike."""
        return (
            isinstance(other, Texts)
            and np.array_equal(self._starts, other._starts)
            and np.array_equal(self._lengths, other._lengths)
            and self._content == other._content
        )

    def grouped(self) -> tuple[np.ndarray, np.ndarray]:
        """(M,) where each text is first, in their order, and (N,) which of these each one is."""
        keys = np.fromiter(map(hash, self), np.int64, len(self))
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return first[order], place[inverse.reshape(-1)]


Column = Texts | np.ndarray | list[Any] | None
"""One attribute of all rows; None where it is the default of each."""


def packed(values: Sequence[Any], default: Any) -> Column:
    """Values of one kind in the least room."""
    kinds = set(map(type, values))
    if all(value is default for value in values):
        return None
    if kinds == {str}:
        return Texts.of(values)
    if kinds == {float}:
        return np.array(values, np.float64)
    return list(values)


def together(parts: Sequence[Column], lengths: Sequence[int], default: Any) -> Column:
    """Columns one after the other."""
    kinds = {type(part) for part in parts}
    if kinds <= {type(None)}:
        return None
    if kinds == {Texts}:
        return Texts.joined(parts)  # type: ignore[arg-type]
    if kinds == {np.ndarray}:
        return np.concatenate(parts)  # type: ignore[arg-type]
    rows: list[Any] = []
    for part, length in zip(parts, lengths, strict=True):
        rows += [default] * length if part is None else part.tolist() if isinstance(part, np.ndarray) else part
    return rows


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
