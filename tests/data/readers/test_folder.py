from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.readers.folder import read_folder
from semipose.errors import UserError


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    for name in ("b.png", "a/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((30, 40, 3), np.uint8))
    return tmp_path


def test_a_folder_a_pattern_a_list_and_one_file(frames: Path) -> None:
    data = read_folder(frames)
    assert data.ids == ("a/c.png", "b.png") and data.skeleton is None
    assert data[1].box == (0, 0, 40, 30) and data[1].image == str((frames / "b.png").resolve())
    assert [s.image for s in read_folder(f"{frames}/**/c.*")] == [data[0].image]
    assert [s.image for s in read_folder([frames / "b.png", frames / "a" / "c.png"])] == [data[1].image, data[0].image]
    assert len(read_folder(frames / "b.png")) == 1


def test_no_match_and_no_image_are_errors(frames: Path) -> None:
    with pytest.raises(UserError, match=r"\*\.jpg"):
        read_folder(f"{frames}/*.jpg")
    (frames / "bad.jpg").write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"bad\.jpg"):
        read_folder(frames)
