from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from semipose.data.extent import BOX_MARGIN
from semipose.data.images import image_size
from semipose.data.readers.lsp import read_lsp
from semipose.errors import UserError
from semipose.skeleton import LSP
from tests.fixtures.shared import shared_data


def written(folder: Path, joints: object, images: tuple[int, ...] = (1, 3), digits: int = 5) -> Path:
    (folder / "images").mkdir(parents=True)
    for n in images:
        cv2.imwrite(str(folder / "images" / f"im{n:0{digits}d}.jpg"), np.zeros((100, 120, 3), np.uint8))
    savemat(folder / "joints.mat", {"joints": joints})
    return folder


def people(n: int = 3) -> np.ndarray:
    """(14, 3, n): joint k of person i at (20 + 5 k, 10 i + 30 + k), third row 1 but for joint 13."""
    k, i = np.mgrid[:14, :n]
    return np.stack([20 + 5.0 * k, 10.0 * i + 30 + k, (k < 13).astype(float)], 1)


def test_extended_set(tmp_path: Path) -> None:
    data = read_lsp(written(tmp_path / "lspet", people()))
    assert data.skeleton == LSP and data.name == "lspet"
    assert data.ids == ("im00001.jpg", "im00003.jpg"), "a column without photograph is left out"
    points = data[1].keypoints
    assert points is not None
    assert points[2].tolist() == [30, 52, 2] and points[13].tolist() == [0, 0, 0]
    x, y, w, h = data[1].box
    assert (x + w / 2, y + h / 2) == pytest.approx((20 + 5 * 6 + 0.5, 50 + 6 + 0.5))
    assert (w, h) == pytest.approx((60 * BOX_MARGIN, 12 * BOX_MARGIN))
    assert read_lsp(tmp_path / "lspet" / "joints.mat").ids == data.ids


def test_original_set_has_all_joints_labelled_and_marks_the_hidden(tmp_path: Path) -> None:
    data = read_lsp(written(tmp_path / "lsp", people().transpose(1, 0, 2), digits=4))
    assert data.ids == ("im0001.jpg", "im0003.jpg")
    points = data[0].keypoints
    assert points is not None
    assert points[:13, 2].tolist() == [1] * 13 and points[13].tolist() == [85, 43, 2]


def test_boxes_stay_in_the_image_and_are_never_empty(tmp_path: Path) -> None:
    joints = people(1)
    joints[1:, 2] = 0
    assert read_lsp(written(tmp_path / "one", joints, (1,)))[0].box[2:] == (8, 8)
    joints[:, 2] = 0
    nobody = read_lsp(written(tmp_path / "none", joints, (1,)))
    assert nobody[0].box == (0, 0, 120, 100) and not nobody[0].labeled
    wide = people(1)
    wide[:, 0] = np.linspace(0, 119, 14)[:, None]
    x, _, w, _ = read_lsp(written(tmp_path / "wide", wide, (1,)))[0].box
    assert (x, w) == (0, 120)


def test_faults_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_lsp(tmp_path)
    (tmp_path / "joints.mat").write_bytes(b"no matlab file")
    with pytest.raises(UserError, match=r"joints\.mat is no MAT-file"):
        read_lsp(tmp_path)
    with pytest.raises(UserError, match="shape"):
        read_lsp(written(tmp_path / "shape", np.zeros((5, 5))))
    with pytest.raises(UserError, match="no photograph"):
        read_lsp(written(tmp_path / "beyond", people(), images=(7,)))


@pytest.mark.slow
def test_real_data() -> None:
    data = read_lsp(shared_data("lspet"))
    assert len(data) == 5000
    points = np.stack([s.keypoints for s in data if s.keypoints is not None])
    labeled = points[..., 2] > 0
    assert (points[~labeled] == 0).all()
    sizes = np.array([image_size(s.image)[::-1] for s in data.samples[:300]])
    inside = ((points[:300, :, :2] >= 0) & (points[:300, :, :2] <= sizes[:, None])).all(-1)
    assert np.asarray(inside)[labeled[:300]].all()
    assert 0.85 < labeled.mean() < 0.92
