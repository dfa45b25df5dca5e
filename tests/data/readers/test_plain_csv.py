"""A plain CSV, one row a joint."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semipose.data.open import open_labeled
from semipose.data.readers.cvat import is_cvat
from semipose.data.readers.json_files import starts
from semipose.data.readers.plain_csv import read_plain_csv
from semipose.data.refs import Frame
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import assert_labels, picture, plain_csv


def test_plain_csv(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    assert_labels(read_plain_csv(path), ["frames"])
    text = path.read_text().splitlines()
    text[0] += ",Visibility,note"
    text[1:4] = [text[1] + ",1,x", text[2] + ",0,", text[3] + ",,"]
    path.write_text("\n".join(line if line.count(",") == 5 else line + ",2," for line in text))
    points = open_labeled(path)[0].keypoints
    assert points is not None and points[:, 2].tolist() == [1, 0, 2, 0] and not points[1].any()


def test_several_animals_an_image(tmp_path: Path) -> None:
    """Each in the box of its labels; one that an image does not show is not there."""
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    rows = [f"a.png,{who},{joint},{10 * n + 5},{8 * k + 9}"
            for n, who in enumerate(("Ada", "Bo")) for k, joint in enumerate(("nose", "tail"))]  # fmt: skip
    rows += ["b.png,Bo,nose,20,30", "b.png,Bo,tail,24,35", "b.png,Ada,nose,,", "b.png,Ada,tail,,"]
    for name in ("animal", "Individual", "person"):
        (tmp_path / "clicks.csv").write_text("\n".join([f"image,{name},joint,x,y", *rows]))
        data = read_plain_csv(tmp_path / "clicks.csv")
        assert [sample.image_id for sample in data] == ["a.png", "a.png", "b.png"]
        assert len({sample.id for sample in data}) == 3 and data[0].box[2] < 64
        assert data[1].keypoints is not None and data[1].keypoints.tolist() == [[15, 9, 2], [15, 17, 2]]
        assert data[2].keypoints is not None and data[2].keypoints[0].tolist() == [20, 30, 2]
    (tmp_path / "clicks.csv").write_text("image,instance,joint,x,y\na.png,0,nose,1,2\na.png,1,tail,3,4")
    with pytest.raises(UserError, match="no instance of an image has more than one joint; is it the number of a row"):
        read_plain_csv(tmp_path / "clicks.csv")


@pytest.mark.parametrize("name", ["visibility", "Visible", "v"])
def test_what_says_that_a_joint_is_not_visible_is_read_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    path = plain_csv(tmp_path)
    first, *lines = path.read_text().splitlines()
    lines[3] = "frames/1.png,nose,0,0"
    path.write_text("\n".join([f"{first},{name}", *(f"{row},{(2, 1, 0)[min(n, 2)]}" for n, row in enumerate(lines))]))
    data = read_plain_csv(path)
    points = data[0].keypoints
    assert points is not None and points[:, 2].tolist() == [2, 1, 0, 0]
    assert f"{len(lines) - 3} labels with x and y have visible 0" in data.remarks[0], "(0, 0) is no place"


def test_a_joint_in_capitals_here_and_there_is_named(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    text = path.read_text()
    path.write_text(text.replace("1.png,nose", "1.png,Nose"))
    with pytest.raises(UserError, match="'nose' and 'Nose' seem one joint, no image has both; write them alike"):
        read_plain_csv(path)
    path.write_text(text.replace("tail", "NOSE"))
    skeleton = read_plain_csv(path).skeleton
    assert skeleton is not None and skeleton.joints == ("nose", "left_ear", "right_ear", "NOSE")


def test_clicks_on_frames_of_videos(tmp_path: Path) -> None:
    rows = ["image,joint,x,y"]
    for video in ("a.mp4", "b.mp4"):
        film(tmp_path / video, 12)
        rows += [f"{video}#{n},{joint},{10 + n},{20 + k}" for n in (3, 9) for k, joint in enumerate(("nose", "tail"))]
    (tmp_path / "clicks.csv").write_text("\n".join(rows))
    data = open_labeled(tmp_path / "clicks.csv")
    assert [sample.session for sample in data] == ["a", "a", "b", "b"]
    assert data.images[1] == str(Frame(str((tmp_path / "a.mp4").resolve()), 9))
    assert data[1].keypoints is not None and data[1].keypoints[0].tolist() == [19, 20, 2]


@pytest.mark.parametrize("name", ["clip.mp4", "My film 1.avi", "Käfig.mp4"])
@pytest.mark.parametrize("named", [True, False])
def test_clicks_with_a_column_of_frames(tmp_path: Path, name: str, named: bool) -> None:
    film(tmp_path / "made.mp4", 12).rename(tmp_path / name)
    first = ["Frame,joint,x,y", "video,Frame,joint,x,y"][named]
    rows = [f"{n},{joint},{10 + n},{20 + k}" for n in (3, 9) for k, joint in enumerate(("nose", "tail"))]
    (tmp_path / "clicks.csv").write_text("\n".join([first, *(f"{name},{row}" if named else row for row in rows)]))
    data = open_labeled(tmp_path / "clicks.csv")
    assert data.images == tuple(str(Frame(str((tmp_path / name).resolve()), n)) for n in (3, 9))
    assert data[1].keypoints is not None and data[1].keypoints.tolist() == [[19, 20, 2], [19, 21, 2]]


@pytest.mark.parametrize(
    ("first", "row", "told"),
    [
        ("frame,joint,x,y", "3,nose,1,2", "2 videos lie in .*; add a column video"),
        ("video,frame,joint,x,y", "a.mp4,-1,nose,1,2", "line 2 has frame '-1'; frames count from 0"),
        ("video,frame,joint,x,y", "a.mp4,2.5,nose,1,2", "line 2 has frame '2.5'"),
        ("video,frame,joint,x,y", "a.mp4,,nose,1,2", "line 2 has frame ''"),
        ("video,frame,joint,x,y", ",3,nose,1,2", "line 2 names no video"),
        ("joint,x,y", "nose,1,2", "no column image .* of a video's frames, frame instead of image"),
    ],
)
def test_frames_that_are_none_are_one_line(tmp_path: Path, first: str, row: str, told: str) -> None:
    for video in ("a.mp4", "b.mp4"):
        film(tmp_path / video, 3)
    (tmp_path / "clicks.csv").write_text(f"{first}\n{row}\n")
    with pytest.raises(UserError, match=told):
        open_labeled(tmp_path / "clicks.csv")


def test_names_and_folders_that_are_not_ascii(tmp_path: Path) -> None:
    folder = tmp_path / "Mäuse im Käfig" / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    path = plain_csv(folder, joints=("Nase", "linkes Ohr", "rechtes Ohr", "尾"))
    (folder / "link").symlink_to(folder / "frames")
    path.write_text(path.read_text(encoding="utf-8").replace("frames/2", "link/2"), encoding="utf-8")
    assert len(open_labeled(path)) == 3
    picture(folder / "frames" / "bild ö.png", 7)


def test_predictions_are_no_labels(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    path.write_text(
        "".join(f"{line},{'score' if i == 0 else 0.9}\n" for i, line in enumerate(path.open().read().split()))
    )
    with pytest.raises(UserError, match="column score: these are predictions, not labels"):
        open_labeled(path)


@pytest.mark.parametrize(("sign", "point"), [("\t", "."), (";", "."), (";", ","), ("sep=;\n;", ","), ("sep=|\n|", ".")])
def test_semicolons_or_tabs_between_the_cells(tmp_path: Path, sign: str, point: str) -> None:
    path = plain_csv(tmp_path)
    first, *rows = path.read_text().splitlines()
    lines = [f"{first},note", *(f"{row},seen" for row in rows)]
    path.write_text("\n".join(lines))
    expected = [sample.keypoints for sample in open_labeled(path)]
    cells = [line.split(",") for line in lines]
    first, sign = sign[:-1], sign[-1]
    text = "\n".join(sign.join([a, b, *(c.replace(".", point) for c in rest)]) for a, b, *rest in cells)
    path.write_text(first + text)
    assert point in path.read_text()
    np.testing.assert_array_equal([sample.keypoints for sample in open_labeled(path)], expected)


def test_absolute_names_of_this_machine_and_of_another(tmp_path: Path) -> None:
    path = plain_csv(tmp_path / "project")
    text = path.read_text()
    names = [str(tmp_path / "project" / "frames" / f"{i}.png") for i in range(3)]
    (tmp_path / "elsewhere").mkdir()
    for where, start in (
        (tmp_path / "elsewhere" / "labels.csv", f"{tmp_path}/project/"),
        (path, "C:\\data\\"),
        (path, "/home/another/"),
    ):
        where.write_text(text.replace("frames/", start + ("frames\\" if "\\" in start else "frames/")))
        assert [s.image for s in open_labeled(where)] == names
    path.write_text(text.replace("frames/", "/home/another/pictures/"))
    with pytest.raises(UserError, match="do not exist"):
        open_labeled(path)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "is empty"),
        (["image,joint,x"], "has no column y in its first line"),
        (["image,joint,x,y"], "no labels; add some"),
        (["image,joint,x,y", "a.png,nose,1"], "line 2: 3 cells where the first line has 4"),
        (["image,joint,x,y", "a.png,,1,2"], "line 2 names no joint"),
        (["image,joint,x,y", ",nose,1,2"], "line 2 names no image"),
        (["image,joint,x,y", "a.png,nose,one,2"], "line 2, x is 'one', not a number"),
        (["image,joint,x,y", "a.png,nose,1,2", "", "a.png,nose,1,2"], "line 4: 'nose' of a.png stands on an earlier"),
        (["image,joint,x,y,visibility", "a.png,nose,1,2,3"], "visibility 3; it can be 0 unlabelled"),
        (["image,joint,x,y", "../a.png,nose,1,2"], "leads out of the images folder"),
    ],
)
def test_a_fault_is_one_line_that_says_where(tmp_path: Path, lines: list[str], says: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=says) as error:
        read_plain_csv(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("image,joint,x,y", "image,joint,x,y,X"), "column 'x' occurs more than once"),
        (lambda text: text.replace("\n", ',"blurry\n', 2).replace('"blurry', "", 1), r"line 2 or below, .*quote"),
        (lambda text: text + 'frames/none.png,"no\nse",1,2\n', "a quote is opened and closed on a later line"),
    ],
)
def test_labels_do_not_vanish_in_a_damaged_line(tmp_path: Path, change: Callable[[str], str], says: str) -> None:
    path = plain_csv(tmp_path)
    path.write_text(change(path.read_text().rstrip("\n") + "\n"))
    with pytest.raises(UserError, match=says):
        read_plain_csv(path)


def test_one_image_by_two_names_is_one(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    whole = read_plain_csv(path)
    first, *lines = path.read_text().splitlines()
    lines[0] = f"./{lines[0]}"
    path.write_text("\n".join([first, *lines]))
    again = read_plain_csv(path)
    assert again.ids == whole.ids and again.images == whole.images
    image, _, rest = lines[1].partition(",")
    lines[1] = f"{tmp_path / image},{rest}"
    path.write_text("\n".join([first, *lines]))
    with pytest.raises(UserError, match=r"image '.*' occurs more than once"):
        read_plain_csv(path)


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    """Which nobody writes into, so that to open it waits for ever."""
    path = plain_csv(tmp_path)
    image = tmp_path / path.read_text().splitlines()[1].split(",")[0]
    image.unlink()
    os.mkfifo(image)
    os.mkfifo(tmp_path / "other.json")
    with pytest.raises(UserError, match="cannot be read"):
        read_plain_csv(path)
    assert not starts(str(tmp_path / "other.json"), "{") and not is_cvat(str(tmp_path / "other.xml"))


@pytest.mark.parametrize("again", ["clip.mp4#03", "./clip.mp4#3", ".\\clip.mp4#3"])
def test_a_frame_by_two_names_is_one(tmp_path: Path, again: str) -> None:
    film(tmp_path / "clip.mp4", 5)
    (tmp_path / "a.csv").write_text(f"image,joint,x,y\n{again},nose,1,2\nclip.mp4#3,tail,1,2\n")
    (sample,) = read_plain_csv(tmp_path / "a.csv")
    assert sample.keypoints is not None and sample.keypoints[:, 2].tolist() == [2, 2]
    rows = "video,frame,joint,x,y\n./clip.mp4,3,nose,1,2\nclip.mp4,3,tail,1,2\n"
    (tmp_path / "b.csv").write_text(rows)
    assert len(read_plain_csv(tmp_path / "b.csv")) == 1


def test_an_image_and_its_frame_in_two_columns(tmp_path: Path) -> None:
    """Of a video, the frame; of a picture, which has none, a note of the tool's."""
    film(tmp_path / "clip.mp4", 4)
    (tmp_path / "labels.csv").write_text("image,frame,joint,x,y\nclip.mp4,2,nose,5,6\nclip.mp4,3,nose,7,8\n")
    assert [sample.image for sample in read_plain_csv(tmp_path / "labels.csv")] == [
        str(Frame(str(tmp_path / "clip.mp4"), n)) for n in (2, 3)
    ]
    picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("image,frame,joint,x,y\na.png,12,nose,5,6\n")
    assert [sample.image for sample in read_plain_csv(tmp_path / "labels.csv")] == [str(tmp_path / "a.png")]


def test_a_frame_of_a_stack_is_refused(tmp_path: Path) -> None:
    """Its first picture is another one."""
    pages = [Image.fromarray(np.full((48, 64), 40 * n, np.uint8)) for n in range(4)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "single.tif")
    path = tmp_path / "labels.csv"
    path.write_text("image,frame,joint,x,y\nsingle.tif,3,nose,5,6\nstack.tif,0,nose,5,6\n")
    assert len(read_plain_csv(path)) == 2
    path.write_text("image,frame,joint,x,y\nstack.tif,3,nose,5,6\n")
    with pytest.raises(
        UserError, match=r"stack\.tif is a stack of pictures, of which frame 3 is labelled; save frames"
    ):
        read_plain_csv(path)
    path.write_text("image,frame,joint,x,y\nstack.tif,0,nose,5,6\nstack.tif,3,nose,5,6\n")
    with pytest.raises(UserError, match=r"line 3 has frame 3 of stack\.tif, and another line 0; frames of a stack"):
        read_plain_csv(path)


def test_one_animal_spelled_two_ways_is_not_two(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    path = tmp_path / "labels.csv"
    path.write_text("image,animal,joint,x,y\na.png,Mouse1,nose,5,6\na.png,mouse1,tail,7,8\na.png,mouse1,ear,7,9\n")
    with pytest.raises(UserError, match=r"'Mouse1' and 'mouse1' seem one animal, no joint of a\.png has both; write"):
        read_plain_csv(path)
    whole = path.read_text()
    path.write_text(whole + "a.png,mouse1,nose,15,16\n")
    assert len(read_plain_csv(path)) == 2
    path.write_text(whole.replace("Mouse1,nose,5,6", "Mouse1,nose,,"))
    assert len(read_plain_csv(path)) == 1
