"""What Matlab's files hold is told from their tags; their values come from another process."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from semipose.data.readers import mat
from semipose.errors import UserError

CONTENT = {
    "joints": np.arange(84.0).reshape(14, 3, 2),
    "a_name_of_some_length": np.array([[1, 2]], np.uint8),
    "x": "text",
}


@pytest.mark.slow
@pytest.mark.parametrize("packed", [True, False])
def test_names_and_numbers_as_scipy_wrote_them(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.mat"
    savemat(path, CONTENT, do_compression=packed)
    assert mat.variables(path) == tuple(CONTENT)
    found = mat.numbers(path, "joints", "a_name_of_some_length", "lacking")
    assert set(found) == {"joints", "a_name_of_some_length"}
    assert np.array_equal(found["joints"], CONTENT["joints"]) and found["a_name_of_some_length"].tolist() == [[1, 2]]
    with pytest.raises(UserError, match=r"a\.mat has no array of numbers as its x"):
        mat.numbers(path, "x")
    savemat(path, {"joints": np.zeros((2, 2))})
    assert mat.numbers(path, "joints")["joints"].shape == (2, 2), "what is kept is of the file as it was"


def bomb(size: int) -> bytes:
    """A variable of so many zeros, as Matlab packs it."""
    flags, dims = struct.pack("<IIII", 6, 8, 6, 0), struct.pack("<IIii", 5, 8, 1, size // 8)
    body = flags + dims + struct.pack("<II8s", 1, 6, b"joints") + struct.pack("<II", 9, size)
    pack, left = zlib.compressobj(9), size
    data = pack.compress(struct.pack("<II", 14, len(body) + size) + body)
    while left:
        data += pack.compress(bytes(part := min(left, 1 << 20)))
        left -= part
    data += pack.flush()
    return b"MATLAB 5.0".ljust(124) + struct.pack("<H", 0x100) + b"IM" + struct.pack("<II", 15, len(data)) + data


@pytest.mark.slow
def test_a_small_file_that_holds_much_is_not_decompressed(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(bomb(1 << 20))
    assert mat.variables(path) == ("joints",) and mat.numbers(path, "joints")["joints"].shape == (1, 1 << 17)
    path.write_bytes(bomb(300 << 20))
    assert path.stat().st_size < 400_000
    with pytest.raises(UserError, match=r"a\.mat would take \d+ MB of memory, more than the \d+ MB"):
        mat.numbers(path, "joints")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no MAT-file"),
        (b"nothing", "no MAT-file"),
        (b"MATLAB 7.3 MAT-file".ljust(200), "of version 7.3; save it with -v7"),
        (bomb(1 << 16)[:-20], "ends early"),
        (bomb(1 << 16)[:200], "ends early"),
        (bomb(1 << 16)[:136] + b"no zlib" * 99, "no MAT-file, or damaged"),
        (None, "cannot be read"),
    ],
)
def test_damage_is_a_sentence(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "a.mat"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        mat.numbers(path, "joints")
    assert "\n" not in str(caught.value)
    assert mat.variables(path) in ((), ("joints",))
