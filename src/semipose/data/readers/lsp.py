"""Leeds Sports Pose (Johnson and Everingham, BMVC 2010) and its Extended training set (CVPR 2011)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from semipose.data.extent import label_box
from semipose.data.images import image_size
from semipose.data.readers import data_set
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import LSP


def read_lsp(source: str | Path) -> PoseData:
    """Read `joints.mat` with the photographs `images/im0001.jpg` (or `im00001.jpg`) beside it.

    Extended set, `joints` 14 x 3 x N: third row 1 = labelled (v 2), 0 = not annotated (v 0); those lie outside the
    image or at exactly (0, 0), never elsewhere. Original set, 3 x 14 x N: all are labelled, third row 1 = occluded
    (v 1), 0 = visible (v 2). x and y are used as published.

    Columns without a photograph are left out, so that a part of the data set can be read. The box is the extent of
    the labelled joints within the image, enlarged by `extent.BOX_MARGIN` and cut to the image.

    Raises:
        UserError: no `joints.mat`, not of either layout, or no photograph.
    """
    source = Path(source)
    mat = source / "joints.mat" if source.is_dir() else source
    joints = _joints(mat)
    folder = mat.parent / "images"
    images = {int(p.stem[2:]): p for p in folder.glob("im*.jpg") if p.stem[2:].isdigit()}
    numbers = [n for n in sorted(images) if 1 <= n <= len(joints)]
    if not numbers:
        raise UserError(f"{folder} holds no photograph im0001.jpg to im{len(joints):04d}.jpg that goes with {mat}")
    samples = tuple(_sample(images[n], n, joints[n - 1]) for n in numbers)
    return PoseData(mat.parent.resolve().name, LSP, samples)


def _joints(mat: Path) -> np.ndarray:
    """(N, 14, 3) x, y, v, whichever layout the file has."""
    if not mat.is_file():
        raise UserError(f"{mat} does not exist; LSP is a folder with joints.mat and images/")
    try:
        joints = np.asarray(loadmat(mat)["joints"], np.float64)
    except (KeyError, ValueError, TypeError, OSError, MatReadError, NotImplementedError) as e:
        raise UserError(f"{mat} is not LSP's joints.mat: {' '.join(str(e).split())}") from None
    if joints.ndim == 3 and joints.shape[:2] == (14, 3):
        joints = joints.transpose(2, 0, 1).copy()
        joints[..., 2] = np.where(joints[..., 2] == 1, 2, 0)
    elif joints.ndim == 3 and joints.shape[:2] == (3, 14):
        joints = joints.transpose(2, 1, 0).copy()
        joints[..., 2] = np.where(joints[..., 2] == 1, 1, 2)
    else:
        raise UserError(f"{mat}: joints has shape {joints.shape}, LSP has 3 x 14 x N and its Extended set 14 x 3 x N")
    joints[~np.isfinite(joints).all(-1)] = 0
    joints[joints[..., 2] == 0] = 0
    return joints


def _sample(image: Path, number: int, joints: np.ndarray) -> Sample:
    box = label_box(joints, image_size(image))
    keypoints = joints.astype(np.float32)
    return Sample(image.name, str(image.resolve()), box, keypoints, image_id=number, annotation_id=number)


def _is_lsp(source: str) -> bool:
    return Path(source).suffix == ".mat" or (Path(source) / "joints.mat").exists()


FORMAT = data_set("Leeds Sports Pose (joints.mat or its folder)", _is_lsp, lambda source, _: read_lsp(source))
