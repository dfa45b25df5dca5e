from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from semipose.data.h36m import find_cameras, read_cameras, read_h36m
from semipose.data.open import open_labeled
from semipose.data.pickles import load_plain
from semipose.errors import UserError
from semipose.skeleton import H36M
from tests.helpers import shared_data


def seen(camera: dict[str, np.ndarray], xyz: np.ndarray) -> np.ndarray:
    """World points (K, 3) in pixels, by the equations that `read_cameras` states."""
    x, y, z = ((xyz - camera["T"]) @ camera["R"]).T
    x, y = x / z, y / z
    r = x * x + y * y
    bent = 1 + camera["k"][0] * r + camera["k"][1] * r**2 + camera["k"][2] * r**3
    p1, p2 = camera["p"]
    u = x * bent + 2 * p1 * x * y + p2 * (r + 2 * x * x)
    v = y * bent + p1 * (r + 2 * y * y) + 2 * p2 * x * y
    return np.stack([u, v], -1) * camera["f"] + camera["c"]


@pytest.mark.parametrize("name", ["h36m_coco.json", "test_h36m_body3d.npz"])
def test_real_frames_boxes_and_cameras(name: str) -> None:
    path = shared_data("formats", "h36m", name)
    data, cameras = open_labeled(path), find_cameras(path)
    assert data.skeleton == H36M and len(data) == 4 and cameras is not None and len(cameras) == 44
    assert all(Path(s.image).exists() for s in data)
    for sample in data:
        assert sample.shot is not None and sample.shot.xyz is not None and sample.keypoints is not None
        assert (sample.keypoints[:, 2] == 2).all()
        found = seen(cameras[sample.shot.subject, sample.shot.camera], sample.shot.xyz)
        assert np.abs(found - sample.keypoints[:, :2]).max() < 0.25, "2D is 3D as the camera sees it"
    shot = data[0].shot
    assert shot is not None and (shot.subject, shot.moment) == ("S1", "S1_Directions_1_000001")


def test_both_files_say_the_same() -> None:
    folder = shared_data("formats", "h36m")
    for a, b in zip(read_h36m(folder / "h36m_coco.json"), read_h36m(folder / "test_h36m_body3d.npz"), strict=True):
        assert a.image == b.image and a.box == pytest.approx(b.box, abs=1e-3)
        assert a.shot is not None and b.shot is not None
        assert a.shot.xyz == pytest.approx(b.shot.xyz, abs=1e-5)


class Evil:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("was_run"),))


def test_a_pickle_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cameras.pkl"
    path.write_bytes(pickle.dumps({("S1", "1"): Evil()}))
    with pytest.raises(UserError, match="not read from a file of data"):
        read_cameras(path)
    assert not (tmp_path / "was_run").exists()
    path.write_bytes(pickle.dumps({"a": [np.arange(3), np.float64(2), "text"]}))
    assert load_plain(path)["a"][0].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="not H36M's cameras"):
        read_cameras(path)
