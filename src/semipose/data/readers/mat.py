"""Matlab's files of versions 5 to 7: what they hold, and its values, which another process reads.

SciPy's reader is C and can crash on a damaged file. The names and sizes of the variables are read here, from the file's
own tags (MAT-File Format, MathWorks: "Version 5 MAT-File Format"), before anything is decompressed as a whole.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from semipose import apart, limits
from semipose.errors import UserError, reason_of

PROGRAM = "semipose.data.readers.mat_copy"
HEADER, TAG = 128, 8
MATRIX, COMPRESSED = 14, 15
BLOCK = 1 << 20
LARGEST = 512 << 20
"""Bytes of a file: MPII's has 14 MB."""


def variables(path: Path) -> tuple[str, ...]:
    """The names of the variables; none where it is no such file."""
    try:
        return tuple(name for name, _ in _walk(path))
    except (UserError, ValueError, struct.error, zlib.error):
        return ()


def numbers(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Variables that are arrays of numbers, those of `names` that the file has. They are kept: not to be written to.

    Raises:
        UserError: the file cannot be read, or one of them is something else.
    """
    return _read(path, "numbers", *names)


def people(path: Path) -> dict[str, np.ndarray]:
    """Of MPII's own file the people with a place: see `mat_copy.people`.

    Raises:
        UserError: it is no such file.
    """
    return _read(path, "people")


def _read(path: Path, *words: str) -> dict[str, np.ndarray]:
    try:
        state = os.stat(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({reason_of(error)}); check the path") from None
    return _kept(str(path), (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino), *words)


@lru_cache(8)
def _kept(path: str, _state: tuple[int, ...], *words: str) -> dict[str, np.ndarray]:
    _refuse(Path(path))
    content = apart.arrays(PROGRAM, Path(path), *words, parser="SciPy")
    for array in content.values():
        array.flags.writeable = False
    return content


def _refuse(path: Path) -> None:
    """What is no MAT-file, damaged, or too large when it is decompressed."""
    total, size = 0, path.stat().st_size
    try:
        for _, decoded in _walk(path, whole=True):
            total += decoded
            limits.refuse_large(path, total, size)
    except (ValueError, struct.error, zlib.error) as error:
        raise UserError(f"{path} is no MAT-file, or damaged ({reason_of(error)}); copy or save it again") from None


def _walk(path: Path, whole: bool = False) -> Iterator[tuple[str, int]]:
    """The name of each variable and its bytes when it is decompressed, counted only where `whole`."""
    data = limits.content(path, LARGEST, "Matlab's")
    if data[:10] == b"MATLAB 7.3" or data[:8] == b"\x89HDF\r\n\x1a\n":
        raise ValueError("it is of version 7.3; save it with -v7")
    order = {b"IM": "<", b"MI": ">"}.get(data[126:HEADER])
    if order is None:
        raise ValueError("it has no header of version 5 to 7")
    at, limit = HEADER, limits.FREE + limits.RATIO * len(data)
    while at + TAG <= len(data):
        kind, count = struct.unpack_from(f"{order}II", data, at)
        at += TAG
        if count > len(data) - at:
            raise ValueError("it ends early")
        head, decoded = data[at : at + BLOCK], count
        if kind == COMPRESSED:
            head, decoded = _inflated(data[at : at + count], limit if whole else 0)
            kind, head = struct.unpack_from(f"{order}I", head)[0], head[TAG:]
        if kind == MATRIX:
            yield _name(head, order), decoded
        at += count


def _inflated(data: bytes, limit: int) -> tuple[bytes, int]:
    """The first block of what was compressed, and how many bytes there are, up to about a `limit`."""
    inflate = zlib.decompressobj()
    head = block = inflate.decompress(data, BLOCK)
    total = len(head)
    while total < limit and block and not inflate.eof:
        block = inflate.decompress(inflate.unconsumed_tail, BLOCK)
        total += len(block)
    if limit and total < limit and not inflate.eof:
        raise ValueError("a variable ends early")
    return head, total


def _name(head: bytes, order: str) -> str:
    """Of a matrix, from its flags, sizes and name."""
    at = 16
    at += TAG + -(-struct.unpack_from(f"{order}I", head, at + 4)[0] // 8) * 8
    kind, count = struct.unpack_from(f"{order}II", head, at)
    if kind >> 16:  # short ones stand in the tag itself
        at, count = at + 4, kind >> 16
    else:
        at += TAG
    return head[at : at + min(count, 64)].decode("latin-1")
