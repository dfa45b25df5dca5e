from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.reports.gallery import SIZE, body_in, crop_to_box, data_uri, gallery
from semipose.reports.runs import Predictions, read_run
from tests.fixtures.fake_runs import make_run


def predictions(tmp_path: Path, n: int = 16) -> Predictions:
    found = read_run(make_run(tmp_path / "run", n=n), "run").predictions
    assert found is not None
    return found


def decode(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_best_are_better_than_worst_and_differ(tmp_path: Path) -> None:
    p = predictions(tmp_path)
    found = gallery("run", p, 0.1, each=3)
    assert found is not None and found.network == "ensemble" and found.note == ""
    mean = dict(zip(p.ids, np.nanmean(np.minimum(p.distance("ensemble"), 0.5), axis=1), strict=True))
    best, worst = [mean[x.sample] for x in found.best], [mean[x.sample] for x in found.worst]
    assert best == sorted(mean.values())[:3] and worst == sorted(mean.values())[::-1][:3]
    assert all(max(decode(x.uri).shape[:2]) <= SIZE for x in found.best)


def test_few_samples_are_shown_once(tmp_path: Path) -> None:
    found = gallery("run", predictions(tmp_path, n=3), 0.1)
    assert found is not None
    shown = [x.sample for x in (*found.best, *found.worst)]
    assert len(shown) == len(set(shown)) == 3


def test_broken_predictions_are_the_worst(tmp_path: Path) -> None:
    p = predictions(tmp_path)
    p.pred["ensemble"][4] = np.nan
    found = gallery("run", p, 0.1)
    assert found is not None and found.worst[0].sample == p.ids[4] and found.worst[0].caption.startswith("0 of ")


def test_unreadable_photographs_are_noted(tmp_path: Path) -> None:
    p = predictions(tmp_path)
    found = gallery("run", replace(p, images=("gone.jpg", *p.images[1:])), 0.1, each=8)
    assert found is not None and "1 photographs could not be read" in found.note and "gone.jpg" in found.note
    assert len(found.best) + len(found.worst) == 15


def test_unlabelled_samples_make_no_gallery(tmp_path: Path) -> None:
    p = predictions(tmp_path)
    p.truth[..., 2] = 0
    assert gallery("run", p, 0.1) is None


def test_crop_keeps_the_joints_in_place() -> None:
    image = np.zeros((600, 900, 3), np.uint8)
    keypoints = np.array([[400.0, 300, 2], [520, 80, 2], [10, 10, 0]])
    for x, y in keypoints[:2, :2].astype(int):
        cv2.circle(image, (int(x), int(y)), 9, (255, 255, 255), -1)
    crop, scale, origin = crop_to_box(image, np.array([350.0, 100, 200, 300]), keypoints)
    # 297 x 417 pixels: the box and the joint above it, 48 more on each side, a pixel at the far ends.
    assert crop.shape == (256, 182, 3) and scale == 256 / 417 and origin.tolist() == [301.5, 31.5]
    for joint in keypoints[:2]:
        x, y = (joint[:2] - origin) * scale - 0.5
        rows, columns = np.nonzero(crop[..., 0] > 100)
        near = np.hypot(columns - x, rows - y) < 12
        assert np.hypot(columns[near].mean() - x, rows[near].mean() - y) < 0.3


def test_boxes_at_and_beyond_the_edge() -> None:
    image = np.arange(40 * 60 * 3, dtype=np.uint32).reshape(40, 60, 3).astype(np.uint8)
    none = np.zeros((2, 3))
    whole, scale, origin = crop_to_box(image, np.array([-5.0, -5, 80, 80]), none)
    assert whole.shape == image.shape and scale == 1 and origin.tolist() == [-0.5, -0.5]
    outside, _, _ = crop_to_box(image, np.array([500.0, 500, 10, 10]), none)
    assert np.array_equal(outside, image[-1:, -1:]), "the corner that is nearest"


def test_data_uri_keeps_colours() -> None:
    image = np.full((16, 16, 3), (200, 60, 20), np.uint8)
    assert np.abs(decode(data_uri(image)).astype(int) - image).max() < 6


def test_a_body_that_is_small_in_its_box_is_cut_out_and_the_whole_is_a_click_away(tmp_path: Path) -> None:
    p = predictions(tmp_path)
    assert not any(x.whole for x in (gallery("run", p, 0.1) or pytest.fail()).best), "these fill their boxes"
    small = p.truth * np.array([0.2, 0.2, 1]) + np.array([30, 40, 0])
    near = {name: small + np.array([2, 0, 0]) for name in p.pred}
    found = gallery("run", replace(p, truth=small, pred=near), 0.1)
    assert found is not None and all(x.whole for x in found.best)
    part, whole = decode(found.best[0].uri), decode(found.best[0].whole)
    assert max(part.shape[:2]) == SIZE and whole.shape[0] == p.boxes[p.ids.index(found.best[0].sample)][3]
    far = {name: np.full_like(each, 1e4) for name, each in near.items()}
    assert gallery("run", replace(p, truth=small, pred=far), 0.1) is not None


def test_the_box_of_a_body() -> None:
    box, body = np.array([0.0, 0, 400, 300]), np.array([[100.0, 100], [140, 120], [np.nan, 0]])
    assert body_in(box, body) == pytest.approx([90, 90, 60, 40])
    assert body_in(box, body * 6) is None and body_in(box, body[2:]) is None
    wide = body_in(box, body, np.array([[150.0, 110], [-500, 110], [np.inf, 0]]))
    assert wide == pytest.approx([50, 90, 110, 40]), "as far as the body's span beyond it"
