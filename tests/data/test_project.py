"""What `begin` makes of a folder: tests/verbs/test_init.py has the many kinds of folders."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.cli import main
from semipose.config.resolve import read_overrides
from semipose.data.datasets import open_sets
from semipose.data.extent import label_box
from semipose.data.project import begin
from semipose.errors import UserError
from semipose.papers.configure import configure
from tests.data.readers.test_yolo import yolo
from tests.fixtures.films import film
from tests.fixtures.projects import picture, plain_csv


def test_files_and_lines_of_a_small_folder(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    picture(tmp_path / "more" / "new.png", 99)
    project = begin(tmp_path)
    assert [file.name for file in project.files] == ["data.yaml", "split.json", "unlabeled.json"]
    assert "joints: nose, left_ear, right_ear, tail" in project.lines
    assert "left and right: left_ear - right_ear" in project.lines
    assert "unlabelled: 1 images and 0 videos" in project.lines
    rows = json.loads((tmp_path / "unlabeled.json").read_text())["images"]
    assert rows == [{"file_name": "more/new.png"}]
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["data"]["labeled"] == "labels.csv" and content["data"]["split"] == "split.json"
    assert content["method"]["name"] == "guarded"
    assert content["data"]["skeleton"]["pairs"] == [["left_ear", "right_ear"]]
    split = json.loads((tmp_path / "split.json").read_text())
    assert not set(split["labeled"]) & set(split["val"]) and len(split["val"]) == 1


def test_another_name_names_all_its_files_and_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    names = [file.name for file in begin(tmp_path, tmp_path / "mice.yaml").files]
    assert names == ["mice.yaml", "mice-split.json"]
    with pytest.raises(UserError, match=r"mice\.yaml exists; --overwrite replaces it"):
        begin(tmp_path, tmp_path / "mice.yaml")
    assert [file.name for file in begin(tmp_path, tmp_path / "mice.yaml", overwrite=True).files] == names
    with pytest.raises(UserError, match="gone does not exist"):
        begin(tmp_path / "gone")


@pytest.mark.parametrize(("anyhow", "easy"), [(True, "rotate180+scale25+flip50"), (False, "affine30+flip50")])
def test_bodies_that_lie_in_every_direction_are_turned_by_any_angle(tmp_path: Path, anyhow: bool, easy: str) -> None:
    plain_csv(tmp_path, frames=14)
    rows = ["image,joint,x,y"]
    for i in range(14):
        angle = i * 6.28 / 14 if anyhow else 0.1 * (i % 3)
        across = {"nose": 14, "left_ear": 8, "right_ear": 8, "tail": -14}
        aside = {"nose": 0, "left_ear": 3, "right_ear": -3, "tail": 0}
        for joint, along in across.items():
            step = along * np.exp(1j * angle) + aside[joint] * 1j * np.exp(1j * angle)
            rows.append(f"frames/{i}.png,{joint},{18 + 2 * i + step.real:.2f},{15 + i + step.imag:.2f}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    begin(tmp_path)
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["method"]["easy"] == easy and content["data"].get("reach", 30) == (35 if anyhow else 30)


@pytest.mark.parametrize(("larger", "padding"), [(0, 1.0), (12, 1.25)])
def test_boxes_of_labels_are_not_enlarged_twice(tmp_path: Path, larger: float, padding: float) -> None:
    """The extent of the labels times 1.2 shows the whole body already; a data set's own boxes are enlarged."""
    joints, annotations = np.array([[20.0, 14, 2], [40, 30, 2]]), []
    for i in range(6):
        picture(tmp_path / "images" / f"{i}.png", i)
        x, y, w, h = label_box(joints, (48, 64))
        box = [x - larger / 2, y - larger / 2, w + larger, h + larger]
        annotations.append(
            {"id": i, "image_id": i, "category_id": 1, "bbox": box, "keypoints": joints.flatten().tolist()}
        )
    document = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(6)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "thing", "keypoints": ["a", "b"]}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(document))
    begin(tmp_path)
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["model"]["padding"] == padding


def test_with_nothing_unlabelled_the_split_is_named_and_where_to_put_more(tmp_path: Path) -> None:
    labels = plain_csv(tmp_path, frames=10)
    (line,) = (line for line in begin(tmp_path).lines if line.startswith("from labels alone"))
    split = f"semipose split {labels} --labeled 2 --val 2 --out {tmp_path}/split.json --overwrite, then"
    assert f"{split} semipose train {tmp_path}" in line and f"into {tmp_path} " in line and "--overwrite" in line
    assert f"semipose train {tmp_path / 'data.yaml'} trains" in (tmp_path / "data.yaml").read_text()
    picture(tmp_path / "more" / "new.png", 99)
    assert not [line for line in begin(tmp_path, overwrite=True).lines if line.startswith("from labels alone")]


def test_no_labels_are_to_be_kept_back_where_none_would_be_left(tmp_path: Path) -> None:
    """Of two images one validates; `split --labeled 1` would leave nothing unlabelled."""
    plain_csv(tmp_path, frames=2)
    (line,) = (line for line in begin(tmp_path).lines if line.startswith("from labels alone"))
    assert "semipose split" not in line and line.endswith("semipose init again with --overwrite")


def coco(path: Path, images: list[str]) -> Path:
    """One body in each image, which lie beside the file."""
    keypoints = [20, 14, 2, 40, 30, 2]
    rows = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [15, 10, 30, 25], "keypoints": keypoints}
        for i in range(len(images))
    ]
    document = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(images)],
        "annotations": rows,
        "categories": [{"id": 1, "name": "mouse", "keypoints": ["nose", "tail"]}],
    }
    for i, name in enumerate(images):
        picture(path.parent / name, i)
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("kind", ["csv", "yolo", "coco with val", "coco"])
def test_what_is_proposed_to_keep_labels_back_does(tmp_path: Path, kind: str) -> None:
    names, labels, kept = [f"{i}.png" for i in range(12)], tmp_path / "labels.csv", 3
    if kind == "csv":
        plain_csv(tmp_path, frames=15)
    elif kind == "yolo":
        labels = yolo(tmp_path, count=12)
        for path in tmp_path.glob("labels/*/*.txt"):  # boxes that hold their joints
            path.write_text("0 0.5 0.5 0.6 0.6 0.3 0.3 2 0.6 0.4 2 0.4 0.6 2 0.7 0.7 2")
    elif kind == "coco":
        labels, kept = coco(tmp_path / "labels.json", names), 2
    else:
        (tmp_path / "train").mkdir()
        (tmp_path / "val").mkdir()
        labels = coco(tmp_path / "train/_annotations.coco.json", names)
        coco(tmp_path / "val/_annotations.coco.json", names)
    project = begin(tmp_path)
    (line,) = (line for line in project.lines if line.startswith("from labels alone"))
    found = re.search("keep labels back: semipose (split .*), then semipose train (.*)", line)
    assert found is not None
    split, (target, *settings) = shlex.split(found[1]), shlex.split(found[2])
    assert split[:4] == ["split", str(labels), "--labeled", str(kept)] and target == str(project.files[0])
    assert main(split) == 0
    sets = open_sets(configure(None, target, read_overrides(settings)).data, True, None)
    assert sets.unlabeled is not None and sets.val is not None
    counts = {"csv": (3, 9, 3), "yolo": (3, 9, 2), "coco": (2, 8, 2), "coco with val": (3, 9, 12)}
    assert (len(sets.labeled), len(sets.unlabeled), len(sets.val)) == counts[kind]
    assert ("--val" in split) == (kind in ("csv", "coco"))


@pytest.mark.parametrize("kind", ["several", "held out elsewhere", "own folders"])
def test_no_labels_are_to_be_kept_back_where_a_split_of_one_file_would_not_do(tmp_path: Path, kind: str) -> None:
    if kind == "own folders":
        coco(tmp_path / "labels.json", [f"{part}/{i}.png" for part in ("train", "val") for i in range(12)])
    else:
        coco(tmp_path / "a.json", [f"a/{i}.png" for i in range(12)])
        name, of = ("b.json", "b") if kind == "several" else ("val.json", "a")
        coco(tmp_path / name, [f"{of}/{i}.png" for i in range(4)])
    (line,) = (line for line in begin(tmp_path).lines if line.startswith("from labels alone"))
    assert "semipose split" not in line and line.endswith("semipose init again with --overwrite")


@pytest.mark.parametrize(("joints", "people"), [(("nose", "tail"), False), (("left_wrist", "left_ankle"), True)])
def test_a_detector_of_people_is_named_for_people_alone(tmp_path: Path, joints: tuple[str, ...], people: bool) -> None:
    images = [{"id": n, "file_name": picture(tmp_path / f"{n}.png", n).name} for n in range(4)]
    keypoints = [20, 20, 2, 30, 30, 2]
    rows = [
        {"id": n, "image_id": n, "category_id": 1, "bbox": [10, 10, 30, 30], "keypoints": keypoints} for n in range(4)
    ]
    document = {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "it", "keypoints": joints}]}
    (tmp_path / "labels.json").write_text(json.dumps(document))
    picture(tmp_path / "new.png", 9)
    project = begin(tmp_path)
    said = "\n".join([*project.lines, (tmp_path / "data.yaml").read_text()])
    assert ("people, found by a detector" in said) == people and "a first run's folder" in said


def test_what_was_changed_by_hand_is_kept_beside(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    begin(tmp_path)
    before = (tmp_path / "data.yaml").read_text().replace("steps:", "steps:  ", 1)
    (tmp_path / "data.yaml").write_text(before)
    assert "kept: data.yaml as it was, in data.yaml.old1" in begin(tmp_path, overwrite=True).lines
    assert (tmp_path / "data.yaml.old1").read_text() == before != (tmp_path / "data.yaml").read_text()
    begin(tmp_path, overwrite=True)
    assert not [*tmp_path.glob("split.json.old*")] and len([*tmp_path.glob("data.yaml.old*")]) == 1


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    picture(tmp_path / "more" / "a.png", 9)
    try:
        os.rename(tmp_path / "more" / "a.png", os.fsencode(tmp_path / "more") + b"/bad\xff.png")
    except OSError:
        pytest.skip("names are text here")
    assert "left out: 1 images whose names are no text; rename them" in begin(tmp_path).lines
    assert (tmp_path / "data.yaml").exists()


def test_of_two_bodies_an_image_none_is_in_no_part(tmp_path: Path) -> None:
    rows = ["image,animal,joint,x,y"]
    for i, name in enumerate("abcdefg"):
        picture(tmp_path / f"{name}.png", i)
        rows += [
            f"{name}.png,{n},{joint},{5 + 20 * n + 3 * k},{9 + i}" for n in range(2) for k, joint in enumerate("pq")
        ]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    begin(tmp_path)
    split = json.loads((tmp_path / "split.json").read_text())
    assert len(split["labeled"]) + len(split["val"]) == 14 and len(split["val"]) == 4


def test_videos_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    """The one that validation is from is not learned from; the other is."""
    rows = ["image,joint,x,y"]
    for folder, count in (("day1", 2), ("day2", 6)):
        (tmp_path / folder).mkdir()
        film(tmp_path / folder / "cam.mp4", 8)
        rows += [f"{folder}/cam.mp4#{n},{joint},{9 + n},{12 + k}" for n in range(count) for k, joint in enumerate("pq")]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    lines = begin(tmp_path).lines
    assert any(line == "validation: 2 instances, all of day1/cam" for line in lines)
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["data"]["unlabeled"] == "day2/cam.mp4"
    (tmp_path / "day1" / "small").mkdir()
    film(tmp_path / "day1" / "small" / "cam.mp4", 8)
    begin(tmp_path, overwrite=True)
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["data"]["unlabeled"] == "day2/cam.mp4", "another copy shows validation frames too"


@pytest.mark.parametrize("names", [("clip_0010.png", "clip_0012.png"), ("img3.png", "img40.png")])
def test_unlabelled_frames_next_to_validation_frames_are_said(tmp_path: Path, names: tuple[str, str]) -> None:
    first, second = names
    coco(tmp_path / "labels.json", [f"images/{name}" for name in (first, f"x{first}")])
    picture(tmp_path / "images" / second, 9)
    picture(tmp_path / "images" / f"x{second}", 10)
    lines = [line for line in begin(tmp_path).lines if "numbered within 5 of a validation image" in line]
    assert len(lines) == (first == "clip_0010.png") and all("of them 1 images" in line for line in lines)


def test_a_video_that_pictures_are_named_after_is_that_of_their_frames(tmp_path: Path) -> None:
    coco(tmp_path / "labels.json", [f"images/clip1_{n:05d}.png" for n in (16, 80, 160)])
    (tmp_path / "videos").mkdir()
    for name in ("clip1", "clip2"):
        film(tmp_path / "videos" / f"{name}.mp4", 4)
    (line,) = (line for line in begin(tmp_path).lines if "also holds validation frames" in line)
    assert line.startswith("of them clip1.mp4 also holds")
