from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from semipose.data.extent import BOX_MARGIN, MIN_BOX, boxed, boxed_by_labels, boxes_of, label_box, whole
from semipose.data.sample import PoseData, Sample
from semipose.skeleton import Skeleton
from tests.fixtures.projects import picture

SIZES = st.tuples(st.integers(1, 200), st.integers(1, 200))
JOINTS = arrays(np.float64, (5, 3), elements=st.floats(-50, 250), fill=st.nothing()).map(
    lambda points: np.column_stack([points[:, :2], (points[:, 2] > 0) * 2])
)


def test_the_box_of_three_joints() -> None:
    joints = np.array([[10, 20, 2], [30, 20, 1], [20, 60, 2], [90, 90, 0], [-5, 20, 2]], np.float64)
    # Edges 10.5 to 30.5 and 20.5 to 60.5, a fifth larger around their middle.
    assert label_box(joints, (100, 80)) == pytest.approx((8.5, 16.5, 24, 48))
    assert label_box(joints, (100, 80), margin=1) == pytest.approx((10.5, 20.5, 20, 40))
    assert label_box(joints[:1], (100, 80)) == pytest.approx((10.5 - MIN_BOX / 2, 20.5 - MIN_BOX / 2, MIN_BOX, MIN_BOX))
    assert label_box(joints[3:], (100, 80)) == whole((100, 80)) == (0, 0, 80, 100)


@given(JOINTS, SIZES)
def test_a_box_holds_its_joints_and_lies_in_the_image(joints: np.ndarray, size: tuple[int, int]) -> None:
    x, y, w, h = label_box(joints, size)
    assert x >= 0 and y >= 0 and x + w <= size[1] + 1e-9 and y + h <= size[0] + 1e-9 and w > 0 and h > 0
    points = joints[joints[:, 2] > 0, :2] + 0.5
    for px, py in points[((points >= 0) & (points <= (size[1], size[0]))).all(1)]:
        assert x - 1e-9 <= px <= x + w + 1e-9 and y - 1e-9 <= py <= y + h + 1e-9


@given(JOINTS, st.tuples(st.integers(-40, 40), st.integers(-40, 40)))
def test_a_box_moves_with_its_joints(joints: np.ndarray, shift: tuple[int, int]) -> None:
    size = (10_000, 10_000)
    joints = joints + np.array([5000, 5000, 0])
    box, moved = label_box(joints, size), label_box(joints + np.array([*shift, 0]), size)
    if (joints[:, 2] > 0).any():
        assert moved == pytest.approx((box[0] + shift[0], box[1] + shift[1], *box[2:]))


def test_one_label_takes_the_usual_size_and_none_keeps_its_box(tmp_path: Path) -> None:
    image = str(picture(tmp_path / "a.png", size=(100, 100)))

    def sample(n: int, *xy: tuple[float, float]) -> Sample:
        points = np.zeros((3, 3), np.float32)
        points[: len(xy)] = [(*point, 2) for point in xy] if xy else np.zeros((0, 3))
        return Sample(str(n), image, (1, 2, 3, 4), points)

    samples = [sample(0, (20, 20), (40, 20)), sample(1, (50, 50)), sample(2), sample(3, (20, 30), (30, 30), (20, 70))]
    boxes = [s.box for s in boxed(samples)]
    usual = float(np.median([20 * BOX_MARGIN, 40 * BOX_MARGIN]))
    assert boxes[1] == pytest.approx((50.5 - usual / 2, 50.5 - usual / 2, usual, usual)) and boxes[2] == (1, 2, 3, 4)
    assert boxes[0] == label_box(samples[0].keypoints, (100, 100))  # type: ignore[arg-type]
    assert [s.box for s in boxed([samples[1]])] == [(0, 0, 100, 100)], "nothing says how large"
    data = PoseData("d", Skeleton("three", ("a", "b", "c")), tuple(samples))
    assert [s.box for s in boxed_by_labels(data)] == boxes and boxed_by_labels(data).ids == data.ids


def test_what_a_network_was_trained_on(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 60, 3), np.uint8))
    points = np.array([[5, 6, 2]], np.float32)
    boxes = ((0, 0, 60, 40), (1, 2, 9, 9))
    frame, part = (Sample(str(n), str(tmp_path / "a.png"), box, points) for n, box in enumerate(boxes))
    skeleton = Skeleton("one", ("nose",))
    assert boxes_of(PoseData("d", skeleton, (frame,))) == {"most": 1, "whole": True}
    assert boxes_of(PoseData("d", skeleton, (part,))) == {"most": 1, "whole": False}
    assert boxes_of(PoseData("d", skeleton, (frame, part))) == {"most": 2, "whole": False}
