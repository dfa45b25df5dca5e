"""What a C library parses is parsed by a process that may die: of a damaged file, of memory, or of time."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from semipose import apart
from semipose.errors import UserError


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `copy` with this body on a file."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "file").write_bytes(b"12345")

    def run(body: str, *words: str) -> dict[str, np.ndarray]:
        head = "import os, sys, time\nimport numpy as np\nfrom semipose.apart import Refused\n"
        (tmp_path / "copies.py").write_text(f"{head}def copy(path, *words):\n    {body}\n")
        return apart.arrays("copies", tmp_path / "file", *words, parser="the library", todo="save it again")

    return run


def test_arrays_come_back_whatever_the_library_prints(read) -> None:
    arrays = "{'a/b': np.arange(3), 'c': np.array(words[0]), 'd': np.array(open(path).read())}"
    found = read(f"os.write(1, b'noise'); print('noise'); return {arrays}", "ä")
    assert found["a/b"].tolist() == [0, 1, 2] and str(found["c"]) == "ä" and str(found["d"]) == "12345"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("os.kill(os.getpid(), 11)", "file is damaged: the library stops on it; save it again"),
        ("raise Refused('has no labels; add some')", "file has no labels; add some"),
        ("raise MemoryError", "file asks for more memory than labels need"),
        ("bytearray(1 << 40)", "file asks for more memory than labels need"),
        ("raise TypeError('a fault of ours')", "file is damaged"),
    ],
)
def test_a_crash_is_a_sentence(read, body: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        read(body)
    assert "\n" not in str(caught.value)


def test_what_went_wrong_there_is_the_cause(read) -> None:
    """For --debug."""
    with pytest.raises(UserError) as caught:
        read("raise TypeError('a fault of ours')")
    assert "a fault of ours" in str(caught.value.__cause__)


def test_one_that_hangs_is_ended(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "SECONDS", 1)
    with pytest.raises(UserError, match="is not read within 1 seconds"):
        read("time.sleep(60)")


def test_no_object_comes_back(read) -> None:
    with pytest.raises(UserError, match="is damaged"):
        read("return {'a': np.array([object()], object)}")


def test_what_is_no_file_is_said_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    plain = "is no plain file; name one"
    for path, says in ((tmp_path / "gone", "cannot be read"), (tmp_path, plain), (tmp_path / "pipe", plain)):
        with pytest.raises(UserError, match=says):
            apart.arrays("none", path, parser="the library")


def test_the_limit_of_memory_of_small_files_is_the_package_s() -> None:
    apart.refuse_more(1 << 20, 1)
    with pytest.raises(apart.Refused, match=r"^would take \d+ MB of memory"):
        apart.refuse_more(1 << 30, 1)
