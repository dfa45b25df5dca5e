from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semipose.data.discover import look
from semipose.data.open import open_all, open_labeled
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.nwb import training
from tests.fixtures.projects import JOINTS, SIZE, picture, xy

h5py = pytest.importorskip("h5py")


def pictures(folder: Path, count: int = 3) -> list[str]:
    return [str(picture(folder / f"img{i}.png", i)) for i in range(count)]


def test_labelled_frames_of_pictures(tmp_path: Path) -> None:
    path = training(tmp_path / "labels.nwb", pictures(tmp_path))
    data = open_labeled(path)
    assert data.skeleton is not None and (data.skeleton.name, data.skeleton.joints) == ("mouse", JOINTS)
    assert data.skeleton.limbs == ((0, 1), (0, 2)) and [Path(s.image).name for s in data] == [
        f"img{i}.png" for i in range(3)
    ]
    first, second = data[0].keypoints, data[1].keypoints
    assert first is not None and second is not None and data[0].box == (0, 0, SIZE[1], SIZE[0])
    assert first[:, 2].tolist() == [2, 1, 2, 0], "NaN is unlabelled, not visible is occluded"
    assert np.allclose(second[:, :2], [xy(1, k) for k in range(4)])
    assert look(tmp_path).labeled == [(path, None)]


def test_frames_of_a_video_beside_the_file(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 4)
    data = open_labeled(training(tmp_path / "labels.nwb", ["clip.mp4"]))
    assert [s.image.rpartition("#")[2] for s in data] == ["0", "1", "2"] and data[0].session == "clip"


def test_videos_elsewhere_are_found_by_name_or_asked_for(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    film(tmp_path / "a" / "clip.mp4", 4)
    path = training(tmp_path / "a" / "labels.nwb", ["C:\\data\\clip.mp4"])
    assert len(open_labeled(path)) == 3
    film(tmp_path / "c" / "clip.mp4", 4)
    far = training(tmp_path / "b" / "labels.nwb", [str(tmp_path / "c" / "clip.mp4")])
    with pytest.raises(UserError, match=r"data\.outside=true"):
        open_labeled(far)
    assert len(open_labeled(far, outside=True)) == 3


def without(name: str) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file[name]

    return change


def elsewhere(file: Any) -> None:
    frame = file["processing/behavior/PoseTraining/training_frames/frame_0"]
    del frame["source_video"]
    frame["source_video"] = h5py.ExternalLink("/etc/passwd", "/a")


def all_elsewhere(file: Any) -> None:
    training = file["processing/behavior/PoseTraining"]
    del training["training_frames"]
    training["training_frames"] = h5py.ExternalLink("/etc/passwd", "/a")


def one_elsewhere(file: Any) -> None:
    frames = file["processing/behavior/PoseTraining/training_frames"]
    frames["frame_9"] = h5py.ExternalLink("/etc/passwd", "/a")


def two_skeletons(file: Any) -> None:
    file.copy("processing/behavior/Skeletons/mouse", "processing/behavior/Skeletons/rat")
    instance = file["processing/behavior/PoseTraining/training_frames/frame_0/skeleton_instances/instance_0"]
    del instance["mouse"]
    instance["rat"] = h5py.SoftLink("/processing/behavior/Skeletons/rat")


def predictions(file: Any) -> None:
    file["processing/behavior/PoseTraining"].attrs["neurodata_type"] = "PoseEstimation"


FRAME = "processing/behavior/PoseTraining/training_frames/frame_0"
FAULTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "no labels": (without("processing/behavior/PoseTraining"), "an NWB without labelled frames of ndx-pose"),
    "predictions": (predictions, "has predictions"),
    "no video": (without(f"{FRAME}/source_video"), "frames without a source_video"),
    "pictures inside": (
        without("processing/behavior/PoseTraining/source_videos/video_0/external_file"),
        "has its pictures inside the file",
    ),
    "no points": (without(f"{FRAME}/skeleton_instances/instance_0/node_locations"), "lacks node_locations"),
    "another file": (elsewhere, "in another file"),
    "all frames in another file": (all_elsewhere, "in another file"),
    "a frame in another file": (one_elsewhere, "in another file"),
    "two skeletons": (two_skeletons, "has 2 skeletons"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_sentence(tmp_path: Path, fault: str) -> None:
    path = training(tmp_path / "labels.nwb", pictures(tmp_path))
    change, says = FAULTS[fault]
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(UserError, match=says):
        open_all(path)


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = training(tmp_path / "labels.nwb", pictures(tmp_path))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match=str(path)):
        open_all(path)
