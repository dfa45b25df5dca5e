"""Unlabelled sources: lists, folders of videos, boxes, and boxes that a detector or a first run finds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest.mock import ANY

import cv2
import numpy as np
import pytest
import torch

from semipose.config.resolve import read_yaml
from semipose.data.extent import BOX_MARGIN
from semipose.data.open import open_unlabeled
from semipose.errors import UserError
from semipose.inference.boxes import Detect, Finder, find_boxes, finder_of
from semipose.inference.predictor import Predictor
from semipose.skeleton import Skeleton
from tests.fixtures.films import film, number
from tests.inference.test_predictor import Bright


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


def finder(detect: Detect, min_score: float = 0.7) -> Finder:
    return Finder("test", "people", min_score, lambda: detect)


def test_people_are_looked_for_once_and_an_interrupted_search_goes_on(folder: Path, tmp_path: Path) -> None:
    data = open_unlabeled(folder / "a.mp4", frames="all")
    looked: list[int] = []

    def detect(pixels: np.ndarray) -> list[list[float]]:
        if len(looked) == 4:
            raise KeyboardInterrupt
        looked.append(round(number(pixels)))
        return [[1, 1, 20, 30, 0.9], [0, 0, 9, 9, 0.3]]

    with pytest.raises(KeyboardInterrupt):
        find_boxes(data, finder(detect), tmp_path / "cache", progress=False)
    (file,) = (tmp_path / "cache" / "boxes").iterdir()
    file.write_text(file.read_text() + '["half a li')
    looked.append(-1)
    found = find_boxes(data, finder(detect), tmp_path / "cache", progress=False)
    assert looked == [0, 1, 2, 3, -1, *range(4, 10)]
    assert found.ids[0] == "a.mp4#0@0" and len(found) == 10 and found[0].score == 0.9
    assert found[0].box == (1, 1, 20, 30)
    again = find_boxes(data, finder(lambda _: pytest.fail("it was kept"), 0.2), tmp_path / "cache", progress=False)
    assert len(again) == 20


def test_nobody_and_no_weights_are_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = open_unlabeled(folder / "still.png")
    with pytest.raises(UserError, match="no people were found"):
        find_boxes(data, finder(lambda _: []), progress=False)
    with pytest.raises(UserError, match=r"the cache .* cannot be written .* HOME"):
        find_boxes(data, finder(lambda _: []), folder / "still.png", progress=False)

    def offline(*_: object, **__: object) -> None:
        raise OSError("offline")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(UserError, match="give boxes as a JSON") as error:
        open_unlabeled(folder / "still.png", boxes="people", cache=tmp_path, finder_of=finder_of)
    assert "\n" not in str(error.value) and str(tmp_path / "torch") in str(error.value)


def test_images_that_cannot_be_looked_at_are_told(folder: Path) -> None:
    data, damaged = open_unlabeled(folder), list[str]()
    first = data.images[0]
    Path(first).write_bytes(Path(first).read_bytes()[:-20])
    found = find_boxes(data, finder(lambda _: [[1, 2, 20, 20, 0.9]]), progress=False, damaged=damaged)
    assert len(found) == len(data) - 1 and len(damaged) == 1 and first in damaged[0]


class RedAndGreen(Bright):
    """Two joints: the reddest point and the greenest."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image[:, :2]


@pytest.fixture
def first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    run = tmp_path / "first"
    run.mkdir()
    (run / "model.safetensors").write_bytes(b"")
    loaded = Predictor(RedAndGreen(), Skeleton("two", ("red", "green")), 1.0, "cpu")  # type: ignore[arg-type]
    monkeypatch.setattr(Predictor, "load", lambda *_: loaded)
    return run


def test_a_first_run_finds_the_box_of_its_joints(tmp_path: Path, first_run: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, end in (("a", (120, 100)), ("b", None)):
        image = np.zeros((200, 300, 3), np.uint8)
        cv2.circle(image, (60, 40), 12, (0, 0, 255), -1)
        if end:
            cv2.circle(image, end, 12, (0, 255, 0), -1)
        cv2.imwrite(str(folder / f"{name}.png"), image)
    found = open_unlabeled(folder, boxes=str(first_run), cache=tmp_path / "cache", finder_of=finder_of)
    assert found.ids == ("a.png@0",), "one joint spans nothing"
    x, y, w, h = found[0].box
    assert np.abs(np.array([x + w / 2, y + h / 2]) - [90, 70]).max() < 12, "within the dots"
    assert np.abs(np.array([w, h]) - 60 * BOX_MARGIN).max() < 24 and 0.5 < (found[0].score or 0) <= 1


def test_another_first_run_looks_again(folder: Path, first_run: Path) -> None:
    before = finder_of(first_run)
    assert before is not None and finder_of(first_run / "model.safetensors") == before._replace(load=ANY)
    os.utime(first_run / "model.safetensors", ns=(1, 1))
    after = finder_of(first_run)
    assert after is not None and after.name != before.name
    assert finder_of(folder / "boxes.json") is None
    with pytest.raises(UserError, match=r"day 2.model.safetensors does not exist; name people"):
        finder_of(folder / "day 2")


def test_words_are_no_paths(folder: Path) -> None:
    (folder / "people").mkdir()
    (folder / "data.yaml").write_text("data: {unlabeled_boxes: people, unlabeled: people}")
    data = read_yaml(folder / "data.yaml")["data"]
    assert data == {"unlabeled_boxes": "people", "unlabeled": str(folder / "people")}
