"""What a file may take is looked at before it is decoded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semipose import limits
from semipose.errors import UserError


def test_a_file_may_take_some_times_its_size_in_memory() -> None:
    limits.refuse_large("a.npz", limits.FREE, 0)
    limits.refuse_large("a.npz", limits.FREE + limits.RATIO * 1000, 1000)
    with pytest.raises(UserError, match=r"a\.npz would take 84 MB of memory, more than the 84 MB .* of 1\.0 MB; is it"):
        limits.refuse_large("a.npz", limits.FREE + limits.RATIO * (1 << 20) + 1, 1 << 20)
    with pytest.raises(UserError, match="would take"):
        limits.refuse_large("a.npz", limits.MOST + 1, limits.MOST)


def test_a_table_has_so_many_numbers() -> None:
    limits.refuse_cells("a.csv", limits.CELLS)
    with pytest.raises(UserError, match=r"a\.csv has room for \d+ numbers, more than"):
        limits.refuse_cells("a.csv", limits.CELLS + 1)


def test_what_is_no_plain_file_of_that_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(UserError, match=r"a\.json cannot be read \(No such file"):
        limits.content(path, 9, "JSON")
    path.write_bytes(b"0123456789")
    assert limits.content(path, 10, "JSON") == b"0123456789"
    with pytest.raises(UserError, match=r"is larger than 0 MB; is it JSON\?"):
        limits.content(path, 9, "JSON")
    with pytest.raises(UserError, match=r"is no file that can be read as JSON"):
        limits.content(tmp_path, 1 << 20, "JSON")
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for ever
    with pytest.raises(UserError, match=r"is no file that can be read as JSON"):
        limits.content(tmp_path / "pipe", 9, "JSON")
    with pytest.raises(UserError, match=r"cannot be read"):
        limits.content(Path("a\0.json"), 9, "JSON")


def test_text_is_utf_8_with_or_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf\xc3\xa4")
    assert limits.text(path, 9, "CSV") == "ä"
    path.write_bytes(b"\xe4")
    with pytest.raises(UserError, match=r"a\.csv is not CSV in UTF-8; save it again, in UTF-8$"):
        limits.text(path, 9, "CSV")
