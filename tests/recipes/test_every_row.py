"""Every row of the papers' tables, at paper scale, starts on the small real files, takes two steps and is scored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semipose import reproduction
from semipose.config import Config
from semipose.recipes.tables import Paper
from tests.helpers import shared_data

SMALL = {
    "resnet": ("resnet18", {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8], "stem_width": 8}),
    "hrnet": ("hrnet_w18_small", {}),
}
PLACES = {
    "coco/annotations/person_keypoints_train2017.json": "coco/test_coco.json",
    "coco/annotations/person_keypoints_val2017.json": "coco/test_coco.json",
    "coco/train2017": "coco",
    "coco/val2017": "coco",
    "coco/unlabeled2017": "coco",
    "mpii/annot/train.json": "mpii/test_mpii.json",
    "mpii/annot/valid.json": "mpii/test_mpii.json",
    "mpii/images": "mpii",
    "aic/keypoint_train_annotations_20170909.json": "aic/test_aic.json",
    "aic/keypoint_train_images_20170902": "aic",
    "h36m/annot/h36m_train.json": "h36m/h36m_coco.json",
    "h36m/annot/h36m_validation.json": "h36m/h36m_coco.json",
    "h36m/images": "h36m",
    "h36m/cameras.pkl": "h36m/cameras.pkl",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data sets' folders as published, of the small real files."""
    for place, file in PLACES.items():
        link = tmp_path / "root" / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(shared_data("formats", *file.split("/")))
    coco = json.loads(shared_data("formats", "coco", "test_coco.json").read_text())
    boxes = [{"image_id": a["image_id"], "category_id": 1, "bbox": a["bbox"], "score": 1} for a in coco["annotations"]]
    listed = {"images": coco["images"], "annotations": boxes}
    (tmp_path / "root/coco/annotations/person_boxes_unlabeled2017.json").write_text(json.dumps(listed))
    return tmp_path / "root"


def small(config: Config) -> Config:
    """The same run with a network of the same family that takes a moment."""

    def shrunk(model: dict[str, Any]) -> dict[str, Any]:
        if "backbone" not in model:
            return model
        backbone, options = SMALL["hrnet" if model["backbone"].startswith("hrnet") else "resnet"]
        return {**model, "backbone": backbone, "options": options}

    changed = {"weights": "none", "size": [64, 64], **shrunk({"backbone": config.model.backbone})}
    if config.model.deconv:
        changed["deconv"] = [8, 8, 8]
    return replace(config, model=replace(config.model, **changed), peer=shrunk(config.peer), threads=1)


def one_of_each(paper: Paper) -> Paper:
    """The tables without the rows that only label more."""
    tables = {
        key: replace(table, rows=tuple(row for row in table.rows if not row.plan.endswith(("-5k", "-10k"))))
        for key, table in paper.tables.items()
    }
    return replace(paper, tables=tables)


def test_every_row_starts_trains_and_is_scored(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configured, find = reproduction.configured, reproduction.find
    paper = one_of_each(find("xie2021")[0])
    monkeypatch.setattr(reproduction, "configured", lambda *args: small(configured(*args)))
    monkeypatch.setattr(reproduction, "find", lambda target: (paper, paper.tables))
    cache = {"data": {"cache": str(tmp_path / "cache")}}
    tables = reproduction.reproduce("xie2021", "paper", root=root, dry_run=2, progress=False, **cache)
    rows = [row for table in tables for row in table["rows"]]
    assert {row["plan"] for row in rows} == {row.plan for table in paper.tables.values() for row in table.rows}
    for row in rows:
        assert row["runs"], f"{row['label']} has no run"
        summary = json.loads(Path("reproduce/xie2021/paper-dry", row["runs"][0], "summary.json").read_text())
        assert summary["steps"] == 2 and summary["val"]["networks"]
    unscored = {row["label"] for row in rows if row["mean"] is None and row["metric"] != "MPJPE mm"}
    assert not unscored, "MPJPE alone needs several cameras of one moment, which the small files lack"
