"""Leeds Sports Pose (Johnson and Everingham, BMVC 2010) and its Extended training set (CVPR 2011)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semipose.data.extent import label_box
from semipose.data.images import image_sizes
from semipose.data.readers import data_set, mat
from semipose.data.sample import FAR, PoseData, Sample
from semipose.errors import UserError, reads
from semipose.skeleton import LSP


@reads("LSP's joints.mat")
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
    file = source / "joints.mat" if source.is_dir() else source
    joints = _joints(file)
    folder = file.parent / "images"
    images = {int(p.stem[2:]): p for p in folder.glob("im*.jpg") if p.stem[2:].isdecimal()}
    numbers = [n for n in sorted(images) if 1 <= n <= len(joints)]
    if not numbers:
        raise UserError(f"{folder} holds no photograph im0001.jpg to im{len(joints):04d}.jpg that goes with {file}")
    sizes = image_sizes((str(images[n]) for n in numbers), str(file))
    samples = (_sample(images[n], n, joints[n - 1], sizes[str(images[n])]) for n in numbers)
    return PoseData(file.parent.resolve().name, LSP, samples)


def _joints(file: Path) -> np.ndarray:
    """(N, 14, 3) x, y, v, whichever layout the file has."""
    if not file.is_file():
        raise UserError(f"{file} does not exist; LSP is a folder with joints.mat and images/")
    joints = mat.numbers(file, "joints").get("joints")
    if joints is None:
        raise UserError(f"{file} is not LSP's joints.mat: it has no variable joints; name the right file")
    if joints.ndim != 3 or joints.shape[:2] not in ((14, 3), (3, 14)):
        raise UserError(f"{file}: joints has shape {joints.shape}, LSP has 3 x 14 x N and its Extended set 14 x 3 x N")
    extended = joints.shape[:2] == (14, 3)
    joints = joints.transpose((2, 0, 1) if extended else (2, 1, 0)).copy()
    joints[~np.isfinite(joints).all(-1)] = np.nan
    marks = joints[..., 2]
    if not (np.isnan(marks) | (marks == 0) | (marks == 1)).all():
        raise UserError(f"{file}: joints has a third row that is not all 0 and 1; was it damaged? copy it again")
    joints[..., 2] = np.where(marks == 1, 2, 0) if extended else np.where(marks == 1, 1, 2)
    joints[np.isnan(joints).any(-1) | (joints[..., 2] == 0)] = 0
    far = np.flatnonzero((np.abs(joints) > FAR).any((1, 2)))
    if len(far):
        raise UserError(f"{file}: person {far[0] + 1} has a joint beyond {FAR:g} pixels; was it damaged? copy it again")
    return joints


def _sample(image: Path, number: int, joints: np.ndarray, size: tuple[int, int]) -> Sample:
    box = label_box(joints, size)
    keypoints = joints.astype(np.float32)
    return Sample(image.name, str(image.resolve()), box, keypoints, image_id=number, annotation_id=number)


def _is_lsp(source: str) -> bool:
    return Path(source).suffix == ".mat" or (Path(source) / "joints.mat").exists()


FORMAT = data_set("Leeds Sports Pose (joints.mat or its folder)", _is_lsp, lambda source, _: read_lsp(source))
