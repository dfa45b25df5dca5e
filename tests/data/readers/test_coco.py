from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from semipose.data.extent import label_box
from semipose.data.images import image_size
from semipose.data.open import holds_labels
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.coco import read_coco
from semipose.errors import UserError
from semipose.skeleton import COCO, Skeleton
from tests.fixtures.shared import shared_data

DOCUMENT = {
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
    "categories": [
        {"id": 7, "name": "fox", "keypoints": ["nose", "left_ear", "right_ear"], "skeleton": [[1, 2], [1, 3]]}
    ],
    "annotations": [
        {
            "id": 10,
            "image_id": 1,
            "category_id": 7,
            "bbox": [1, 2, 30, 20],
            "keypoints": [5, 6, 2, 7, 8, 1, 0, 0, 0],
            "area": 99,
        },
        {"id": 11, "image_id": 1, "category_id": 7, "bbox": [3, 3, 9, 9], "keypoints": [0] * 9, "iscrowd": 0},
        {"id": 12, "image_id": 2, "category_id": 7, "bbox": [0, 0, 40, 30], "keypoints": [1, 1, 2] * 3, "iscrowd": 1},
    ],
}


def written(folder: Path, document: object) -> Path:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.zeros((30, 40, 3), np.uint8))
    path = folder / "data.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_reads_any_category(tmp_path: Path) -> None:
    data = read_coco(written(tmp_path, DOCUMENT))
    assert data.skeleton == Skeleton("fox", ("nose", "left_ear", "right_ear"), ((1, 2),), ((0, 1), (0, 2)))
    assert data.ids == ("a.png#10", "a.png#11", "b.png#12")
    first = data[0]
    assert first.keypoints is not None
    assert first.keypoints.tolist() == [[5, 6, 2], [7, 8, 1], [0, 0, 0]]
    assert (first.box, first.area, first.image_id, first.annotation_id) == ((1, 2, 30, 20), 99, 1, 10)
    assert first.image == str((tmp_path / "a.png").resolve())
    assert data[1].keypoints is None and data[2].iscrowd
    assert data.labeled().ids == ("a.png#10",)


def test_nan_and_null_joints_are_unlabelled(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["annotations"][0]["keypoints"] = [float("nan"), 6, 2, 7, None, 2, 4, 5, 2]  # type: ignore[index]
    points = read_coco(written(tmp_path, document))[0].keypoints
    assert points is not None
    assert points.tolist() == [[0, 0, 0], [0, 0, 0], [4, 5, 2]]


@pytest.mark.parametrize("box", [[9.98, 188.56, 5.54, 0.0], [3, 3, 0, 0]])
def test_an_unlabelled_box_of_no_area_is_passed_over(tmp_path: Path, box: list[float]) -> None:
    """As annotation 2206849 of COCO's train2017, which may not stop the whole file from being read."""
    document = copy.deepcopy(DOCUMENT)
    document["annotations"][1]["bbox"] = box  # type: ignore[index]
    path = written(tmp_path, document)
    assert read_coco(path).ids == ("a.png#10", "b.png#12") and len(read_boxes(path)) == 1
    document["annotations"][1]["bbox"] = [3, 3, 4, -2]  # type: ignore[index]
    data = read_coco(written(tmp_path, document))
    assert data.ids == ("a.png#10", "b.png#12")
    assert data.remarks == ("left out: 1 annotations of data.json with neither a box nor labels, first 11",)


@pytest.mark.parametrize("box", [None, [], [1, 2, 0, 4], [1, 2, 3, -4], [1, float("nan"), 3, 4], [0, 0, 0, 0]], ids=str)
def test_without_a_box_it_is_the_extent_of_the_labels(tmp_path: Path, box: list[float] | None) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["annotations"][0].update(bbox=box)  # type: ignore[index]
    data = read_coco(written(tmp_path, document))
    points = data[0].keypoints
    assert points is not None and data[0].box == label_box(points, image_size(data[0].image))
    assert data[1].box == read_coco(written(tmp_path, DOCUMENT))[1].box
    assert data.remarks and "(ids 10): theirs is the extent of their labels" in data.remarks[0]
    document["annotations"][0].pop("bbox")  # type: ignore[index]
    assert read_coco(written(tmp_path, document))[0].box == data[0].box


def test_without_any_box_the_unlabelled_images_are_whole(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    for row in document["annotations"]:
        row.pop("bbox")  # type: ignore[attr-defined]
    data = read_boxes(written(tmp_path, document))
    assert [s.box for s in data] == [(0, 0, *map(float, image_size(s.image)[::-1])) for s in data] and len(data) == 2


def test_a_missing_image_is_left_out_and_named(tmp_path: Path) -> None:
    path = written(tmp_path, DOCUMENT)
    (tmp_path / "b.png").unlink()
    data = read_coco(path)
    assert {s.image_id for s in data} == {1} and "left out: 1 of the 2 images" in data.remarks[-1]
    assert str(tmp_path / "b.png") in data.remarks[-1]


def test_label_studio_s_export_counts_from_the_edge(tmp_path: Path) -> None:
    plain = read_coco(written(tmp_path, DOCUMENT))
    data = read_coco(written(tmp_path, {**DOCUMENT, "info": {"contributor": "Label Studio"}}))
    for a, b in zip(plain, data, strict=True):
        if a.keypoints is not None and b.keypoints is not None:
            seen = a.keypoints[:, 2] > 0
            assert np.array_equal(b.keypoints[seen, :2], a.keypoints[seen, :2] - 0.5) and not b.keypoints[~seen].any()


def test_a_byte_order_mark_is_no_sign_of_another_format(tmp_path: Path) -> None:
    path = written(tmp_path, DOCUMENT)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert holds_labels(path) and len(read_coco(path)) == 3


def test_places_that_are_not_visible_are_said(tmp_path: Path) -> None:
    document: Any = copy.deepcopy(DOCUMENT)
    document["annotations"][0]["keypoints"] = [5, 6, 0, 7, 8, None, 9, 9, 2]
    data = read_coco(written(tmp_path, document))
    assert data[0].keypoints is not None and data[0].keypoints[:, 2].tolist() == [0, 0, 2]
    assert any("2 labels with x and y have visible 0" in remark for remark in data.remarks)
    document["annotations"][0]["keypoints"] = [0, 0, 0, -1, -1, 0, 9, 9, 2]
    assert not read_coco(written(tmp_path, document)).remarks


@pytest.mark.parametrize(("stated", "size"), [((60, 80), (60, 80)), ((60.0, "80"), (60, 80)), ((60.5, 80), None)])
def test_sizes_are_read_however_they_are_written(tmp_path: Path, stated: tuple, size: tuple | None) -> None:
    document: Any = copy.deepcopy(DOCUMENT)
    document["images"][0].update(zip(("height", "width"), stated, strict=True))
    assert read_coco(written(tmp_path, document))[0].size == size


Edit = Callable[[dict], object]
MALFORMED: list[tuple[str, Edit | str, str]] = [
    ("not json", "{", "not JSON"),
    ("a list", "[]", "not a list"),
    ("no annotations", lambda d: d.pop("annotations"), "'annotations'"),
    ("annotations no objects", lambda d: d["annotations"].append(3), "'annotations'"),
    ("no images", lambda d: d["images"].clear(), "'images' is empty"),
    ("image without id", lambda d: d["images"][1].pop("id"), "images entry 1 has no 'id'"),
    ("image without name", lambda d: d["images"][1].pop("file_name"), "image 2 has no 'file_name'"),
    ("image id twice", lambda d: d["images"][1].update(id=1), "image id 1 occurs more than once"),
    ("annotation id twice", lambda d: d["annotations"][1].update(id=10), "annotation id 10 occurs more than once"),
    ("annotation without id", lambda d: d["annotations"][1].pop("id"), "no 'id'"),
    ("annotation without image", lambda d: d["annotations"][0].pop("image_id"), "annotation 10 has no 'image_id'"),
    ("unknown image", lambda d: d["annotations"][0].update(image_id=77), "annotation 10 is of image_id 77"),
    ("unknown category", lambda d: d["annotations"][0].update(category_id=77), "annotation 10 has category_id 77"),
    (
        "file name twice",
        lambda d: d["images"][1].update(file_name=d["images"][0]["file_name"]),
        "occurs more than once",
    ),
    ("category that is a list", lambda d: d["annotations"][0].update(category_id=[7]), "annotation 10 has category_id"),
    ("huge bbox", lambda d: d["annotations"][0].update(bbox=[1, 2, 10**400, 3]), "annotation 10 has bbox"),
    (
        "one file by two names",
        lambda d: d["images"][1].update(file_name=".\\A.PNG"),
        "images 1 and 2 are one file",
    ),
    ("bbox of three", lambda d: d["annotations"][0].update(bbox=[1, 2, 3]), "annotation 10 has bbox"),
    (
        "wrong length",
        lambda d: d["annotations"][0].update(keypoints=[1] * 12),
        "annotation 10 has 12 keypoint values, its 3",
    ),
    ("text joints", lambda d: d["annotations"][0].update(keypoints=["x"] * 9), "annotation 10"),
    (
        "visibility 3",
        lambda d: d["annotations"][0].update(keypoints=[1, 1, 3] * 3),
        "annotation 10 has a joint of visib",
    ),
    ("absolute path", lambda d: d["images"][0].update(file_name="/etc/passwd"), "'/etc/passwd'"),
    ("path out", lambda d: d["images"][0].update(file_name="../../secret.png"), "'../../secret.png'"),
    ("windows path out", lambda d: d["images"][0].update(file_name="..\\secret.png"), "leads out"),
    ("joints named twice", lambda d: d["categories"][0].update(keypoints=["a", "a", "b"]), "more than once"),
    ("no joints", lambda d: d["categories"][0].pop("keypoints"), "no category has keypoints"),
    (
        "category id twice",
        lambda d: d["categories"].append({"id": 7, "name": "hen"}),
        "category id 7 occurs more than once",
    ),
    ("joints differ", lambda d: d["categories"].append({"id": 8, "name": "hen", "keypoints": ["beak"]}), "fox, hen"),
    (
        "no file",
        lambda d: [image.update(file_name=f"{image['id']}.jpg") for image in d["images"]],
        "none of the 2 images",
    ),
]


@pytest.mark.parametrize(("edit", "says"), [pytest.param(*case[1:], id=case[0]) for case in MALFORMED])
def test_malformed_input_is_one_line_that_says_where(tmp_path: Path, edit: Edit | str, says: str) -> None:
    document: object = edit
    if not isinstance(edit, str):
        document = copy.deepcopy(DOCUMENT)
        edit(document)  # type: ignore[arg-type]
    path = written(tmp_path, document)
    with pytest.raises(UserError) as error:
        read_coco(path)
    assert says in str(error.value) and str(path.parent) in str(error.value) and "\n" not in str(error.value)


def test_a_category_can_be_chosen_and_a_skeleton_given(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["categories"].append({"id": 8, "name": "hen", "keypoints": ["beak"]})
    document["annotations"].append(
        {"id": 13, "image_id": 2, "category_id": 8, "bbox": [0, 0, 4, 4], "keypoints": [1, 2, 2]}
    )
    path = written(tmp_path, document)
    assert read_coco(path, category="hen").ids == ("b.png#13",)
    assert len(read_coco(path, category=7)) == 3
    with pytest.raises(UserError, match="fox, hen"):
        read_coco(path, category="cow")
    del document["categories"][0]["keypoints"], document["categories"][1:], document["annotations"][3:]
    given = Skeleton("given", ("x", "y", "z"))
    assert read_coco(written(tmp_path, document), skeleton=given).skeleton == given


def test_two_files_of_one_name_are_not_guessed_between(tmp_path: Path) -> None:
    path = written(tmp_path, DOCUMENT)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(tmp_path / "a.png", tmp_path / folder)
    (tmp_path / "a.png").unlink()
    with pytest.raises(UserError, match="2 folders"):
        read_coco(path)


@pytest.mark.parametrize(
    ("file", "joints", "samples", "labeled", "limbs"),
    [
        ("coco/test_coco.json", 17, 14, 12, 19),
        ("ap10k/test_ap10k.json", 17, 2, 2, 17),
        ("crowdpose/test_crowdpose.json", 14, 5, 4, 0),
        ("h36m/h36m_coco.json", 17, 4, 4, 16),
        ("aic/test_aic.json", 14, 9, 9, 14),
    ],
)
def test_real_files(file: str, joints: int, samples: int, labeled: int, limbs: int) -> None:
    data = read_coco(shared_data("formats", *file.split("/")))
    assert data.skeleton is not None
    assert (len(data.skeleton), len(data), len(data.labeled())) == (joints, samples, labeled)
    assert len(data.skeleton.limbs) == limbs, "CrowdPose's file has COCO's limbs, which its 14 joints do not fit"
    for sample in data.labeled():
        h, w = image_size(sample.image)
        assert sample.keypoints is not None
        seen = sample.keypoints[sample.keypoints[:, 2] > 0, :2]
        assert (seen >= -1).all() and (seen <= (w, h)).all()


def test_coco_keeps_its_published_sigmas() -> None:
    data = read_coco(shared_data("formats", "coco", "test_coco.json"))
    assert data.skeleton is not None
    assert data.skeleton.sigmas == COCO.sigmas and data.skeleton.pairs == COCO.pairs


def test_an_area_of_0_is_none(tmp_path: Path) -> None:
    """As tools write that know none; OKS would divide by it."""
    document = copy.deepcopy(DOCUMENT)
    document["annotations"][0]["area"] = 0  # type: ignore[index]
    assert read_coco(written(tmp_path, document))[0].area is None


def test_areas_that_are_no_body_s_are_said_or_refused(tmp_path: Path) -> None:
    document: Any = copy.deepcopy(DOCUMENT)
    first, _, crowd = document["annotations"]
    crowd["area"] = 5000  # its box has 1200 square pixels
    for area in (600, 890, 1):  # the box's own, a rounded one, and a body that is hardly seen
        first["area"] = area
        assert not read_coco(written(tmp_path, document)).remarks
    for area in (910, 1e-9):
        first["area"] = area
        (remark,) = read_coco(written(tmp_path, document)).remarks
        assert f"1 of 3 annotations have an area that does not fit their box (ids 10: {area:g})" in remark
    document["images"][0] |= {"height": 30, "width": 40}
    first["area"] = 1e11
    with pytest.raises(UserError, match=r"annotation 10 has area 1e\+11, larger than its box and its picture; mend it"):
        read_coco(written(tmp_path, document))


def test_one_picture_by_two_names_is_refused(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    first = document["images"][0]  # type: ignore[index]
    document["images"].append({**first, "id": 99, "file_name": f"./{first['file_name']}"})  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"file_name .* occurs more than once"):
        read_coco(written(tmp_path, document))


def test_an_annotation_that_is_there_twice_is_one_body(tmp_path: Path) -> None:
    """Of another box, or without joints, it may be another one."""
    document: Any = copy.deepcopy(DOCUMENT)
    first = document["annotations"][0]
    document["annotations"] += [{**first, "id": 20}, {**first, "id": 21, "bbox": [1, 2, 31, 20]}]
    document["annotations"].append({**document["annotations"][1], "id": 22})
    data = read_coco(written(tmp_path, document))
    assert [s.annotation_id for s in data] == [10, 11, 12, 21, 22]
    assert any("left out: 1 bodies" in remark for remark in data.remarks)
