from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from semipose.data.open import open_labeled
from semipose.data.readers.h36m import find_cameras, read_h36m
from semipose.errors import UserError
from semipose.skeleton import H36M
from tests.fixtures.shared import shared_data


@pytest.mark.parametrize("name", ["h36m_coco.json", "test_h36m_body3d.npz"])
def test_real_frames_boxes_and_cameras(name: str) -> None:
    path = shared_data("formats", "h36m", name)
    data, cameras = open_labeled(path), find_cameras(path)
    assert data.skeleton == H36M and len(data) == 4 and cameras is not None and len(cameras) == 44
    assert all(Path(s.image).exists() for s in data)
    for sample in data:
        assert sample.shot is not None and sample.shot.xyz is not None and sample.keypoints is not None
        assert (sample.keypoints[:, 2] == 2).all()
        found = cameras[f"{sample.shot.subject}/{sample.shot.camera}"].project(sample.shot.xyz)
        assert np.abs(found - sample.keypoints[:, :2]).max() < 1e-3, "2D is 3D as the camera sees it"
    shot = data[0].shot
    assert shot is not None and (shot.subject, shot.moment) == ("S1", "S1_Directions_1_000001")


def test_both_files_say_the_same() -> None:
    folder = shared_data("formats", "h36m")
    for a, b in zip(read_h36m(folder / "h36m_coco.json"), read_h36m(folder / "test_h36m_body3d.npz"), strict=True):
        assert a.image == b.image and a.box == pytest.approx(b.box, abs=1e-3)
        assert a.shot is not None and b.shot is not None
        assert a.shot.xyz == pytest.approx(b.shot.xyz, abs=1e-2)


def test_joints_are_known_by_name(tmp_path: Path) -> None:
    """Right before left, as other repositories have them; and images that are gone are told."""
    folder = shared_data("formats", "h36m")
    document = json.loads((folder / "h36m_coco.json").read_text())
    before = read_h36m(folder / "h36m_coco.json")
    order = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]
    names = document["categories"][0]["keypoints"]
    document["categories"][0]["keypoints"] = [names[k] for k in order]
    for row in document["annotations"]:
        for key, width in (("keypoints", 3), ("keypoints_3d", 4)):
            row[key] = np.array(row[key]).reshape(17, width)[order].ravel().tolist()
    document["images"].append({**document["images"][0], "id": 999, "file_name": "S1_Directions_1.54138969_999999.jpg"})
    document["annotations"].append({**document["annotations"][0], "id": 999, "image_id": 999})
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document))
    after = read_h36m(path, folder)
    assert any("left out: 1 of" in remark for remark in after.remarks)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
        assert a.shot is not None and b.shot is not None
        np.testing.assert_allclose(a.shot.xyz, b.shot.xyz)
    document["categories"][0]["keypoints"][3] = "j3"
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match="has 'right_hip' where H36M has 'left_hip'"):
        read_h36m(path, folder)


def test_a_pickle_in_an_npz_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    array = np.array([Evil()], object)
    path = tmp_path / "h36m_train.npz"
    np.savez(path, imgname=array, center=array, scale=array, part=array)
    with pytest.raises(UserError, match=r"is not H36M's .npz"):
        read_h36m(path)
    assert not (tmp_path / "ran").exists()


def test_a_frame_of_another_name_is_named_with_its_file(tmp_path: Path) -> None:
    names, part = np.array(["S1_Walking.54138969_000001.jpg", "a.jpg"]), np.ones((2, 17, 3))
    for name in names:
        (tmp_path / name).touch()
    path = tmp_path / "h36m_train.npz"
    np.savez(path, imgname=names, center=np.ones((2, 2)), scale=np.ones(2), part=part)
    with pytest.raises(UserError, match=r"h36m_train\.npz: image 'a\.jpg' is not named as S1_.*; rename or remove it"):
        read_h36m(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"a\.npz is not H36M's \.npz, or damaged \(it is no plain file\)"):
        read_h36m(tmp_path / "a.npz")


@pytest.mark.parametrize("change", [{"part": True}, {"seen": 0.3}])
def test_truth_values_and_shares_in_an_npz_are_no_joints(tmp_path: Path, change: dict) -> None:
    part = np.ones((1, 17, 3), bool if change.get("part") else np.float64)
    part[..., 2] = change.get("seen", 1)
    path = tmp_path / "h36m_train.npz"
    names = np.array(["S1_Directions_1.54138969_000001.jpg"])
    np.savez(path, imgname=names, center=np.ones((1, 2)), scale=np.ones(1), part=part)
    with pytest.raises(UserError, match=r"part is no array of numbers|part of entry 0 cannot be"):
        read_h36m(path)
