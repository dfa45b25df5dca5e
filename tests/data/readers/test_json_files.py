from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semipose.data.readers.json_files import (
    ImageFolder,
    box_of,
    field_of,
    file_names,
    image_folder,
    is_nothing,
    load_json,
    points_of,
    refuse_twice,
    rows_of,
    sessions_of,
)
from semipose.data.refs import Frame
from semipose.errors import UserError
from tests.fixtures.projects import picture

SIDES = st.floats(0.001, 1e6)


@given(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), SIDES, SIDES))
def test_a_box_that_is_one_comes_back(box: tuple[float, float, float, float]) -> None:
    assert box_of(json.loads(json.dumps({"bbox": box})), "here") == box


@pytest.mark.parametrize(
    ("box", "says"),
    [
        (None, "here has no 'bbox'"),
        ([1, 2, 3], "expected four numbers"),
        (["a", 2, 3, 4], "expected four numbers"),
        (7, "expected four numbers"),
        ([1, 2, 0, 4], "empty bbox"),
        ([1, 2, -3, 4], "empty bbox"),
        ([1, 2, float("inf"), 4], "empty bbox"),
        ([float("nan"), 2, 3, 4], "empty bbox"),
    ],
)
def test_a_box_that_is_none_is_refused(box: object, says: str) -> None:
    with pytest.raises(UserError, match=says):
        box_of({"bbox": box}, "here")


@pytest.mark.parametrize("values", [[[1, 2], [3, None], [5, 6]], [1, 2, 3, None, 5, 6]])
def test_points_are_in_lists_or_one_after_another(values: list) -> None:
    points = points_of(values, (3, 2), "here", "numbers")
    np.testing.assert_array_equal(points, [[1, 2], [3, np.nan], [5, 6]])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([[1, 3, 5], [2, 4, 6]], "2 x 3 numbers, expected 3 x 2"),
        ([[[1, 2]], [[3, 4]], [[5, 6]]], "not all numbers"),
        ([[1], 2, 3, 4, 5, 6], "not all numbers"),
        ([1, 2, 3, 4, 5], "5 numbers, expected 3 x 2"),
        ([1, 2, 3, 4, 5, True], "not all numbers"),
        ([[1, 2], [3, "1_0"], [5, 6]], "not all numbers"),
        ([[1, 2], {}, "56"], "not all numbers"),
    ],
)
def test_points_of_another_shape_or_kind_are_refused(values: list, says: str) -> None:
    with pytest.raises(UserError, match=says):
        points_of(values, (3, 2), "here", "numbers")


def test_rows_fields_and_ids(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rows = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}]
    path.write_text(json.dumps({"images": rows}))
    assert rows_of(load_json(path), "images", path) == rows and file_names(rows, path) == {1: "a.png", 2: "b.png"}
    assert field_of({"a": 0}, "a", "here") == 0
    for document in ([], {"images": 3}, {"images": [3]}, {"images": []}):
        with pytest.raises(UserError, match="'images'"):
            rows_of(document, "images", path)
    with pytest.raises(UserError, match="image id 1 occurs more than once"):
        file_names([rows[0], rows[0]], path)
    with pytest.raises(UserError, match=r"name 3 occurs more than once \(1 such\)"):
        refuse_twice([3, 4, 3], "name")


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "check the path"), (b"{", "is not JSON"), (b"\xff", "is not JSON")],
)
def test_what_is_no_json(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=says) as error:
        load_json(tmp_path / "a.json")
    assert "\n" not in str(error.value)


def test_an_annotation_of_nobody() -> None:
    assert is_nothing({"bbox": [1, 2, 0, 4], "keypoints": [0, 0, 0]}) and is_nothing({"bbox": [1, 2, 3, 0]})
    assert not is_nothing({"bbox": [1, 2, 0, 4], "keypoints": [5, 5, 2]}) and not is_nothing({"bbox": [1, 2, 3, 4]})


def test_a_session_is_the_folder_and_its_path_where_two_have_its_name() -> None:
    names = ["a/x/0.png", "a/x/1.png", "b/x/0.png", "c/y/0.png", "0.png"]
    assert list(sessions_of(names).values()) == ["a/x", "a/x", "b/x", "y", None]


def test_the_nearest_folder_that_has_the_first_image(tmp_path: Path) -> None:
    labels = tmp_path / "set" / "annotations" / "train.json"
    labels.parent.mkdir(parents=True)
    picture(tmp_path / "set" / "images" / "a.png")
    assert image_folder(labels, None, "a.png") == tmp_path / "set" / "images"
    assert image_folder(labels, tmp_path, "a.png") == tmp_path
    assert image_folder(labels, None, "none.png") == labels.parent
    assert image_folder(labels, None, str(tmp_path / "set" / "images" / "a.png")) == labels.parent


def test_names_become_files_inside_the_folder(tmp_path: Path) -> None:
    for name in ("a.png", "day 1/b.png", "day 1/c/0007.png", "day 2/c/0007.png", "day 1/clip #1.mp4"):
        picture(tmp_path / name) if name.endswith("png") else (tmp_path / name).touch()
    files = ImageFolder(tmp_path)
    assert files.path("a.png", "here") == str(tmp_path / "a.png")
    assert files.path("b.png", "here") == str(tmp_path / "day 1/b.png"), "in a folder below"
    assert files.path("x/day 2/c/0007.png", "here") == str(tmp_path / "day 2/c/0007.png"), "by its last folders"
    assert files.path("gone.png", "here") == str(tmp_path / "gone.png")
    frame = str(Frame(str(tmp_path / "day 1/clip #1.mp4"), 17))
    assert files.path("day 1/clip #1.mp4#17", "here") == frame
    assert ImageFolder(tmp_path).path("clip #1.mp4#17", "here") == frame
    with pytest.raises(UserError, match=r"2 folders below have a 0007\.png"):
        ImageFolder(tmp_path).path("0007.png", "here")
    assert files.by_number("b", "here") == "day 1/b.png" and files.by_number("x.png", "here") == "x.png"
    with pytest.raises(UserError, match="by which 2 files of"):
        files.by_number(7, "here")


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "a/../../b.png", "..\\a.png", "../a.mp4#3"])
def test_no_name_leads_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="leads out of the images folder"):
        ImageFolder(tmp_path).path(name, "here")


NAMES = {
    "images\\a.png": "images/a.png",
    "IMAGES/A.PNG": "images/a.png",
    "/home/anna/data/images/a.png": "images/a.png",
    "C:\\Users\\me\\images\\a.png": "images/a.png",
    "D:/labels/b.png": "b.png",
    "../images/a.png": "images/a.png",
    "..\\images\\A.png": "images/a.png",
    "x.PNG": "deep/er/x.png",
}


@pytest.mark.parametrize("name", NAMES)
def test_paths_of_other_machines_and_places_are_followed_into_the_folder(tmp_path: Path, name: str) -> None:
    for file in ("images/a.png", "b.png", "deep/er/x.png"):
        picture(tmp_path / file)
    (tmp_path / "annotations").mkdir()
    assert ImageFolder(tmp_path, [name], tmp_path / "annotations").path(name, "here") == str(tmp_path / NAMES[name])


def test_a_name_that_several_files_have_is_not_guessed(tmp_path: Path) -> None:
    for file in ("one/a.png", "two/a.png", "B.png", "b.PNG"):
        picture(tmp_path / file)
    assert ImageFolder(tmp_path).path("/home/me/a.png", "here") == str(tmp_path / "home/me/a.png"), "a missing one"
    assert ImageFolder(tmp_path).path("/home/me/two/a.png", "here") == str(tmp_path / "two/a.png")
    with pytest.raises(UserError, match=r"2 folders below have a b\.png"):
        ImageFolder(tmp_path).path("b.png", "here")
    assert ImageFolder(tmp_path, ["/x/B.png"]).path("/x/B.png", "here") == str(tmp_path / "B.png")


def test_what_lies_outside_is_read_where_that_is_asked_for(tmp_path: Path) -> None:
    other = picture(tmp_path / "other" / "a.png")
    (tmp_path / "mine").mkdir()
    for name in (str(other), "../other/a.png"):
        with pytest.raises(UserError, match=r"leads out of the images folder .*data\.outside=true"):
            ImageFolder(tmp_path / "mine").path(name, "here")
        assert os.path.samefile(ImageFolder(tmp_path / "mine", outside=True).path(name, "here"), other)
    assert ImageFolder(tmp_path / "mine", outside=True).path("/nowhere/b.png", "here").startswith(str(tmp_path))


def test_a_folder_that_is_none_and_images_that_are_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        ImageFolder(tmp_path / "gone")
    files = ImageFolder(tmp_path)
    picture(tmp_path / "a.png")
    files.refuse_if_none_exists(set())
    files.refuse_if_none_exists({str(tmp_path / "a.png"), str(tmp_path / "gone.png")})
    with pytest.raises(UserError, match="none of the 2 images is in"):
        files.refuse_if_none_exists({str(tmp_path / "gone.png"), str(Frame(str(tmp_path / "gone.mp4"), 3))})


def test_of_two_videos_of_one_name_none_is_guessed(tmp_path: Path) -> None:
    """Frames name a video many times, which is no other video."""
    (tmp_path / "clip.mp4").write_bytes(b"x")
    names = [f"C:/{day}/clip.mp4#{n}" for day in ("day1", "day2") for n in (1, 2)]
    files = ImageFolder(tmp_path, names)
    assert str(Frame(str(tmp_path / "clip.mp4"), 1)) not in [files.path(name, "here") for name in names]
    alone = ImageFolder(tmp_path, names[:2])
    whole = [str(Frame(str(tmp_path / "clip.mp4"), n)) for n in (1, 2)]
    assert [alone.path(name, "here") for name in names[:2]] == whole


def test_names_from_a_mac_are_found_however_their_marks_are_written(tmp_path: Path) -> None:
    picture(tmp_path / "Frösche" / unicodedata.normalize("NFD", "Käse.png"))
    for name in ("Frösche/Käse.png", "Käse.png", "FRÖSCHE/käse.PNG"):
        for form in ("NFC", "NFD"):
            assert Path(ImageFolder(tmp_path).path(unicodedata.normalize(form, name), "here")).exists(), (name, form)
