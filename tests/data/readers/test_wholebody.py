from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semipose.data.open import open_labeled
from semipose.data.readers.wholebody import PARTS, widened, with_face
from semipose.errors import UserError
from semipose.skeleton import COCO
from semipose.verbs.init import init
from tests.fixtures.projects import picture


def whole(folder: Path) -> Path:
    """Two people in a picture: one without hands, the other without any body joint."""
    picture(folder / "a.png")
    rows = []
    for n in range(2):
        points = [v for k in range(17) for v in ((10 + k % 9, 5 + k % 7, 2) if n == 0 else (0, 0, 0))]
        row = {"id": n, "image_id": 0, "category_id": 1, "bbox": [1, 1, 40, 40], "keypoints": points}
        for part, names in PARTS.items():
            row[f"{part}_kpts"] = [v for k in range(len(names)) for v in (20 + k % 20, 10 + k % 30, 0.5)]
            row[f"{part}_valid"] = n == 1 or "hand" not in part
        rows.append(row)
    rows[0]["face_kpts"][2] = 0.0
    category = {"id": 1, "name": "person", "keypoints": list(COCO.joints), "skeleton": []}
    document = {"images": [{"id": 0, "file_name": "a.png"}], "annotations": rows, "categories": [category]}
    path = folder / "whole.json"
    path.write_text(json.dumps(document))
    return path


def test_all_133_joints_are_read(tmp_path: Path) -> None:
    data = open_labeled(whole(tmp_path))
    assert data.skeleton is not None and len(data.skeleton) == 133 and data.skeleton.joints[:17] == COCO.joints
    first, second = (s.keypoints for s in data)
    assert first is not None and second is not None
    assert (first[:, 2] > 0).sum() == 17 + 6 + 67 and (second[:, 2] > 0).sum() == 6 + 68 + 42
    assert set(np.unique(first[:, 2])) == {0, 2} and first[17].tolist() == [20, 10, 2]


def test_a_mirror_exchanges_the_sides_of_the_face(tmp_path: Path) -> None:
    skeleton = open_labeled(whole(tmp_path)).skeleton
    assert skeleton is not None
    flip = {skeleton.joints[i]: skeleton.joints[j] for i, j in enumerate(skeleton.flip)}
    for right, left in (("face-0", "face-16"), ("face-36", "face-45"), ("face-48", "face-54"), ("face-17", "face-26")):
        assert (flip[right], flip[left]) == (left, right)
    assert flip["face-8"] == "face-8" and flip["left_thumb1"] == "right_thumb1" and flip["left_heel"] == "right_heel"
    assert with_face(COCO) is COCO


def test_init_says_how_to_have_the_body_alone(tmp_path: Path) -> None:
    whole(tmp_path)
    assert any(line.startswith("WholeBody: ") and "skeleton" in line for line in init(tmp_path).lines)


@pytest.mark.parametrize("document", [{}, [], {"annotations": 3}, {"annotations": [{"keypoints": [1, 2, 2]}, 5]}])
def test_other_documents_are_as_they_are(document: object) -> None:
    assert widened(document) is document


@pytest.mark.parametrize(
    "change",
    [{"foot_kpts": [1, 2, 1] * 5}, {"foot_kpts": ["1"] * 18}, {"foot_kpts": [True] * 18}, {"face_valid": "false"}],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = whole(tmp_path)
    document = json.loads(path.read_text())
    document["annotations"][1] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"annotation 1: (foot|face)_"):
        open_labeled(path)
