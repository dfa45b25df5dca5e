from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from semipose.errors import UserError
from semipose.geometry import invert, move, to_cells
from semipose.heatmap import DECODERS, dark, decode, decoder, encode, on_map, peaks, predicted, quarter, soft_peaks

offsets = st.floats(-0.499, 0.499)
ALL = {name: decoder(name) for name in DECODERS}


def pixel(cell: float, stride: int) -> float:
    return cell * stride + (stride - 1) / 2


def gaussian_at(x: float, y: float, sigma: float = 2.0, size: tuple[int, int] = (24, 18)) -> Tensor:
    """(1, 1, *size): a clean peak at cell (x, y)."""
    return encode(torch.tensor([[[x, y]]]), size, 1, sigma)


@settings(max_examples=20)
@given(st.floats(-10, 60), st.floats(-10, 80), st.sampled_from([1, 2, 4, 8]), st.floats(0.8, 3))
def test_encode_against_the_formula(x, y, stride, sigma) -> None:
    found = encode(torch.tensor([[[x, y]]], dtype=torch.float64), (11, 7), stride, sigma)
    expected = np.zeros((11, 7))
    for row in range(11):
        for column in range(7):
            dx = column - (x - (stride - 1) / 2) / stride
            dy = row - (y - (stride - 1) / 2) / stride
            expected[row, column] = np.exp(-(dx**2 + dy**2) / (2 * sigma**2))
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-9)


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
@pytest.mark.parametrize("name", DECODERS)
def test_decode_is_exact_at_cell_centres(stride, name) -> None:
    xy = torch.tensor([[[pixel(5, stride), pixel(9, stride)], [pixel(12, stride), pixel(4, stride)]]])
    found, score = decode(encode(xy, (24, 18), stride, 2.0), stride, decoder(name))
    torch.testing.assert_close(found, xy, atol=0.02 * stride, rtol=0)
    torch.testing.assert_close(score, torch.ones(1, 2))


@settings(max_examples=25)
@given(st.integers(6, 11), st.integers(6, 17), offsets, offsets, st.sampled_from([1.5, 2.0, 3.0]))
def test_decoding_errors(column, row, dx, dy, sigma) -> None:
    """In cells, of a clean sub-cell peak: arg-max 0.5, quarter 0.25, DARK 0.05."""
    truth = torch.tensor([column + dx, row + dy])
    maps = gaussian_at(column + dx, row + dy, sigma)
    errors = {name: (decode(maps, 1, refine)[0][0, 0] - truth).abs() for name, refine in ALL.items()}
    assert errors["argmax"].max() <= 0.5
    assert errors["quarter"].max() <= 0.251
    assert errors["dark"].max() < 0.05


def test_refinements_are_worth_their_name() -> None:
    """Mean distance over a cell: DARK < quarter < arg-max."""
    grid = torch.linspace(-0.49, 0.49, 15)
    xy = torch.stack(torch.meshgrid(grid + 9, grid + 12, indexing="xy"), -1).view(1, -1, 2)
    maps = encode(xy, (24, 18), 1, 2.0)
    mean = {name: float((decode(maps, 1, refine)[0] - xy).norm(dim=-1).mean()) for name, refine in ALL.items()}
    assert mean["dark"] < 0.01 < mean["quarter"] < 0.25 < mean["argmax"] < 0.42


def test_dark_shrugs_off_scale_and_a_little_noise() -> None:
    maps = gaussian_at(8.3, 11.8)
    noise = torch.randn(maps.shape, generator=torch.Generator().manual_seed(0))
    found, score = decode(0.2 * maps + 0.002 * noise, 1, dark)
    assert (found[0, 0] - torch.tensor([8.3, 11.8])).abs().max() < 0.1
    assert 0.18 < float(score) < 0.21


@pytest.mark.parametrize("cell", [(0, 0), (17, 0), (0, 23), (17, 23), (0, 12), (9, 23)])
def test_border_cells_stay(cell) -> None:
    maps = gaussian_at(float(cell[0]), float(cell[1]))
    for refine in ALL.values():
        assert decode(maps, 1, refine)[0][0, 0].tolist() == list(map(float, cell))


@pytest.mark.parametrize(
    "maps", [torch.zeros(1, 2, 8, 6), -torch.rand(1, 2, 8, 6) - 0.1, torch.full((1, 2, 8, 6), 0.3)]
)
def test_flat_and_negative_maps_decode_to_finite_places_on_the_map(maps) -> None:
    for refine in ALL.values():
        xy, score = decode(maps, 4, refine)
        assert xy.isfinite().all() and torch.equal(score, maps.amax((-2, -1)))
        assert (xy >= 0).all() and (xy <= torch.tensor([23.0, 31.0])).all()


def test_quarter_steps_towards_the_higher_neighbour() -> None:
    maps = torch.zeros(1, 1, 8, 6)
    maps[0, 0, 4, 3], maps[0, 0, 4, 2], maps[0, 0, 5, 3] = 1, 0.5, 0.2
    assert quarter(maps, peaks(maps)[0])[0, 0].tolist() == [2.75, 4.25]


def test_peaks_are_x_first() -> None:
    maps = torch.zeros(1, 2, 8, 6)
    maps[0, 0, 7, 1], maps[0, 1, 2, 5] = 0.7, 3
    cells, value = peaks(maps)
    assert cells.tolist() == [[[1, 7], [5, 2]]] and value.tolist() == [[pytest.approx(0.7), 3]]


@settings(max_examples=20)
@given(st.floats(24, 44), st.floats(24, 66), st.sampled_from([2, 4]))
def test_round_trip_in_view_pixels(x, y, stride) -> None:
    xy = torch.tensor([[[x, y]]])
    found, _ = decode(encode(xy, (96 // stride, 72 // stride), stride, 2.0), stride, dark)
    assert (found - xy).abs().max() < 0.05 * stride


def test_on_map_is_three_sigma() -> None:
    stride, sigma = 4, 2.0
    reach = 6
    inside = [pixel(-reach + 0.01, stride), pixel(11 + reach - 0.01, stride)]
    outside = [pixel(-reach - 0.01, stride), pixel(11 + reach + 0.01, stride)]
    middle = pixel(8, stride)
    xy = torch.tensor([[[x, middle] for x in inside + outside]])
    assert on_map(xy, (16, 12), stride, sigma).tolist() == [[True, True, False, False]]
    ys = torch.tensor([[[20.0, pixel(15 + reach - 0.01, stride)], [20.0, pixel(15 + reach + 0.01, stride)]]])
    assert on_map(ys, (16, 12), stride, sigma).tolist() == [[True, False]]
    assert on_map(torch.full((1, 1, 2), float("nan")), (16, 12), stride, sigma).tolist() == [[False]]


def test_a_first_cell_elsewhere_moves_positions() -> None:
    maps = gaussian_at(5, 9)
    middle, corner = decode(maps, 4)[0], decode(maps, 4, first_cell=0.0)[0]
    assert corner.tolist() == [[[20, 36]]] and (middle - corner).tolist() == [[[1.5, 1.5]]]


def blob(x: float) -> Tensor:
    """(1, 1, 32, 64): an image with a wide peak at column x."""
    return gaussian_at(x, 16, 6.0, (32, 64))


def column(maps: Tensor) -> float:
    """The mean column of heatmaps with one peak, in cells."""
    return float((maps * torch.arange(maps.shape[-1])).sum() / maps.sum())


def test_a_network_that_mirrors_with_its_image_keeps_its_heatmaps() -> None:
    """Cells over their pixels mirror cell by cell: the plain flip test of such a network changes nothing."""
    image = torch.rand(2, 3, 32, 64)
    pool = torch.nn.AvgPool2d(4)
    torch.testing.assert_close(predicted(pool, image, (0, 1, 2), "plain"), pool(image))
    assert torch.equal(predicted(pool, image, (0, 1, 2)), pool(image))


def test_the_flip_test_swaps_sides() -> None:
    ramp = torch.arange(16.0)
    sides = torch.stack([ramp, ramp.flip(0)])[None, :, None]  # "left" answers to the right of the image, and so on

    def network(image: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(image, 4) * sides

    image = torch.rand(1, 1, 32, 64)
    torch.testing.assert_close(predicted(network, image, (1, 0), "plain"), network(image))
    assert not torch.allclose(predicted(network, image, (0, 1), "plain"), network(image))


def test_the_shift_mends_what_cells_at_corners_misplace() -> None:
    """Cell u at pixel 4u: the mirrored half lands 3/4 of a cell to the left, and 1/4 to the right after the shift."""

    def corners(image: Tensor) -> Tensor:
        return image[..., ::4, ::4]

    here = column(corners(blob(30.0)))
    assert column(predicted(corners, blob(30.0), [0], "plain")) - here == pytest.approx(-0.375, abs=0.01)
    assert column(predicted(corners, blob(30.0), [0], "shift")) - here == pytest.approx(0.125, abs=0.01)


def test_the_shift_keeps_the_first_column() -> None:
    image = torch.rand(1, 1, 2, 5)
    mirrored = 2 * predicted(lambda x: x, image, [0], "shift") - image
    torch.testing.assert_close(mirrored, image[..., [0, 0, 1, 2, 3]])


@pytest.mark.parametrize(("sigma", "kernel"), [(0.2, 3), (1.0, 5), (2.0, 11), (3.0, 17)])
def test_dark_blurs_as_wide_as_the_heatmaps_are(sigma: float, kernel: int) -> None:
    generator = torch.Generator().manual_seed(0)
    xy = torch.rand(8, 5, 2, generator=generator) * 40 + 20
    maps = encode(xy, (24, 18), 4, sigma) + 0.05 * torch.rand(8, 5, 24, 18, generator=generator)
    assert torch.equal(decode(maps, 4, decoder("dark", sigma))[0], decode(maps, 4, partial(dark, kernel=kernel))[0])


def test_an_unknown_decoder_is_a_line() -> None:
    with pytest.raises(UserError, match=r"decode is '\.\./x'; it can be argmax, quarter, dark"):
        decoder("../x")


def test_soft_peaks_are_where_peaks_are_and_learn() -> None:
    xy = torch.tensor([[[20.3, 31.1], [9.5, 50.2]]])
    heatmaps = (encode(xy, (16, 12), 4, 1.5) * torch.tensor([1.0, 0.2])[:, None, None]).requires_grad_()
    cells, height = soft_peaks(heatmaps)
    assert torch.allclose(move(invert(to_cells(4, cells)), cells), xy, atol=0.2)
    assert torch.equal(height, heatmaps.detach().amax((-2, -1))) and not height.requires_grad
    (gradient,) = torch.autograd.grad(cells[0, 1, 0], heatmaps)
    assert gradient[0, 0].abs().max() == 0 and gradient[0, 1, 12, 6:].sum() > 0
    nothing = torch.zeros(1, 1, 16, 12, requires_grad=True)
    middle, _ = soft_peaks(nothing)
    assert torch.allclose(middle, torch.tensor([[[5.5, 7.5]]]), atol=1e-4)
    assert torch.isfinite(torch.autograd.grad(middle.sum(), nothing)[0]).all()
