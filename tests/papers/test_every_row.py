"""Every row of the papers' tables, at paper scale, starts on the small real files, takes two steps and is scored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semipose.config import Config
from semipose.papers import reproduction
from semipose.papers.find import PAPERS, find, recipe
from semipose.papers.measures import DETECTED
from semipose.papers.results import Setting
from semipose.papers.tables import Table
from semipose.papers.xie2021.plans import coco
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from tests.fixtures.shared import shared_data

SMALL = {
    "resnet": ("resnet18", {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8], "stem_width": 8}),
    "hrnet": ("hrnet_w18_small", {}),
}
FOLDERS = {
    "coco/train2017": "coco",
    "coco/val2017": "coco",
    "coco/unlabeled2017": "coco",
    "mpii/images": "mpii",
    "aic/keypoint_train_images_20170902": "aic",
    "aic/keypoint_train_annotations_20170909.json": "aic/test_aic.json",
    "h36m/images": "h36m",
    "h36m/cameras.pkl": "h36m/cameras.pkl",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data sets' folders as published, of the small real files: half of the images to train on, half to validate
    on."""
    root = tmp_path / "root"
    for place, file in FOLDERS.items():
        link = root / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(shared_data("formats", *file.split("/")))
    coco, h36m, mpii = (
        json.loads(shared_data("formats", *file).read_text())
        for file in (("coco", "test_coco.json"), ("h36m", "h36m_coco.json"), ("mpii", "test_mpii.json"))
    )
    train = halved(coco, 0)
    boxes = [{"image_id": a["image_id"], "category_id": 1, "bbox": a["bbox"], "score": 1} for a in train["annotations"]]
    val = halved(coco, 1)
    detected = json.loads(shared_data("formats", "coco", "test_coco_det_AP_H_56.json").read_text())
    known = {image["id"] for image in val["images"]}
    files = {
        "coco/annotations/person_keypoints_train2017.json": train,
        "coco/annotations/person_keypoints_val2017.json": val,
        f"coco/{DETECTED}": [one for one in detected if one["image_id"] in known][:6],
        "coco/annotations/person_boxes_unlabeled2017.json": {"images": train["images"], "annotations": boxes},
        "mpii/annot/train.json": mpii[:3],
        "mpii/annot/valid.json": [
            one for one in mpii[3:] if one["image"] not in {other["image"] for other in mpii[:3]}
        ],
        "h36m/annot/h36m_train.json": halved(h36m, 0),
        "h36m/annot/h36m_validation.json": halved(h36m, 1),
    }
    for place, content in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(json.dumps(content))
    return root


def halved(coco: dict[str, Any], half: int) -> dict[str, Any]:
    """Every second image, and its annotations."""
    images = coco["images"][half::2]
    kept = {image["id"] for image in images}
    return {**coco, "images": images, "annotations": [a for a in coco["annotations"] if a["image_id"] in kept]}


def small(config: Config) -> Config:
    """The same run with a network of the same family that takes a moment."""

    def shrunk(model: dict[str, Any]) -> dict[str, Any]:
        if "backbone" not in model:
            return model
        backbone, options = SMALL["hrnet" if model["backbone"].startswith("hrnet") else "resnet"]
        return {**model, "backbone": backbone, "options": options}

    size = [128, 96] if getattr(config.method, "group", 1) > 1 else [64, 64]
    changed = {"weights": "none", "size": size, **shrunk({"backbone": config.model.backbone})}
    if config.model.deconv:
        changed["deconv"] = [8, 8, 8]
    return replace(config, model=replace(config.model, **changed), peer=shrunk(config.peer), threads=1)


def firsts(name: str) -> dict[str, Table]:
    """A paper's tables, each with those rows that train something no table before does."""
    paper, seen, tables = find(name)[0], set(), {}
    for key, table in paper.tables.items():
        rows = tuple(row for row in table.rows if row.plan not in seen)
        seen |= {row.plan for row in rows}
        if rows:
            tables[key] = replace(table, rows=rows)
    return tables


@pytest.mark.slow
@pytest.mark.parametrize(("name", "key"), [(name, key) for name in PAPERS for key in firsts(name)])
def test_every_row_starts_trains_and_is_scored(
    name: str, key: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configured, table = reproduction.configured, firsts(name)[key]
    monkeypatch.setattr(reproduction, "configured", lambda *args: small(configured(*args)))
    monkeypatch.setattr(reproduction, "find", lambda target: (find(name)[0], {key: table}))
    cache, out = {"data": {"cache": str(tmp_path / "cache")}}, Path("reproduce", name, "paper-dry")
    asked = Setting("paper", out, root, cache, 2, False)
    (written,) = reproduction.run_tables(name, asked)
    assert [row["plan"] for row in written["rows"]] == [row.plan for row in table.rows]
    for row in written["rows"]:
        assert row["runs"], f"{row['label']} has no run"
        summary = json.loads((out / row["runs"][0] / "summary.json").read_text())
        assert summary["steps"] == 2 and summary["val"]["networks"]
    unscored = {row["label"] for row in written["rows"] if row["mean"] is None and row["metric"] != "MPJPE mm"}
    assert not unscored, "MPJPE alone needs several cameras of one moment, which the small files lack"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["released-single", "released-dual"])
def test_a_recipe_that_is_no_row_starts_trains_and_is_scored(name: str, root: Path, tmp_path: Path) -> None:
    config = small(replace(recipe(name), data=coco(root), steps=2, eval_every=0))
    config = replace(config, optim=replace(config.optim, batch=2))
    wanted = {"unlabeled": config.data.labeled, "unlabeled_images": config.data.labeled_images}
    data = replace(config.data, cache=str(tmp_path / "cache"), **wanted)
    summary = run_training(replace(config, data=data), RunDir.create(tmp_path / "run"), progress=False)
    assert summary["steps"] == 2 and summary["val"]["networks"]
