from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semipose.data.open import holds_labels, open_all, open_labeled
from semipose.errors import UserError
from tests.fixtures.projects import JOINTS, SIZE, picture, xy

URLS = (
    "/data/local-files/?d=mice/images/{}",
    "/data/upload/3/0a1b2c3d-{}",
    "s3://bucket/some/images/{}",
    "https://host.org/images/{}?token=a",
    "images\\{}",
    "{}",
)
WHOLE = {"original_width": SIZE[1], "original_height": SIZE[0], "image_rotation": 0}


def point(i: int, k: int, **more: Any) -> dict[str, Any]:
    x, y = xy(i, k)
    value = {
        "x": 100 * (x + 0.5) / SIZE[1],
        "y": 100 * (y + 0.5) / SIZE[0],
        "width": 0.5,
        "keypointlabels": [JOINTS[k]],
    }
    return {"id": f"p{i}{k}", "type": "keypointlabels", "value": value, **WHOLE, **more}


def box(name: str, x: float = 10, y: float = 20, w: float = 50, h: float = 40, label: str = "mouse") -> dict[str, Any]:
    value = {"x": x, "y": y, "width": w, "height": h, "rotation": 0, "rectanglelabels": [label]}
    return {"id": name, "type": "rectanglelabels", "value": value, **WHOLE}


def task(i: int, results: list[dict[str, Any]], url: str = "{}", **more: Any) -> dict[str, Any]:
    made = [{"id": 5, "result": results}]
    return {"id": i, "data": {"image": url.format(f"{i}.png")}, "annotations": made} | more


def export(folder: Path, tasks: list[dict[str, Any]], pictures: int = 2) -> Path:
    for i in range(pictures):
        picture(folder / "images" / f"{i}.png", i)
    path = folder / "project-1.json"
    path.write_text(json.dumps(tasks))
    return path


def full(i: int, **more: Any) -> list[dict[str, Any]]:
    return [point(i, k, **more) for k in range(4)]


@pytest.mark.parametrize("url", URLS)
def test_images_are_found_by_what_is_left_of_their_address(tmp_path: Path, url: str) -> None:
    path = export(tmp_path, [task(i, full(i), url) for i in range(2)])
    data = open_labeled(path)
    assert holds_labels(path) and [Path(s.image) for s in data] == [tmp_path / f"images/{i}.png" for i in range(2)]
    assert data.skeleton is not None and data.skeleton.joints == JOINTS and data[0].box == (0, 0, 64, 48)
    assert data[1].keypoints is not None and (data[1].keypoints[:, 2] == 2).all()
    assert np.allclose(data[1].keypoints[:, :2], [xy(1, k) for k in range(4)], atol=1e-3)


def test_json_min(tmp_path: Path) -> None:
    rows = [
        {
            "id": i,
            "img": f"/data/upload/1/{i}.png",
            "kp": [{**one["value"], **WHOLE} for one in full(i)],
            "annotator": 1,
        }
        for i in range(2)
    ]
    data = open_labeled(export(tmp_path, rows))
    assert len(data) == 2 and data[0].keypoints is not None
    assert np.allclose(data[0].keypoints[:, :2], [xy(0, k) for k in range(4)], atol=1e-3)


def test_what_sleap_io_writes_names_its_video_apart(tmp_path: Path) -> None:
    files = [f"/home/ann/mice/images/{i}.png" for i in range(2)]
    tasks = [task(i, full(i), meta={"video": {"filename": files, "frame_idx": i}}, data={}) for i in range(2)]
    assert [Path(s.image).name for s in open_labeled(export(tmp_path, tasks))] == ["0.png", "1.png"]


def related(a: str, b: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": a, "to_id": b, "direction": "right"}


TWO = {
    "parts": [box("a"), box("b", 60), *full(0, parentID="a"), *full(1, parentID="b")],
    "relations": [box("a"), box("b"), *full(0), *full(1), *(related(f"p0{k}", "a") for k in range(4)),
                  *(related("b", f"p1{k}") for k in range(4))],
    "around": [box("a", 5, 5, 60, 40), box("b", 5, 70, 60, 29), *full(0),
               *({**one, "value": {**one["value"], "y": 80 + k, "x": 20}} for k, one in enumerate(full(1)))],
    "ids of pick": [*({**one, "id": f"0-{k}"} for k, one in enumerate(full(0))),
                    *({**one, "id": f"1-{k}"} for k, one in enumerate(full(1)))],
}  # fmt: skip


@pytest.mark.parametrize("kind", TWO)
def test_whose_a_point_is(tmp_path: Path, kind: str) -> None:
    data = open_labeled(export(tmp_path, [task(0, TWO[kind])]))
    assert len(data) == 2 and all(s.keypoints is not None and (s.keypoints[:, 2] == 2).all() for s in data)
    if kind == "parts":
        assert data[0].box == pytest.approx((6.4, 9.6, 32, 19.2))


def test_points_of_no_animal_are_apart_where_the_others_have_rectangles(tmp_path: Path) -> None:
    """As DeepLabCut's unique body parts: a corner lies in a mouse's rectangle and is not the mouse's."""
    corner = point(0, 1)
    corner["value"] = {**corner["value"], "keypointlabels": ["corner"]}
    data = open_labeled(export(tmp_path, [task(0, [box("a", 0, 0, 99, 99), *full(0, parentID="a"), corner])]))
    assert len(data) == 2 and data.skeleton is not None
    marks = [s.keypoints[:, 2].tolist() for s in data if s.keypoints is not None]
    assert sorted(marks) == [[0, 0, 0, 0, 2], [2, 2, 2, 2, 0]]


def test_what_is_not_told_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"task 0 has points of one name twice.*draw a rectangle around each animal"):
        open_labeled(export(tmp_path, [task(0, [*full(0), *full(1)])]))


def test_choices_about_a_point_say_that_it_is_hidden(tmp_path: Path) -> None:
    hidden = {"id": "p01", "type": "choices", "value": {"choices": ["Occluded"]}}
    data = open_labeled(export(tmp_path, [task(0, [*full(0), hidden])]))
    assert data[0].keypoints is not None and data[0].keypoints[:, 2].tolist() == [2, 1, 2, 2]


def test_of_several_annotations_the_last_that_was_not_cancelled(tmp_path: Path) -> None:
    row = task(0, full(1))
    row["annotations"] += [{"result": full(0)}, {"result": full(1), "was_cancelled": True}]
    data = open_labeled(export(tmp_path, [row, task(1, [])]))
    assert len(data) == 1 and "1 tasks have several annotations" in data.remarks[0]
    assert data[0].keypoints is not None and np.allclose(data[0].keypoints[0, :2], xy(0, 0), atol=1e-3)
    row["annotations"][0]["ground_truth"] = True
    data = open_labeled(export(tmp_path, [row]))
    assert data[0].keypoints is not None and np.allclose(data[0].keypoints[0, :2], xy(1, 0), atol=1e-3)


def test_predictions_are_no_labels(tmp_path: Path) -> None:
    rows = [{"data": {"image": "0.png"}, "predictions": [{"result": full(0)}]}]
    with pytest.raises(UserError, match="predictions that nobody has corrected yet"):
        open_all(export(tmp_path, rows))


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        ([task(0, [point(0, 0, image_rotation=90)])], "was turned in Label Studio"),
        ([task(0, [{**point(0, 0), "value": {"x": "a", "y": 1, "keypointlabels": ["nose"]}}])], "a point "),
        ([task(0, [{**point(0, 0), "value": {"x": float("nan"), "y": 1, "keypointlabels": ["nose"]}}])], "a point "),
        ([task(0, [{**point(0, 0), "value": {"x": "1", "y": 1, "keypointlabels": ["nose"]}}])], "a point "),
        ([task(0, [{**point(0, 0), "value": {"x": 1, "y": 1, "keypointlabels": [3]}}])], "a point without a name"),
        ([{"id": 0, "data": {"text": "a"}, "annotations": [{"result": full(0)}]}], "task 0 names no image"),
        ([task(0, full(0)), task(1, full(0), "0.png")], "the image '0.png' occurs more than once"),
        ([task(7, full(0))], "1 of its 1 images do not exist"),
        ([task(0, [], keypointlabels=1), {"x": '"keypointlabels"'}], "no point that a person placed"),
    ],
)
def test_faults_name_the_task(tmp_path: Path, tasks: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(UserError, match=says):
        open_all(export(tmp_path, tasks))


def placed(key: str, label: str, x: float, y: float) -> dict[str, Any]:
    """A point in percent."""
    value = {"x": x, "y": y, "width": 0.5, "keypointlabels": [label]}
    return {"id": key, "type": "keypointlabels", "value": value, **WHOLE}


def test_a_point_beside_its_rectangle_is_of_the_one_that_lacks_it(tmp_path: Path) -> None:
    boxes = [box("a", 0, 0, 40, 40), box("b", 30, 30, 40, 40)]
    points = [placed("1", "nose", 5, 5), placed("2", "nose", 60, 60), placed("3", "tail", 10, 10)]
    inside_both, outside = placed("4", "tail", 35, 35), placed("5", "ear", 75, 60)
    data = open_labeled(export(tmp_path, [task(0, [*boxes, *points, inside_both, outside])]))
    joints = data.skeleton.joints if data.skeleton else ()
    seen = [{joint for joint, v in zip(joints, s.keypoints[:, 2], strict=True) if v} for s in data if s is not None]
    assert seen == [{"nose", "tail"}, {"nose", "tail", "ear"}] and not data.remarks
    third = placed("6", "nose", 75, 60)  # the nearest rectangle has one
    data = open_labeled(export(tmp_path / "b", [task(0, [*boxes, *points, inside_both, third])]))
    assert (
        len(data) == 2 and "1 points that are in no animal's rectangle, or in several, are left out" in data.remarks[0]
    )


@pytest.mark.parametrize(
    ("choices", "v"),
    [
        (["Not occluded"], 2),
        (["non-occluded"], 2),
        (["unoccluded"], 2),
        (["not visible"], 1),
        (["occluded"], 1),
        (["good", "Hidden"], 1),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_choices_say_of_a_joint(tmp_path: Path, choices: list[str], v: int, first: bool) -> None:
    said = {"id": "p01", "type": "choices", "value": {"choices": choices}}
    note = {"id": "p01", "type": "textarea", "value": {"text": ["a note"]}}
    results = [said, *full(0), note] if first else [*full(0), said, note]
    (sample,) = open_labeled(export(tmp_path, [task(0, results)]))
    assert sample.keypoints is not None and sample.keypoints[1, 2] == v


def test_sleap_io_means_the_middles_of_pixels_and_no_rectangle(tmp_path: Path) -> None:
    files = [f"/home/ann/mice/images/{i}.png" for i in range(2)]
    results = [placed("1", "nose", 100 * 1.5 / SIZE[1], 100 * 2.5 / SIZE[0]), box("a", 0, 0, 64, 48)]
    (sample,) = open_labeled(
        export(tmp_path, [task(0, results, meta={"video": {"filename": files, "frame_idx": 0}}, data={})])
    )
    assert sample.keypoints is not None and sample.keypoints[0].tolist() == [1.5, 2.5, 2]
    assert sample.box == (0, 0, SIZE[1], SIZE[0])
    two = [box("a"), box("b"), *full(0, parentID="a"), *full(1, parentID="b")]
    meta = {"video": {"filename": files, "frame_idx": 0}}
    assert len(open_labeled(export(tmp_path / "two", [task(0, two, meta=meta, data={})]))) == 2


def test_an_animal_far_from_all_rectangles_is_one_of_its_own(tmp_path: Path) -> None:
    mine = [box("a", 0, 0, 20, 20), placed("1", "nose", 5, 5)]
    theirs = [placed("2", "nose", 80, 80), placed("3", "tail", 90, 90)]
    data = open_labeled(export(tmp_path, [task(0, [*mine, *theirs])]))
    assert len(data) == 2 and not data.remarks
    marks = [s.keypoints[:, 2].tolist() for s in data if s.keypoints is not None]
    assert sorted(marks) == [[2, 0], [2, 2]]


def test_two_tasks_of_one_picture_are_refused(tmp_path: Path) -> None:
    tasks = [task(0, full(0), "s3://bucket/one/{}"), {**task(0, full(1), "s3://bucket/two/{}"), "id": 1}]
    with pytest.raises(UserError, match=r"task 1 and task 0 both find their picture at .*0\.png"):
        open_labeled(export(tmp_path, tasks))


def test_labels_on_two_pictures_of_a_task_are_refused(tmp_path: Path) -> None:
    results = [point(0, 0, to_name="top"), point(0, 1, to_name="side")]
    with pytest.raises(UserError, match=r"task 0 has labels on several pictures \(side, top\); make a task of each"):
        open_labeled(export(tmp_path, [task(0, results)]))
    several = [point(0, 0, to_name="image", item_index=0), point(0, 1, to_name="image", item_index=1)]
    with pytest.raises(UserError, match="several pictures"):
        open_labeled(export(tmp_path, [task(0, several)]))
    choice = {"id": "c", "type": "choices", "to_name": "text", "value": {"choices": ["good"]}}
    assert len(open_labeled(export(tmp_path, [task(0, [*full(0, to_name="image"), choice])]))) == 1


FOOD, CAGE = box("f", 7, 15, 5, 9, "food"), box("c", 0, 0, 100, 100, "cage")
MOUSE, TRAY = box("m", 5, 10, 60, 60), box("t", 6, 12, 20, 20, "tray")


@pytest.mark.parametrize("boxes", [[FOOD], [MOUSE, FOOD], [MOUSE, CAGE], [CAGE, FOOD, MOUSE], [MOUSE, TRAY]])
def test_rectangles_of_other_things_are_no_animals(tmp_path: Path, boxes: list[dict[str, Any]]) -> None:
    """Food that the animal touches, and the cage around it: the points are one animal's all the same."""
    data = open_labeled(export(tmp_path, [task(i, [*boxes, *full(0)]) for i in range(2)]))
    assert len(data) == 2 and all(s.keypoints is not None and (s.keypoints[:, 2] == 2).all() for s in data)
    names = ", ".join(name for name, one in (("'cage'", CAGE), ("'food'", FOOD), ("'tray'", TRAY)) if one in boxes)
    assert any(f"rectangles of {names} are no animal's" in remark for remark in data.remarks)


def test_rectangles_that_tell_two_animals_apart_are_kept_whatever_they_are_called(tmp_path: Path) -> None:
    low = [{**one, "value": {**one["value"], "y": 80 + k, "x": 20}} for k, one in enumerate(full(1))]
    for first, second in (("mouse", "mouse"), ("Ada", "Bo")):
        boxes = [box("a", 5, 5, 60, 40, first), box("b", 5, 70, 60, 29, second)]
        data = open_labeled(export(tmp_path, [task(0, [*boxes, *full(0), *low])]))
        assert len(data) == 2 and all(s.keypoints is not None and s.keypoints[:, 2].all() for s in data)
    around = [box("a", 0, 0, 100, 100, "mother"), box("b", 5, 70, 60, 29, "pup")]
    data = open_labeled(export(tmp_path, [task(0, [*around, *full(0), *low])]))
    assert len(data) == 2 and not any("passed over" in remark for remark in data.remarks)


def test_of_two_annotators_the_last_row_of_a_task_counts(tmp_path: Path) -> None:
    def row(i: int, by: int) -> dict[str, Any]:
        points = [{**one["value"], **WHOLE} for one in full(by)]
        return {"id": i, "img": f"/data/upload/1/{i}.png", "kp": points, "annotator": by, "annotation_id": 2 * i + by}

    data = open_labeled(export(tmp_path, [row(i, by) for i in range(2) for by in range(2)]))
    assert len(data) == 2 and any("2 tasks have several annotations" in remark for remark in data.remarks)
    assert data[0].keypoints is not None
    assert np.allclose(data[0].keypoints[:, :2], [xy(1, k) for k in range(4)], atol=1e-3)


def test_names_that_come_apart_from_their_points(tmp_path: Path) -> None:
    """As an interface of KeyPoint, Rectangle and Labels exports them."""
    results: list[dict[str, Any]] = []
    for one in (*full(0), box("b")):
        value = dict(one["value"])
        kind = next(key for key in ("keypointlabels", "rectanglelabels") if key in value)
        names = value.pop(kind)
        results.append({**one, "type": kind.removesuffix("labels"), "value": value})
        results.append({**one, "type": "labels", "value": {**value, "labels": names}})
    path = export(tmp_path, [task(0, results)])
    data = open_labeled(path)
    assert holds_labels(path) and len(data) == 1 and data.skeleton is not None and data.skeleton.joints == JOINTS
    assert data[0].keypoints is not None
    assert np.allclose(data[0].keypoints[:, :2], [xy(0, k) for k in range(4)], atol=1e-3)
    assert data[0].box == pytest.approx((6.4, 9.6, 32, 19.2))


def moved(i: int, x: float, y: float) -> list[dict[str, Any]]:
    return [
        {**one, "id": f"m{i}{k}", "value": {**one["value"], "x": one["value"]["x"] + x, "y": one["value"]["y"] + y}}
        for k, one in enumerate(full(i))
    ]


def test_what_is_said_of_a_rectangle_is_no_other_rectangle(tmp_path: Path) -> None:
    """A choice about a region has its place and its id."""
    first, second = box("a", 5, 5, 60, 40), box("b", 5, 50, 60, 49)
    said = [
        {**one, "type": "choices", "value": {**{k: one["value"][k] for k in "xy"}, "width": 60, "height": 40} | more}
        for one, more in ((first, {"choices": ["asleep"]}), (second, {"choices": ["awake"]}))
    ]
    data = open_labeled(export(tmp_path, [task(0, [first, second, *said, *full(0), *moved(0, 0, 45)])]))
    assert len(data) == 2 and data[0].box == pytest.approx((3.2, 2.4, 38.4, 19.2))
    alone = open_labeled(export(tmp_path, [task(0, [first, said[0], *full(0)])]))
    assert len(alone) == 1 and alone[0].box == pytest.approx((3.2, 2.4, 38.4, 19.2))


def test_animals_with_labels_of_their_own_may_be_close_or_in_each_other(tmp_path: Path) -> None:
    boxes = [box("a", 5, 10, 50, 60, "male"), box("b", 30, 10, 50, 60, "female")]
    close = [{**one, "parentID": None} for one in (*full(0), *moved(0, 22, 0))]
    data = open_labeled(export(tmp_path, [task(i, [*boxes, *close]) for i in range(2)]))
    assert len(data) == 4 and not any("passed over" in remark for remark in data.remarks)
    nest = [box("d", 0, 0, 100, 100, "dam"), box("p", 5, 60, 60, 38, "pup")]
    data = open_labeled(export(tmp_path, [task(0, [*nest, *full(0), *moved(0, 0, 45)])]))
    assert len(data) == 2 and not any("passed over" in remark for remark in data.remarks)


def test_a_rectangle_around_the_only_point_of_an_image_is_the_animal_s(tmp_path: Path) -> None:
    tasks = [task(i, [box("a", 5, 5, 80, 60, "fish"), point(i, k)]) for i, k in ((0, 1), (1, 2))]
    data = open_labeled(export(tmp_path, tasks))
    assert [s.box for s in data] == [pytest.approx((3.2, 2.4, 51.2, 28.8))] * 2


def test_a_rectangle_around_a_part_of_the_animal_is_none(tmp_path: Path) -> None:
    part = box("h", 5, 12, 28, 25, "head")
    data = open_labeled(
        export(tmp_path, [task(i, [box("p", 2, 5, 80, 90, "person"), part, *full(0)]) for i in range(2)])
    )
    assert len(data) == 2 and all(s.keypoints is not None and s.keypoints[:, 2].all() for s in data)
    assert any("rectangles of 'head' are no animal's" in remark for remark in data.remarks)


def test_an_empty_row_takes_nobody_s_labels(tmp_path: Path) -> None:
    """JSON-MIN of a second annotator who labelled nothing; and food, without ids."""
    points = [{**one["value"], **WHOLE} for one in full(0)]
    boxes = [{**one["value"], **WHOLE} for one in (MOUSE, FOOD)]
    rows = [
        {"id": 0, "img": "0.png", "kp": points, "box": boxes, "annotator": 1, "annotation_id": 1},
        {"id": 0, "img": "0.png", "annotator": 2, "annotation_id": 2},
        {"id": 1, "img": "1.png", "kp": points, "box": boxes[::-1], "annotator": 1, "annotation_id": 3},
    ]
    data = open_labeled(export(tmp_path, rows))
    assert len(data) == 2 and all(s.keypoints is not None and s.keypoints[:, 2].all() for s in data)
    assert any("'food' are no animal's" in remark for remark in data.remarks)


def test_labels_beside_names_of_points_say_something_else(tmp_path: Path) -> None:
    whose = [{**one, "type": "labels", "value": {"x": 1, "y": 1, "width": 1, "labels": ["mouse1"]}} for one in full(0)]
    data = open_labeled(export(tmp_path, [task(0, [*full(0), *whose])]))
    assert len(data) == 1 and data.skeleton is not None and data.skeleton.joints == JOINTS
    shape = {"id": "e", "type": "labels", "value": {"x": 9, "y": 9, "radiusX": 3, "radiusY": 2, "labels": ["food"]}}
    hidden = {"id": "p00", "type": "choices", "value": {"x": 1, "y": 1, "width": 1, "choices": ["occluded"]}}
    apart = [
        {
            **one,
            "type": "labels",
            "value": {"x": one["value"]["x"], "y": one["value"]["y"], "width": 1, "labels": [name]},
        }
        for one, name in zip(full(0), JOINTS, strict=True)
    ]
    bare = {"id": "p01", "type": "keypoint", "value": {"x": 1, "y": 1, "width": 1}}
    data = open_labeled(export(tmp_path, [task(0, [bare, *apart, shape, hidden])]))
    assert len(data) == 1 and data.skeleton is not None and data.skeleton.joints == JOINTS
    assert data[0].keypoints is not None and data[0].keypoints[:, 2].tolist() == [1, 2, 2, 2]
