from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from semipose.data.images import read_image
from semipose.data.open import open_labeled, open_unlabeled
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.folder import read_folder, with_boxes
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import picture


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


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """200 pictures, of which one, b/007.png, is empty."""
    first = picture(tmp_path / "first.png")
    folder = tmp_path / "many" / "b"
    folder.mkdir(parents=True)
    for n in range(200):
        os.link(first, folder / f"{n:03d}.png")
    _spoil(folder / "007.png", b"")
    return folder.parent


def _spoil(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _sources(folder: Path) -> dict[str, object]:
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    (folder / "list.txt").write_text("\n".join(names))
    (folder / "boxes.json").write_text(json.dumps({"images": [{"file_name": name} for name in names]}))
    paths = [str(folder / name) for name in names]
    return {
        "folder": folder,
        "pattern": f"{folder}/**/*.png",
        "list": folder / "list.txt",
        "json": folder / "boxes.json",
        "paths": paths,
    }


@pytest.mark.parametrize("kind", ["folder", "pattern", "list", "json"])
def test_one_empty_picture_of_200_is_left_out_with_a_warning(many: Path, kind: str) -> None:
    with pytest.warns(UserWarning, match=r"1 of 200 images cannot be used: .*007\.png .*empty.*they are left out"):
        data = open_unlabeled(_sources(many)[kind])  # type: ignore[arg-type]
    assert len(data) == 199 and not any("007.png" in name for name in data.ids)


@pytest.mark.parametrize("kind", ["folder", "pattern", "list", "json"])
def test_more_than_one_of_a_hundred_stops_and_five_are_named(many: Path, kind: str) -> None:
    for n in range(20, 26):
        _spoil(many / "b" / f"{n:03d}.png", b"<html>")
    with pytest.raises(
        UserError, match=r"7 of 200 images cannot be used: .*007\.png.*023\.png.*\(and 2 more"
    ) as caught:
        open_unlabeled(_sources(many)[kind])  # type: ignore[arg-type]
    assert "024.png" not in str(caught.value) and "\n" not in str(caught.value)


def test_all_unreadable_labelled_pictures_are_told_at_once(many: Path) -> None:
    for n in range(20, 26):
        _spoil(many / "b" / f"{n:03d}.png", b"<html>")
    rows = [f"b/{n:03d}.png,nose,3,4" for n in range(200)]
    (many / "labels.csv").write_text("\n".join(["image,joint,x,y", *rows]))
    with pytest.raises(UserError, match=r"labels\.csv: 7 of 200 images cannot be used: .*007\.png.*\(and 2 more"):
        open_labeled(many / "labels.csv")
    for n in (*range(20, 26), 7):
        picture(many / "b" / f"{n:03d}.png")
    _spoil(many / "b" / "100.png", b"")
    with pytest.raises(UserError, match=r"1 of 200 images cannot be used: .*100\.png"):
        open_labeled(many / "labels.csv")


def test_a_moving_picture_is_no_image_and_a_still_one_is(tmp_path: Path) -> None:
    first, *rest = (Image.new("RGB", (40, 30), (shade, 0, 0)) for shade in (0, 90, 180))
    first.save(tmp_path / "film.gif", save_all=True, append_images=rest)
    first.save(tmp_path / "still.GIF", format="GIF")
    with pytest.raises(UserError, match=r"film\.gif is a film of several pictures; .*ffmpeg -i .*gif .*mp4"):
        read_folder(tmp_path / "film.gif")
    assert read_folder(tmp_path / "still.GIF")[0].box == (0, 0, 40, 30)
    (tmp_path / "cut.gif").write_bytes((tmp_path / "film.gif").read_bytes()[:40])
    with pytest.raises(UserError, match=r"cut\.gif"):
        read_image(read_folder(tmp_path / "cut.gif")[0].image)


def test_a_list_of_windows(frames: Path) -> None:
    """With a byte order mark, its line ends and its folders."""
    (frames / "list.txt").write_bytes(b"\xef\xbb\xbfb.png\r\na\\c.png\r\n")
    found = [s.image for s in read_folder(frames / "list.txt")]
    assert found == [str(frames.resolve() / name) for name in ("b.png", "a/c.png")]


def test_boxes_in_frames_that_a_video_does_not_have_are_a_remark(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 12)
    rows = [{"image_id": f"a.mp4#{n}", "bbox": [1, 1, 50, 50]} for n in range(0, 20, 5)]
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    data = read_folder(tmp_path / "a.mp4", "uniform4")
    found = with_boxes(data, read_boxes(tmp_path / "boxes.json", tmp_path))
    assert len(found) and any(
        "has 12 frames, and boxes boxes of later ones (1), first" in line for line in found.remarks
    )
    (tmp_path / "boxes.json").write_text(json.dumps(rows[:3]))
    assert not with_boxes(data, read_boxes(tmp_path / "boxes.json", tmp_path)).remarks


def test_a_pipe_is_no_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(UserError, match=r"a\.mp4 is no plain file"):
        read_folder(tmp_path / "a.mp4")
