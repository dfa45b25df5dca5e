"""How large a file may be, and how much memory it may take when it is decoded: looked at before it is decoded, so that
no small file exhausts a machine."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from semipose.errors import UserError

FREE, RATIO, MOST = 64 << 20, 20, 4 << 30
"""What may be decoded from a compressed file: `FREE` bytes and `RATIO` times its size, at most `MOST`. Labels that
people made are compressed to a fifth or so; a bomb, to a thousandth."""

JSON, CSV, YAML, TEXT = 2 << 30, 256 << 20, 1 << 20, 64 << 20
"""Bytes of a file that is read as a whole."""

PICTURE = 1 << 30
"""Bytes that a picture's file may have, and that decoding it may take."""

CELLS = 64 << 20
"""Numbers that a table of labels may become: images x animals x joints x 3."""

POINTER, SHORT = b"version https://git-lfs", 1024
"""How what Git LFS leaves in place of a file begins, and how many bytes it has at most."""
FETCHED = "a pointer of Git LFS and not the file itself; git lfs pull fetches that"

JOINTS = 1000
"""Of a skeleton."""


def refuse_large(path: object, decoded: int, size: int) -> None:
    """
    Args:
        decoded: bytes in memory.
        size: of the file.

    Raises:
        UserError: it would take more than a file of its size may.
    """
    limit = min(MOST, FREE + RATIO * size)
    if decoded > limit:
        raise UserError(
            f"{path} would take {decoded >> 20} MB of memory, more than the {limit >> 20} MB that are allowed for a"
            f" file of {size / (1 << 20):.1f} MB; is it damaged? export it again"
        )


def refuse_cells(path: object, count: int) -> None:
    """
    Raises:
        UserError: a table says that it has more than `CELLS` numbers.
    """
    if count > CELLS:
        raise UserError(f"{path} has room for {count} numbers, more than {CELLS}; is it damaged? label fewer at once")


def opened(path: str | Path) -> BufferedReader:
    """A plain file, open to be read. A pipe, which may never say anything, is none.

    Raises:
        OSError: it is none, or cannot be opened.
    """
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(number, "rb")


def content(path: Path, limit: int, kind: str) -> bytes:
    """The bytes of a file.

    Raises:
        UserError: it cannot be read, is no plain file, or is larger than `limit`.
    """
    refuse_size(path, limit, kind)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check the path") from None


def refuse_size(path: Path, limit: int, kind: str) -> None:
    """
    Raises:
        UserError: a file is not there, no plain file, or larger than `limit`.
    """
    try:
        state = path.stat()
        if state.st_size > limit:
            raise UserError(f"{path} is larger than {limit >> 20} MB; is it {kind}?")
        if not stat.S_ISREG(state.st_mode):
            raise UserError(f"{path} is no file that can be read as {kind}; check the path")
        if is_pointer(path):
            raise UserError(f"{path} is {FETCHED}")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check the path") from None
    except ValueError as error:  # a name that no disk can hold
        raise UserError(f"{path} cannot be read ({error}); check the path") from None


def is_pointer(path: Path) -> bool:
    """Whether Git LFS keeps a file elsewhere, and this one says where."""
    try:
        if os.path.getsize(path) > SHORT:
            return False
        with opened(path) as file:
            return file.read(len(POINTER)) == POINTER
    except OSError:
        return False


def text(path: Path, limit: int, kind: str) -> str:
    """The same as text, without a byte order mark.

    Raises:
        UserError: also where it is not UTF-8.
    """
    try:
        return content(path, limit, kind).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not {kind} in UTF-8; save it again, in UTF-8") from None
