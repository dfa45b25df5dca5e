"""Pickles of plain values and numpy arrays, and no other: reading one never runs code that it names."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from semipose.errors import UserError

_ARRAYS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("_codecs", "encode"),  # how old protocols write bytes
}


class _Plain(pickle._Unpickler):
    """Python's own: the one in C makes room for as many values as a number in the file says."""

    def find_class(self, module: str, name: str) -> Any:
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
        return plain_value(path.read_bytes())
    except OSError as e:
        raise UserError(f"{path} cannot be read ({e.strerror or e}); check the path") from None
    except ValueError as e:
        raise UserError(f"{path} is no pickle of plain values and arrays: {e}") from None
