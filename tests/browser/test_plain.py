"""A plain CSV, of which what is not understood stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.browser.plain import PlainStore, table_text
from semipose.browser.stores import Body, key_of, version_of
from semipose.errors import UserError
from tests.browser.test_stores import POINTS
from tests.fixtures.films import film
from tests.fixtures.projects import plain_csv


def test_other_columns_and_rows_stay(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    text = path.read_text().splitlines()
    path.write_text("\r\n".join(["note," + text[0], *(f"mine,{line}" for line in text[1:])]) + "\r\n", newline="")
    store = PlainStore(path, tmp_path / "lock")
    image = key_of(str(tmp_path / "frames" / "1.png"))
    store.put(image, [Body.of(POINTS, 0)], version_of(store.get(image)))
    lines = path.read_bytes().decode().split("\r\n")
    assert lines[0] == "note,image,joint,x,y" and all(line.startswith("mine,") for line in lines[1:-1])
    assert "mine,frames/1.png,nose,1.25,2.5" in lines and "mine,frames/1.png,left_ear,," in lines
    assert [line for line in lines if "/1.png" not in line] == [
        line for line in ["note," + text[0], *(f"mine,{each}" for each in text[1:]), ""] if "/1.png" not in line
    ]


def test_the_column_that_is_there_says_what_is_hidden(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    first, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{first},visible", *(f"{row},2" for row in lines)]))
    store = PlainStore(path, tmp_path / "lock")
    image = key_of(str(tmp_path / "frames" / "1.png"))
    hidden = POINTS.copy()
    hidden[0, 2] = 1
    store.put(image, [Body.of(hidden, 0)], version_of(store.get(image)))
    lines = path.read_text().splitlines()
    assert lines[0] == "image,joint,x,y,visible" and "frames/1.png,nose,1.25,2.5,1" in lines


def test_a_column_for_hidden_joints_is_added_when_one_is(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    store = PlainStore(path, tmp_path / "lock")
    image = key_of(str(tmp_path / "frames" / "1.png"))
    hidden = POINTS.copy()
    hidden[0, 2] = 1
    store.put(image, [Body.of(hidden, 0)], version_of(store.get(image)))
    lines = path.read_text().splitlines()
    assert lines[0] == "image,joint,x,y,visibility" and "frames/1.png,nose,1.25,2.5,1" in lines
    assert table_text(path, [["a", "b,c"]]) == b'a,"b,c"\n'


def test_a_csv_that_names_frames_is_not_changed(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 4)
    (tmp_path / "clicks.csv").write_text("frame,joint,x,y\n2,nose,1,2\n")
    with pytest.raises(UserError, match="names frames instead of images: it can be looked at and not changed"):
        PlainStore(tmp_path / "clicks.csv", tmp_path / "lock")


def test_a_csv_with_several_animals_in_an_image_is_not_changed(tmp_path: Path) -> None:
    """One of them may have no place; with one an image, what is added is that animal's."""
    path = plain_csv(tmp_path)
    first, *lines = path.read_text().splitlines()
    one = [f"{first},animal", *(f"{row},Ada" for row in lines)]
    path.write_text("\n".join([*one, "frames/1.png,nose,,,Bo"]))
    with pytest.raises(UserError, match="has several animals in an image: it can be looked at and not changed"):
        PlainStore(path, tmp_path / "lock")
    path.write_text("\n".join(row for row in one if not row.startswith("frames/1.png,nose")))
    store = PlainStore(path, tmp_path / "lock")
    image = key_of(str(tmp_path / "frames" / "1.png"))
    store.put(image, [Body.of(POINTS, 0)], version_of(store.get(image)))
    assert "frames/1.png,nose,1.25,2.5,Ada" in path.read_text().splitlines()


def test_a_csv_with_semicolons_is_not_changed(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    path.write_text(path.read_text().replace(",", ";"))
    with pytest.raises(UserError, match="has no commas between its cells: it can be looked at and not changed"):
        PlainStore(path, tmp_path / "lock")


def test_an_image_is_known_however_its_name_is_written(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    path.write_text(path.read_text().replace("frames/", "./frames//"))
    store = PlainStore(path, tmp_path / "lock")
    image = key_of(str(tmp_path / "frames" / "1.png"))
    rows = path.read_text().count("1.png")
    store.put(image, [Body.of(POINTS, 0)], version_of(store.get(image)))
    assert path.read_text().count("1.png") == rows and store.get(image)[0].points[0] == (1.25, 2.5, 2)
