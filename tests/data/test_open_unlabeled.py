"""Unlabelled sources: lists, folders of videos, and boxes in a file."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.config.resolve import read_yaml
from semipose.data.open import open_unlabeled
from semipose.errors import UserError
from tests.fixtures.films import film


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "day 2").mkdir()
    film(tmp_path / "a.mp4", 10)
    film(tmp_path / "day 2" / "a.mp4", 6)
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((30, 40, 3), np.uint8))
    return tmp_path


def test_a_folder_a_pattern_a_list_and_several(folder: Path) -> None:
    data = open_unlabeled(folder, frames="uniform2")
    assert data.ids == ("still.png", "a.mp4#2", "a.mp4#7", "day 2/a.mp4#1", "day 2/a.mp4#4") and data.skeleton is None
    assert open_unlabeled(folder / "day 2", frames="all").ids == tuple(f"a.mp4#{n}" for n in range(6))
    assert len(open_unlabeled(f"{folder}/*.mp4", frames="all")) == 10
    (folder / "list.txt").write_text("# chosen\nday 2/a.mp4\n\nstill.png\n")
    assert open_unlabeled(folder / "list.txt", frames="uniform1").ids == ("a.mp4#3", "still.png")
    both = open_unlabeled([str(folder / "a.mp4"), str(folder / "still.png")], frames="uniform1")
    assert both.ids == ("a.mp4#5", str(folder / "still.png"))
    (folder / "data.yaml").write_text("unlabeled: [a.mp4, 'day 2']\n")
    assert read_yaml(folder / "data.yaml", "data")["data"]["unlabeled"] == [
        str(folder / "a.mp4"),
        str(folder / "day 2"),
    ]


@pytest.mark.parametrize(("lines", "says"), [("", "one path a line"), ("gone.mp4\na.mp4", "1 of 2 files")])
def test_lists_that_name_nothing(folder: Path, lines: str, says: str) -> None:
    (folder / "list.txt").write_text(lines)
    with pytest.raises(UserError, match=says):
        open_unlabeled(folder / "list.txt")


def boxes(folder: Path, **of: list[list[float]]) -> str:
    names = {"frame": "a.mp4#7", "film": "day 2/a.mp4", "still": "still.png", "other": "b.mp4#1"}
    rows = [{"file_name": names[key], "boxes": value} for key, value in of.items()]
    (folder / "boxes.json").write_text(json.dumps({"images": rows}))
    return str(folder / "boxes.json")


def test_boxes_of_frames_of_a_video_and_of_images(folder: Path) -> None:
    file = boxes(folder, frame=[[1, 2, 3, 4], [5, 6, 7, 8]], film=[[0, 0, 9, 9]], still=[[2, 2, 5, 5]])
    data = open_unlabeled(folder, frames="uniform2", boxes=file)
    assert {s.id: s.box for s in data} == {
        "still.png@0": (2, 2, 5, 5),
        "a.mp4#7@0": (1, 2, 3, 4),
        "a.mp4#7@1": (5, 6, 7, 8),
        "day 2/a.mp4#1@0": (0, 0, 9, 9),
        "day 2/a.mp4#4@0": (0, 0, 9, 9),
    }
    with pytest.raises(UserError, match="no box in any"):
        open_unlabeled(folder / "day 2", boxes=boxes(folder, frame=[[1, 2, 3, 4]]))


def test_boxes_of_a_json_s_images_apply_and_others_are_not_passed_over(folder: Path) -> None:
    rows = [{"file_name": "still.png"}]
    (folder / "unlabeled.json").write_text(json.dumps({"images": rows}))
    data = open_unlabeled(folder / "unlabeled.json", boxes=boxes(folder, still=[[2, 2, 5, 5], [1, 1, 4, 4]]))
    assert [s.box for s in data] == [(2, 2, 5, 5), (1, 1, 4, 4)]
    (folder / "own.json").write_text(json.dumps({"images": [rows[0] | {"boxes": [[0, 0, 9, 9]]}]}))
    with pytest.raises(UserError, match="has boxes of its own"):
        open_unlabeled(folder / "own.json", boxes="people")


@pytest.mark.parametrize("boxes", ["people", "runs/first", "model.safetensors"])
def test_boxes_that_nothing_here_finds_are_refused(folder: Path, boxes: str) -> None:
    with pytest.raises(UserError, match=f"boxes of {boxes} are not in a JSON and nothing here finds them"):
        open_unlabeled(folder / "still.png", boxes=boxes)
    asked: list[str] = []
    with pytest.raises(UserError, match="cannot be read"):
        open_unlabeled([str(folder / "still.png")], boxes=boxes, finder_of=asked.append)
    assert asked == [boxes], "what no finder knows is a file"


def test_words_are_no_paths(folder: Path) -> None:
    (folder / "people").mkdir()
    (folder / "data.yaml").write_text("data: {unlabeled_boxes: people, unlabeled: people}")
    data = read_yaml(folder / "data.yaml")["data"]
    assert data == {"unlabeled_boxes": "people", "unlabeled": str(folder / "people")}
