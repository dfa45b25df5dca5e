"""What runs in a process of its own (`semipose.apart`): the numbers and texts of a table that pandas wrote as H5.

HDF5's library can crash on a damaged file, and PyTables runs code that a file names. So a file is read by h5py, in a
process that may die. Nothing heavy is imported beside it, to start fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from semipose.apart import Refused, refused

LARGEST = 256 << 20
"""Bytes of all arrays together."""
ATTRIBUTE = 1 << 20
ARRAYS = re.compile(r"table|(axis[01]|block\d{1,3}_(items|values))(_(level|label)\d{1,2})?")


def copy(path: str) -> dict[str, np.ndarray]:
    """The arrays and attributes of the one table: `<data set>` for arrays, `<data set>@<attribute>` and `@<attribute>`
    (of the table's group) for attributes.

    Raises:
        Refused: no table or several, links, parts in other files, objects, filters beyond HDF5's own, or too large.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = _group(file)
            content = {f"@{name}": value for name, value in _attributes(group)}
            left = LARGEST
            for name in group:
                if ARRAYS.fullmatch(name):
                    data = _dataset(group, name, left)
                    left -= data.size * data.dtype.itemsize
                    content[name] = data[()]
                    content |= {f"{name}@{key}": value for key, value in _attributes(data)}
            return content
    except (Refused, MemoryError):
        raise
    except Exception as error:  # h5py raises a dozen kinds
        raise refused(error, "an H5 of DeepLabCut that h5py reads") from None


def _group(file: Any) -> Any:
    import h5py

    groups = {name: file[name] for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)}
    groups = {
        name: each for name, each in groups.items() if isinstance(each, h5py.Group) and "pandas_type" in each.attrs
    }
    if len(groups) > 1 and "df_with_missing" not in groups:
        raise Refused(f"has {len(groups)} tables; save the labels alone")
    if not groups:
        raise Refused("is not an H5 of DeepLabCut: it has no table that pandas wrote; save it again")
    return groups.get("df_with_missing", next(iter(groups.values())))


def _dataset(group: Any, name: str, left: int) -> Any:
    """A data set that is safe to read, not yet read."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise Refused(f"has a link in place of its {name}; save the table again")
    data = group[name]
    if not isinstance(data, h5py.Dataset):
        raise Refused(f"has no array in place of its {name}; save the table again")
    refuse_outside(data, name)
    if not _plain(data.dtype):
        raise Refused(
            f"keeps its {name} as pickled Python, which could run code and is not read;"
            " keep the .csv that DeepLabCut writes beside it, and move this file away"
        )
    if data.shape is None or largest(data) > left:
        raise Refused(f"has a {name} of {data.shape}, more than a table of labels holds; is it damaged? save it again")
    return data


def refuse_outside(data: Any, name: str) -> None:
    """
    Raises:
        Refused: a data set has its values in other files, or needs a library of its own to be read.
    """
    import h5py

    made = data.id.get_create_plist()
    if made.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED) or made.get_external_count():
        raise Refused(f"keeps its {name} in other files, which are not opened; save the table again")
    filters = {made.get_filter(i)[0] for i in range(made.get_nfilters())}
    if filters - {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}:
        raise Refused("is compressed by a filter that HDF5 does not have itself; save it again without, or as CSV")


def largest(data: Any) -> int:
    """Bytes of a data set in memory, or of one of its blocks where that is more."""
    return max(_bytes(shape, data.dtype.itemsize) for shape in (data.shape or (), data.chunks or ()))


def _bytes(shape: tuple[int, ...], itemsize: int) -> int:
    size = itemsize
    for n in shape:
        size *= int(n)
    return size


def _plain(dtype: np.dtype) -> bool:
    """Whether values are numbers and texts of fixed width, or records of these."""
    if dtype.fields:
        return all(_plain(field[0]) for field in dtype.fields.values())
    return dtype.base.kind in "biufS" and not dtype.hasobject


def _attributes(node: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Numbers and texts; what else an attribute may be is passed over."""
    import h5py

    for name in node.attrs:
        kept = h5py.h5a.open(node.id, name.encode())
        plain = kept.get_space().get_simple_extent_type() != h5py.h5s.NULL and _plain(kept.dtype)
        if plain and _bytes(kept.shape, kept.dtype.itemsize) <= ATTRIBUTE:
            value = np.zeros(kept.shape, kept.dtype)
            kept.read(value)
            yield name, value
