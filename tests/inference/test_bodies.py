from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from semipose.bodies import BODIES, encode_bodies
from semipose.errors import UserError
from semipose.inference.bodies import ROOM, BodyFinder, Search, body_box, in_image, search_of
from semipose.inference.predictor import Predictor
from semipose.skeleton import Skeleton


class Drawn(torch.nn.Module):
    """Sees bodies of its own, in pixels of its view, whatever the image."""

    size, stride, first_cell = (48, 64), 4, 1.5

    def __init__(self, *boxes: list[float]) -> None:
        super().__init__()
        self.boxes = torch.tensor([boxes])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        heatmaps = encode_bodies(self.boxes, torch.ones(1, self.boxes.shape[1], dtype=torch.bool), self.size, 4, 1.5)
        return heatmaps.expand(len(image), -1, -1, -1)


def finder(*boxes: list[float], skeleton: Skeleton = BODIES, **search: float) -> BodyFinder:
    network = Predictor(Drawn(*boxes), skeleton, padding=1.0, device="cpu")  # type: ignore[arg-type]
    return BodyFinder(network, Search(**{"most": 3, **search}))  # type: ignore[arg-type]


def test_bodies_are_found_in_pixels_of_each_image() -> None:
    images = [np.zeros((96, 128, 3), np.uint8), np.zeros((480, 640, 3), np.uint8)]
    small, large = finder([16.0, 20.0, 8.0, 16.0], [45.0, 20.0, 10.0, 10.0])(images)
    assert len(small) == len(large) == 2
    for rows, scale in ((small, 2), (large, 10)):
        middles = sorted((x + w / 2, y + h / 2) for x, y, w, h, _ in rows)
        assert np.abs(np.array(middles) / scale - [[16, 20], [45, 20]]).max() < 2
        assert sorted(w / scale for _, _, w, _, _ in rows) == pytest.approx([1.2 * 8, 1.2 * 10], rel=0.15)


def test_what_is_below_the_threshold_or_beyond_the_most_is_left_out() -> None:
    image, both = [np.zeros((96, 128, 3), np.uint8)], ([16.0, 20.0, 8.0, 16.0], [45.0, 20.0, 10.0, 10.0])
    assert [len(finder(*both, **how)(image)[0]) for how in ({"threshold": 1.0}, {"most": 1}, {})] == [0, 1, 2]
    assert finder(*both)([]) == []


def test_a_box_is_within_the_image_and_no_smaller_than_a_usual_one() -> None:
    x, y, w, h = body_box([50, 40, 10, 30], (100, 200), 0)
    assert (x, y, w, h) == pytest.approx((50.5 - 6, 40.5 - 18, 12, 36))
    assert max(body_box([50, 40, 10, 30], (100, 200), 0.3)[2:]) == pytest.approx(60 * ROOM)
    for row in ([198, 98, 60, 60], [-20, 50, 10, 10], [50, 50, 0, 0]):
        x, y, w, h = body_box(row, (100, 200), 0.1)
        assert w > 0 and h > 0 and x >= 0 and y >= 0 and x + w <= 200 and y + h <= 100


def test_boxes_move_to_their_images() -> None:
    matrices = torch.tensor([[[0.5, 0, 3], [0, 0.5, 7], [0, 0, 1]]])
    assert in_image(torch.tensor([[[13.0, 27, 10, 20]]]), matrices).tolist() == [[[20, 40, 20, 40]]]


def test_a_network_of_joints_is_no_finder() -> None:
    with pytest.raises(UserError, match=r"a network of a, b, c is no finder of this version"):
        finder([16.0, 20.0, 8.0, 16.0], skeleton=Skeleton("three", ("a", "b", "c")))


def test_what_a_finder_says_of_itself_is_read(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    assert search_of(file) == Search() and search_of(file).most == 1
    (tmp_path / "find.json").write_text('{"side": 0.2, "threshold": 0.5, "most": 3, "images": 4}')
    assert search_of(file) == Search(0.2, 0.5, 3)
    for wrong in ('{"side": 3}', '{"most": 0}', '{"most": 2.5}', '{"threshold": "a"}', "[]", '{"most": true}', "{}"):
        (tmp_path / "find.json").write_text(wrong)
        with pytest.raises(UserError, match=r"find\.json has no side and threshold between 0 and 1"):
            search_of(file)
