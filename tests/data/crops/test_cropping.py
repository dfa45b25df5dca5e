from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.data.crops.cropping import CropSpec, _averaged, crop_matrices, cut

SPEC = CropSpec(size=(48, 40), cover=(70, 64))


def move(matrix: np.ndarray, *point: float) -> np.ndarray:
    return (matrix @ [*point, 1])[:2]


def test_the_enlarged_box_is_the_central_network_input() -> None:
    """A box of the input's aspect ratio, padding 1: its edges are the input's, half a pixel outside the centres."""
    spec = CropSpec(size=(48, 40), cover=(70, 64), padding=1.0)
    matrix = crop_matrices(np.array([[10, 20, 80, 96]]), spec)[0]
    offset = np.array([(64 - 40) / 2, (70 - 48) / 2])
    assert np.allclose(move(matrix, 10 - 0.5, 20 - 0.5), offset - 0.5)
    assert np.allclose(move(matrix, 90 - 0.5, 116 - 0.5), offset + np.array([40 - 0.5, 48 - 0.5]))


@pytest.mark.parametrize("box", [[5, 5, 10, 60], [5, 5, 60, 10]])
def test_other_boxes_take_the_aspect_ratio_and_keep_their_centre(box: list[float]) -> None:
    matrix = crop_matrices(np.array([box]), SPEC)[0]
    x, y, w, h = box
    assert np.allclose(move(matrix, x + w / 2 - 0.5, y + h / 2 - 0.5), [(64 - 1) / 2, (70 - 1) / 2])
    assert matrix[0, 0] == pytest.approx(min(40 / w, 48 / h) / 1.25)


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(0.1, 3),
    shift=st.tuples(st.floats(-10, 10), st.floats(-10, 10)),
    at=st.tuples(st.floats(-12, 12), st.floats(-12, 12)),
)
def test_a_dot_at_a_joint_is_at_the_moved_joint(
    scale: float, shift: tuple[float, float], at: tuple[float, float]
) -> None:
    width, height = (int(70 / min(scale, 1) + 20) for _ in range(2))
    w = SPEC.size[1] / scale / SPEC.padding
    box = [width / 2 - w / 2 + shift[0] / scale, height / 2 - w / 2 + shift[1] / scale, w, w]
    matrix = crop_matrices(np.array([box]), SPEC)[0]
    joint = np.array([width, height]) / 2 + np.array(at) / scale
    rows, columns = np.mgrid[:height, :width]
    spread = max(1.0, 1.2 / scale)
    dot = 255 * np.exp(-((columns - joint[0]) ** 2 + (rows - joint[1]) ** 2) / (2 * spread**2))
    crop = cut(np.repeat(dot.round().astype(np.uint8)[..., None], 3, -1), matrix, SPEC.cover)[..., 0].astype(float)
    rows, columns = np.mgrid[: SPEC.cover[0], : SPEC.cover[1]]
    seen = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
    assert np.abs(seen - move(matrix, *joint)).max() < 0.1


@pytest.mark.parametrize("scale", [0.5, 0.3, 0.13])
def test_shrinking_does_not_alias(scale: float) -> None:
    """A checkerboard of single pixels is mid-grey when shrunk to a half or less."""
    board = (np.indices((600, 600)).sum(0) % 2 * 255).astype(np.uint8)
    w = SPEC.size[1] / scale / SPEC.padding
    matrix = crop_matrices(np.array([[300 - w / 2, 300 - w / 2, w, w]]), SPEC)[0]
    centre = cut(np.repeat(board[..., None], 3, -1), matrix, SPEC.cover)[20:50, 20:40]
    assert np.abs(centre.astype(float) - 127.5).max() < 30


def test_outside_the_image_is_black() -> None:
    white = np.full((50, 50, 3), 255, np.uint8)
    beside, over_edge = crop_matrices(np.array([[500, 500, 40, 48], [-20, 0, 40, 48]]), SPEC)
    assert not cut(white, beside, SPEC.cover).any()
    crop = cut(white, over_edge, SPEC.cover)
    edge = move(over_edge, -0.5, 0)[0]
    assert not crop[:, : int(edge) - 1].any() and (crop[30, int(edge) + 2 : 60] == 255).all()


@pytest.mark.parametrize("wrong", [{"cover": (40, 64)}, {"padding": 0}, {"store": "zip"}])
def test_a_spec_that_cannot_be_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):
        CropSpec(**{"size": (48, 40), "cover": (70, 64), **wrong})


@pytest.mark.parametrize("scale", [0.13, 0.3, 0.45, 0.8, 2.7])
def test_a_crop_inside_the_image_has_no_dark_border(scale: float) -> None:
    white = np.full((703, 701, 3), 255, np.uint8)
    w = SPEC.size[1] / scale / SPEC.padding
    matrix = crop_matrices(np.array([[350.3 - w / 2, 351.7 - w / 2, w, w]]), SPEC)[0]
    assert (cut(white, matrix, SPEC.cover) == 255).all()


@pytest.mark.parametrize(("height", "width", "k"), [(48, 64, 50), (48, 64, 64), (48, 64, 97), (9, 700, 13)])
def test_blocks_larger_than_the_picture_have_the_means_of_a_padded_one(height: int, width: int, k: int) -> None:
    picture = np.random.default_rng(k).integers(0, 256, (height, width, 3), np.uint8)
    padded = np.pad(picture, ((0, -height % k), (0, -width % k), (0, 0)))
    means = cv2.resize(padded, (padded.shape[1] // k, padded.shape[0] // k), interpolation=cv2.INTER_AREA)
    assert (_averaged(picture, k) == means).all()


@pytest.mark.parametrize("size", [(48, 64), (10, 60_000)])
def test_a_box_of_any_size_takes_no_more_memory_than_its_picture(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("the picture is enlarged")

    monkeypatch.setattr(cv2, "copyMakeBorder", refused)
    box = np.array([[-499999.5, -499999.5, 999999, 999999]])
    picture = np.full((*size, 3), 255, np.uint8)
    assert cut(picture, crop_matrices(box, SPEC)[0], SPEC.cover).shape == (*SPEC.cover, 3)
