from __future__ import annotations

import numpy as np

from semipose.outputs.pose import Pose


def test_keypoints_are_points_and_scores() -> None:
    pose = Pose(np.array([[1.0, 2], [3, 4]]), np.array([0.5, 0.25]), (0, 0, 9, 9))
    assert pose.keypoints.tolist() == [[1, 2, 0.5], [3, 4, 0.25]]
