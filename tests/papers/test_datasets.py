from __future__ import annotations

from pathlib import Path

import pytest

from semipose.config import DataConfig
from semipose.papers.datasets import coco, h36m, mpii, to_h36m

ROOT = Path("R")


@pytest.mark.parametrize("make", [coco, mpii, h36m, to_h36m])
def test_without_a_folder_the_user_names_the_data(make) -> None:
    assert make(None) == DataConfig()


def test_coco_as_published() -> None:
    notes = "R/coco/annotations"
    labels = f"{notes}/person_keypoints_train2017.json"
    val = {"val": f"{notes}/person_keypoints_val2017.json", "val_images": "R/coco/val2017"}
    assert coco(ROOT) == DataConfig(labels, "R/coco/train2017", **val)
    more = {"unlabeled": f"{notes}/person_boxes_unlabeled2017.json", "unlabeled_images": "R/coco/unlabeled2017"}
    assert coco(ROOT, wild=True) == DataConfig(labels, "R/coco/train2017", **more, **val)


def test_labels_of_mpii_with_images_of_another_data_set() -> None:
    """AI Challenger's, and validation on MPII; for Table 6 Human3.6M's, and validation there."""
    own, other = mpii(ROOT), to_h36m(ROOT)
    assert own.labeled == other.labeled == "R/mpii/annot/train.json" and own.labeled_images == other.labeled_images
    assert own.unlabeled == "R/aic/keypoint_train_annotations_20170909.json"
    assert (own.val, own.val_images) == ("R/mpii/annot/valid.json", "R/mpii/images")
    assert (other.unlabeled, other.unlabeled_images) == ("R/h36m/annot/h36m_train.json", "R/h36m/images")
    assert (other.val, other.val_images) == ("R/h36m/annot/h36m_validation.json", "R/h36m/images")
