from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.marks import COMMENT, HEAD, is_own
from tests.fixtures.films import film
from tests.fixtures.projects import picture


def test_a_picture_is_ours_by_its_comment_and_is_read_all_the_same(tmp_path: Path) -> None:
    plain = picture(tmp_path / "plain.jpg")
    content = plain.read_bytes()
    own = tmp_path / "own.jpg"
    own.write_bytes(content[:HEAD] + COMMENT + content[HEAD:])
    assert is_own(own) and not is_own(plain)
    assert np.array_equal(cv2.imread(str(own)), cv2.imread(str(plain)))
    own.rename(tmp_path / "own.png")
    assert not is_own(tmp_path / "own.png"), "none that this program writes"


@pytest.mark.parametrize("name", ["gone.jpg", "gone.mp4", "broken.mp4", "empty.jpg"])
def test_what_cannot_be_read_is_not_ours(tmp_path: Path, name: str) -> None:
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"<html>" if name.startswith("broken") else b"")
    assert not is_own(tmp_path / name)
    assert not is_own(film(tmp_path / "another's.mp4", 3))
