"""Leeds Sports Pose (Johnson and Everingham, BMVC 2010) and its Extended training set (CVPR 2011)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from semipose.data.images import image_size
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import LSP

BOX_MARGIN = 1.2
"""The data set has no boxes: ours is the extent of the labelled joints times this, so that head and feet fit in. The
crop's own padding comes on top."""

MIN_BOX = 8.0
"""Least side of such a box in pixels, for people of whom one joint is labelled, or joints in one line."""


def read_lsp(source: str | Path) -> PoseData:
    """Read `joints.mat` with the photographs `images/im0001.jpg` (or `im00001.jpg`) beside it.

    Extended set, `joints` 14 x 3 x N: third row 1 = labelled (v 2), 0 = not annotated (v 0); those lie outside the
    image or at exactly (0, 0), never elsewhere. Original set, 3 x 14 x N: all are labelled, third row 1 = occluded
    (v 1), 0 = visible (v 2). x and y are used as published.

    Columns without a photograph are left out, so that a part of the data set can be read. The box is the extent of
    the labelled joints within the image, enlarged by `BOX_MARGIN` and cut to the image.

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
    box = _box(joints, image_size(image))
    keypoints = joints.astype(np.float32)
    return Sample(image.name, str(image.resolve()), box, keypoints, image_id=number, annotation_id=number)


def _box(joints: np.ndarray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The enlarged extent of the labelled joints, cut to an image of `size` (height, width)."""
    limit = np.array(size[::-1], np.float64)
    # Edge coordinates: a joint at pixel centre j lies at j + 0.5.
    points = joints[joints[:, 2] > 0, :2] + 0.5
    points = points[((points >= 0) & (points <= limit)).all(1)]
    if not len(points):
        return (0.0, 0.0, float(limit[0]), float(limit[1]))
    low, high = points.min(0), points.max(0)
    half = np.maximum((high - low) * BOX_MARGIN, MIN_BOX) / 2
    middle = (low + high) / 2
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half, limit)
    return (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
