"""Labels that count something else than pixels of the image as it is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from semipose.data.coordinates import in_pixels, unturned
from semipose.data.extent import label_box
from semipose.data.images import image_size, read_image
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import Skeleton

TWO = Skeleton("two", ("nose", "tail"))
SPOTS = np.array([[10, 5], [30, 18]])
"""x, y of bright pixels in the stored picture of 40 x 24."""


def photo(path: Path, turn: int) -> Path:
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[SPOTS[:, 1], SPOTS[:, 0]] = [[255, 0, 0], [0, 0, 255]]
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def one(path: Path, points: np.ndarray, box: tuple, size: tuple[int, int] | None = None) -> PoseData:
    keypoints = np.concatenate([points, np.full((2, 1), 2)], 1).astype(np.float32)
    return PoseData("d", TWO, (Sample("s", str(path), box, keypoints, size=size),))


@pytest.mark.parametrize("turn", range(1, 9))
def test_labels_of_the_stored_picture_lie_where_exif_brings_their_pixels(tmp_path: Path, turn: int) -> None:
    path = photo(tmp_path / "a.png", turn)
    (sample,) = in_pixels(one(path, SPOTS, (8, 4, 24, 16)), "stored")
    shown = read_image(path)
    assert sample.keypoints is not None and shown.shape[:2] == image_size(path) == sample.size
    for (x, y), color in zip(sample.keypoints[:, :2].round().astype(int), (0, 2), strict=True):
        assert shown[y, x, color] == 255
    inside = sample.keypoints[:, :2] - sample.box[:2]
    assert (inside >= 0).all() and (inside <= sample.box[2:]).all() and sorted(sample.box[2:]) == [16, 24]


def test_every_orientation_is_another() -> None:
    corners = {tuple(unturned(np.array([1.0, 2.0]), turn, 40, 24)) for turn in range(1, 9)}
    assert corners == {(1, 2), (39, 2), (39, 22), (1, 22), (2, 1), (22, 1), (22, 39), (2, 39)}


@pytest.mark.parametrize(("how", "most"), [("shares", 1.0), ("percent", 100.0)])
def test_shares_of_width_and_height(tmp_path: Path, how: str, most: float) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((24, 40, 3), np.uint8))
    points, box = SPOTS / [40, 24] * most, (0.25 * most, 0.125 * most, 0.5 * most, 0.5 * most)
    (sample,) = in_pixels(one(tmp_path / "a.png", points, box), how)
    assert sample.keypoints is not None and np.allclose(sample.keypoints[:, :2], SPOTS, atol=1e-4)
    assert sample.box == (10, 3, 20, 12)
    (whole,) = in_pixels(one(tmp_path / "a.png", points, (0, 0, 400, 240)), how)
    assert whole.box == (0, 0, 400, 240), "one in pixels stays"


def test_a_box_made_of_shares_is_made_anew(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((24, 40, 3), np.uint8))
    (sample,) = in_pixels(one(tmp_path / "a.png", SPOTS / [40, 24], (0, 0, 8, 4)), "shares")
    assert sample.box == pytest.approx(label_box(np.array([[10, 5, 2], [30, 18, 2.0]]), (24, 40)))


def test_pixels_of_the_size_that_the_json_states(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((24, 40, 3), np.uint8))
    (sample,) = in_pixels(one(tmp_path / "a.png", 2 * SPOTS + 0.5, (16, 8, 40, 20), (48, 80)), "json")
    assert sample.keypoints is not None and np.allclose(sample.keypoints[:, :2], SPOTS)
    assert sample.box == (8, 4, 20, 10) and sample.size == (24, 40)
    with pytest.raises(UserError, match=r"states no sizes of images, so data\.coordinates cannot be json"):
        in_pixels(one(tmp_path / "a.png", SPOTS, (1, 1, 9, 9)), "json")


@pytest.mark.parametrize("how", ["json", "stored"])
def test_a_box_of_the_whole_file_stays_one(tmp_path: Path, how: str) -> None:
    (sample,) = in_pixels(one(photo(tmp_path / "a.png", 6), 2 * SPOTS, (0, 0, 24, 40), (24, 40)), how)
    assert sample.box == (0, 0, 24, 40) and sample.size == (40, 24)
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((24, 40, 3), np.uint8))
    (sample,) = in_pixels(one(tmp_path / "b.png", SPOTS / 2, (0, 0, 40, 24), (12, 20)), how)
    assert sample.box == (0, 0, 40, 24)


def test_what_is_in_pixels_or_unlabelled_or_missing_stays_as_it_is(tmp_path: Path) -> None:
    data = one(tmp_path / "gone.png", SPOTS, (1, 1, 9, 9))
    assert in_pixels(data, None) is data and in_pixels(data, "file") is data
    (sample,) = in_pixels(data, "shares")
    assert np.array_equal(sample.keypoints, data[0].keypoints), "the missing file is said elsewhere"
    assert sample.box == data[0].box
    path = photo(tmp_path / "a.png", 6)
    points = np.array([[10, 5, 2], [0, 0, 0]], np.float32)
    (sample,) = in_pixels(PoseData("d", TWO, (Sample("s", str(path), (0, 0, 9, 9), points),)), "stored")
    assert sample.keypoints is not None and sample.keypoints[1].tolist() == [0, 0, 0]


def test_areas_are_of_the_same_pixels_as_the_joints(tmp_path: Path) -> None:
    """OKS measures by them."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((24, 40, 3), np.uint8))
    data = one(tmp_path / "a.png", 2 * SPOTS + 0.5, (16, 8, 40, 20), (48, 80))
    known = PoseData("d", TWO, (replace(data[0], area=400.0, head_size=6.0),))
    (sample,) = in_pixels(known, "json")
    assert (sample.area, sample.head_size) == (100, 3)
    shares = one(tmp_path / "a.png", SPOTS / (40, 24), (0.1, 0.1, 0.5, 0.5))
    (sample,) = in_pixels(PoseData("d", TWO, (replace(shares[0], area=0.1),)), "shares")
    assert sample.area is None
