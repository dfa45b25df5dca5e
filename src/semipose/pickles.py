"""Pickles of plain values and numpy arrays, and no other: reading one never runs code that it names."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from semipose import limits
from semipose.errors import UserError

_ARRAYS = {
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}
LARGEST = 64 << 20
"""Bytes of a file."""


class _Array:
    """In numpy.ndarray's place: a pickle names it, and never makes one of it itself."""

    def __new__(cls, *_: Any) -> _Array:
        raise pickle.UnpicklingError("it makes an array that has no content")


def _reconstruct(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray:
    """An empty array, as numpy writes it; its content and shape come behind."""
    if kind is not _Array or tuple(shape) not in ((0,), ()):
        raise pickle.UnpicklingError("it makes an array that has no content")
    return np.empty(0, np.dtype(code.decode("latin1") if isinstance(code, bytes) else code))


def _bytes(text: str, encoding: str = "latin1") -> bytes:
    """As old protocols write bytes; some encodings take long."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it has text in {encoding}")
    return text.encode("latin1")


_OURS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _bytes,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
}


class _Plain(pickle._Unpickler):
    """Python's own: the one in C makes room for as many values as a number in the file says."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OURS:
            return _OURS[module, name]
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not read from a file of data")
        return super().find_class(module, name)


def plain_value(data: bytes) -> Any:
    """What a pickle of dicts, lists, numbers, texts and numpy arrays holds.

    Raises:
        ValueError: it is damaged, or holds anything else.
    """
    try:
        return _Plain(io.BytesIO(data), encoding="latin1").load()
    except Exception as e:  # a damaged pickle raises nearly anything
        raise ValueError(" ".join(str(e).split())) from None


def load_plain(path: Path) -> Any:
    """The content of a pickle of dicts, lists, numbers, texts and numpy arrays.

    Raises:
        UserError: it cannot be read, or holds anything else.
    """
    try:
        return plain_value(limits.content(path, LARGEST, "a pickle of cameras"))
    except ValueError as e:
        raise UserError(f"{path} is no pickle of plain values and arrays: {e}") from None
