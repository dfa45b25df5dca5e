from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.images import read_image
from semipose.data.marks import COMMENT, HEAD, encoded, is_own, refuse_drawn_by_others
from semipose.errors import UserError
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


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".JPG", ".PNG"])
def test_what_is_drawn_is_marked_and_nothing_else_is_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"doctor{suffix}"
    refuse_drawn_by_others(path)
    pixels = np.random.default_rng(0).integers(0, 255, (9, 7, 3), np.uint8)
    path.write_bytes(encoded(pixels, suffix))
    refuse_drawn_by_others(path)
    shown = cv2.imread(str(path))[..., ::-1]
    assert is_own(path) and shown.shape == pixels.shape and (suffix.lower() != ".png" or (shown == pixels).all())
    assert read_image(path).shape == pixels.shape, "Pillow reads it too"
    picture(path)
    with pytest.raises(UserError, match=r"is there and semipose did not draw it; name another file"):
        refuse_drawn_by_others(path)


@pytest.mark.parametrize("name", ["gone.jpg", "gone.mp4", "broken.mp4", "empty.jpg"])
def test_what_cannot_be_read_is_not_ours(tmp_path: Path, name: str) -> None:
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"<html>" if name.startswith("broken") else b"")
    assert not is_own(tmp_path / name)
    assert not is_own(film(tmp_path / "another's.mp4", 3))
