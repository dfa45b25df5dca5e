"""Boxes that a detector or a first run finds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from unittest.mock import ANY

import cv2
import numpy as np
import pytest
import torch

from semipose.data.extent import BOX_MARGIN
from semipose.data.open import open_unlabeled
from semipose.errors import UserError
from semipose.inference.boxes import Detect, Finder, find_boxes, finder_file, finder_of
from semipose.inference.predictor import Predictor
from semipose.skeleton import Skeleton
from tests.fixtures.films import film, number, of_sizes
from tests.inference.test_predictor import Bright


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "day 2").mkdir()
    film(tmp_path / "a.mp4", 10)
    film(tmp_path / "day 2" / "a.mp4", 6)
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((30, 40, 3), np.uint8))
    return tmp_path


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


def test_images_that_cannot_be_looked_at_are_warned_of_or_too_many(folder: Path, tmp_path: Path) -> None:
    data = open_unlabeled(folder)
    clip = of_sizes(tmp_path / "clip.avi", *[(64, 96)] * 3, (32, 48), (64, 96))
    looks = finder(lambda _: [[1, 2, 20, 20, 0.9]])
    with pytest.warns(UserWarning, match="1 of 5 images cannot be used: frame 3 .* of another size than the first"):
        found = find_boxes(open_unlabeled(clip, frames="all"), looks, progress=False)
    assert [s.id for s in found] == [f"clip.avi#{n}@0" for n in (0, 1, 2, 4)]
    first = data.images[0]
    Path(first).write_bytes(Path(first).read_bytes()[:-20])
    with pytest.raises(UserError, match=rf"1 of {len(data)} images cannot be used: .*{Path(first).name}"):
        find_boxes(data, looks, progress=False)


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
    (first_run / "finder").mkdir()
    shutil.copy(first_run / "model.safetensors", first_run / "finder" / "model.safetensors")
    own, file = finder_of(first_run), finder_of(first_run / "finder" / "model.safetensors")
    assert own is not None and file is not None and own.name == file.name, "the run's own"
    shutil.rmtree(first_run / "finder")
    with pytest.raises(UserError, match=r"day 2.model.safetensors does not exist; name people"):
        finder_of(folder / "day 2")


def test_which_finder_is_an_exported_networks(tmp_path: Path) -> None:
    for name in ("model.onnx", "model-b.onnx", "mine.onnx", "finder.onnx"):
        (tmp_path / name).touch()
    of = {name: finder_file(tmp_path / name) for name in ("model.onnx", "model-b.onnx", "mine.onnx", "finder.onnx")}
    assert of["model.onnx"] == of["model-b.onnx"] == tmp_path / "finder.onnx"
    assert of["mine.onnx"] is None and of["finder.onnx"] is None, "another network's"
    (tmp_path / "mine-finder.onnx").touch()
    assert finder_file(tmp_path / "mine.onnx") == tmp_path / "mine-finder.onnx"
