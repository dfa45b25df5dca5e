"""AI Challenger's human keypoints (Wu et al., 2017), as published: `keypoint_train_annotations_20170909.json`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from semipose.data.readers import data_set
from semipose.data.readers.json_files import (
    ImageFolder,
    Json,
    box_of,
    ends,
    field_of,
    id_of,
    image_folder,
    load_json,
    numbers_of,
    points_of,
    refuse_twice,
    starts,
)
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError, reads
from semipose.skeleton import AIC

VISIBILITY = np.array([0, 2, 1, 0])
"""Ours by theirs: 1 visible, 2 hidden, 3 missing."""


@reads("AI Challenger's annotations")
def read_aic(path: str | Path, images: str | Path | None = None) -> PoseData:
    """Read a list of {"image_id", "human_annotations": {"human1": [x1, y1, x2, y2], ...}, "keypoint_annotations":
    {"human1": [x, y, v] x 14, ...}}. An image is `<image_id>.jpg`. One sample a human, those without keypoints
    unlabelled.

    Args:
        images: the folder of the images, else that of the JSON or an `images` beside or above it; it may have folders.

    Raises:
        UserError: naming the image and human at fault and what is wrong with it.
    """
    path = Path(path)
    rows = load_json(path)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} is not a list of images with image_id, human_annotations and keypoint_annotations")
    names = [str(id_of(row, "image_id", f"{path}: entry {i}")) for i, row in enumerate(rows)]
    refuse_twice(names, f"{path}: image_id")
    files = ImageFolder(image_folder(path, images, f"{names[0]}.jpg"))
    samples = tuple(s for name, row in zip(names, rows, strict=True) for s in _humans(name, row, files, path))
    files.refuse_if_none_exists({s.image for s in samples})
    return PoseData(path.stem, AIC, samples)


def _humans(name: str, row: Json, files: ImageFolder, path: Path) -> Iterator[Sample]:
    boxes = field_of(row, "human_annotations", f"{path}: image {name}")
    points = row.get("keypoint_annotations") or {}
    if not isinstance(boxes, dict) or not isinstance(points, dict):
        raise UserError(f"{path}: image {name} needs human_annotations and keypoint_annotations by name of a human")
    alone = next((human for human in points if human not in boxes), None)
    if alone is not None:
        raise UserError(f"{path}: image {name} has keypoints of {alone}, and no box in human_annotations; mend it")
    for human, corners in boxes.items():
        where = f"{path}: image {name}, {human}"
        x1, y1, x2, y2 = numbers_of(corners, 4, where, "box {}, expected four numbers x1, y1, x2, y2")
        box = box_of({"bbox": (x1, y1, x2 - x1, y2 - y1)}, where)
        keypoints = _keypoints(points[human], where) if human in points else None
        image = files.path(f"{name}.jpg", where)
        yield Sample(f"{name}.jpg#{human}", image, box, keypoints, image_id=name)


def _keypoints(values: Json, where: str) -> np.ndarray:
    points = points_of(values, (14, 3), f"{where} needs 14 keypoints and", "numbers x, y, v").astype(np.float32)
    if not np.isin(points[:, 2], (1, 2, 3)).all():
        odd = points[~np.isin(points[:, 2], (1, 2, 3)), 2][0]
        raise UserError(f"{where} has a joint of visibility {odd:g}; AIC has 1 visible, 2 hidden, 3 missing")
    points[:, 2] = VISIBILITY[points[:, 2].astype(int)]
    points[~np.isfinite(points).all(1) | (points[:, 2] == 0)] = 0
    return points


def is_aic(source: str) -> bool:
    """Whether this is a list of its annotations."""
    return starts(source, "[") and '"human_annotations"' in ends(source)


FORMAT = data_set("AI Challenger (a .json of human_annotations)", is_aic, read_aic)
