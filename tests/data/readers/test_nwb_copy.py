from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semipose.data.readers.nwb_copy import copy
from tests.fixtures.nwb import training

h5py = pytest.importorskip("h5py")


def test_arrays_and_what_they_are_of(tmp_path: Path) -> None:
    content = copy(str(training(tmp_path / "labels.nwb", ["clip.mp4"], 12)))
    about = json.loads(str(content["about"]))
    assert [number for _, number in about["frames"]] == list(range(12)), "frame_10 after frame_9"
    assert about["videos"] == [["clip.mp4"]], "said once, not of each frame"
    assert content["points"].shape == (12, 4, 2) and np.isnan(content["points"][0, 3]).all()
    assert content["seen"][0].tolist() == [1, 0, 1, 0] and about["links"] == [[0, 1], [0, 2]]


def test_visibility_that_nothing_says(tmp_path: Path) -> None:
    path = training(tmp_path / "labels.nwb", ["clip.mp4"])
    with h5py.File(path, "a") as file:
        frames = file["processing/behavior/PoseTraining/training_frames"]
        del frames["frame_1/skeleton_instances/instance_0/node_visibility"]
    assert copy(str(path))["seen"][1].tolist() == [-1] * 4
