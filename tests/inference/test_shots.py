from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from semipose.data.open import open_labeled
from semipose.data.readers.h36m import find_cameras
from semipose.data.sample import PoseData, Sample, Shot
from semipose.errors import UserError
from semipose.inference.shots import shots_mpjpe
from semipose.skeleton import LSP, MPII
from tests.fixtures.rig import around, body
from tests.fixtures.shared import shared_data


def scene(views: int = 4, moments: int = 2) -> tuple[PoseData, np.ndarray, dict]:
    """People whom all cameras saw at once, and labels as predictions, sure of each."""
    rng = np.random.default_rng(5)
    cameras = {f"S1/{c}": camera for c, camera in enumerate(around(rng, views))}
    samples, pred = [], []
    for moment in range(moments):
        points = body(rng, len(LSP))
        for name, camera in cameras.items():
            seen = camera.project(points)
            shot = Shot("S1", str(moment), name.partition("/")[2], points)
            box = (*seen.min(0), *np.ptp(seen, axis=0))
            samples.append(Sample(f"{moment}-{name}", "none.jpg", box, None, shot=shot))
            pred.append(np.c_[seen, np.ones(len(LSP))])
    return PoseData("rig", LSP, tuple(samples)), np.stack(pred), cameras


def test_the_truth_has_no_error_and_a_moment_of_one_camera_no_points() -> None:
    data, pred, cameras = scene()
    found = shots_mpjpe(data, pred, cameras)
    assert found["people"] == 2 and found["absolute"]["mean"] < 1e-3
    moved = pred + np.array([3.0, 0, 0])  # every view 3 px to the right: no longer one point
    assert shots_mpjpe(data, moved, cameras)["absolute"]["mean"] > 1
    alone = data.subset([0, 4, 5, 6, 7])
    found = shots_mpjpe(alone, pred[[0, 4, 5, 6, 7]], cameras)["absolute"]
    assert found["mean"] is None and found["missing"] == len(LSP) and found["mean_found"] < 1e-3


def test_cameras_of_human36m() -> None:
    """Each of its frames is of another moment: alone it has no points, seen by its subject's four cameras it has."""
    path = shared_data("formats", "h36m", "h36m_coco.json")
    data, cameras = open_labeled(path), find_cameras(path)
    assert cameras is not None
    pred = np.stack([s.keypoints for s in data if s.keypoints is not None]).astype(np.float64)
    assert shots_mpjpe(data, pred, cameras)["absolute"]["missing"] == 4 * 17
    samples, seen = [], []
    for name, camera in cameras.items():
        shot = data[0].shot
        assert shot is not None and shot.xyz is not None
        if name.startswith(f"{shot.subject}/"):
            samples.append(replace(data[0], id=name, shot=replace(shot, camera=name.partition("/")[2])))
            seen.append(np.c_[camera.project(shot.xyz), np.ones(17)])
    four = replace(data, samples=tuple(samples))
    for each, joints in ((four, four.skeleton), (four.onto(MPII), MPII)):
        assert joints is not None and four.skeleton is not None
        order = [four.skeleton.index(joint) or 0 for joint in joints.joints]
        found = shots_mpjpe(each, np.stack(seen)[:, order], cameras)
        assert found["people"] == 1 and found["absolute"]["mean"] < 1e-3 and found["absolute"]["missing"] == 0


def test_what_cannot_be_scored_is_named() -> None:
    data, pred, cameras = scene(2, 1)
    bare = replace(data, samples=tuple(replace(s, shot=None) for s in data))
    with pytest.raises(UserError, match="no true points"):
        shots_mpjpe(bare, pred, cameras)
    with pytest.raises(UserError, match="camera 1, which is not known"):
        shots_mpjpe(data, pred, {"S1/0": cameras["S1/0"]})
    with pytest.raises(ValueError, match="do not fit"):
        shots_mpjpe(data, pred[:1], cameras)
