from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.config import resolve
from semipose.data.discover import look
from semipose.data.open import holds_labels, open_all, open_labeled, open_unlabeled
from semipose.errors import UserError
from semipose.skeleton import COCO
from tests.fixtures.projects import SIZE, picture, xy

HEAD = {"path": ".", "train": "images/train", "val": "images/val", "kpt_shape": [4, 3], "flip_idx": [0, 2, 1, 3]}


def line(i: int, marks: tuple[int, ...] = (2, 1, 0, 2), kind: int = 0) -> str:
    """A label of image i: its box and four points in shares of the image."""
    high, wide = SIZE
    cells = [0.5, 0.5, 0.25, 0.5]
    for k, v in enumerate(marks):
        x, y = xy(i, k)
        cells += [x / wide, y / high, v]
    return " ".join(map(str, [kind, *cells]))


def yolo(folder: Path, count: int = 3, **changes: object) -> Path:
    for part, n in (("train", count), ("val", 2)):
        for i in range(n):
            picture(folder / "images" / part / f"{i}.jpg", i + 10 * (part == "val"))
            label = folder / "labels" / part / f"{i}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(line(i) + "\n")
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({**HEAD, "names": {0: "mouse"}, **changes}))
    return path


def test_points_boxes_and_pairs(tmp_path: Path) -> None:
    path = yolo(tmp_path)
    data = open_labeled(path)
    assert len(data) == 3 and data.skeleton is not None and data.skeleton.pairs == ((1, 2),)
    assert data.skeleton.joints == ("point_1", "point_2", "point_3", "point_4") and data.skeleton.name == "mouse"
    points = data[1].keypoints
    assert points is not None and points[:, 2].tolist() == [2, 1, 0, 2]
    assert np.allclose(points[[0, 1, 3], :2], [xy(1, k) for k in (0, 1, 3)], atol=1e-4)
    assert data[0].box == (24, 12, 16, 24), "of 48 x 64 pixels"
    assert [Path(s.image).parent.name for s in open_labeled(f"{path}#val")] == ["val", "val"]
    assert any("3 labels with x and y have visible 0" in remark for remark in data.remarks)
    assert all(s.keypoints is None for s in open_unlabeled(path))
    assert holds_labels(path) and not holds_labels(tmp_path / "none.yaml")


@pytest.mark.parametrize("entry", ["images/train", "../images/train", ["images/train"], "train.txt", "./images/train/"])
def test_a_part_is_a_folder_a_list_or_a_file_of_paths(tmp_path: Path, entry: object) -> None:
    path = yolo(tmp_path, 2, train=entry)
    (tmp_path / "train.txt").write_text("./images/train/0.jpg\nimages/train/1.jpg\n")
    assert [Path(s.image).stem for s in open_labeled(path)] == ["0", "1"]


def test_the_layout_of_roboflow(tmp_path: Path) -> None:
    """A folder a part with images and labels in it, named from a folder that is not there."""
    path = yolo(tmp_path, train="../train/images", val="../valid/images", path="../datasets/mice")
    for part, name in (("train", "train"), ("val", "valid")):
        for kind in ("images", "labels"):
            shutil.move(tmp_path / kind / part, tmp_path / name / kind)
    assert (len(open_labeled(path)), len(open_labeled(f"{path}#val"))) == (3, 2)


@pytest.mark.parametrize("root", ["/content/mouse", "D:\\data\\mouse", "C:/Users/Me/mouse"])
def test_a_path_of_another_machine_is_found_by_its_last_folders(tmp_path: Path, root: str) -> None:
    path = yolo(tmp_path, path=None, train=f"{root}/images/train", val=f"{root}/images/val")
    assert (len(open_labeled(path)), len(open_labeled(f"{path}#val"))) == (3, 2)
    path = yolo(tmp_path, path=None, val="photos/val")  # of this one: no other folder is meant
    with pytest.raises(UserError, match="which is not in"):
        open_labeled(f"{path}#val")


def test_names_of_points_and_of_classes(tmp_path: Path) -> None:
    names = ["nose", "left_ear", "right_ear", "tail"]
    path = yolo(tmp_path, kpt_names={0: names}, flip_idx=None, names=["mouse", "rat"])
    (tmp_path / "labels/train/0.txt").write_text(line(0) + "\n" + line(1, kind=1) + "\n")
    data = open_labeled(path)
    assert data.skeleton is not None and data.skeleton.joints == tuple(names) and data.skeleton.pairs == ((1, 2),)
    yolo(tmp_path / "b", node_names=names, flip_idx=[0, 1, 2, 3], skeleton=[[0, 1], [0, 9], "a"])
    sleap = open_labeled(tmp_path / "b" / "data.yaml").skeleton
    assert sleap is not None and (sleap.joints, sleap.pairs, sleap.limbs) == (tuple(names), ((1, 2),), ((0, 1),))
    yolo(tmp_path / "c", flip_idx=[])
    nameless = open_labeled(tmp_path / "c" / "data.yaml").skeleton
    assert nameless is not None and (nameless.joints[0], nameless.pairs) == ("point_1", ()), "an empty one is none"
    for said in (None, [], {"0": "mouse"}):
        assert len(open_labeled(yolo(tmp_path / "d", names=said))) == 3
    assert len(data) == 4 and [len(open_labeled(path, category=c)) for c in ("mouse", "rat", 1)] == [3, 1, 1]
    with pytest.raises(UserError, match="no class 'hen'; it has mouse, rat"):
        open_labeled(path, category="hen")


def test_points_of_classes_that_are_called_otherwise(tmp_path: Path) -> None:
    theirs = {0: ["nose", "left_ear", "right_ear", "tail"], 1: ["beak", "left_wing", "right_wing", "tail"]}
    path = yolo(tmp_path, kpt_names=theirs, names=["mouse", "hen"])
    (tmp_path / "labels/train/0.txt").write_text(line(0, kind=1) + "\n")
    with pytest.raises(UserError, match="kpt_names differ from class to class; choose one of mouse, hen"):
        open_labeled(path)
    for key, kind in enumerate(("mouse", "hen")):
        skeleton = open_labeled(path, category=kind).skeleton
        assert skeleton is not None and skeleton.joints == tuple(theirs[key])


@pytest.mark.parametrize(
    ("changes", "are"),
    [({"names": ["Person"]}, True), ({"names": ["horse"]}, False), ({"names": ["horse"], "flip_idx": []}, False)],
)
def test_seventeen_points_are_coco_s_of_people_alone(tmp_path: Path, changes: dict, are: bool) -> None:
    """A horse's are others, and mirrored pictures would exchange the wrong ones."""
    path = yolo(tmp_path, 1, kpt_shape=[17, 2], **{"flip_idx": None, **changes})
    (tmp_path / "labels/train/0.txt").write_text(" ".join(["0 .5 .5 1 1", *["0.25 0.5"] * 17]))
    data = open_labeled(path)
    assert data.skeleton is not None and (data.skeleton == COCO) == are and (data.skeleton.pairs == ()) != are
    assert any("nothing says that the 17 points of horse are COCO's" in remark for remark in data.remarks) != are


def test_seventeen_points_are_coco_s(tmp_path: Path) -> None:
    path = yolo(tmp_path, 1, kpt_shape=[17, 2], flip_idx=list(COCO.flip))
    (tmp_path / "labels/train/0.txt").write_text(" ".join(["0 .5 .5 1 1", *["0.25 0.5"] * 16, "0 0"]))
    data = open_labeled(path)
    assert data.skeleton == COCO and data[0].keypoints is not None
    assert data[0].keypoints[0].tolist() == [16, 24, 2] and data[0].keypoints[16, 2] == 0, "(0, 0) is unlabelled"


FAULTS = {
    "too few numbers": ("labels/train/0.txt", "0 .5 .5 1 1 .2 .3 2", r"0\.txt, line 1 is .* where 17 numbers"),
    "pixels": ("labels/train/0.txt", line(0).replace("0.5 0.5 0.25 0.5", "20 20 9 9"), "is it in pixels"),
    "visibility": ("labels/train/0.txt", line(0, (2, 1, 3, 2)), "point of visibility 3"),
    "class": ("labels/train/0.txt", f"9{line(0)[1:]}", r"0\.txt, line 1 is of class 9"),
    "not numbers": ("labels/train/0.txt", line(0).replace("0.5", "a", 1), "0.txt, line 1"),
    "no YAML": ("data.yaml", yaml.safe_dump(HEAD) + "names: [", r"data\.yaml is not YAML"),
    "shape": ("data.yaml", yaml.safe_dump({**HEAD, "kpt_shape": 4}), "kpt_shape is 4"),
    "pairs": ("data.yaml", yaml.safe_dump({**HEAD, "flip_idx": [1, 2, 0, 3]}), "does not exchange points in pairs"),
    "too few pairs": ("data.yaml", yaml.safe_dump({**HEAD, "flip_idx": [0]}), "has to be an order of 4 points"),
    "pairs in quotes": (
        "data.yaml",
        yaml.safe_dump({**HEAD, "flip_idx": ["0", "2", "1", "3"]}),
        r"yaml: flip_idx is \['0', .*\]; it has to be an order of 4 points, each number from 0 to 3 once",
    ),
    "no part": ("data.yaml", yaml.safe_dump({"kpt_shape": [4, 3], "val": "images/val"}), "has no train; it has val"),
    "gone": ("data.yaml", yaml.safe_dump({**HEAD, "train": "images/none"}), "'images/none', which is not in"),
    "outside": ("data.yaml", yaml.safe_dump({**HEAD, "train": "/"}), "outside the folder .* data.outside=true"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_sentence(tmp_path: Path, fault: str) -> None:
    path = yolo(tmp_path)
    name, text, says = FAULTS[fault]
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=says):
        open_all(path)


def test_a_yaml_in_another_code_is_named(tmp_path: Path) -> None:
    path = yolo(tmp_path)
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(UserError, match=r"data\.yaml is not YAML in UTF-8"):
        open_all(path)


def test_deleted_images_and_links_to_nothing_are_left_out(tmp_path: Path) -> None:
    path = yolo(tmp_path)
    (tmp_path / "images/train/0.jpg").unlink()
    (tmp_path / "images/train/0.jpg").symlink_to("nowhere.jpg")
    data = open_labeled(path)
    assert len(data) == 2 and "left out: 1 of the 3 images" in data.remarks[0]
    (tmp_path / "train.txt").write_text("images/train/0.jpg\nimages/train/9.jpg\nimages/train/1.jpg\n")
    path.write_text(path.read_text().replace("images/train", "train.txt"))
    data = open_labeled(path)
    assert len(data) == 1 and "left out: 2 of the 3 images" in data.remarks[0]


def test_init_keeps_its_validation_and_leaves_test_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = yolo(tmp_path, test="images/test")
    picture(tmp_path / "images/test/9.jpg", 99)
    (tmp_path / "labels/test").mkdir()
    (tmp_path / "labels/test/9.txt").write_text(line(0))
    inside = look(tmp_path)
    assert inside.labeled == [(path, None)] and inside.val == [(Path(f"{path}#val"), None)]
    assert {Path(image).parent.name for image in inside.apart} == {"val", "test"}
    (tmp_path / "mine.yaml").write_text("data: {labeled: data.yaml, val: data.yaml#val}")
    monkeypatch.chdir(tmp_path.parent)
    assert resolve.read_yaml(tmp_path / "mine.yaml")["data"]["val"] == f"{path}#val"


def test_a_label_file_of_two_images_is_named(tmp_path: Path) -> None:
    path = yolo(tmp_path)
    assert not any("several images" in remark for remark in open_labeled(path).remarks)
    picture(tmp_path / "images/train/1.png", 5)
    said = [remark for remark in open_labeled(path).remarks if "several images" in remark]
    assert len(said) == 1 and "1 label files" in said[0]
    assert "images/train/1.jpg and images/train/1.png" in said[0]


def test_a_line_that_is_there_twice_is_one_body(tmp_path: Path) -> None:
    path = yolo(tmp_path)
    for i, text in enumerate((f"{line(0)}\n{line(0)}\n", f"{line(1)}\n{line(2)}\n")):
        (tmp_path / f"labels/train/{i}.txt").write_text(text)
    data = open_labeled(path)
    assert [Path(s.image).stem for s in data] == ["0", "1", "1", "2"]
    assert any("left out: 1 bodies" in remark and "twice, joint for joint" in remark for remark in data.remarks)
