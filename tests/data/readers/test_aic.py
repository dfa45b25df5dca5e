from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.open import open_all, open_unlabeled
from semipose.errors import UserError
from semipose.skeleton import AIC
from tests.fixtures.shared import shared_data

POINTS = [v for k in range(14) for v in (10 + k, 20 + k, 1 + k % 3)]
IMAGE = {
    "image_id": "0a",
    "human_annotations": {"human1": [5, 6, 45, 66], "human2": [0, 0, 9, 9]},
    "keypoint_annotations": {"human1": POINTS},
}


def written(folder: Path, rows: object) -> Path:
    (folder / "keypoint_train_images").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "keypoint_train_images" / "0a.jpg"), np.zeros((80, 100, 3), np.uint8))
    path = folder / "annotations.json"
    path.write_text(json.dumps(rows))
    return path


def test_boxes_joints_and_visibility(tmp_path: Path) -> None:
    data = open_all(written(tmp_path, [IMAGE]))
    assert data.skeleton == AIC and data.ids == ("0a.jpg#human1", "0a.jpg#human2")
    assert data[0].box == (5, 6, 40, 60) and Path(data[0].image).exists()
    assert data[0].keypoints is not None and data[1].keypoints is None
    assert data[0].keypoints[:3].tolist() == [[10, 20, 2], [11, 21, 1], [0, 0, 0]]
    assert not any(s.labeled for s in open_unlabeled(tmp_path / "annotations.json"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"human_annotations": {"human1": [5, 6, 5, 66]}}, "human1 has the empty bbox"),
        ({"human_annotations": {"human1": [5, 6]}}, "human1 has box"),
        ({"keypoint_annotations": {"human1": POINTS[:-1]}}, "human1 needs 14 keypoints"),
        ({"keypoint_annotations": {"human1": [1, 1, 0] * 14}}, "visibility 0"),
        ({"keypoint_annotations": {"Human1": POINTS}}, "has keypoints of Human1, and no box"),
        ({"human_annotations": None}, "no 'human_annotations'"),
    ],
)
def test_faults_name_the_human(tmp_path: Path, change: dict, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        open_all(written(tmp_path, [{**IMAGE, **change}]))
    assert "0a" in str(error.value)


def test_joints_are_those_of_the_real_file() -> None:
    data = open_all(shared_data("formats", "aic", "test_aic.json"))
    assert data.skeleton is not None and data.onto(AIC).skeleton == AIC
    assert [data.skeleton.index(joint) for joint in AIC.joints] == list(range(14))
    assert data.skeleton.sigmas == AIC.sigmas
