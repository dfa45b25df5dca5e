from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from semipose.bring import init
from semipose.cli import main
from semipose.data.sample import PoseData
from semipose.engine.sets import open_sets
from semipose.errors import UserError
from semipose.training import configure
from tests.data.projects import deeplabcut, lightning_pose, picture, plain_csv
from tests.helpers import shared_data


def opened(target: Path) -> tuple[PoseData, PoseData | None, PoseData | None]:
    config = configure(None, target)
    sets = open_sets(config.data, needs_unlabeled=config.method.name != "supervised")
    return sets.labeled, sets.unlabeled, sets.val


def test_a_project_of_several_videos_holds_out_a_whole_one(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a", "b", "c", "d"))
    for i in range(2):
        picture(project / f"labeled-data/a/new{i}.png", 50 + i)
    found = init(project)
    labeled, unlabeled, val = opened(project / "data.yaml")
    assert unlabeled is not None and val is not None
    assert (len(labeled), len(unlabeled), len(val)) == (9, 2, 3)
    assert len({s.session for s in val}) == 1 and not {s.session for s in val} & {s.session for s in labeled}
    assert any("12 instances in 12 images of 4 videos" in line for line in found.found)
    content = yaml.safe_load((project / "data.yaml").read_text())
    assert content["data"]["labeled"] == "." and content["method"]["name"] == "single"
    assert content["data"]["skeleton"]["pairs"] == [["left_ear", "right_ear"]]


def test_one_video_holds_out_its_last_frames(tmp_path: Path) -> None:
    init(lightning_pose(tmp_path / "project", frames=10))
    labeled, unlabeled, val = opened(tmp_path / "project" / "data.yaml")
    assert unlabeled is None and val is not None
    assert [s.id[-7:-4] for s in val] == ["009", "008"] and len(labeled) == 8


def test_data_yaml_trains_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain_csv(tmp_path, frames=6)
    for i in range(3):
        picture(tmp_path / "more" / f"{i}.png", 60 + i)
    assert main(["init", str(tmp_path), "--out", str(tmp_path / "my data.yaml")]) == 0
    assert "left_ear - right_ear" in capsys.readouterr().out
    small = ["--model.weights=none", "--model.backbone=resnet18", "--model.size=[64, 64]", "--steps=1", "--threads=1"]
    out = ["--out", str(tmp_path / "run"), f"--data.cache={tmp_path / 'cache'}", "--accelerator", "cpu"]
    assert main(["train", *small, *out, str(tmp_path / "my data.yaml"), "--optim.batch", "2"]) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["labels"], summary["unlabeled"], summary["val_images"]) == (5, 3, 1)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["method"]["name"] == "single"
    assert main(["check", "--data", str(tmp_path / "my data.yaml")]) == 0


def test_a_recipe_that_is_named_brings_its_method(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    init(tmp_path)
    chosen = configure("dual", tmp_path / "data.yaml")
    assert chosen.method.name == "dual" and chosen.steps == 800


def test_coco_with_validation_of_its_own_in_the_usual_folders(tmp_path: Path) -> None:
    for part, ids in (("train", (0, 1, 2)), ("val", (3,))):
        document = {
            "images": [{"id": i, "file_name": f"{i}.png"} for i in ids],
            "annotations": [
                {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 30, 30], "keypoints": [5, 6, 2, 9, 9, 2]}
                for i in ids
            ],
            "categories": [{"id": 1, "name": "thing", "keypoints": ["a", "b"]}],
        }
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"{part}.json").write_text(json.dumps(document))
        for i in ids:
            picture(tmp_path / "images" / f"{i}.png", i)
    picture(tmp_path / "images" / "9.png", 9)
    init(tmp_path)
    labeled, unlabeled, val = opened(tmp_path / "data.yaml")
    assert unlabeled is not None and val is not None
    assert (len(labeled), [Path(s.image).name for s in unlabeled], len(val)) == (3, ["9.png"], 1)


def test_copies_of_labelled_images_are_not_taken_for_unlabelled(tmp_path: Path) -> None:
    plain_csv(tmp_path, frames=5)
    (tmp_path / "again.png").write_bytes((tmp_path / "frames" / "0.png").read_bytes())
    picture(tmp_path / "new.png", 60)
    found = init(tmp_path)
    _, unlabeled, _ = opened(tmp_path / "data.yaml")
    assert unlabeled is not None and [Path(s.image).name for s in unlabeled] == ["new.png"]
    assert any("again.png, a copy" in line for line in found.found)


def test_no_file_is_overwritten_unasked(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    (tmp_path / "data.yaml").write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        init(tmp_path)
    assert (tmp_path / "data.yaml").read_text() == "mine"
    assert init(tmp_path, overwrite=True).files[0] == tmp_path / "data.yaml"


def test_real_projects(tmp_path: Path) -> None:
    for name, flips in (("openfield/project", True), ("mirror_mouse", False)):
        target = tmp_path / f"{name[:4]}.yaml"
        init(shared_data(*name.split("/")), target)
        content = yaml.safe_load(target.read_text())
        assert ("flip50" in content["method"]["easy"]) == flips
        assert "mp4" in str(content["data"]["unlabeled"]) and (tmp_path / content["data"]["split"]).exists()
