from __future__ import annotations

import codecs
import pickle
from pathlib import Path

import numpy as np
import pytest

from semipose import pickles
from semipose.errors import UserError
from semipose.pickles import load_plain, plain_value


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


ARRAY = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS"b"\ntR'
BYTES = b'I00\nS"abcdefgh"\ntb.'


def kind(code: bytes, order: bytes = b"|", rest: bytes = b"NNN", flags: int = 0) -> bytes:
    """A type of numpy, as a pickle has it."""
    return b'cnumpy\ndtype\n(S"%b"\nI00\nI01\ntR(I3\nS"%b"\n%bI-1\nI-1\nI%d\ntb' % (code, order, rest, flags)


@pytest.mark.parametrize(
    "content",
    [
        ARRAY + b"(I1\n(I1\nt" + kind(b"O8") + BYTES,  # bytes of the file as the place of an object
        ARRAY + b"(I1\n(I10\nt" + kind(b"O8", flags=63) + b"I00\n(ltb.",
        ARRAY + b"(I1\n(I100000000000\nt" + kind(b"O8", flags=63) + b"I00\n(ltb.",
        ARRAY + b"(I1\n(I100000000000\nt" + kind(b"f8", b"<") + b'I00\nS""\ntb.',
        ARRAY + b"(I1\n(I-1\nt" + kind(b"f8", b"<") + BYTES,
        ARRAY + b"(I1\n(I1\nt" + kind(b"V8", rest=b'N(S"a"\nt}S"a"\n(' + kind(b"O8") + b"I0\nts") + BYTES,
        b"cnumpy.core.multiarray\nscalar\n(" + kind(b"O8") + b'S"abcdefgh"\ntR.',
        b"cnumpy.core.multiarray\nscalar\n(" + kind(b"O8") + b"tR.",
        b'cnumpy.core.numeric\n_frombuffer\n(S"abcdefgh"\n' + kind(b"O8") + b'(I1\ntS"C"\ntR.',
        b'c_codecs\nencode\n(N}S"__defaults__"\n(S"utf-7"\ntstb.',
        b'cnumpy\nndarray\n(N}S"__module__"\nS"x"\nstb.',
        ARRAY + b".",
    ],
)
def test_no_array_takes_more_from_a_file_than_its_content(content: bytes) -> None:
    before = (pickles._bytes.__defaults__, pickles._Array.__module__)
    with pytest.raises(ValueError, match=r"array|type"):
        plain_value(content)
    assert (pickles._bytes.__defaults__, pickles._Array.__module__) == before


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=">i2").reshape(3, 4),
        np.asfortranarray(np.random.default_rng(0).normal(size=(3, 2, 4))),
        np.array(["a", "bcd"]),
        np.array([b"a", b"bcd"]),
        np.array([True, False]),
        np.array([1 + 2j], np.complex64),
        np.array([{"a": 1}, None, [2]], object),
        np.zeros((0, 3), np.float32),
        np.array(3.5),
    ],
)
def test_arrays_are_as_numpy_reads_them(array: np.ndarray, protocol: int) -> None:
    again, twice = plain_value(pickle.dumps([array, array], protocol))
    assert again is twice and again.dtype == array.dtype and again.shape == array.shape
    assert again.tolist() == array.tolist()


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 0, 1), (0, 1, 2), (2, 1, 0)])
def test_axes_that_lie_in_memory_in_another_order(axes: tuple[int, ...]) -> None:
    array = np.arange(24.0).reshape(2, 3, 4).transpose(axes)
    assert np.array_equal(plain_value(pickle.dumps(array, 5)), array)
