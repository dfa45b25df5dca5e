from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.crops.build import CropSpec, build_crops
from semipose.data.sample import PoseData, Sample
from semipose.inference import found
from semipose.inference.bodies import ROOM, Search
from semipose.inference.found import Found, found_scores, matches
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton

PAIR = Skeleton("pair", ("a", "b"))
BODY = np.array([[30.0, 40.0], [50.0, 44.0]])


class Says:
    """Predicts `BODY` in each box, off by a tenth of the box's side; notes the boxes. `score` of all joints."""

    skeleton, padding = PAIR, 1.0
    network = None

    def __init__(self, score: float = 0.9) -> None:
        self.score, self.seen = score, list[list[float]]()

    def pairs(self, pairs, batch=16):  # type: ignore[no-untyped-def]
        for image, boxes in pairs:
            areas = [(0.0, 0.0, float(image.shape[1]), float(image.shape[0]))] if boxes is None else boxes
            self.seen += [list(map(float, area)) for area in areas]
            yield [Pose(BODY + 0.1 * max(box[2:]), np.full(2, self.score), tuple(box)) for box in areas]


class Looks:
    """Finds these boxes (x, y, w, h) in each image; notes how many images it is shown."""

    def __init__(self, *boxes: tuple[float, ...], side: float = 0.0) -> None:
        self.boxes, self.search, self.seen = boxes, Search(side, 0.3, 5), list[int]()

    def __call__(self, images):  # type: ignore[no-untyped-def]
        self.seen += [len(image) for image in images]
        return [[[*box, 0.9] for box in self.boxes] for _ in images]


ABOUT = (10.0, 10.0, 80.0, 60.0)


def pair(first: Looks, second: Says) -> Found:
    return Found(first, second)  # type: ignore[arg-type]


def test_the_second_look_is_at_the_box_of_its_own_joints() -> None:
    second = Says()
    (pose,) = pair(Looks(ABOUT), second)(np.zeros((200, 300, 3), np.uint8))
    assert second.seen[0] == list(ABOUT) and len(second.seen) == 1 + len(found.AGAIN) == 3
    off = [abs(box[0] + box[2] / 2 - 40) for box in second.seen]
    assert off[1] < off[0] and np.abs(pose.xy - BODY).max() < 5


def test_no_box_is_smaller_than_a_usual_one() -> None:
    second = Says()
    pair(Looks(ABOUT, side=0.3), second)(np.zeros((200, 300, 3), np.uint8))
    assert [max(box[2:]) for box in second.seen[1:]] == pytest.approx([0.3 * 300 * ROOM] * 2, rel=0.3)
    assert [max(box[2:]) for box in second.seen[1:]] > [60, 60]


def test_a_find_on_somebody_without_labels_is_not_false(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    labels = np.array([[30, 40, 2], [50, 44, 2]], np.float32)
    data = PoseData("one", PAIR, (Sample("a", str(tmp_path / "a.png"), ABOUT, labels),))
    crops = build_crops(data, CropSpec((64, 64), (64, 64), 1.0), tmp_path / "cache", progress=False)
    monkeypatch.setattr(found, "singles", lambda poses, sigmas: poses)
    whole = pair(Looks(ABOUT, (200.0, 100.0, 60.0, 60.0)), Says(0.1))  # unsure: boxes stay
    assert found_scores(whole, crops, 0.5)["false"] == 1
    beside = Sample("b", str(tmp_path / "a.png"), (190.0, 90.0, 80.0, 80.0))
    scores = found_scores(whole, crops, 0.5, others=[beside])
    assert (scores["bodies"], scores["missed"], scores["false"]) == (1, 0, 0)


def test_what_the_finder_does_not_see_has_no_pose() -> None:
    second = Says()
    assert pair(Looks(), second)(np.zeros((60, 90, 3), np.uint8)) == [] and second.seen == []


def test_a_second_network_that_is_not_sure_keeps_the_finders_box() -> None:
    second = Says(0.1)
    (pose,) = pair(Looks(ABOUT), second)(np.zeros((200, 300, 3), np.uint8))
    assert second.seen == [list(ABOUT)] * 3 and pose.box == ABOUT


def test_images_keep_their_order_and_few_are_held() -> None:
    first, held = Looks(ABOUT), 0

    def images():  # type: ignore[no-untyped-def]
        nonlocal held
        for n in range(20):
            held += 1
            yield np.zeros((100 + n, 90, 3), np.uint8), None

    for poses in pair(first, Says()).pairs(images(), 4):
        held -= 1
        assert len(poses) == 1 and held <= 4
    assert first.seen == [100 + n for n in range(20)]


def test_large_images_are_held_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semipose.inference.predictor.HELD", 1)
    made = list[int]()

    def images():  # type: ignore[no-untyped-def]
        for n in range(4):
            made.append(n)
            yield np.zeros((100, 90, 3), np.uint8), None

    poses = pair(Looks(ABOUT), Says()).pairs(images(), 16)
    assert len(next(poses)) == 1 and made == [0]
    assert len(list(poses)) == 3 and made == [0, 1, 2, 3]


def test_two_finds_that_lead_to_one_body_are_one_pose() -> None:
    class Sides(Says):
        """Another body right of x = 150."""

        def pairs(self, pairs, batch=16):  # type: ignore[no-untyped-def]
            for image, boxes in pairs:
                (poses,) = super().pairs([(image, boxes)])
                yield [replace(p, xy=p.xy + np.array([200 * (p.box[0] > 150), 0])) for p in poses]

    whole = pair(Looks(ABOUT, (14, 14, 70, 60), (210, 20, 80, 60)), Sides())
    poses = whole(np.zeros((200, 400, 3), np.uint8))
    assert [round(pose.xy[0, 0] / 100) for pose in poses] == [0, 2], "in the finder's order"


def body(x: float) -> np.ndarray:
    return np.column_stack([BODY + np.array([x, 0]), [2, 2]])


def seen(x: float) -> Pose:
    return Pose(BODY + np.array([x, 0]), np.full(2, 0.9), (x + 20, 20, 50, 50))


@pytest.mark.parametrize(
    ("poses", "truth", "pairs"),
    [
        ([0, 100], [100, 0], {(0, 1), (1, 0)}),
        ([0], [0, 100], {(0, 0)}),
        ([0, 3], [1], {(0, 0)}),
        ([200], [0], set()),
        ([], [0], set()),
        ([8, 20], [10, 18], {(0, 0), (1, 1)}),
    ],
)
def test_poses_are_matched_with_bodies(poses: list[float], truth: list[float], pairs: set[tuple[int, int]]) -> None:
    labels = np.stack([body(x) for x in truth])
    assert set(matches([seen(x) for x in poses], labels, np.full(len(truth), 900.0), PAIR.sigmas)) == pairs
