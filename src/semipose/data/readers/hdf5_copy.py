"""A program of its own, `python hdf5_copy.py TABLE.h5`: the numbers and texts of a table that pandas wrote, as .npz.

HDF5's library can crash on a damaged file, and PyTables runs code that a file names. So a file is read by this program,
with h5py, in a process that may die. It imports h5py and numpy alone, to start fast.

Standard output: the .npz, with `<data set>` for arrays, `<data set>@<attribute>` and `@<attribute>` (of the table's
group) for attributes; or, with exit code `REFUSED`, a sentence.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

REFUSED = 3
LARGEST = 256 << 20
"""Bytes of all arrays together."""
MEMORY = 4 << 30
"""Bytes this process may ask for, where the system has such a limit: a compressed block can hold more than it says."""
ATTRIBUTE = 1 << 20
ARRAYS = re.compile(r"table|(axis[01]|block\d{1,3}_(items|values))(_(level|label)\d{1,2})?")


class Refused(Exception):
    """Why a file is not read: what follows its name in a sentence."""


def copy(path: str) -> dict[str, np.ndarray]:
    """The arrays and attributes of the one table.

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
    except Refused:
        raise
    except MemoryError:
        raise Refused("asks for more memory than a table of labels needs; save it again") from None
    except Exception as error:  # h5py raises a dozen kinds, with traces of HDF5's own
        raise Refused(f"is not an H5 of DeepLabCut that h5py reads ({type(error).__name__}); save it again") from None


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
    made = data.id.get_create_plist()
    if made.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED) or made.get_external_count():
        raise Refused(f"keeps its {name} in other files, which are not opened; save the table again")
    if not _plain(data.dtype):
        raise Refused(
            f"keeps its {name} as pickled Python, which could run code and is not read;"
            " keep the .csv that DeepLabCut writes beside it, and move this file away"
        )
    filters = {made.get_filter(i)[0] for i in range(made.get_nfilters())}
    if filters - {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}:
        raise Refused("is compressed by a filter that HDF5 does not have itself; save it again without, or as CSV")
    shapes = [data.shape or (), data.chunks or ()]
    if data.shape is None or max(_bytes(shape, data.dtype.itemsize) for shape in shapes) > left:
        raise Refused(f"has a {name} of {data.shape}, more than a table of labels holds; is it damaged? save it again")
    return data


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


def main() -> int:
    """Write what the module says."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        pass
    try:
        content, buffer = copy(sys.argv[1]), io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{f"/{name}": value for name, value in content.items()})
        sys.stdout.buffer.write(buffer.getbuffer())
    except Refused as why:
        sys.stdout.buffer.write(str(why).encode(errors="replace"))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
