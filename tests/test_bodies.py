from __future__ import annotations

import pytest
import torch

from semipose.bodies import decode_bodies, encode_bodies, extents, overlap

VIEW, STRIDE, SIGMA = (96, 128), 4, 1.5


def coded(boxes: list[list[float]], most: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """What is read from the heatmaps of one image with these bodies."""
    rows = torch.tensor([boxes])
    heatmaps = encode_bodies(rows, torch.ones(1, len(boxes), dtype=torch.bool), VIEW, STRIDE, SIGMA)
    found, score = decode_bodies(heatmaps, STRIDE, most)
    return found[0], score[0]


def test_bodies_come_back_with_their_places_and_sizes() -> None:
    there = [[30.0, 40.0, 20.0, 60.0], [90.0, 50.0, 44.0, 12.0], [62.0, 70.0, 9.0, 9.0]]
    found, score = coded(there)
    assert (score > 0.5).tolist() == [True, True, True, False] and (score[:-1] >= score[1:]).all()
    for body in torch.tensor(there):
        nearest = found[(found[:3, :2] - body[:2]).norm(dim=1).argmin()]
        assert (nearest[:2] - body[:2]).abs().max() < STRIDE
        assert (nearest[2:] / body[2:]).log().abs().max() < 0.05


def test_two_bodies_that_overlap_are_two() -> None:
    found, score = coded([[50.0, 50.0, 20.0, 60.0], [66.0, 50.0, 20.0, 60.0]])
    assert (score > 0.5).sum() == 2 and sorted(found[:2, 0].tolist()) == pytest.approx([50, 66], abs=STRIDE)


def test_the_same_body_twice_is_one() -> None:
    heatmaps = encode_bodies(torch.tensor([[[50.0, 50, 40, 60]]]), torch.ones(1, 1, dtype=torch.bool), VIEW, STRIDE, 2)
    doubled = torch.maximum(heatmaps, 0.9 * heatmaps.roll(2, -1))
    _, score = decode_bodies(doubled, STRIDE, 4)
    assert (score[0] > 0.3).sum() == 1


def test_who_is_not_known_or_outside_is_not_there() -> None:
    boxes = torch.tensor([[[50.0, 50, 20, 20], [90.0, 50, 20, 20], [400.0, 50, 20, 20]]])
    heatmaps = encode_bodies(boxes, torch.tensor([[True, False, True]]), VIEW, STRIDE, SIGMA)
    assert heatmaps.shape == (1, 3, 24, 32) and (heatmaps[0, 0] > 0.5).sum() <= 9
    assert (decode_bodies(heatmaps, STRIDE, 3)[1][0] > 0).sum() == 1
    none = encode_bodies(boxes, torch.zeros(1, 3, dtype=torch.bool), VIEW, STRIDE, SIGMA)
    assert not none.any() and not decode_bodies(none, STRIDE, 3)[1].any()


def test_more_bodies_may_be_asked_for_than_there_are_cells() -> None:
    boxes, score = decode_bodies(torch.rand(2, 3, 2, 2), STRIDE, 9)
    assert boxes.shape == (2, 9, 4) and score.shape == (2, 9) and not score[:, 4:].any()


def test_an_extent_is_of_known_points_alone() -> None:
    xy = torch.tensor([[[1.0, 2.0], [5.0, 10.0], [99.0, 99.0]], [[3.0, 3.0], [3.0, 3.0], [3.0, 3.0]]])
    boxes, some = extents(xy, torch.tensor([[True, True, False], [False, False, False]]))
    assert boxes.tolist() == [[3, 6, 4, 8], [0, 0, 0, 0]] and some.tolist() == [True, False]


def test_overlap_is_intersection_over_union() -> None:
    a = torch.tensor([[5.0, 5.0, 10.0, 10.0]])
    b = torch.tensor([[5.0, 5.0, 10.0, 10.0], [10.0, 5.0, 10.0, 10.0], [50.0, 5.0, 10.0, 10.0]])
    assert overlap(a, b)[0].tolist() == pytest.approx([1, 1 / 3, 0])
