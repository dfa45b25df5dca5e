"""COCO files, of which what is not understood stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semipose.browser.coco import CocoStore, begin
from semipose.browser.stores import Body, bodies_from, key_of, version_of
from semipose.errors import UserError
from tests.browser.test_stores import POINTS, coco
from tests.fixtures.projects import JOINTS, picture


def store(folder: Path) -> CocoStore:
    return CocoStore(folder / "labels.json", folder / "lock", folder / "images")


def test_bodies_are_annotations_and_other_fields_stay(tmp_path: Path) -> None:
    coco(tmp_path)
    before = json.loads((tmp_path / "labels.json").read_text())
    one = store(tmp_path)
    image = key_of(str(tmp_path / "images" / "0.png"))
    bodies = one.get(image)
    assert [body.key for body in bodies] == [10, 11]
    saved = one.put(image, [Body.of(POINTS, 10), bodies[1], Body.of(POINTS + [[1, 0, 0]] * 4)], version_of(bodies))
    after = json.loads((tmp_path / "labels.json").read_text())
    assert [body.key for body in saved] == [10, 11, 100]
    assert after["info"] == before["info"] and after["images"] == before["images"]
    assert after["categories"] == before["categories"]
    assert [row for row in after["annotations"] if row["id"] not in (10, 100)] == before["annotations"][1:]
    changed = after["annotations"][0]
    assert {key: changed[key] for key in ("area", "segmentation", "mine")} == {
        key: before["annotations"][0][key] for key in ("area", "segmentation", "mine")
    }
    assert changed["num_keypoints"] == 3 and changed["keypoints"][:6] == [1.25, 2.5, 2, 0, 0, 0]
    x, y, w, h = changed["bbox"]
    assert x <= 1 and y <= 1 and x + w >= 60.125 and y + h >= 41  # it grew
    assert (tmp_path / "labels.json").read_text().startswith('{\n  "info"')


def test_a_body_is_removed_and_a_crowd_is_not(tmp_path: Path) -> None:
    coco(tmp_path)
    one = store(tmp_path)
    image = key_of(str(tmp_path / "images" / "1.png"))
    assert len(one.get(image)) == 1
    assert one.put(image, [], version_of(one.get(image))) == []
    rows = json.loads((tmp_path / "labels.json").read_text())["annotations"]
    assert [row["id"] for row in rows] == [10, 11, 99]
    with pytest.raises(UserError, match="gone"):
        one.put(image, [Body.of(POINTS, 12)], version_of([]))


def test_label_studio_counts_from_the_edge(tmp_path: Path) -> None:
    coco(tmp_path)
    file = tmp_path / "labels.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "info": {"contributor": "Label Studio"}}))
    one, image = store(tmp_path), key_of(str(tmp_path / "images" / "1.png"))
    body = one.get(image)[0]
    assert body.points[0][:2] == tuple(v - 0.5 for v in document["annotations"][2]["keypoints"][:2])
    one.put(image, [Body.of(POINTS, body.key)], version_of([body]))
    assert json.loads(file.read_text())["annotations"][2]["keypoints"][:2] == [1.75, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"categories": [{"id": 1, "name": "a", "keypoints": ["x"]}, {"id": 2, "name": "b", "keypoints": ["y"]}]},
        {"categories": [{"id": 1, "name": "a"}]},
        {"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "foot_kpts": []}]},
        {"images": 3},
    ],
)
def test_what_cannot_be_written_is_said(change: dict[str, object], tmp_path: Path) -> None:
    coco(tmp_path)
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(UserError):
        store(tmp_path)


def test_a_file_of_one_s_own(tmp_path: Path) -> None:
    begin(tmp_path / "labels.json", JOINTS, [(0, 3)])
    with pytest.raises(UserError, match="there already"):
        begin(tmp_path / "labels.json", JOINTS)
    with pytest.raises(UserError, match="more than once"):
        begin(tmp_path / "other.json", ["a", "a"])
    one = CocoStore(tmp_path / "labels.json", tmp_path / "lock")
    assert one.skeleton.joints == JOINTS and one.skeleton.limbs == ((0, 3),) and one.labeled() == set()
    image = key_of(str(picture(tmp_path / "images" / "a.png")))
    one.put(image, [Body.of(POINTS), Body.of(np.zeros((4, 3)))], version_of([]))
    assert one.labeled() == {image} and len(one.get(image)) == 1


def test_two_annotations_of_one_id_are_refused(tmp_path: Path) -> None:
    """Files of two people, joined by hand: a change of one would be one of both."""
    coco(tmp_path)
    path = tmp_path / "labels.json"
    document = json.loads(path.read_text())
    document["annotations"] += [{**document["annotations"][0], "image_id": document["images"][-1]["id"]}]
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"annotation id .* occurs more than once"):
        store(tmp_path)


def test_joints_that_nobody_touched_keep_their_numbers(tmp_path: Path) -> None:
    """A place may stand beside a visibility of 0, and places may have more digits than the page's."""
    coco(tmp_path)
    file = tmp_path / "labels.json"
    document = json.loads(file.read_text())
    row = document["annotations"][0]
    row["keypoints"] = [10, 20, 2, 50.5, 60.5, 0, *[1.23456, 7.5, 1], *row["keypoints"][9:]]
    file.write_text(json.dumps(document))
    one, image = store(tmp_path), key_of(str(tmp_path / "images" / "0.png"))
    bodies = one.get(image)
    page = bodies_from([{"key": body.key, "points": body.points} for body in bodies], len(JOINTS))
    bodies = one.put(image, [*page[:1], Body.of(POINTS, 11)], version_of(bodies))
    assert json.loads(file.read_text())["annotations"][0] == row
    points = page[0].array
    points[0] = [11, 21, 2]
    one.put(image, [Body.of(points, 10), bodies[1]], version_of(bodies))
    after = json.loads(file.read_text())["annotations"][0]["keypoints"]
    assert after[:3] == [11, 21, 2] and after[3:] == row["keypoints"][3:]


@pytest.mark.parametrize("box", ["text", [1, 2, 3], [1, None, 3, 4], {"x": 1}])
def test_a_box_that_is_none_is_a_sentence(box: object, tmp_path: Path) -> None:
    coco(tmp_path)
    file = tmp_path / "labels.json"
    document = json.loads(file.read_text())
    document["annotations"][0]["bbox"] = box
    file.write_text(json.dumps(document))
    before = file.read_text()
    one, image = store(tmp_path), key_of(str(tmp_path / "images" / "0.png"))
    bodies = one.get(image)
    with pytest.raises(UserError, match=r"labels\.json: annotation 10 has bbox .*, expected four numbers"):
        one.put(image, [Body.of(POINTS, 10), *bodies[1:]], version_of(bodies))
    assert file.read_text() == before
