from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO as Reference
from pycocotools.cocoeval import COCOeval

from semipose.data.readers.boxes import read_boxes
from semipose.data.sample import Sample
from semipose.errors import UserError
from semipose.metrics.detections import best_poses, crop_areas, detection_results, in_joints, oks_nms, write_submission
from semipose.metrics.oks import AP_NAMES, coco_ap
from semipose.skeleton import COCO, LSP, Skeleton
from tests.fixtures.shared import shared_data

PAIR = Skeleton("pair", ("a", "b"), sigmas=(0.1, 0.1))


def test_oks_nms_hand_worked() -> None:
    """Area 100 and sigma 0.1: a joint d away is exp(-d^2 / 8) alike."""
    pred = np.zeros((4, 2, 2))
    pred[1] += (0.5, 0)  # 0.969 like the first
    pred[2] += (2, 0)  # 0.607
    pred[3, 1] -= (1, 0)  # (1 + 0.882) / 2 = 0.941 like the first, (0.969 + 0.755) / 2 = 0.862 like the second
    area = np.full(4, 100.0)
    scores = np.array([0.5, 0.9, 0.7, 0.8])
    assert oks_nms(pred, scores, area, PAIR.sigmas).tolist() == [1, 3, 2]
    assert oks_nms(pred, scores, area, PAIR.sigmas, 0.85).tolist() == [1, 2]
    assert oks_nms(pred, scores, area, PAIR.sigmas, 0.95).tolist() == [1, 3, 2]
    assert oks_nms(pred, scores, area, PAIR.sigmas, 0.98).tolist() == [1, 3, 2, 0]
    small = np.array([100, 4, 100, 100.0])  # the mean of 4 and 100: 0.942 like the first
    assert 0 in oks_nms(pred, scores, small, PAIR.sigmas, 0.95)
    assert oks_nms(pred[:0], scores[:0], area[:0], PAIR.sigmas).tolist() == []


def test_poses_are_rescored_by_their_box() -> None:
    pred = np.array([[[0, 0, 0.8], [9, 9, 0.1]], [[50, 0, 0.6], [59, 9, 0.4]]])
    samples = [Sample(str(i), "a", (0, 0, 10, 20), score=s) for i, s in enumerate((0.5, 0.9))]
    kept, scores = best_poses(samples, pred, PAIR, (4, 3), 1.25)
    assert kept.tolist() == [1, 0] and scores == pytest.approx([0.45, 0.4])
    assert crop_areas(np.array([(0, 0, 10, 20), (0, 0, 30, 20)]), (4, 3), 1) == pytest.approx([300, 1200])


def test_ap_with_detected_boxes_equals_pycocotools() -> None:
    """The real detections of four photographs, poses drawn near the truth; pycocotools reads the same results."""
    folder = shared_data("formats", "coco")
    path = folder / "test_coco.json"
    document = json.loads(path.read_text())
    boxes = read_boxes(folder / "test_coco_det_AP_H_56.json", folder, listing=path, category=1)
    assert len(boxes) == 118 and all(s.score is not None for s in boxes)
    draws = np.random.default_rng(1)
    people = {}
    for a in document["annotations"]:
        people.setdefault(a["image_id"], []).append(np.reshape(a["keypoints"], (-1, 3)))
    pred = np.zeros((118, 17, 3))
    for i, sample in enumerate(boxes):
        near = people[sample.image_id]
        pred[i, :, :2] = near[draws.integers(len(near))][:, :2] + draws.normal(0, 6, (17, 2))
        pred[i, :, 2] = draws.uniform(0, 1, 17)
    results = detection_results(boxes.samples, pred, COCO, (256, 192))
    counts = np.unique([r["image_id"] for r in results], return_counts=True)[1]
    assert len(results) < 118 and counts.max() <= 20
    ours = coco_ap(results, document, COCO.sigmas)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = Reference(str(path))
        theirs = COCOeval(reference, reference.loadRes(json.loads(json.dumps(results))), "keypoints")
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    assert [ours[name] for name in AP_NAMES] == pytest.approx(theirs.stats.tolist())
    assert 0.05 < ours["AP"] < 0.95


def test_the_submission_file(tmp_path: Path) -> None:
    row = {"image_id": 7, "category_id": 1, "keypoints": np.arange(51.0).tolist(), "score": 0.5, "bbox": [1, 2, 3, 4]}
    file = write_submission([row], tmp_path, "dual-w48", COCO)
    assert file.name == "person_keypoints_test-dev2017_dual-w48_results.zip"
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["person_keypoints_test-dev2017_dual-w48_results.json"]
        assert json.loads(archive.read(archive.namelist()[0])) == [{k: row[k] for k in row if k != "bbox"}]
    for change, name, says in (
        ({"image_id": "a.jpg"}, "x", "by number"),
        ({"score": float("nan")}, "x", "not finite"),
        ({}, "a/b", "named by"),
    ):
        with pytest.raises(UserError, match=says):
            write_submission([{**row, **change}], tmp_path, name, COCO)
    with pytest.raises(UserError, match="lacks nose"):
        write_submission([row], tmp_path, "x", LSP)


def test_results_change_joints_by_name() -> None:
    swapped = Skeleton("swapped", ("b", "a"))
    assert in_joints([{"keypoints": [1, 2, 3, 4, 5, 6]}], PAIR, swapped)[0]["keypoints"] == [4, 5, 6, 1, 2, 3]
