from __future__ import annotations

import numpy as np
import pytest

from semipose.inference import found
from semipose.inference.boxes import ROOM
from semipose.inference.found import Found
from semipose.inference.predictor import Predictor
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton
from tests.inference.test_predictor import Bright, picture

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


def pair(first: Says, second: Says) -> Found:
    return Found(first, second)  # type: ignore[arg-type]


def test_the_second_look_is_at_the_box_of_its_own_joints() -> None:
    first, second = Says(), Says()
    (pose,) = pair(first, second)(np.zeros((200, 300, 3), np.uint8))
    assert first.seen == [[0, 0, 300, 200]] and len(second.seen) == found.LOOKS == 3
    off = [abs(box[0] - 30) for box in second.seen]
    assert off[1] < off[0], "each box is nearer to the body"
    assert np.abs(pose.xy - BODY).max() < 5


def test_no_box_is_smaller_than_a_usual_one() -> None:
    second = Says()
    Found(Says(), second, side=0.3)(np.zeros((200, 300, 3), np.uint8))  # type: ignore[arg-type]
    assert all(max(w, h) >= 0.3 * 300 * ROOM for _, _, w, h in second.seen)


def test_what_the_finder_does_not_see_has_no_pose() -> None:
    first, second = Says(0.1), Says()
    assert pair(first, second)(np.zeros((60, 90, 3), np.uint8)) == [] and second.seen == []


def test_a_second_network_that_is_not_sure_keeps_the_finders_box() -> None:
    second = Says(0.1)
    (pose,) = pair(Says(), second)(np.zeros((200, 300, 3), np.uint8))
    assert second.seen[0] == second.seen[2] == pytest.approx(pose.box)


def test_images_keep_their_order_and_few_are_held() -> None:
    first, second, held = Says(), Says(), 0

    def images():  # type: ignore[no-untyped-def]
        nonlocal held
        for n in range(20):
            held += 1
            yield np.zeros((100 + n, 90, 3), np.uint8), None

    for n, poses in enumerate(pair(first, second).pairs(images(), 4)):
        held -= 1
        assert len(poses) == 1 and held <= 4
        assert first.seen[n][3] == 100 + n


def test_a_real_predictor_finds_by_itself() -> None:
    class Two(Bright):
        def forward(self, image):  # type: ignore[no-untyped-def]
            return super().forward(image).expand(-1, 2, -1, -1)

    whole = Predictor(Two(), PAIR, device="cpu", padding=1.0)  # type: ignore[arg-type]
    (pose,) = Found(whole, whole)(picture(220, 60))
    assert np.abs(pose.xy - [220, 60]).max() < 6 and pose.box != (0, 0, 300, 200)
