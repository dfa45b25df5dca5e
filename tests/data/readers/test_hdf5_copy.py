"""The program that copies a table, without its process: what it reads and what it refuses. Whole tables, damaged ones
and pickles: tests/data/readers/test_hdf5.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semipose.apart import Refused
from semipose.data.readers.hdf5_copy import copy

h5py = pytest.importorskip("h5py")


def table(path: Path, *groups: str) -> Path:
    with h5py.File(path, "w") as file:
        for name in groups:
            group = file.create_group(name)
            group.attrs["pandas_type"] = np.bytes_("frame")
            group.create_dataset("axis0", data=np.array([3, 1, 2]))
            group["axis0"].attrs["kind"] = np.bytes_("integer")
            group.create_dataset("something_else", data=np.zeros(4))
    return path


def test_arrays_of_a_table_and_their_attributes(tmp_path: Path) -> None:
    content = copy(str(table(tmp_path / "a.h5", "labels")))
    assert set(content) == {"@pandas_type", "axis0", "axis0@kind"}
    assert content["axis0"].tolist() == [3, 1, 2] and content["axis0@kind"] == b"integer"


@pytest.mark.parametrize(
    ("groups", "says"), [((), "has no table that pandas wrote"), (("a", "b"), "has 2 tables; save the labels alone")]
)
def test_none_or_two_are_refused(tmp_path: Path, groups: tuple[str, ...], says: str) -> None:
    with pytest.raises(Refused, match=says):
        copy(str(table(tmp_path / "a.h5", *groups)))
    assert "axis0" in copy(str(table(tmp_path / "b.h5", "a", "df_with_missing")))


def test_a_link_in_place_of_an_array_is_not_followed(tmp_path: Path) -> None:
    path = table(tmp_path / "a.h5", "labels")
    with h5py.File(path, "a") as file:
        del file["labels/axis0"]
        file["labels/axis0"] = h5py.SoftLink("/labels/something_else")
    with pytest.raises(Refused, match="has a link in place of its axis0"):
        copy(str(path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"nothing")
    with pytest.raises(Refused, match=r"^is not an H5 of DeepLabCut that h5py reads \("):
        copy(str(tmp_path / "a.h5"))
