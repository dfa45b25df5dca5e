from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from semipose.data.open import open_labeled, open_unlabeled
from semipose.data.readers.mpii import HEAD, read_mpii
from semipose.errors import UserError
from semipose.skeleton import MPII
from tests.fixtures.shared import shared_data

JOINTS = [[10.0 + k, 20.0 + 2 * k] for k in range(16)]
PERSON = {"image": "a.jpg", "center": [50, 40], "scale": 0.3, "joints": JOINTS, "joints_vis": [0] + [1] * 15}


def written(folder: Path, rows: object, name: str = "valid.json") -> Path:
    (folder / "images").mkdir(exist_ok=True, parents=True)
    (folder / "annot").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "images" / "a.jpg"), np.zeros((80, 100, 3), np.uint8))
    path = folder / "annot" / name
    path.write_text(json.dumps(rows))
    return path


def test_the_list_of_pose_repositories(tmp_path: Path) -> None:
    data = open_labeled(written(tmp_path, [PERSON]))
    assert data.skeleton == MPII and data.ids == ("a.jpg#0",) and data[0].head_size is None
    points = data[0].keypoints
    assert points is not None
    assert points[0].tolist() == [0, 0, 0] and points[15].tolist() == [24, 49, 2], "pixels are counted from 0"
    # 60 pixels high; the centre 4.5 pixels lower than given, counted from 0, at an edge coordinate.
    assert data[0].box == pytest.approx((49.5 - 30, 39.5 + 4.5 - 30, 60, 60))
    alone = open_unlabeled(written(tmp_path, [{k: PERSON[k] for k in ("image", "center", "scale")}], "test.json"))
    assert len(alone) == 1 and not alone[0].labeled


@pytest.mark.slow
def test_head_sizes_of_the_list(tmp_path: Path) -> None:
    path = written(tmp_path, [PERSON])
    truth = np.array(JOINTS)[..., None]
    missing = np.array([1.0] + [0] * 15)[:, None]
    heads = np.array([[[10.0], [20]], [[40], [60]]])  # 30 x 40: diagonal 50
    content = {"headboxes_src": heads, "pos_gt_src": truth, "jnt_missing": missing}
    savemat(path.with_name("gt_valid.mat"), content)
    # One person: Matlab's files drop the last axis, and the reader squeezes it.
    with pytest.raises(UserError, match="other people"):
        savemat(path.with_name("gt_valid.mat"), {**content, "pos_gt_src": truth + 1})
        read_mpii(path)
    savemat(path.with_name("gt_valid.mat"), content)
    assert read_mpii(path)[0].head_size == pytest.approx(HEAD * 50)
    missing[3] = 1
    savemat(path.with_name("gt_valid.mat"), {**content, "jnt_missing": missing})
    points = read_mpii(path)[0].keypoints
    assert points is not None
    assert (points[:, 2] == 0).nonzero()[0].tolist() == [0, 3], "the benchmark's mask is that of its ground truth"


def test_its_own_file(tmp_path: Path) -> None:
    def point(k: int, seen: object) -> dict:
        return {"id": k, "x": 10.0 + k, "y": 20.0, **({} if seen is None else {"is_visible": seen})}

    head = {"x1": 10.0, "y1": 10.0, "x2": 40.0, "y2": 50.0}
    person = {
        **head,
        "annopoints": {"point": [point(9, None), point(6, 0), point(7, 1), point(10, "0"), point(11, "1")]},
        "scale": 0.3,
        "objpos": {"x": 50.0, "y": 40.0},
    }
    test = {"scale": 0.2, "objpos": {"x": 30.0, "y": 30.0}}
    kind = [("image", object), ("annorect", object)]
    people = np.array([person, {**head}, test], object)
    annolist = np.array([({"name": "a.jpg"}, people), ({"name": "b.jpg"}, np.zeros((0, 0)))], kind)
    written(tmp_path, [])
    path = tmp_path / "annot" / "mpii_human_pose_v1_u12_1.mat"
    savemat(path, {"RELEASE": {"annolist": annolist}})
    data = open_unlabeled(path)
    assert len(data) == 2, "a head's box alone is no person"
    first, second = read_mpii(path)
    assert first.head_size == pytest.approx(HEAD * 50) and second.head_size is None and second.keypoints is None
    assert first.keypoints is not None
    assert first.keypoints[:, 2].tolist() == [0] * 6 + [1, 2, 0, 2, 1, 2, 0, 0, 0, 0]
    assert first.keypoints[9].tolist() == [18, 19, 2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"joints": JOINTS[:3]}, "entry 0 needs 16 joints"),
        ({"scale": None}, "entry 0 has no 'scale'"),
        ({"scale": 0}, "entry 0 has center"),
        ({"center": [1]}, "entry 0 has center"),
        ({"image": "../../x.jpg"}, "leads out"),
    ],
)
def test_faults_name_the_entry(tmp_path: Path, change: dict, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        read_mpii(written(tmp_path, [{**PERSON, **change}]))
    assert "\n" not in str(error.value)


def test_real_list() -> None:
    data = open_labeled(shared_data("formats", "mpii", "test_mpii.json"))
    assert data.skeleton == MPII and len(data) == 5
    for sample in data:
        assert sample.keypoints is not None
        seen = sample.keypoints[sample.keypoints[:, 2] > 0, :2] + 0.5
        x, y, w, h = sample.box
        assert ((seen >= (x, y)) & (seen <= (x + w, y + h))).all(), "a person lies in its box"
