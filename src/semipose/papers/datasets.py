"""The papers' data sets, as published, in the folder that `semipose reproduce --data ROOT` names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from semipose.config.schema import DataConfig

NAMES = {"coco": "COCO", "mpii": "MPII", "aic": "AI Challenger", "h36m": "Human3.6M"}
"""Folders of ROOT."""
BOXES = "_boxes_"
"""In the name of a file of a detector's boxes."""


def coco(root: Path | None, wild: bool = False) -> DataConfig:
    """`ROOT/coco` as published; the boxes of WILD are a detector's, which the user brings."""
    if root is None:
        return DataConfig()
    notes, folder = root / "coco" / "annotations", root / "coco"
    return DataConfig(
        labeled=str(notes / "person_keypoints_train2017.json"),
        labeled_images=str(folder / "train2017"),
        unlabeled=str(notes / "person_boxes_unlabeled2017.json") if wild else None,
        unlabeled_images=str(folder / "unlabeled2017") if wild else None,
        val=str(notes / "person_keypoints_val2017.json"),
        val_images=str(folder / "val2017"),
    )


def mpii(root: Path | None) -> DataConfig:
    """Labelled MPII as pose repositories keep it, unlabelled AI Challenger (section 6.1)."""
    if root is None:
        return DataConfig()
    people, other = root / "mpii", root / "aic"
    return DataConfig(
        labeled=str(people / "annot" / "train.json"),
        labeled_images=str(people / "images"),
        unlabeled=str(other / "keypoint_train_annotations_20170909.json"),
        unlabeled_images=str(other / "keypoint_train_images_20170902"),
        val=str(people / "annot" / "valid.json"),
        val_images=str(people / "images"),
    )


def to_h36m(root: Path | None) -> DataConfig:
    """Labelled MPII, unlabelled Human3.6M, evaluated there (Table 6)."""
    if root is None:
        return DataConfig()
    own = h36m(root)
    labeled = replace(mpii(root), val=own.val, val_images=own.val_images)
    return replace(labeled, unlabeled=str(own.labeled), unlabeled_images=str(own.labeled_images))


def h36m(root: Path | None) -> DataConfig:
    """Human3.6M as pose repositories prepare it: S1, 5, 6, 7, 8 to train on, S9 and S11 to test (section 6.1)."""
    if root is None:
        return DataConfig()
    images = str(root / "h36m" / "images")
    notes = root / "h36m" / "annot"
    return DataConfig(
        str(notes / "h36m_train.json"), images, val=str(notes / "h36m_validation.json"), val_images=images
    )
