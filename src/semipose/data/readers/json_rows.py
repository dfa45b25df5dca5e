"""The entries of a large JSON one at a time: as objects, a million of them take a gigabyte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import TextIOBase
from pathlib import Path
from typing import Any, NamedTuple

from semipose import limits
from semipose.errors import UserError, reason_of
from semipose.files import refuse_halves

BLOCK, LARGEST = 1 << 18, 1 << 24
"""Letters that are read at once, and that one entry may have."""
SPACE = " \t\n\r"


class Entry(NamedTuple):
    """`key`: of the object that it is in, None of a list; `listed`: whether it is an entry of the list there, or the
    value itself."""

    key: str | None
    listed: bool
    value: Any


def entries(path: Path) -> Iterator[Entry]:
    """Of a list its entries; of an object the entries of those values that are lists, and the other values.

    Raises:
        UserError: it cannot be read or is no JSON, which may be found after some entries.
    """
    limits.refuse_size(path, limits.JSON, "JSON")
    count = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for count, entry in enumerate(_Reader(file).document(), 1):  # noqa: B007
                yield entry
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check the path") from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else reason_of(error)
        reason = "a number has thousands of digits" if "Exceeds the limit" in str(error) else reason
        raise UserError(f"{path} is not JSON: {reason}, after {count} entries; mend it, or export it again") from error


class _Reader:
    """A JSON's text, of which a part is in memory."""

    def __init__(self, file: TextIOBase | Any) -> None:
        self.file, self.text, self.at = file, "", 0
        self.decode = json.JSONDecoder().raw_decode

    def document(self) -> Iterator[Entry]:
        sign = self.next()
        if sign == "[":
            yield from (Entry(None, True, value) for value in self.listed())
        elif sign == "{":
            yield from self.named()
        else:
            yield Entry(None, False, self.value())
        if self.next():
            self.fail("Extra data")

    def named(self) -> Iterator[Entry]:
        """An object's values."""
        self.at += 1
        closed = self.next() == "}"
        while not closed:
            if self.next() != '"':
                self.fail("Expecting property name enclosed in double quotes")
            key = self.value()
            if self.next() != ":":
                self.fail("Expecting ':' delimiter")
            self.at += 1
            if self.next() == "[":
                yield from (Entry(key, True, value) for value in self.listed())
            else:
                yield Entry(key, False, self.value())
            closed = self.ends("}")
        self.at += 1

    def listed(self) -> Iterator[Any]:
        """A list's entries."""
        self.at += 1
        closed = self.next() == "]"
        while not closed:
            yield self.value()
            closed = self.ends("]")
        self.at += 1

    def ends(self, sign: str) -> bool:
        """Whether what it is in ends here; else the comma is passed."""
        if self.next() == sign:
            return True
        if self.next() != ",":
            self.fail("Expecting ',' delimiter")
        self.at += 1
        return False

    def next(self) -> str:
        """The sign behind any space, "" at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in SPACE:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def value(self) -> Any:
        """What begins at the next sign."""
        self.next()
        while True:
            try:
                value, end = self.decode(self.text, self.at)
            except ValueError:  # also where the rest is not in memory
                if len(self.text) - self.at > LARGEST or not self.more():
                    raise
                continue
            if end + 3 > len(self.text) and self.more():  # of a number more digits may follow, and ".5" or "e-5"
                continue
            refuse_halves(self.text[self.at : end], value)
            self.at = end
            return value

    def more(self) -> bool:
        """Read as much again as there is of an entry; whether there was more."""
        rest = self.text[self.at :]
        block = self.file.read(max(BLOCK, len(rest)))
        if block:
            self.text, self.at = rest + block, 0
        return bool(block)

    def fail(self, reason: str) -> None:
        raise json.JSONDecodeError(reason, self.text, self.at)
