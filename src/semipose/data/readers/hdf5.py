"""Tables that pandas wrote as H5, in its formats `fixed` and `table`, read without pandas: no code of a file is run."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semipose import apart
from semipose.errors import UserError, reads
from semipose.pickles import plain_value

NEEDS = "reading H5 needs h5py: pip install 'semipose[dlc]', or save the table as CSV"
PROGRAM = "semipose.data.readers.hdf5_copy"


@dataclass(frozen=True, eq=False)
class Frame:
    """A data frame of numbers.

    Attributes:
        header: a name in lower case for each header row -> C cells.
        index: R names, the levels of an index joined with "/".
        values: (R, C) float64.
    """

    header: Mapping[str, list[str]]
    index: list[str]
    values: np.ndarray


@reads("an H5 of DeepLabCut")
def read_frame(path: Path) -> Frame:
    """The one table of an H5 file.

    Raises:
        UserError: h5py is not installed; the file is missing, damaged, too large or none of pandas'; or it has objects,
            links or parts in other files, none of which are followed.
    """
    arrays = _copied(path)
    try:
        kind = _text(arrays["@pandas_type"])
        frame = _table(arrays) if kind == "frame_table" else _fixed(arrays)
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        reason = f"lacks {error.args[0]}" if isinstance(error, KeyError) and error.args else "its parts do not fit"
        raise UserError(f"{path} is not an H5 of DeepLabCut: {reason}; save it again, or as CSV") from None
    return frame


def _copied(path: Path) -> dict[str, np.ndarray]:
    """What another process reads of a file: HDF5 may crash on a damaged one."""
    if importlib.util.find_spec("h5py") is None:
        raise UserError(f"{path}: {NEEDS}")
    return apart.arrays(PROGRAM, path, parser="HDF5", todo="save it again, or as CSV")


def _fixed(arrays: Mapping[str, np.ndarray]) -> Frame:
    names, columns = _axis(arrays, "axis0")
    _, index = _axis(arrays, "axis1")
    values = np.full((len(index), len(columns)), np.nan)
    places = {column: i for i, column in enumerate(columns)}
    for block in range(_count(arrays["@nblocks"])):
        _, items = _axis(arrays, f"block{block}_items")
        part = _numbers(arrays, f"block{block}_values")
        part = part if arrays[f"block{block}_values@transposed"].item() else part.T
        values[:, [places[item] for item in items]] = _shaped(part, len(index), len(items))
    return _frame(names, columns, ["/".join(row) for row in index], values)


def _axis(arrays: Mapping[str, np.ndarray], key: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """The names of the levels, and the labels."""
    if _text(arrays[f"@{key}_variety"]) != "multi":
        return [_name(arrays, key)], [(label,) for label in _labels(arrays, key)]
    levels = range(_count(arrays[f"@{key}_nlevels"]))
    columns = []
    for i in levels:
        labels, codes = _labels(arrays, f"{key}_level{i}"), arrays[f"{key}_label{i}"]
        if f"{key}_label{i}@value_type" in arrays:
            codes = codes[:0]
        if codes.ndim != 1 or codes.dtype.kind not in "iu" or (codes.size and codes.min() < 0):
            raise ValueError("codes")
        columns.append([labels[code] for code in codes.tolist()])
    return [_name(arrays, f"{key}_level{i}") for i in levels], list(zip(*columns, strict=True))


def _labels(arrays: Mapping[str, np.ndarray], key: str) -> list[str]:
    """An index without levels."""
    values = arrays[key]
    if f"{key}@value_type" in arrays:  # how an empty array is written
        return []
    if values.ndim != 1 or values.dtype.kind not in "Siufb":
        raise ValueError(key)
    return [_decoded(value) for value in values.tolist()]


def _table(arrays: Mapping[str, np.ndarray]) -> Frame:
    rows = arrays["table"]
    if rows.ndim != 1 or not rows.dtype.fields:
        raise ValueError("table")
    names = plain_value(_raw(arrays["@info"]))[1]["names"]
    (_, axis), *others = plain_value(_raw(arrays["@non_index_axes"]))
    fields = plain_value(_raw(arrays["@values_cols"]))
    if others or not all(isinstance(part, list) for part in (names, axis, fields)):
        raise ValueError("axes")
    columns, parts, items = [_cells(cells) for cells in axis], [], []
    for field in fields:
        cells = [_cells(each) for each in plain_value(_raw(arrays[f"table@{field}_kind"]))]
        parts.append(_shaped(_numbers(rows, field), len(rows), len(cells)))
        items += cells
    places = {item: i for i, item in enumerate(items)}
    values = np.concatenate(parts, 1)[:, [places[column] for column in columns]]
    index = rows["index"]
    if index.ndim != 1:
        raise ValueError("index")
    return _frame([_cell(name) for name in names], columns, [_decoded(value) for value in index.tolist()], values)


def _frame(names: list[str], columns: list[tuple[str, ...]], index: list[str], values: np.ndarray) -> Frame:
    header = {name.lower(): [column[i] for column in columns] for i, name in enumerate(names)}
    return Frame(header, index, values)


def _numbers(arrays: Any, key: str) -> np.ndarray:
    """A block of numbers as float64."""
    values: np.ndarray = arrays[key]
    if values.dtype.kind not in "iuf":
        raise ValueError(key)
    return values.astype(np.float64)


def _shaped(part: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A block as (rows, columns); that of an empty table is written as one number."""
    if not rows * columns:
        return np.empty((rows, columns))
    if part.ndim == 1 and columns == 1:
        part = part[:, None]
    if part.shape != (rows, columns):
        raise ValueError("shape")
    return part


def _name(arrays: Mapping[str, np.ndarray], key: str) -> str:
    """Of a level; "" where it has none. PyTables writes None, and old Pythons texts, as a pickle, which ends in "."."""
    raw = _raw(arrays[f"{key}@name"]) if f"{key}@name" in arrays else b""
    return _cell(plain_value(raw)) if raw.endswith(b".") else _decoded(raw)


def _cells(column: Any) -> tuple[str, ...]:
    if not isinstance(column, tuple):
        raise TypeError("columns without levels")
    return tuple(_cell(cell) for cell in column)


def _cell(value: Any) -> str:
    """A text or number of a pickle; nothing else, which could be large when it is written out."""
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise TypeError("cell")
    return str(value)


def _decoded(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _count(value: np.ndarray) -> int:
    return min(int(value.item()), 1000)


def _raw(value: np.ndarray) -> bytes:
    """A text attribute's bytes."""
    raw = value.item()
    if not isinstance(raw, bytes):
        raise TypeError("attribute")
    return raw


def _text(value: np.ndarray) -> str:
    return _raw(value).decode()
