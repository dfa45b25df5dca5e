"""What is said of unlabelled images, and that the worst come first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semipose.augment import parse
from semipose.data.crops.build import Crops, CropSpec, build_crops
from semipose.data.sample import PoseData, Sample
from semipose.draws import Draws
from semipose.geometry import View
from semipose.inference.uncertainty import FAR, Judgement, judge_crops
from semipose.methods.views import brought_back
from semipose.models.taps import Tap, no_tap
from semipose.skeleton import Skeleton

DOTS = Skeleton("dots", ("red", "green"), (), ((0, 1),))
SIDES = replace(DOTS, pairs=((0, 1),))
SIZE = (64, 64)


class Spots(nn.Module):
    """Heatmaps of stride 1: what is red and what is green, blurred, and moved by `off` cells to the right."""

    size = SIZE
    stride, first_cell = 1, 0.0

    def __init__(self, off: int = 0) -> None:
        super().__init__()
        self.off = off

    def forward(self, image: Tensor, tap: Tap = no_tap) -> Tensor:
        maps = nn.functional.avg_pool2d(tap("encoder", image)[:, :2], 3, 1, 1)
        return maps.roll(self.off, -1)


def picture(path: Path, left: tuple[int, int], right: tuple[int, int], weak: float = 1.0) -> Path:
    image = np.zeros((96, 128, 3), np.uint8)
    cv2.circle(image, left, 5, (0, 0, 255 * weak), -1)
    cv2.circle(image, right, 5, (0, 255 * weak, 0), -1)
    cv2.imwrite(str(path), cv2.GaussianBlur(image, (0, 0), 2))
    return path


@pytest.fixture
def spots(tmp_path: Path) -> Crops:
    """Four pictures of two dots; of the third there is noise alone, and the fourth is faint."""
    folder = tmp_path / "spots"
    folder.mkdir()
    files = [picture(folder / f"{n}.png", (40 + 9 * n, 40), (70, 60 - 9 * n)) for n in range(2)]
    files.append(folder / "2.png")
    noise = np.random.default_rng(0).integers(0, 70, (96, 128, 3), np.uint8)
    cv2.imwrite(str(files[2]), noise)
    files.append(picture(folder / "3.png", (50, 40), (80, 60), 0.5))
    samples = tuple(Sample(f.name, str(f), (0, 0, 128, 96), image_id=f.name) for f in files)
    spec = CropSpec(SIZE, (96, 96), 1.0)
    return build_crops(PoseData("spots", None, samples), spec, tmp_path / "cache", progress=False)


def ask(
    crops: Crops, *networks: nn.Module, easy: str = "affine30+flip50", skeleton: Skeleton = DOTS, **more: int
) -> Judgement:
    return judge_crops(dict(zip("ab", networks, strict=False)), crops, skeleton, parse(easy), **more)  # type: ignore[arg-type]


def test_predictions_are_in_image_pixels(spots: Crops) -> None:
    found = ask(spots, Spots())
    assert np.abs(found.points[0, :, :2] - [[40, 40], [70, 60]]).max() < 2.5, "a cell is two pixels"
    assert np.abs(found.points[1, :, :2] - [[49, 40], [70, 51]]).max() < 2.5


def test_views_agree_on_what_is_plain_to_see_and_the_worst_come_first(spots: Crops) -> None:
    found = ask(spots, Spots())
    assert found.score.argsort()[::-1].tolist()[:2] == [2, 3]
    assert found.disagreement[:2].max() < 0.03 and found.disagreement[2].max() > 0.1
    assert ((found.trouble >= 0) & (found.trouble <= 1)).all()


def test_sides_are_exchanged_in_mirrored_views(spots: Crops) -> None:
    """A network that tells left from right by colour puts each on the other's place, seen in the mirror."""
    agreed, swapped = (ask(spots, Spots(), easy="flip100", skeleton=s, views=1) for s in (DOTS, SIDES))
    assert agreed.disagreement[:2] == pytest.approx(0, abs=1e-6)
    apart = np.linalg.norm(swapped.points[:, 0, :2] - swapped.points[:, 1, :2], axis=1)[:2, None] / 128
    assert swapped.disagreement[:2] == pytest.approx(np.repeat(apart, 2, 1), rel=1e-3)


def test_the_score_is_what_it_says(spots: Crops) -> None:
    found = ask(spots, Spots())
    i, k = 0, 1
    parts = (1 - found.points[i, k, 2], 2 * found.doubt[i, k], found.disagreement[i, k] / FAR)
    assert found.trouble[i, k] == pytest.approx(sum(min(max(part, 0), 1) for part in parts) / 3)
    assert found.score[i] == pytest.approx(found.trouble[i].mean())


def test_networks_that_differ_disagree_by_as_much(spots: Crops) -> None:
    """One view: a's point is the prediction, b's lies 6 cells of 2 px beside it, in a box 128 px long."""
    found = ask(spots, Spots(), Spots(off=6), views=0)
    assert found.disagreement[:2] == pytest.approx(12 / 128, rel=0.05)
    assert not ask(spots, Spots(), Spots(), views=0).disagreement.any()
    assert ask(spots, Spots(), Spots(off=6), views=0).pred["b"][0, 0, 0] == pytest.approx(
        found.pred["a"][0, 0, 0] + 12, abs=0.5
    )


def test_doubt_is_the_deviation_over_views(spots: Crops) -> None:
    """Two views: half of the difference, at the cell where it is largest, of those that both see."""
    found = ask(spots, Spots(), views=1, easy="affine30")
    plain = View.of(torch.from_numpy(spots.images([0])), SIZE)
    every = View.of(torch.from_numpy(spots.images(np.arange(4))), SIZE)
    turned = parse("affine30")(every, Draws(0, 0, 0))
    turned = replace(turned, source=turned.source[:1], matrix=turned.matrix[:1])
    moved, seen = brought_back(Spots()(turned.image), turned, plain, torch.tensor(DOTS.flip))
    apart = ((Spots()(plain.image) - moved).abs() * seen)[0].amax((-2, -1)) / 2
    assert found.doubt[0] == pytest.approx(apart.numpy(), abs=1e-5)


def test_a_batch_more_changes_nothing_but_the_draws(spots: Crops) -> None:
    whole, parts = (ask(spots, Spots(), batch=batch, views=0) for batch in (4, 3))
    assert np.array_equal(whole.points, parts.points)
