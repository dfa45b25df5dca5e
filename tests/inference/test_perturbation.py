"""Accuracy under perturbations, against networks whose accuracy is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semipose.data.crops.build import Crops, CropSpec, build_crops
from semipose.data.sample import PoseData, Sample
from semipose.draws import Draws
from semipose.heatmap import encode
from semipose.inference.perturbation import find_pairs, measure
from semipose.skeleton import Skeleton

SIZE, N = (64, 48), 6
PLACES = np.array([[12.5, 14.5], [36.5, 20.5], [22.5, 46.5]])
"""At centres of cells of stride 2, so that their arg-max is exact; 32 pixels high."""
COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
SKELETON = Skeleton("three", ("left", "right", "mid"), pairs=((0, 1),))


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Crops:
    """Grey images with a red, a green and a blue disc at their three joints."""
    folder, samples = tmp_path_factory.mktemp("discs"), []
    for i in range(N):
        image = np.full((*SIZE, 3), 60, np.uint8)
        for (x, y), color in zip(PLACES, COLORS, strict=True):
            cv2.circle(image, (int(x), int(y)), 3, color[::-1], -1)
        cv2.imwrite(str(folder / f"{i}.png"), image)
        joints = np.concatenate([PLACES, np.full((3, 1), 2)], 1).astype(np.float32)
        samples.append(Sample(str(i), str(folder / f"{i}.png"), (0, 0, SIZE[1], SIZE[0]), joints))
    data = PoseData("discs", SKELETON, tuple(samples))
    return build_crops(data, CropSpec(SIZE, (128, 112), padding=1.0), folder / "cache", progress=False)


class Finds(nn.Module):
    """Sees each joint's disc by its colour: right wherever the disc is seen. `order` is what it calls the colours."""

    def __init__(self, order: tuple[int, int, int] = (0, 1, 2)) -> None:
        super().__init__()
        self.order = list(order)

    def forward(self, image: Tensor) -> Tensor:
        own = image[:, self.order]
        others = torch.stack([image[:, [c for c in range(3) if c != k]].amax(1) for k in self.order], 1)
        return F.avg_pool2d(F.avg_pool2d((own - others).clamp_min(0), 5, 1, 2), 2)


class Stands(nn.Module):
    """Says what is right in the plain view whatever it sees, so a view costs it what it moves."""

    def forward(self, image: Tensor) -> Tensor:
        xy = torch.from_numpy(PLACES).float().expand(len(image), 3, 2)
        return encode(xy, (SIZE[0] // 2, SIZE[1] // 2), 2, 1.5)


def test_truth_moves_with_the_view(crops: Crops) -> None:
    """A network that sees the joints is right in every view that only moves them."""
    views = ("none", "affine30", "affine60", "affine75")
    found = measure(Finds(), crops, views, draws=3, threshold=0.25)
    for view in views:
        assert found.pck[view].min() == 1, view
    assert (found.scored < found.labeled).any() and (found.scored > 0.3 * found.labeled).all()


def test_cells_lie_where_the_network_says(crops: Crops) -> None:
    """ImportedWeights networks have their first cell at pixel 0: half a pixel of stride 2's lies between."""
    network = Stands()
    assert measure(network, crops, ("none",), draws=1, threshold=0.01).pck["none"] == 1
    network.first_cell = 0.0
    assert measure(network, crops, ("none",), draws=1, threshold=0.01).pck["none"] == 0


def test_a_mirrored_left_joint_is_a_right_one(crops: Crops) -> None:
    """Who goes by colours calls the mirrored left joint left, which is wrong; who exchanges them is right."""
    assert measure(Finds(), crops, ("flip100",), draws=2).pck["flip100"] == pytest.approx(1 / 3)
    assert (measure(Finds((1, 0, 2)), crops, ("flip100",), draws=2).pck["flip100"] == 1).all()


def test_accuracy_is_the_share_of_joints_within_reach_in_the_view(crops: Crops) -> None:
    """By hand: how far the affine of the same draws moves each joint, over how much it magnifies."""
    found = measure(Stands(), crops, ("affine60",), draws=2, threshold=0.2, refine=None)
    reach = 0.2 * 32
    for draw in range(2):
        draws = Draws(0, draw, 0)
        angle, scale = draws.uniform(N, low=-60, high=60), draws.uniform(N, low=0.5, high=1.5)
        turn = np.deg2rad(angle.double().numpy())
        rotation = np.stack([np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)], -1).reshape(N, 1, 2, 2)
        center = (np.array(SIZE[::-1]) - 1) / 2
        factor = scale.double().numpy()[:, None, None]
        moved = factor * (rotation @ (PLACES - center)[None, :, :, None])[..., 0] + center
        seen = ((moved >= -0.5) & (moved <= np.array(SIZE[::-1]) - 0.5)).all(-1)
        near = np.linalg.norm(moved - PLACES, axis=-1) / factor[..., 0] <= reach
        assert found.scored[draw] == seen.sum()
        assert found.pck["affine60"][draw] == pytest.approx((near & seen).sum() / seen.sum())


def test_order_of_a_network_that_each_view_costs_more(crops: Crops) -> None:
    found = measure(Stands(), crops, ("affine60", "none", "affine20"), draws=4, threshold=0.2).pck
    assert found["none"].min() == 1
    assert found["none"].mean() > found["affine20"].mean() > found["affine60"].mean()


def test_joint_cutout_masks_what_the_network_found(crops: Crops) -> None:
    """More masked joints, fewer found, and no joint is left out for being masked."""
    found = measure(Finds(), crops, ("none", "jc1", "jc3"), draws=3)
    assert found.pck["none"].mean() > found.pck["jc1"].mean() > found.pck["jc3"].mean()
    assert (found.scored == found.labeled).all()


def test_all_views_are_scored_on_the_same_joints(crops: Crops) -> None:
    alone = measure(Finds(), crops, ("none",), draws=2)
    beside = measure(Finds(), crops, ("none", "affine90"), draws=2)
    assert (alone.scored == alone.labeled).all() and (beside.scored < alone.scored).any()


def test_pairs_need_an_accurate_easy_view_and_a_gap_beyond_noise() -> None:
    pck = {
        "none": np.array([0.80, 0.80, 0.80]),
        "affine10": np.array([0.79, 0.80, 0.81]),
        "affine30": np.array([0.75, 0.76, 0.74]),  # keeps over 90 %
        "affine60": np.array([0.50, 0.52, 0.48]),
        "affine90": np.array([0.20, 0.22, 0.18]),  # keeps under half
        "ra20": np.array([0.95, 0.50, 0.74]),  # a gap smaller than its noise
        "jc5": np.array([0.60, 0.61, 0.59]),
    }
    pairs = find_pairs(pck)
    assert {p.easy for p in pairs} == {"affine10+flip50", "affine30+flip50"}
    assert not any(p.hard.startswith("ra20") for p in pairs)
    assert (pairs[0].easy, pairs[0].hard) == ("affine30+flip50", "affine60+flip50")
    assert pairs[0].gap == pytest.approx(0.25) and pairs[0].noise == pytest.approx(0.01)
    assert pairs[-1].hard == "affine90+flip50"
    assert pairs[0].arguments == "--method.easy=affine30+flip50 --method.hard=affine60+flip50"
    assert not find_pairs({"none": pck["none"], "affine60": pck["affine60"], "jc5": pck["jc5"]})
