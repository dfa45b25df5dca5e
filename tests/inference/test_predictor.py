from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semipose.errors import UserError
from semipose.inference.predictor import Predictor
from semipose.models.error_bars import ErrorBars
from semipose.skeleton import Skeleton

SKELETON = Skeleton("dot", ("dot",))


class Bright(nn.Module):
    """Heatmaps of stride 1: the red channel. Finds the brightest point."""

    size = (64, 48)
    stride, first_cell = 1, 0.0

    def forward(self, image: Tensor) -> Tensor:
        return image[:, :1]


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(Bright(), SKELETON, device="cpu")  # type: ignore[arg-type]


def picture(x: int, y: int, size: tuple[int, int] = (200, 300)) -> np.ndarray:
    image = np.zeros((*size, 3), np.uint8)
    cv2.circle(image, (x, y), 9, (255, 255, 255), -1)
    return cv2.GaussianBlur(image, (0, 0), 5)


def test_a_point_is_found_where_it_is_in_the_image(predictor: Predictor) -> None:
    poses = predictor(picture(120, 80), boxes=[[60, 20, 130, 110], [100, 60, 40, 40]])
    for pose in poses:
        assert np.abs(pose.xy[0] - [120, 80]).max() < 2.5  # a cell is up to 3 pixels
    assert poses[0].keypoints.shape == (1, 3) and 0.3 < poses[0].score[0] <= 1
    assert poses[1].box == (100, 60, 40, 40)


def test_without_boxes_the_whole_image_is_one(predictor: Predictor) -> None:
    (pose,) = predictor(picture(250, 30))
    assert pose.box == (0, 0, 300, 200)
    assert np.abs(pose.xy[0] - [250, 30]).max() < 8


def test_no_boxes_no_poses(predictor: Predictor) -> None:
    assert predictor(picture(50, 50), boxes=[]) == []


def test_error_bars_are_in_pixels_of_the_image_and_tell_what_is_unlike(predictor: Predictor) -> None:
    bars = ErrorBars((3.0, -2.0, 0, 0, 0), (0.0, 0.0), (1.0, 9.0), (), (2.0,), (1.0,), 2.9, 100)
    certain = Predictor(Bright(), SKELETON, device="cpu", error_bars=bars)  # type: ignore[arg-type]
    boxes = [[60, 20, 130, 110], [100, 60, 40, 40]]
    poses = certain(picture(120, 80), boxes)
    large, small = (float(pose.error90[0]) for pose in poses if pose.error90 is not None)
    assert large > 1.5 * small > 0, "the same doubt is more pixels in a larger box"
    assert [pose.unlike for pose in poses] == [False, False]
    assert certain(np.zeros((200, 300, 3), np.uint8), boxes)[0].unlike, "nothing is to be seen"
    assert [pose.error90 for pose in predictor(picture(120, 80), boxes)] == [None, None]


@pytest.mark.parametrize("box", [[10, 10, 0, 5], [10, 10, 5, -1], [float("nan"), 0, 5, 5]])
def test_a_box_without_area_is_refused(predictor: Predictor, box: list[float]) -> None:
    with pytest.raises(UserError, match="no area"):
        predictor(picture(50, 50), boxes=[box])


def test_a_path_and_its_pixels_give_the_same(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), picture(90, 70))
    (a,), (b,) = predictor(str(path)), predictor(picture(90, 70))
    assert np.array_equal(a.xy, b.xy)


def test_many_boxes_are_split_into_batches(predictor: Predictor) -> None:
    boxes = [[60, 20, 130, 110]] * 130
    poses = predictor(picture(120, 80), boxes)
    assert len(poses) == 130 and all(torch.equal(torch.tensor(p.xy), torch.tensor(poses[0].xy)) for p in poses)


class Shy(Bright):
    """As Bright, and half as sure of a mirrored image, which the bright left edge tells."""

    def forward(self, image: Tensor) -> Tensor:
        left, right = image[..., :24].sum((1, 2, 3)), image[..., 24:].sum((1, 2, 3))
        return image[:, :1] * torch.where(left > right, 1.0, 0.5)[:, None, None, None]


def test_the_flip_test_averages() -> None:
    image, box = picture(110, 80), [[100, 60, 40, 40]]
    sure, tested = (Predictor(Shy(), SKELETON, device="cpu", flip_test=test)(image, box) for test in ("none", "plain"))  # type: ignore[arg-type]
    assert np.allclose(tested[0].xy, sure[0].xy) and np.allclose(tested[0].score, 0.75 * sure[0].score)


def test_decoding_and_the_first_cell_are_the_predictors() -> None:
    image, box = picture(120, 80), [[60, 20, 130, 110]]
    fine, coarse = (Predictor(Bright(), SKELETON, device="cpu", decode=d)(image, box)[0].xy for d in ("dark", "argmax"))  # type: ignore[arg-type]
    assert not np.allclose(fine, coarse) and np.abs(fine - [120, 80]).max() < 1
    moved = Bright()
    moved.first_cell = 2.0
    shifted = Predictor(moved, SKELETON, device="cpu", decode="argmax")(image, box)[0].xy  # type: ignore[arg-type]
    assert ((shifted - coarse) > 3).all(), "two crop pixels are more than three of the image"


class Blurred(Bright):
    """As `Bright`, by a convolution, which autocast computes in bf16; heatmaps of 32 bits, as a network's are."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.inner.weight, 1 / 3)
        self.dtypes = list[torch.dtype]()

    def forward(self, image: Tensor) -> Tensor:
        out = self.inner(image)
        self.dtypes.append(out.dtype)
        return out.float()


@pytest.mark.parametrize("name", ["32-true", "bf16-mixed", "auto"])
def test_a_pass_runs_in_the_precision_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semipose.inference.predictor.shortest", lambda *_: {"32-true": 1.0, "bf16-mixed": 0.5})
    network = Blurred()
    lower = Predictor(network, SKELETON, device="cpu", decode="dark", precision=name)  # type: ignore[arg-type]
    (found,) = lower(picture(120, 80), boxes=[[60, 20, 130, 110]])
    (plain,) = Predictor(network, SKELETON, device="cpu", decode="dark")(picture(120, 80), boxes=[[60, 20, 130, 110]])  # type: ignore[arg-type]
    assert network.dtypes == [torch.float32 if name == "32-true" else torch.bfloat16, torch.float32]
    apart = np.abs(found.xy - plain.xy).max()
    assert apart == 0 if name == "32-true" else apart < 0.3, "a tenth of a cell"


def test_another_precision_is_one_line() -> None:
    with pytest.raises(UserError, match="precision is 'fp16'; it can be 32-true, bf16-mixed, auto"):
        Predictor(Bright(), SKELETON, device="cpu", precision="fp16")  # type: ignore[arg-type]
