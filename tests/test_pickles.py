from __future__ import annotations

import codecs
import pickle
from pathlib import Path

import numpy as np
import pytest

from semipose.errors import UserError
from semipose.pickles import load_plain


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_and_arrays_are_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "plain.pkl"
    content = {"a": [np.arange(3), np.float64(2), "text", b"bytes"], 4: (None, True)}
    path.write_bytes(pickle.dumps(content, protocol))
    loaded = load_plain(path)
    assert loaded["a"][0].tolist() == [0, 1, 2] and loaded["a"][1:] == [2.0, "text", b"bytes"]
    assert loaded[4] == (None, True)


class Touch:
    """What unpickles by making a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_what_names_code_is_refused_and_never_run(tmp_path: Path) -> None:
    path, made = tmp_path / "code.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps({"a": Touch(made)}))
    with pytest.raises(UserError, match=r"code\.pkl is no pickle of plain values .* it names pathlib") as error:
        load_plain(path)
    assert not made.exists() and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "check the path"), (b"", "no pickle"), (b"\x80\x04]", "no pickle"), (b"[1]", "no pickle")],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "bad.pkl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=says) as error:
        load_plain(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


class Call:
    """What unpickles by calling a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Call(np.ndarray, (1 << 40,), "i1"), "an array that has no content"),
        (Call(np.zeros(1).__reduce__()[0], np.ndarray, (1 << 40,), b"b"), "an array that has no content"),
        (Call(codecs.encode, "a" * 99, "punycode"), "text in punycode"),
    ],
)
def test_a_few_bytes_take_no_memory_and_no_time(tmp_path: Path, value: object, says: str) -> None:
    path = tmp_path / "large.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(UserError, match=says):
        load_plain(path)
