"""Pixels for a browser."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semipose.browser.pictures import SMALL, Kept, Pictures, encoded
from semipose.errors import UserError
from tests.fixtures.films import film, number
from tests.fixtures.projects import picture


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_a_picture_is_given_as_it_is_where_a_browser_reads_it(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    assert Pictures().whole(str(path)) == (path.read_bytes(), "image/png")
    turned = Image.fromarray(np.zeros((20, 40, 3), np.uint8))
    exif = turned.getexif()
    exif[274] = 6
    turned.save(tmp_path / "b.jpg", exif=exif)
    content, kind = Pictures().whole(str(tmp_path / "b.jpg"))
    assert kind == "image/png" and pixels(content).shape == (40, 20, 3)
    content, kind = Pictures().whole(str(picture(tmp_path / "c.bmp")))
    assert kind == "image/png" and pixels(content).shape == (48, 64, 3)


def test_what_is_no_picture_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("<script>alert(1)</script>")
    with pytest.raises(UserError, match="not an image"):
        Pictures().whole(str(tmp_path / "a.png"))


def test_frames_of_a_video_in_any_order(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 24)
    pictures = Pictures()
    for n in (0, 1, 2, 20, 5, 6, 23, 0):
        content, kind = pictures.whole(f"video:{path}#{n}")
        assert kind == "image/jpeg" and abs(number(pixels(content)) - n) < 0.3
    with pytest.raises(UserError):
        pictures.whole(f"video:{path}#99")


def test_small_ones_are_small_and_kept(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", size=(300, 600))
    pictures = Pictures()
    assert pixels(pictures.small(str(path))).shape == (SMALL // 2, SMALL, 3)
    assert pictures.small(str(path)) is pictures.small(str(path))
    picture(path, size=(300, 300))
    assert pixels(pictures.small(str(path))).shape == (SMALL, SMALL, 3)
    assert encoded(np.zeros((4, 4, 3), np.uint8), ".png").startswith(b"\x89PNG")


def test_what_is_kept_is_bounded() -> None:
    kept = Kept(100)
    for n in range(10):
        kept.put(n, bytes(30))
    assert kept.size == 90 and kept.get(0) is None and kept.get(9) is not None
    kept.get(7)
    kept.put("x", bytes(40))
    assert kept.get(7) is not None and kept.get(8) is None and kept.size <= 100
    kept.put(7, bytes(10))
    assert kept.size <= 100


def test_a_video_that_was_replaced_shows_what_it_is_now(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 4)
    pictures = Pictures()
    before = pictures.whole(f"video:{path}#3")[0]
    film(tmp_path / "b.mp4", 4, size=(48, 80)).replace(path)
    assert pixels(pictures.whole(f"video:{path}#3")[0]).shape != pixels(before).shape
