from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.files import write_atomically
from tests.fixtures.runs import child, exit_code


def test_parts_are_joined_and_folders_made(tmp_path) -> None:
    write_atomically(tmp_path / "a" / "b.txt", b"one ", memoryview(b"two"))
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"one two"
    write_atomically(tmp_path / "a" / "b.txt", b"new")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"new" and os.listdir(tmp_path / "a") == ["b.txt"]


def test_an_interrupted_write_leaves_the_old_file_and_no_part(tmp_path, monkeypatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    write_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def _writes_on_a_full_disk(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    with pytest.raises(UserError) as caught:
        write_atomically(path, bytes(5000))
    assert str(caught.value) == f"{path} could not be written (File too large); what was there before is intact"


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path) -> None:
    write_atomically(tmp_path / "file", b"old")
    assert exit_code(child(_writes_on_a_full_disk, tmp_path / "file")) == 0
    assert (tmp_path / "file").read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_below_a_file_nothing_can_be_written(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/below/new could not be written \(Not a directory\)"):
        write_atomically(tmp_path / "file" / "below" / "new", b"")
