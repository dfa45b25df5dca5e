from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from semipose.geometry import (
    MEAN_COLOR,
    View,
    _centres,
    _moved,
    align,
    central,
    constant,
    determinant,
    inside,
    invert,
    move,
    pixels,
    resample,
    similarity,
    swap_sides,
    to_cells,
    window,
)
from semipose.heatmap import encode, peaks
from tests.fixtures.tiny import blanked, crops, frame_points, view

angles = st.floats(-180, 180)
scales = st.floats(0.7, 1.4)
parts = st.floats(0, 1)
RIPPLE = 0.03
"""Pixels: bilinear sampling blurs by an amount that ripples with the sub-pixel phase, which pulls at a blob's centroid.
The tests on ramps, which it keeps exactly, hold the 0.01 px."""


def step(size: tuple[int, int], degrees: float, scale: float, mirror: bool) -> Tensor:
    return similarity(size, torch.tensor([degrees]), torch.tensor([scale]), torch.tensor([mirror]))


def centroid(maps: Tensor) -> Tensor:
    """(..., 2): the centre of mass of (..., h, w), x first."""
    h, w = maps.shape[-2:]
    mass = maps.sum((-2, -1))
    return torch.stack(
        [(maps.sum(-2) @ torch.arange(w).to(maps)) / mass, (maps.sum(-1) @ torch.arange(h).to(maps)) / mass], -1
    )


def blob_view(xy: Tensor, size: tuple[int, int], source: tuple[int, int]) -> View:
    """A view of one smooth blob at source pixel `xy` (2,), on a ground of the mean colour."""
    blob = encode(xy.view(1, 1, 2), source, 1, 4.0)
    return View.of(blob + torch.tensor(MEAN_COLOR)[:, None, None], size)


def seen_at(shown: View) -> Tensor:
    return centroid((shown.image - shown.fill)[0, 0])


# ---- image, keypoints and heatmaps agree


@settings(max_examples=25)
@given(angles, scales, st.booleans(), st.integers(80, 110), st.integers(60, 100), parts, parts)
def test_image_moves_as_its_keypoints(degrees, scale, mirror, height, width, u, v) -> None:
    source = (height + 31, width + 18)
    plain = blob_view(torch.zeros(2), (height, width), source)
    moved = plain.warp(step(plain.size, degrees, scale, mirror))
    at = torch.tensor([26 + u * (width - 53), 26 + v * (height - 53)])
    xy = move(invert(moved.matrix), at.view(1, 1, 2))[0, 0]
    assume(bool(inside(xy - 20, (source[0] - 40, source[1] - 40))))
    shown = blob_view(xy, plain.size, source).warp(step(plain.size, degrees, scale, mirror))
    assert (seen_at(shown) - at).abs().max() < RIPPLE


@settings(max_examples=25)
@given(angles, angles, st.floats(0.9, 1.1), st.floats(0.9, 1.1), st.booleans(), st.booleans(), parts, parts)
def test_heatmaps_move_as_their_keypoints(first, second, scale, again, mirror, back, u, v) -> None:
    size = (208, 176)
    plain = view(1, size=size, source=size)
    easy, hard = plain.warp(step(size, first, scale, mirror)), plain.warp(step(size, second, again, back))
    at = torch.tensor([[[48 + u * 79, 48 + v * 111]]])  # in the easy view
    goal = move(easy.to(hard), at)
    assume(bool(inside(goal - 55, (208 - 110, 176 - 110)).all()))
    moved, seen = align(encode(at, (52, 44), 4, 2.5), easy, hard, torch.tensor([0]))
    assert (centroid(moved) - move(to_cells(4, moved), goal)).abs().max() < RIPPLE
    assert seen[0, 0, int(goal[0, 0, 1] / 4), int(goal[0, 0, 0] / 4)]


def ramp(size: tuple[int, int], stride: int = 1) -> Tensor:
    """(1, 2, h, w): the x and the y of each cell's centre, in pixels. Bilinear sampling keeps such an image exactly."""
    cells = pixels(size, torch.eye(3)[None])
    return move(invert(to_cells(stride, cells)), cells.flatten(1, 2)).view(1, *size, 2).permute(0, 3, 1, 2)


@settings(max_examples=25)
@given(angles, scales, st.booleans(), st.integers(50, 80), st.integers(30, 90))
def test_every_pixel_comes_from_where_the_matrix_says(degrees, scale, mirror, height, width) -> None:
    source = (height + 30, width + 17)
    shown = view(1, size=(height, width), source=source).warp(step((height, width), degrees, scale, mirror))
    origin = move(invert(shown.matrix), pixels(shown.size, torch.eye(3)[None]).flatten(1, 2))
    rendered = resample(ramp(source), shown.matrix, shown.size).flatten(2).mT
    within = inside(origin - 1, (source[0] - 2, source[1] - 2))
    assert within.float().mean() > 0.05
    assert (rendered - origin)[within].abs().max() < 0.01


@settings(max_examples=25)
@given(angles, angles, scales, scales, st.booleans(), st.booleans())
def test_every_cell_comes_from_where_the_matrices_say(first, second, scale, again, mirror, back) -> None:
    plain = view(1)
    easy, hard = plain.warp(step((64, 48), first, scale, mirror)), plain.warp(step((64, 48), second, again, back))
    origin = move(hard.to(easy), ramp((16, 12), 4).flatten(2).mT)
    moved, _ = align(ramp((16, 12), 4), easy, hard, torch.tensor([0, 1]))
    within = inside(origin - 2, (60, 44))
    assert within.float().mean() > 0.05
    assert (moved.flatten(2).mT - origin)[within].abs().max() < 0.01


@settings(max_examples=20)
@given(st.floats(-60, 60), st.floats(0.75, 1.25), st.booleans(), st.booleans())
def test_align_encode_peaks_at_the_moved_joint(degrees, scale, mirror, back) -> None:
    """On a non-square crop, mirrored or not; left and right swap where one view mirrors the other."""
    plain = view(1, size=(64, 48), source=(84, 66))
    easy, hard = plain.warp(step((64, 48), 10, 1, back)), plain.warp(step((64, 48), degrees, scale, mirror))
    points = torch.tensor([[[24.0, 20], [16, 30], [34, 36], [20, 44]]])
    flip = torch.tensor([0, 2, 1, 3])
    moved, _ = align(encode(points, (16, 12), 4, 1.0), easy, hard, flip)
    goal = move(to_cells(4, moved), move(easy.to(hard), points))
    if mirror != back:
        goal = goal[:, flip]
    on = inside(goal - 1, (14, 10))
    assert on.sum() >= 1
    assert ((peaks(moved)[0] - goal).abs().amax(-1)[on] <= 1).all()
    assert (centroid(moved) - goal).abs().amax(-1)[inside(goal - 4, (8, 4))].lt(0.1).all()


# ---- resampling


@pytest.mark.parametrize("size", [(40, 56), (64, 48), (31, 31)])
def test_resample_against_kornia(size) -> None:
    """kornia's matrices are from source to destination pixels, whose centres are integers when align_corners is set."""
    kornia = pytest.importorskip("kornia.geometry.transform")
    x = crops(3, source=(50, 44))
    matrix = similarity(
        (50, 44), torch.tensor([0.0, 33, -120]), torch.tensor([1.0, 0.7, 1.6]), torch.tensor([False, True, False])
    )
    expected = kornia.warp_affine(x, matrix[:, :2], size, mode="bilinear", padding_mode="zeros", align_corners=True)
    assert expected.std() > 0.1
    torch.testing.assert_close(resample(x, matrix, size), expected, atol=2e-4, rtol=0)


def test_resample_moves_whole_pixels_unblended() -> None:
    """A quarter turn and a shift by whole pixels move pixels without blending them."""
    x = crops(1, source=(5, 7))
    turn = torch.tensor([[[0.0, -1, 4], [1, 0, 0], [0, 0, 1]]])  # (x, y) -> (4 - y, x)
    assert torch.allclose(resample(x, turn, (7, 5)), x.rot90(-1, (2, 3)), atol=1e-5)
    shift = torch.eye(3)[None].clone()
    shift[0, :2, 2] = torch.tensor([2.0, -1.0])
    moved = resample(x, shift, (5, 7))
    assert torch.allclose(moved[..., :4, 2:], x[..., 1:, :5], atol=1e-5)
    assert moved[..., 4, :].abs().max() < 1e-5 and moved[..., :2].abs().max() < 1e-5


def test_two_warps_are_one() -> None:
    plain = view(2)
    a = similarity(plain.size, torch.tensor([25.0, -70]), torch.tensor([1.2, 0.8]), torch.tensor([True, False]))
    b = similarity(plain.size, torch.tensor([-40.0, 10]), torch.tensor([0.9, 1.3]), torch.tensor([True, False]))
    torch.testing.assert_close(plain.warp(a).warp(b).image, plain.warp(b @ a).image, atol=1e-4, rtol=0)


def test_nothing_is_resampled_twice() -> None:
    """There and back again is the very image, where resampling twice would have blurred it."""
    plain = view(2)
    there = similarity(plain.size, torch.tensor([25.0, -70]), torch.tensor([1.2, 0.8]), torch.tensor([False, True]))
    back = plain.warp(there).warp(invert(there))
    torch.testing.assert_close(back.image, plain.image, atol=1e-3, rtol=0)
    twice = resample(resample(plain.image, there, plain.size), invert(there), plain.size)
    middle = (..., slice(24, 40), slice(16, 32))
    assert (twice - plain.image)[middle].abs().mean() > 0.05


# ---- views


def test_plain_view_is_the_centre() -> None:
    source = crops(2, source=(84, 66))
    plain = View.of(source, (64, 48))
    assert len(plain) == 2 and plain.image.shape == (2, 3, 64, 48)
    torch.testing.assert_close(plain.image, source[..., 10:74, 9:57], atol=1e-4, rtol=0)
    assert plain.image.is_contiguous(memory_format=torch.channels_last)


def test_view_of_bytes() -> None:
    raw = torch.randint(0, 256, (2, 70, 60, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = raw.permute(0, 3, 1, 2)[..., 3:67, 6:54] / 255
    torch.testing.assert_close(View.of(raw, (64, 48)).image, expected, atol=1e-4, rtol=0)


def test_plain_undoes_warps_and_edits() -> None:
    plain = view(2)
    changed = plain.warp(step(plain.size, 30, 1.1, True).expand(2, 3, 3)).edit(lambda image, view: image * 0)
    assert changed.image.abs().max() == 0
    assert changed.plain.edits == () and torch.equal(changed.plain.matrix, plain.matrix)
    assert torch.equal(changed.plain.image, plain.image)


def test_edits_run_in_order_and_see_their_view() -> None:
    plain = view(1)
    sizes = []

    def note(image: Tensor, shown: View) -> Tensor:
        sizes.append(shown.size)
        return image + 1

    assert torch.allclose(plain.edit(note).edit(lambda image, _: image * 2).image, 2 * (plain.image + 1))
    assert sizes == [plain.size]


def test_what_the_crop_does_not_have_is_the_mean_colour() -> None:
    small = view(1).warp(step((64, 48), 0, 0.5, False))
    assert np.array_equal(blanked(small)[0, :8], np.ones((8, 48), bool))
    assert not blanked(small)[0, 20:44, 12:36].any()


def test_mirrored_is_the_determinant() -> None:
    plain = view(2)
    turned = plain.warp(similarity(plain.size, torch.tensor([170.0, 5]), torch.ones(2), torch.tensor([False, True])))
    assert plain.mirrored.tolist() == [False, False] and turned.mirrored.tolist() == [False, True]
    again = turned.warp(similarity(plain.size, torch.zeros(2), torch.ones(2), torch.tensor([True, True])))
    assert again.mirrored.tolist() == [True, False]


def test_to_composes() -> None:
    plain = view(1)
    a, b = plain.warp(step(plain.size, 30, 1.2, True)), plain.warp(step(plain.size, -50, 0.8, False))
    xy = torch.tensor([[[3.0, 50], [40, 7]]])
    torch.testing.assert_close(move(a.to(b), move(a.matrix, xy)), move(b.matrix, xy), atol=1e-3, rtol=0)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.booleans())
def test_window_blanks_exactly_what_the_frame_did_not_show(seed, mirror) -> None:
    rng = np.random.default_rng(seed)
    plain = view(1, seed, source=(200, 200))
    easy = plain.warp(step(plain.size, rng.uniform(-60, 60), rng.uniform(0.8, 1.2), mirror))
    hard = easy.warp(step(plain.size, rng.uniform(-60, 60), rng.uniform(0.5, 0.95), False))
    x, y = np.moveaxis(frame_points(hard, easy), -1, 0)
    margin = np.minimum(np.minimum(x + 0.5, 47.5 - x), np.minimum(y + 0.5, 63.5 - y))
    clear = np.abs(margin) > 1e-3
    assert (margin < 0).any() and (margin > 0).any()
    assert np.array_equal(blanked(hard.edit(window(easy)))[clear], (margin < 0)[clear])
    assert not blanked(hard).any()


def test_mixed_precision_leaves_geometry_alone() -> None:
    """Autocast would round matrices to 8 bits, and pixels would land elsewhere."""

    def render() -> list[Tensor]:
        plain = view(1)
        hard = plain.warp(step(plain.size, 33, 1.1, True)).warp(step(plain.size, -50, 1, False))
        maps = encode(torch.tensor([[[20.0, 30]]]), (16, 12), 4, 1.5)
        return [
            hard.image,
            hard.matrix,
            hard.to(plain),
            move(hard.matrix, torch.ones(1, 2, 2)),
            *align(maps, plain, hard, torch.tensor([0])),
        ]

    expected = render()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = render()
    for a, b in zip(expected, found, strict=True):
        assert a.dtype == b.dtype and torch.equal(a, b)


# ---- align


def test_align_to_the_same_view_changes_nothing() -> None:
    shown = view(3).warp(
        similarity((64, 48), torch.tensor([0.0, 35, -100]), torch.ones(3), torch.tensor([False, True, False]))
    )
    maps = torch.rand(3, 3, 16, 12, generator=torch.Generator().manual_seed(0))
    moved, seen = align(maps, shown, shown, torch.tensor([0, 2, 1]))
    torch.testing.assert_close(moved, maps, atol=2e-5, rtol=0)
    assert seen.shape == (3, 1, 16, 12) and seen.all()


def test_align_mirror_swaps_joints_and_columns() -> None:
    plain = view(2)
    mirrored = plain.warp(similarity(plain.size, torch.zeros(2), torch.ones(2), torch.tensor([True, False])))
    maps = torch.rand(2, 3, 16, 12, generator=torch.Generator().manual_seed(0))
    moved, seen = align(maps, plain, mirrored, torch.tensor([0, 2, 1]))
    torch.testing.assert_close(moved[0], maps[0, [0, 2, 1]].flip(-1), atol=2e-5, rtol=0)
    torch.testing.assert_close(moved[1], maps[1], atol=2e-5, rtol=0)
    both, _ = align(maps, mirrored, mirrored.warp(torch.eye(3).expand(2, 3, 3)), torch.tensor([0, 2, 1]))
    torch.testing.assert_close(both, maps, atol=2e-5, rtol=0)
    assert seen.all()


@settings(max_examples=15)
@given(angles, st.floats(0.4, 1.4), st.booleans())
def test_seen_is_where_the_source_view_had_cells(degrees, scale, mirror) -> None:
    easy = view(1)
    hard = easy.warp(step(easy.size, degrees, scale, mirror))
    _, seen = align(torch.ones(1, 1, 16, 12), easy, hard, torch.tensor([0]))
    centres = frame_points(hard, easy)[0][1::4, 1::4] + frame_points(hard, easy)[0][2::4, 2::4]
    x, y = np.moveaxis(centres / 2, -1, 0)  # a cell's centre is between its two middle pixels
    margin = np.minimum(np.minimum(x + 0.5, 47.5 - x), np.minimum(y + 0.5, 63.5 - y))
    clear = np.abs(margin) > 1e-2
    assert np.array_equal(seen[0, 0].numpy()[clear], (margin > 0)[clear])


# ---- matrices


@settings(max_examples=20)
@given(angles, st.floats(0.3, 2), st.booleans())
def test_invert_and_determinant_against_numpy(degrees, scale, mirror) -> None:
    matrix = step((64, 48), degrees, scale, mirror)
    exact = matrix[0].double().numpy()
    np.testing.assert_allclose(invert(matrix)[0].numpy(), np.linalg.inv(exact), atol=1e-3)
    assert float(determinant(matrix)) == pytest.approx(np.linalg.det(exact), abs=1e-4)
    assert float(determinant(matrix)) == pytest.approx(scale**2 * (-1 if mirror else 1), abs=1e-4)


def test_central_maps_centre_to_centre_at_the_same_scale() -> None:
    for source, size in (((84, 66), (64, 48)), ((71, 90), (64, 48)), ((64, 48), (64, 48))):
        centre = torch.tensor([[[(source[1] - 1) / 2, (source[0] - 1) / 2]]])
        goal = torch.tensor([[[(size[1] - 1) / 2, (size[0] - 1) / 2]]])
        assert torch.equal(move(central(source, size), centre), goal)
        assert torch.equal(central(source, size)[:2, :2], torch.eye(2))


def test_a_constant_is_made_once_and_can_be_learnt_through() -> None:
    """Also one that inference asked for first."""
    like = torch.zeros((), dtype=torch.float64)
    with torch.inference_mode():
        first = constant(((1.25, 2.5), (3.0, 4.0)), like)
    assert constant(((1.25, 2.5), (3.0, 4.0)), like) is first and first.dtype == like.dtype
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (first @ x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [4.25, 6.5]


def test_similarity_turns_clockwise_about_the_centre_and_mirrors_first() -> None:
    centre = torch.tensor([23.5, 31.5])
    right = centre + torch.tensor([10.0, 0])
    points = torch.stack([centre, right])[None]
    torch.testing.assert_close(
        move(step((64, 48), 90, 2, False), points)[0], torch.stack([centre, centre + torch.tensor([0.0, 20])])
    )
    torch.testing.assert_close(
        move(step((64, 48), 90, 2, True), points)[0], torch.stack([centre, centre - torch.tensor([0.0, 20])])
    )


def test_move_is_the_homogeneous_product() -> None:
    rng = np.random.default_rng(0)
    matrix = np.concatenate([rng.normal(size=(3, 2, 3)), np.tile([[[0.0, 0, 1]]], (3, 1, 1))], 1)
    xy = rng.normal(size=(3, 5, 2))
    expected = np.einsum("bij,bkj->bki", matrix, np.concatenate([xy, np.ones((3, 5, 1))], -1))[..., :2]
    np.testing.assert_allclose(move(torch.from_numpy(matrix), torch.from_numpy(xy)).numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(
        move(torch.from_numpy(matrix[1]), torch.from_numpy(xy))[1].numpy(), expected[1], atol=1e-12
    )


def test_pixels_are_moved_centres() -> None:
    shown = view(2).warp(similarity((64, 48), torch.tensor([20.0, 0]), torch.ones(2), torch.tensor([True, False])))
    found = pixels(shown.size, invert(shown.matrix))
    assert found.shape == (2, 64, 48, 2)
    torch.testing.assert_close(
        found[:, 60, 11], move(invert(shown.matrix), torch.tensor([[[11.0, 60]]]).expand(2, 1, 2))[:, 0]
    )


def test_inside_is_a_pixels_whole_square() -> None:
    xy = torch.tensor([[-0.5, 0], [-0.51, 0], [47.5, 63.5], [47.51, 0], [0, 63.51], [0, -0.6]])
    assert inside(xy, (64, 48)).tolist() == [True, False, True, False, False, False]


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_cell_centres_are_in_the_middle_of_their_pixels(stride) -> None:
    for cell in (0, 5):
        covered = torch.arange(cell * stride, (cell + 1) * stride).float()
        middle = covered.mean().expand(1, 1, 2)
        assert torch.allclose(move(to_cells(stride, middle), middle), torch.full((1, 1, 2), float(cell)))


def test_swap_sides_where_one_view_mirrors_the_other() -> None:
    plain = view(3)
    none, one = torch.tensor([False, False, False]), torch.tensor([False, True, True])
    a = plain.warp(similarity(plain.size, torch.tensor([170.0, 0, 20]), torch.ones(3), one))
    b = plain.warp(similarity(plain.size, torch.tensor([0.0, 0, 9]), torch.ones(3), torch.tensor([False, True, False])))
    x, flip = torch.arange(3.0).expand(3, 3), torch.tensor([0, 2, 1])
    assert swap_sides(x, a, b, flip).tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 1]]
    assert torch.equal(
        swap_sides(x, plain.warp(similarity(plain.size, torch.ones(3), torch.ones(3), none)), plain, flip), x
    )
    deep = swap_sides(x[:, :, None, None].expand(3, 3, 4, 5), a, b, flip)
    assert deep[2, :, 3, 2].tolist() == [0, 2, 1] and deep.shape == (3, 3, 4, 5)


@pytest.mark.parametrize("size", [(32, 24), (7, 1), (33, 17)])
def test_the_sampling_grid_is_torch_s(size: tuple[int, int]) -> None:
    """To the last bits, so that nothing that was computed with affine_grid changes."""
    matrix = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(0))
    grid = _moved(matrix, *(_centres(count, matrix.dtype, matrix.device) for count in size))
    wanted = torch.nn.functional.affine_grid(matrix[:, :2], [5, 3, *size], align_corners=False)
    torch.testing.assert_close(grid, wanted, rtol=0, atol=1e-6)
