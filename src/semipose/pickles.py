"""Pickles of plain values and numpy arrays, and no other: reading one never runs code that it names."""

from __future__ import annotations

import io
import math
import pickle
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from semipose import limits
from semipose.errors import UserError

LARGEST = 64 << 20
"""Bytes of a file."""
TYPE = re.compile(r"[biufcSU]\d{1,9}")
"""Numbers, and texts of one length; other types have parts of their own."""
OBJECTS = ("O", "O4", "O8")


class _Type:
    """In a numpy.dtype's place, which would take from a file what is an object in memory."""

    def __init__(self, code: str | bytes, align: object = False, copy: object = True) -> None:
        self.code, self.order = code.decode("latin1") if isinstance(code, bytes) else code, "="
        if self.code not in OBJECTS and not TYPE.fullmatch(self.code):
            raise pickle.UnpicklingError(f"it has an array of {str(self.code)[:20]!r}")

    def build(self, state: tuple[Any, ...]) -> None:
        _, order, part, names, fields, *_ = state
        if order not in ("<", ">", "|", "=") or (part, names, fields) != (None, None, None):
            raise pickle.UnpicklingError("it has an array of structures")
        self.order = order

    def made(self) -> np.dtype[Any]:
        return np.dtype(object if self.code in OBJECTS else self.order + self.code)


class _Array:
    """In a numpy.ndarray's place until its content is known; a pickle never makes one of it itself."""

    value: np.ndarray | None = None

    def __new__(cls, *_: Any) -> _Array:
        raise pickle.UnpicklingError("it makes an array that has no content")

    def build(self, state: tuple[Any, ...]) -> None:
        *_, shape, kind, by_columns, content = state
        self.value = _filled(content, kind, shape, "F" if by_columns else "C")


def _filled(content: Any, kind: Any, shape: Any, order: str) -> np.ndarray:
    """An array of as much content as its shape asks for."""
    if not (type(kind) is _Type and isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)):
        raise pickle.UnpicklingError("it has an array without a type or a shape")
    content = content.encode("latin1") if isinstance(content, str) else content  # as old Pythons write bytes
    dtype, count = kind.made(), math.prod(shape)
    whole = isinstance(content, list) if dtype.hasobject else isinstance(content, bytes | bytearray)
    inner = dtype.hasobject and whole and any(type(each) is _Array for each in content)  # itself
    if not whole or inner or len(content) != count * (1 if dtype.hasobject else dtype.itemsize):
        raise pickle.UnpicklingError("it has an array of other content than its shape asks for")
    values = np.empty(count, dtype)
    if dtype.hasobject:
        for place, value in enumerate(content):
            values[place] = value
    elif count:
        values[:] = np.frombuffer(content, dtype)
    return values.reshape(shape, order="F" if order == "F" else "C")


def _frombuffer(content: Any, kind: Any, shape: Any, order: str, axes: Any = None) -> np.ndarray:
    """As protocol 5 writes an array; `axes`, of one whose axes lie in memory in another order."""
    if axes is None or order != "K":
        return _filled(content, kind, shape, order)
    if not isinstance(axes, tuple) or sorted(axes) != list(range(len(shape))):
        raise pickle.UnpicklingError("it has an array of axes that are none")
    return _filled(content, kind, shape, "C").transpose(axes)


def _scalar(kind: Any, content: Any = b"") -> Any:
    return _filled(content, kind, (), "C")[()]


def _bytes(text: str, encoding: str = "latin1") -> bytes:
    """As old protocols write bytes; some encodings take long."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"it has text in {encoding}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """As old protocols write none."""
    return b""


CORES = ("numpy.core", "numpy._core")
BEGIN = [(f"{core}.multiarray", "_reconstruct") for core in CORES]
OURS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _bytes,
    ("__builtin__", "bytes"): _no_bytes,
    **{(f"{core}.multiarray", "scalar"): _scalar for core in CORES},
    **{(f"{core}.numeric", "_frombuffer"): _frombuffer for core in CORES},
}
"""What a file may name, and what is called in its place: nothing of numpy's own takes its state from a file."""


class _Memo(dict[int, Any]):
    """What a pickle calls again by number: of an array what has come of it."""

    def __getitem__(self, place: int) -> Any:
        found = super().__getitem__(place)
        return found.value if type(found) is _Array and found.value is not None else found


class _Plain(pickle._Unpickler):
    """Python's own: the one in C makes room for as many values as a number in the file says."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self.memo = _Memo()
        self.empty = 0
        """Arrays whose content has not come."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in BEGIN:
            return self._reconstruct
        if (module, name) not in OURS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not read from a file of data")
        return OURS[module, name]

    def _reconstruct(self, kind: Any, shape: Any, code: Any) -> _Array:
        """An array, as numpy writes it; its content and shape come behind."""
        if kind is not _Array:
            raise pickle.UnpicklingError("it makes an array of a kind of its own")
        self.empty += 1
        return object.__new__(_Array)

    def load_build(self) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if type(built) not in (_Type, _Array):
            raise pickle.UnpicklingError("it changes what is no array")
        built.build(state)
        if type(built) is _Array:
            self.stack[-1] = built.value
            self.empty -= 1

    dispatch[pickle.BUILD[0]] = load_build

    def load(self) -> Any:
        value = super().load()
        if self.empty:
            raise pickle.UnpicklingError("it makes an array that has no content")
        return value


def plain_value(data: bytes) -> Any:
    """What a pickle of dicts, lists, numbers, texts and numpy arrays holds.

    Raises:
        ValueError: it is damaged, or holds anything else.
    """
    try:
        return _Plain(data).load()
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
