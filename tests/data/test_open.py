from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from semipose.data.open import FORMATS, holds_labels, open_all, open_labeled, open_unlabeled
from semipose.errors import UserError, plain_line
from tests.data.readers.test_cvat import cvat
from tests.data.readers.test_lsp import people
from tests.data.readers.test_lsp import written as write_lsp
from tests.data.readers.test_yolo import yolo
from tests.fixtures.projects import deeplabcut, picture, plain_csv
from tests.fixtures.shared import shared_data


def test_each_kind_of_source_finds_its_reader() -> None:
    coco = shared_data("formats", "coco", "test_coco.json")
    assert (len(open_labeled(coco)), len(open_all(coco)), len(open_unlabeled(coco))) == (12, 14, 14)
    assert len(open_unlabeled(coco.parent)) == 4
    assert len(open_unlabeled(coco.parent / "test_coco_det_AP_H_56.json", images=coco.parent)) == 118


def test_lsp_is_a_folder_or_its_file(tmp_path: Path) -> None:
    lsp = write_lsp(tmp_path / "lsp", people())
    assert open_labeled(lsp).ids == open_unlabeled(lsp / "joints.mat").ids == ("im00001.jpg", "im00003.jpg")
    assert not open_unlabeled(lsp)[0].labeled


def test_drawn_people() -> None:
    data = open_labeled("synth:wild?count=3&seed=2&start=5")
    assert [s.image for s in data] == [f"synth:wild/2/{i}" for i in (5, 6, 7)]
    assert len(open_labeled("synth:studio?count=2")) == 2


@pytest.mark.parametrize(
    "source", ["synth:moon?count=2", "synth:wild?number=3", "synth:wild?count=many", "synth:wild?count"]
)
def test_drawn_people_that_cannot_be(source: str) -> None:
    with pytest.raises(UserError) as error:
        open_labeled(source)
    assert "\n" not in str(error.value)


def test_what_fits_nothing_lists_what_is_understood(tmp_path: Path) -> None:
    file = tmp_path / "data.xyz"
    with pytest.raises(UserError, match="does not exist"):
        open_labeled(file)
    file.touch()
    with pytest.raises(UserError, match="no data source") as error:
        open_labeled(file)
    assert all(each.what in str(error.value) for each in FORMATS)


def test_a_picture_is_told_in_a_short_line_what_labels_are(tmp_path: Path) -> None:
    (tmp_path / "data.jp2").touch()
    with pytest.raises(UserError, match="has no labels") as error:
        open_labeled(tmp_path / "data.jp2")
    tools = ("DeepLabCut", "Lightning Pose", "SLEAP", "COCO", "Label Studio", "YOLO-pose", "CVAT", ".nwb", "CSV")
    assert all(tool in str(error.value) for tool in tools) and len(str(error.value)) < 400


def test_labels_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no labels"):
        open_labeled(tmp_path)


def test_a_large_coco_file_is_known_by_its_ends(tmp_path: Path) -> None:
    path, filler = tmp_path / "labels.json", [{"file_name": "x" * 100}] * 1500
    path.write_text(json.dumps({"images": filler, "annotations": filler, "categories": [{"keypoints": ["a"]}]}))
    assert path.stat().st_size > 1 << 18 and holds_labels(path)
    path.write_text(json.dumps([{"image_id": 1, "keypoints": [1, 2, 2], "score": 1.0}]))
    assert not holds_labels(path), "predictions"


def test_a_folder_of_pictures_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name the file of labels, or run semipose init") as error:
        open_labeled(tmp_path)
    assert len(str(error.value)) < 100 + 2 * len(str(tmp_path))


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "\ud800"])
def test_a_name_that_no_disk_can_hold_is_no_data_source(name: str) -> None:
    for look in (open_all, open_unlabeled):
        with pytest.raises(UserError, match=r"is no data source|does not exist"):
            look(name)


def test_every_reader_may_be_led_out_of_its_folder_where_one_says_so(tmp_path: Path) -> None:
    """The sentence names an option, which has to hold for whichever reader says it."""
    picture(tmp_path / "far" / "0.png")
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "labels.csv"
    path.write_text("image,joint,x,y\n../far/0.png,nose,1,2\n")
    with pytest.raises(UserError, match=r"data\.outside=true"):
        open_labeled(path)
    assert os.path.samefile(open_labeled(path, outside=True)[0].image, tmp_path / "far" / "0.png")
    with pytest.raises(UserError, match=r"data\.outside=true"):
        open_labeled(path)


@pytest.mark.parametrize(
    ("name", "what"),
    [("a.gif", "a picture"), ("a.png", "a picture"), ("a.mp4", "a video"), ("a.txt", "a list of images and videos")],
)
def test_what_has_no_labels_is_said_in_a_line_that_can_be_read(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError, match=f"{name} is {what}, which has no labels; name labels: a project of") as error:
        open_labeled(tmp_path / name)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("code", ["utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"images": [], "annotations": [{"keypoints": []}], "categories": []}'),
        ("a.xml", '<?xml version="1.0"?><annotations></annotations>'),
    ],
)
def test_labels_in_utf_16_are_named_with_what_to_do(tmp_path: Path, name: str, text: str, code: str) -> None:
    """PowerShell writes so."""
    mark = {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}.get(code, b"")
    (tmp_path / name).write_bytes(mark + text.encode(code))
    assert holds_labels(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name} is not .* in UTF-8; save it again, in UTF-8"):
        open_labeled(tmp_path / name)


ESC = "b\x1b[31m\nok: nothing stops training"


def _coco(folder: Path) -> Path:
    document = {
        "images": [{"id": 1, "file_name": picture(folder / "a.png").name}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "keypoints": [2, 2, 2] * 2}],
        "categories": [{"id": 1, "name": "mouse", "keypoints": ["a", ESC]}],
    }
    (folder / "a.json").write_text(json.dumps(document))
    return folder / "a.json"


def _cvat(folder: Path) -> Path:
    return cvat(folder, '<points label="a" points="1,2"/><points label="b&#10;ok" points="3,4"/>', meta="")


@pytest.mark.parametrize(
    "build",
    [
        _coco,
        _cvat,
        lambda folder: plain_csv(folder, joints=("a", "b\x1b[31m")),
        lambda folder: plain_csv(folder, joints=("a", "b\0")),
        lambda folder: deeplabcut(folder, joints=("a", "b\x1b[31m")) / "labeled-data" / "a" / "CollectedData_me.csv",
        lambda folder: yolo(folder, kpt_names=["a", ESC, "c", "d"]),
    ],
    ids=["COCO", "CVAT", "CSV", "NUL in CSV", "DeepLabCut", "YOLO"],
)
def test_a_joint_whose_name_is_not_a_line_is_refused(tmp_path: Path, build: Callable[[Path], Path]) -> None:
    with pytest.raises(UserError, match=r"joint 'b.*has a line break or control character") as error:
        open_labeled(build(tmp_path))
    assert str(error.value) == plain_line(error.value) and str(tmp_path) in str(error.value)


def test_why_nothing_is_labelled_is_said(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]},v", *(f"{line},0" for line in lines[1:])]))
    with pytest.raises(UserError, match=r"none of its 3 samples has a labelled joint.*visible 0.*taken for missing"):
        open_labeled(path)
