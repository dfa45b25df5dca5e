from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semipose.data.crops.build import Crops, CropSpec, build_crops
from semipose.geometry import central, move
from semipose.heatmap import dark, encode, quarter
from semipose.inference.evaluation import (
    areas_of,
    coco_scores,
    columns,
    predict_crops,
    prediction_file,
    score_crops,
    skeleton_of,
    truth_of,
)
from semipose.skeleton import Skeleton
from tests.fixtures.runs import points

SIZE, STRIDE = (64, 48), 2


class Knows(nn.Module):
    """Draws the labels of crops into heatmaps, batch after batch, at `height`; in training mode it refuses."""

    def __init__(self, crops: Crops, height: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.frozen = nn.BatchNorm2d(1).eval()
        to_view = central(crops.spec.cover, crops.spec.size).double() @ torch.from_numpy(crops.matrices)
        self.xy = move(to_view, torch.from_numpy(truth_of(crops)[..., :2])).float() + shift
        self.height, self.at, self.batches = height, 0, []

    def forward(self, image: Tensor) -> Tensor:
        assert not self.training and image.shape[1:] == (3, *SIZE)
        xy = self.xy[self.at : self.at + len(image)]
        self.at += len(image)
        self.batches.append(len(image))
        return self.height * encode(xy, (SIZE[0] // STRIDE, SIZE[1] // STRIDE), STRIDE, 2.0)


@pytest.fixture(scope="module", params=[(64, 48), (92, 80)], ids=["plain", "with room"])
def crops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crops:
    return build_crops(points(6), CropSpec(SIZE, request.param), tmp_path_factory.mktemp("cache"), progress=False)


def test_predictions_are_in_image_pixels(crops) -> None:
    found = predict_crops({"a": Knows(crops)}, crops, refine=dark, batch=4)["a"]
    truth, scale = truth_of(crops), crops.matrices[:, 0, 0]
    error = np.linalg.norm(found[..., :2] - truth[..., :2], axis=-1) * scale[:, None]
    assert found.shape == (6, 2, 3) and error.max() < 0.15, "network pixels"
    assert (found[..., 2] > 0.9).all() and (found[..., 2] <= 1).all()
    coarse = predict_crops({"a": Knows(crops)}, crops, refine=quarter)["a"]
    error = np.linalg.norm(coarse[..., :2] - truth[..., :2], axis=-1) * scale[:, None]
    assert 0.15 < error.max() < STRIDE * 0.75


def test_batches_do_not_matter(crops) -> None:
    one, many = Knows(crops), Knows(crops)
    a, b = (predict_crops({"a": net}, crops, batch=n)["a"] for net, n in ((one, 6), (many, 4)))
    assert np.array_equal(a, b) and (one.batches, many.batches) == ([6], [4, 2])


def test_the_ensemble_is_of_heatmaps(crops) -> None:
    sure, silent = Knows(crops), Knows(crops, height=0.0)
    found = predict_crops({"a": sure, "b": silent}, crops)
    assert list(found) == ["a", "b", "ensemble"]
    assert np.allclose(found["ensemble"][..., :2], found["a"][..., :2])
    assert np.allclose(found["ensemble"][..., 2], found["a"][..., 2] / 2)
    far = Knows(crops, height=0.9, shift=20.0)
    found = predict_crops({"a": Knows(crops), "b": far}, crops)
    assert np.allclose(found["ensemble"][..., :2], found["a"][..., :2]), "the higher peak wins, not the mean point"


class Breaks(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        raise RuntimeError("broken")


def test_networks_are_left_in_the_mode_they_were_in(crops) -> None:
    net = Knows(crops).train()
    net.frozen.eval()
    predict_crops({"a": net}, crops)
    assert net.training and not net.frozen.training
    idle = Knows(crops).eval()
    with pytest.raises(RuntimeError, match="broken"):
        predict_crops({"a": net.train(), "b": idle, "c": Breaks()}, crops)
    assert net.training and not idle.training


def test_scores_of_what_is_known_are_full(crops) -> None:
    predictions = predict_crops({"a": Knows(crops), "b": Knows(crops, shift=30.0)}, crops, refine=dark)
    scores = score_crops(predictions, crops, 0.1)
    assert scores["networks"]["a"]["pck"] == 1 and scores["networks"]["b"]["pck"] == 0 and scores["mean"]["pck"] == 0.5
    assert list(columns(scores)) == ["val/pck", "val/pck_a", "val/pck_b", "val/pck_ensemble"]
    assert columns(scores)["val/pck"] == 0.5
    coco = coco_scores(predictions, crops)
    assert coco["a"]["AP"] == pytest.approx(1) and coco["b"]["AP"] < 0.5


def test_poses_in_true_boxes_are_ranked_as_the_benchmark_does(crops) -> None:
    """By the mean of the peaks above 0.2: a right pose of one high peak comes before wrong ones of middling peaks."""
    pred = truth_of(crops) + np.array([500.0, 500.0, 0])
    pred[..., 2] = 0.6
    pred[0] = truth_of(crops)[0]
    pred[0, :, 2] = [0.9, *[0.1] * (pred.shape[1] - 1)]
    found = coco_scores({"a": pred}, crops)["a"]["AP"]
    assert found == pytest.approx(1 / len(crops.data), abs=0.02), "full precision up to the one that is right"


def test_what_cannot_be_scored_is_no_column() -> None:
    assert columns({"mean": {"pck": None}, "networks": {"a": {"pck": None}}}) == {}


def test_the_file_of_predictions(crops) -> None:
    predictions = predict_crops({"a": Knows(crops)}, crops)
    predictions["a"][0, 0] = math.nan
    content = prediction_file(predictions, crops)
    assert content["networks"] == ["a"] and Skeleton.from_dict(content["skeleton"]) == skeleton_of(crops)
    first = content["samples"][0]
    assert first["id"] == "0" and first["box"] == list(crops.data[0].box)
    assert first["pred"]["a"][0] == [0, 0, 0] and first["truth"][1][2] == 2
    assert np.allclose([s["truth"] for s in content["samples"]], truth_of(crops), atol=0.01)


def test_areas_are_the_data_sets_or_half_a_box(crops) -> None:
    data = crops.data
    first = dataclasses.replace(data[0], area=7.0)
    known = dataclasses.replace(crops, data=dataclasses.replace(data, samples=(first, *data.samples[1:])))
    assert areas_of(known).tolist() == [7.0] + [0.53 * 40 * 60] * 5
    unnamed = dataclasses.replace(crops, data=dataclasses.replace(data, skeleton=None, samples=()))
    with pytest.raises(ValueError, match="no skeleton"):
        skeleton_of(unnamed)


class Reads(nn.Module):
    """Heatmaps of stride 1: red and green, as the joints "left" and "right"; cells may lie elsewhere."""

    def __init__(self, first_cell: float = 0.0) -> None:
        super().__init__()
        self.first_cell, self.shown = first_cell, []

    def forward(self, image: Tensor) -> Tensor:
        self.shown.append(image)
        return image[:, :2]


def test_a_flip_test_shows_each_image_twice(crops) -> None:
    net = Reads()
    predict_crops({"a": net}, crops, flip_test="plain")
    assert len(net.shown) == 2 and torch.equal(net.shown[0].flip(-1), net.shown[1])
    predict_crops({"a": net}, crops)
    assert len(net.shown) == 3


def test_the_first_cell_is_the_networks(crops) -> None:
    here, moved = (predict_crops({"a": Reads(first)}, crops, refine=None)["a"] for first in (0.0, 3.0))
    scale = crops.matrices[:, 0, 0][:, None, None]
    assert np.allclose((moved - here)[..., :2] * scale, 3, atol=1e-4)
