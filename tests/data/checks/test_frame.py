"""Doubts on what labels and boxes count."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semipose.config import DataConfig
from semipose.data.checks.check import check
from semipose.data.checks.frame import Header, box_doubts, frame_doubts, headers, refuse_certain
from semipose.data.datasets import open_pool, open_sets
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import Skeleton
from semipose.verbs.check import check as check_verb
from tests.data.test_coordinates import photo
from tests.fixtures.projects import picture

SIZE = (120, 160)
THREE = Skeleton("three", ("nose", "ear", "tail"))


def labels(n: int = 12, boxed: bool = True) -> PoseData:
    """Bodies of 40 pixels anywhere in pictures of 160 x 120, boxed by their joints."""
    rng = np.random.default_rng(1)
    samples = []
    for i in range(n):
        xy = rng.uniform([25, 25], [135, 95]) + rng.uniform(-20, 20, (3, 2))
        low, high = xy.min(0) - 2, xy.max(0) + 2
        box = (*low.tolist(), *(high - low).tolist()) if boxed else (0.0, 0.0, 160.0, 120.0)
        points = np.concatenate([xy, np.full((3, 1), 2)], 1).astype(np.float32)
        samples.append(Sample(str(i), f"/in/{i}.png", box, points))
    return PoseData("d", THREE, tuple(samples))


def moved(data: PoseData, move: Callable[[np.ndarray], np.ndarray], size: tuple[int, int] | None = None) -> PoseData:
    """With joints and corners of boxes elsewhere."""
    samples = []
    for s in data:
        assert s.keypoints is not None
        points = s.keypoints.copy()
        points[:, :2] = move(points[:, :2])
        corners = move(np.array([s.box[:2], np.add(s.box[:2], s.box[2:])]))
        low, high = corners.min(0), corners.max(0)
        samples.append(replace(s, keypoints=points, box=(*low.tolist(), *(high - low).tolist()), size=size))
    return replace(data, samples=tuple(samples))


def heads(data: PoseData, size: tuple[int, int] = SIZE, turn: int = 1) -> dict[str, Header]:
    return dict.fromkeys(data.images, Header(size, turn))


def turned(points: np.ndarray) -> np.ndarray:
    """From pictures as shown to stored ones that EXIF's 6 turns."""
    return np.stack([points[:, 1], SIZE[1] - 1 - points[:, 0]], 1)


CASES = {
    "right": (labels(), 1, None),
    "right, with sizes": (moved(labels(), lambda xy: xy, SIZE), 1, None),
    "right, turned, with sizes": (moved(labels(), lambda xy: xy, SIZE), 6, None),
    "shares": (moved(labels(), lambda xy: xy / [160, 120]), 1, ("shares", True)),
    "shares of bodies partly outside": (moved(labels(), lambda xy: 1.4 * xy / [160, 120] - 0.2), 1, ("shares", True)),
    "a table's shares": (moved(labels(boxed=False), lambda xy: xy / [160, 120]), 1, ("shares", True)),
    "twice the size": (moved(labels(), lambda xy: 2 * xy, (240, 320)), 1, ("json", True)),
    "half the size, all inside": (moved(labels(), lambda xy: xy / 2, (60, 80)), 1, ("json", True)),
    "the stated sizes are wrong": (moved(labels(), lambda xy: xy, (60, 80)), 1, ("file", False)),
    "stretched": (moved(labels(), lambda xy: xy * [1, 2], (240, 160)), 1, (None, True)),
    "stored, with sizes": (moved(labels(), turned, (160, 120)), 6, ("stored", True)),
    "stored, without sizes": (moved(labels(40), turned), 6, ("stored", True)),
    "turned since": (moved(labels(), turned, (160, 120)), 1, (None, True)),
    "upside down, nobody knows": (moved(labels(), lambda xy: xy, SIZE), 3, ("stored", False)),
    "of other pictures": (moved(labels(), lambda xy: xy + 200), 1, (None, True)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_labels_count(name: str) -> None:
    data, turn, expected = CASES[name]
    doubts = frame_doubts(data, heads(data, turn=turn))
    if expected is None:
        assert doubts == []
        return
    (doubt,) = doubts
    assert (doubt.right, doubt.certain) == expected and doubt.samples and "\n" not in doubt.text
    assert doubt.right is None or f"coordinates: {doubt.right} in data.yaml" in doubt.todo


def test_percent_are_guessed_of_many_in_large_pictures_alone() -> None:
    data = moved(labels(40), lambda xy: 100 * xy / [160, 120])
    (doubt,) = frame_doubts(data, heads(data, (480, 640)))
    assert doubt.right == "percent" and not doubt.certain
    assert frame_doubts(data, heads(data, (120, 160))) == []
    first = data[0].keypoints
    assert first is not None
    first[0, :2] = (-2, 104)  # of a body that is partly outside
    assert [doubt.right for doubt in frame_doubts(data, heads(data, (480, 640)))] == ["percent"]


@pytest.mark.parametrize(
    ("change", "right", "certain"),
    [
        (lambda x, y, w, h: (x, y, w, h), None, False),
        (lambda x, y, w, h: (x, y, x + w, y + h), "corners", True),
        (lambda x, y, w, h: (x + 60, y, w, h), "labels", True),
        (lambda x, y, w, h: (x + w, y + h, w, h), "labels", True),
    ],
)
def test_what_boxes_are(change: Callable, right: str | None, certain: bool) -> None:
    data = labels()
    data = replace(data, samples=tuple(replace(s, box=change(*s.box)) for s in data))
    doubts = box_doubts(data, heads(data))
    assert [(doubt.right, doubt.certain) for doubt in doubts] == ([] if right is None else [(right, certain)])


def test_corners_that_stay_in_the_image_are_a_note() -> None:
    """Of bodies at the upper left of large pictures."""
    data = labels()
    for corners, expected in ((True, [("corners", False)]), (False, [])):
        boxes = [(x, y, x + w, y + h) if corners else (x, y, w, h) for x, y, w, h in (s.box for s in data)]
        same = [replace(s, box=box) for s, box in zip(data, boxes, strict=True)]
        found = box_doubts(replace(data, samples=tuple(same)), heads(data, (1200, 1600)))
        assert [(doubt.right, doubt.certain) for doubt in found] == expected


def test_one_box_far_from_its_joints_is_a_note() -> None:
    data = labels()
    data = replace(data, samples=(replace(data[0], box=(1, 1, 20, 10)), *data.samples[1:]))
    (doubt,) = box_doubts(data, heads(data))
    assert not doubt.certain and doubt.text.startswith("1 of 12 boxes are far from")
    assert [sample.id for sample in doubt.samples] == [data[0].id]


def coco(folder: Path, scale: float = 2.0, corners: bool = False) -> Path:
    """Six pictures of 64 x 48 whose JSON states `scale` times the size."""
    rows, images = [], []
    for i in range(6):
        picture(folder / "images" / f"{i}.png", i)
        images.append({"id": i, "file_name": f"{i}.png", "width": round(64 * scale), "height": round(48 * scale)})
        x, y = scale * (30 + i), scale * (20 + i)
        box = [x, y, x + 20, y + 20] if corners else [x, y, scale * 20, scale * 20]
        rows.append({"id": i, "image_id": i, "category_id": 1, "bbox": box, "keypoints": [x, y, 2, x + 9, y + 9, 2]})
    category = {"id": 1, "name": "thing", "keypoints": ["a", "b"]}
    path = folder / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": [category]}))
    return path


def test_training_is_refused_until_it_is_settled(tmp_path: Path) -> None:
    path = str(coco(tmp_path))
    with pytest.raises(UserError, match=r"128 x 96 pixels, the file is 64 x 48.*coordinates: json"):
        open_sets(DataConfig(labeled=path), False, None)
    sets = open_sets(DataConfig(labeled=path, coordinates="json"), False, None)
    assert sets.labeled[1].keypoints is not None and sets.labeled[1].box == (31, 21, 20, 20)
    assert np.allclose(sets.labeled[1].keypoints[:, :2], [[30.75, 20.75], [35.25, 25.25]])
    raw = open_sets(DataConfig(labeled=path, coordinates="file"), False, None).labeled
    assert raw[1].box == (62, 42, 40, 40)


def test_corners_are_settled_too(tmp_path: Path) -> None:
    path = str(coco(tmp_path, 1.0, corners=True))
    with pytest.raises(UserError, match="boxes: corners in data"):
        open_sets(DataConfig(labeled=path), False, None)
    assert open_pool(DataConfig(labeled=path, boxes="corners"))[1].box == (31, 21, 20, 20)
    with pytest.raises(UserError, match="which are no corners"):
        open_pool(DataConfig(labeled=str(coco(tmp_path / "own", 1.0)), boxes="corners"))


def test_check_shows_it_and_is_content_when_it_is_settled(tmp_path: Path) -> None:
    coco(tmp_path)
    (tmp_path / "data.yaml").write_text("labeled: labels.json\nlabeled_images: images\n")
    report = check_verb(tmp_path / "data.yaml", html=tmp_path / "page.html", progress=False)
    problem = next(finding for finding in report.findings if finding.problem)
    assert "the labels say 128 x 96 pixels" in problem.text, "before what comes of it"
    assert [look.caption for look in problem.looks][:2] == [
        "as it is read",
        "with data.coordinates=json",
    ]
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img") >= 4 and "with data.coordinates=json" in page
    (tmp_path / "data.yaml").write_text("labeled: labels.json\nlabeled_images: images\ncoordinates: json\n")
    assert check_verb(tmp_path / "data.yaml", progress=False).ok


def test_headers_are_read_of_some_and_of_those_that_can_be(tmp_path: Path) -> None:
    paths = [photo(tmp_path / f"{i}.png", 6 if i else 1) for i in range(4)]
    paths[3].write_bytes(b"")
    data = PoseData("d", None, tuple(Sample(str(i), str(p), (0, 0, 9, 9)) for i, p in enumerate(paths)))
    assert headers(data) == {str(paths[0]): ((24, 40), 1), **{str(p): ((40, 24), 6) for p in paths[1:3]}}
    assert len(headers(data, 2)) == 2
    refuse_certain(data, None, "own")
    assert "EXIF" not in check(data.subset([0, 1]), progress=False).text(), "nothing is labelled"


def test_bodies_in_shares_among_others_in_pixels_are_certain() -> None:
    data = labels()
    small = moved(data, lambda xy: xy / [160, 120])
    mixed = replace(data, samples=(*small[:2], *data[2:]))
    (doubt,) = frame_doubts(mixed, heads(mixed))
    assert doubt.certain and doubt.right is None and [s.id for s in doubt.samples] == ["0", "1"]
