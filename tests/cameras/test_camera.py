from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.cameras.camera import Camera
from semipose.data.readers.cameras import read_cameras
from tests.fixtures.rig import around, body
from tests.fixtures.shared import shared_data

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=20)
@given(SEEDS)
def test_projection_is_opencvs(seed):
    rng = np.random.default_rng(seed)
    (camera,) = around(rng, 1)
    points = body(rng, 20)
    rotation, _ = cv2.Rodrigues(camera.R)
    theirs, _ = cv2.projectPoints(points, rotation, camera.t, camera.K, np.array(camera.distortion))
    np.testing.assert_allclose(camera.project(points), theirs[:, 0], atol=1e-6)


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([1.0, 2.0]))
def test_undistorting_undoes_the_lens(seed, cross):
    rng = np.random.default_rng(seed)
    camera = replace(around(rng, 1)[0], cross=cross)
    points = body(rng, 5, 4)
    ideal = replace(camera, distortion=(0.0,) * 5).project(points)
    shown = camera.project(points)
    assert np.abs(shown - ideal).max() > 0.01  # the lens does something
    np.testing.assert_allclose(camera.undistort(shown), ideal, atol=1e-7)


def test_undistorting_agrees_with_opencv():
    (camera,) = around(np.random.default_rng(0), 1)
    xy = np.random.default_rng(1).uniform(200, 800, (30, 2))
    theirs = cv2.undistortPoints(xy[:, None], camera.K, np.array(camera.distortion), P=camera.K)[:, 0]
    np.testing.assert_allclose(camera.undistort(xy), theirs, atol=0.05)  # OpenCV stops after a few iterations


def test_where_the_lens_folds_over_there_is_no_ideal_point():
    camera = Camera(np.diag([1000.0, 1000.0, 1]), np.eye(3), np.zeros(3), (-0.5, 0, 0, 0, 0))
    farthest = 1000 * np.sqrt(2 / 3) * 2 / 3  # of r (1 - r^2 / 2)
    ideal = camera.undistort(np.array([[farthest - 5, 0], [farthest + 5, 0], [np.nan, 0]]))
    assert np.isfinite(ideal[0]).all() and np.isnan(ideal[1:]).all()


def test_matrix_centre_and_depth_describe_the_same_camera():
    rng = np.random.default_rng(2)
    (camera,) = around(rng, 1, lens=0)
    points = body(rng, 7)
    image = np.concatenate([points, np.ones((7, 1))], 1) @ camera.matrix.T
    np.testing.assert_allclose(image[:, :2] / image[:, 2:], camera.project(points))
    np.testing.assert_allclose(image[:, 2], camera.depth(points))
    np.testing.assert_allclose(camera.depth(camera.center), 0, atol=1e-9)
    assert camera.depth(camera.center - 10 * camera.R[2]) == pytest.approx(-10)


def test_human36m_labels_are_projections_of_its_points_by_its_own_lens():
    folder = shared_data("formats", "h36m")
    cameras = read_cameras(folder / "cameras.pkl")
    data = np.load(folder / "test_h36m_body3d.npz")
    off, opencv = [], []
    for name, points, labels in zip(data["imgname"], data["S"], data["part"], strict=True):
        subject, file = str(name).split("/")[0], str(name).split("/")[-1]
        camera = cameras[f"{subject}/{file.split('.')[1].split('_')[0]}"]
        world = (1000 * points[:, :3] - camera.t) @ camera.R
        off.append(np.abs(camera.project(world) - labels[:, :2]).max())
        opencv.append(np.abs(replace(camera, cross=2.0).project(world) - labels[:, :2]).max())
    assert max(off) < 1e-4  # labels are float32
    assert min(opencv) > 0.02  # OpenCV's cross terms are not Human3.6M's
