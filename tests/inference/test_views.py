"""Averages over views: exact in geometry, sides swapped, nothing counted that a view does not see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from semipose.data.crops.build import Crops, CropSpec, build_crops
from semipose.errors import UserError
from semipose.geometry import Size, View
from semipose.heatmap import decode, decoder, predicted
from semipose.inference.evaluation import predict_crops
from semipose.inference.predictor import Predictor
from semipose.inference.views import MOST, PLAIN, Look, averaged, cover, matrices, parse
from tests.fixtures.runs import points
from tests.fixtures.tiny import Tiny
from tests.inference.test_predictor import SKELETON, Bright, picture

SIZE: Size = (120, 104)
FLIP = (1, 0, 2)
SCALE = 400
"""Pixels of the plain view from one end of a colour to the other."""


def ramps(looks: tuple[Look, ...], size: Size = SIZE) -> View:
    """A picture whose colours say where in the plain view a pixel is: linear, so any resampling keeps them exact."""
    h, w = cover(looks, size)
    x = (torch.arange(w) - (w - size[1]) / 2) / SCALE + 0.5
    y = (torch.arange(h) - (h - size[0]) / 2) / SCALE + 0.5
    source = torch.stack([x.expand(h, w), y[:, None].expand(h, w), torch.zeros(h, w)])
    return View.of(source[None].repeat(2, 1, 1, 1), size)


class Equivariant:
    """Sees where each of its cells is in the plain view, draws the joints there, and takes left for right in a mirror.
    Cells lie `stride` pixels apart, the first at pixel `first`."""

    def __init__(self, xy: list[tuple[float, float]], sigma: float = 12.0, stride: int = 1, first: int = 0) -> None:
        self.xy, self.sigma, self.stride, self.first = xy, sigma, stride, first
        self.shown: list[Tensor] = []

    def __call__(self, image: Tensor) -> Tensor:
        self.shown.append(image)
        place = (image[:, :2] - 0.5) * SCALE
        right, down = place[..., 8, 9] - place[..., 8, 8], place[..., 9, 8] - place[..., 8, 8]
        mirrored = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0] < 0
        x, y = place[..., self.first :: self.stride, self.first :: self.stride].unbind(1)
        maps = [torch.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * self.sigma**2)) for a, b in self.xy]
        drawn = torch.stack(maps, 1)
        return torch.where(mirrored[:, None, None, None], drawn[:, list(FLIP)], drawn)


def is_nearly_straight(tenths: int) -> bool:
    """Whether an angle is within 5 degrees of none or of quarter turns, and not one. There bilinear sampling errs by
    1e-3 of a peak in a pattern wider than what DARK looks at, which moves a maximum by up to 1.1e-3 pixels."""
    return 0 < abs((tenths + 450) % 900 - 450) < 50


def beats(tenths: int) -> bool:
    """Whether a scale is one of 2 to 6 %, where the same pattern is as wide: a maximum moves by up to 1.8e-3 pixels."""
    return 20 <= tenths < 60


numbers = st.integers(1, 1800).filter(lambda n: not is_nearly_straight(n)).map(lambda tenths: f"{tenths / 10:g}")
words = st.one_of(
    st.just("flip"),
    st.sampled_from(["turn90", "turn180", "turn15", "scale10"]),
    numbers.map("turn{}".format),
    st.integers(1, 500).filter(lambda n: not beats(n)).map(lambda tenths: f"scale{tenths / 10:g}"),
)
texts = st.lists(words, min_size=1, max_size=5, unique_by=parse).map("+".join)
places = st.tuples(st.floats(42, 62), st.floats(44, 74))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(texts, st.lists(places, min_size=3, max_size=3))
def test_an_equivariant_network_finds_the_same_in_any_views(text: str, xy: list[tuple[float, float]]) -> None:
    looks = parse(text)
    crop, network = ramps(looks), Equivariant(xy)
    plain = decode(predicted(network, crop.image, FLIP), 1, decoder("dark", network.sigma))[0]
    found = decode(averaged(network, crop, looks, FLIP), 1, decoder("dark", network.sigma))[0]
    assert (found - plain).abs().max() < 1e-3
    assert (plain[0] - torch.tensor(xy)).abs().max() < 0.05, "the network finds something"


@pytest.mark.parametrize("text", ["flip", "turn180", "turn90+turn180", "flip+turn90+turn180"])
def test_mirrors_and_quarter_turns_move_whole_cells(text: str) -> None:
    looks = parse(text)
    crop = ramps(looks, (64, 64))
    network = Equivariant([(20.3, 33.1), (44.0, 12.6), (31.5, 50.2)], sigma=3.0)
    found = averaged(network, crop, looks, FLIP)
    torch.testing.assert_close(found, predicted(network, crop.image, FLIP), atol=2e-5, rtol=0)


def test_left_and_right_swap_in_mirrored_views_alone() -> None:
    looks = parse("flip")
    crop, network = ramps(looks), Equivariant([(20, 50), (80, 50), (50, 90)], sigma=6.0)
    wrong = averaged(network, crop, looks, (0, 1, 2))
    assert wrong[0, 0, 50, 20] == pytest.approx(0.5, abs=0.01) and wrong[0, 0, 50, 80] == pytest.approx(0.5, abs=0.01)
    right = averaged(network, crop, looks, FLIP)
    assert right[0, 0, 50, 20] == pytest.approx(1, abs=1e-3) and right[0, 0, 50, 80] < 1e-3
    turned = averaged(network, ramps(parse("turn15")), parse("turn15"), (2, 0, 1))
    assert turned[0, 0, 50, 20] > 0.98, "no side is swapped where nothing is mirrored"


def test_cells_that_a_view_does_not_see_have_no_weight() -> None:
    looks = parse("scale50")
    assert [look.scale for look in looks] == [1, 1.5, 0.5]

    def network(image: Tensor) -> Tensor:
        """1, but 0 in the magnified views, which are the second third of the batch."""
        height = torch.tensor([1.0, 0.0, 1.0]).repeat_interleave(len(image) // 3)
        return height[:, None, None, None].expand(-1, 3, *image.shape[-2:])

    maps = averaged(network, ramps(looks), looks, FLIP)
    # The magnified view shows two thirds of the plain one, about its centre.
    assert (maps[..., :19, :] == 1).all() and (maps[..., :16] == 1).all() and (maps[..., -16:] == 1).all()
    torch.testing.assert_close(maps[..., 22:98, 20:84], torch.full((2, 3, 76, 64), 2 / 3))


@pytest.mark.parametrize("text", ["flip+turn15+scale10", "turn90+turn180", "turn33.3+scale50+turn80"])
def test_a_view_s_border_dims_nothing(text: str) -> None:
    looks = parse(text)
    maps = averaged(lambda image: torch.ones(len(image), 3, 30, 26), ramps(looks), looks, FLIP)
    torch.testing.assert_close(maps, torch.ones(2, 3, 30, 26))


@pytest.mark.parametrize("first", [0, 3])
def test_cells_at_corners_are_brought_back_as_they_lie(first: int) -> None:
    looks = parse("flip+turn180+turn20")
    size = (256, 224)
    network = Equivariant([(100.2, 120.7), (140.4, 90.1), (110.0, 150.3)], sigma=28.0, stride=4, first=first)
    crop, refine = ramps(looks, size), decoder("dark", 7.0)
    plain = decode(predicted(network, crop.image, FLIP), 4, refine, first)[0]
    found = decode(averaged(network, crop, looks, FLIP, first_cell=first), 4, refine, first)[0]
    aside = decode(averaged(network, crop, looks, FLIP), 4, refine, first)[0]
    assert (found - plain).abs().max() < 0.01 and (aside - plain).abs().max() > 0.3


def test_all_views_of_all_crops_are_one_batch_pixels_last() -> None:
    looks = parse("flip+turn15+scale10")
    network = Equivariant([(50, 60)] * 3)
    averaged(network, ramps(looks), looks, FLIP)
    (image,) = network.shown
    assert image.shape == (2 * 6, 3, *SIZE) and image.is_contiguous(memory_format=torch.channels_last)
    averaged(network, ramps(looks), looks, FLIP, "plain")
    assert [len(image) for image in network.shown] == [12, 12, 12], "the flip test mirrors each view"


def test_without_views_nothing_changes_by_a_bit() -> None:
    net, crop = Tiny().eval(), View.of(torch.rand(3, 3, 64, 48, generator=torch.Generator().manual_seed(0)), (64, 48))
    with torch.inference_mode():
        for test in ("none", "plain", "shift"):
            expected = predicted(net, crop.image, (0, 2, 1), test)
            assert torch.equal(averaged(net, crop, parse("none"), (0, 2, 1), test), expected)


@settings(max_examples=60, deadline=None)
@given(texts, st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_every_view_finds_its_pixels_in_the_cover(text: str, size: Size) -> None:
    looks = parse(text)
    h, w = cover(looks, size)
    assert h >= size[0] and w >= size[1] and (h - size[0]) % 2 == (w - size[1]) % 2 == 0
    corners = np.array([[0, 0, 1], [size[1] - 1, 0, 1], [0, size[0] - 1, 1], [size[1] - 1, size[0] - 1, 1]]).T
    middle = [[(w - size[1]) / 2], [(h - size[0]) / 2], [0]]
    for matrix in matrices(looks, size).numpy():
        x, y, _ = np.linalg.inv(matrix) @ corners + middle
        assert x.min() > -1e-5 and y.min() > -1e-5 and x.max() < w - 1 + 1e-5 and y.max() < h - 1 + 1e-5


def test_the_cover_is_no_larger_than_it_need_be() -> None:
    assert cover(parse("none"), (64, 48)) == cover(parse("flip+turn180"), (64, 48)) == (64, 48)
    assert cover(parse("turn90+turn180"), (96, 96)) == (96, 96)
    assert cover(parse("scale50"), (64, 48)) == (64 + 2 * 32, 48 + 2 * 24)
    assert cover(parse("turn90"), (64, 48)) == (64, 64)


def test_words_and_their_views() -> None:
    assert parse("none") == PLAIN == (Look(0, 1, False),)
    assert parse(" flip + turn15 ") == (Look(), Look(mirror=True), Look(15), Look(-15))
    assert parse("turn90+turn180") == (Look(), Look(90), Look(-90), Look(180))
    assert [round(look.scale, 6) for look in parse("scale12.5")] == [1, 1.125, 0.875]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "view '' is not understood; join any of none, flip, turn, scale by .*flip.turn15.scale10$"),
        ("flop", "view 'flop' is not understood.*did you mean flip"),
        ("trun15+flip", "view 'trun15' of 'trun15.flip' is not understood.*did you mean turn18"),
        ("turn", "'turn' is not understood"),
        ("flip50", "'flip50' is not understood"),
        ("turn-15", "'turn-15' is not understood"),
        ("turn15 flip", "not understood"),
        ("flip+", "view '' of 'flip.' is not understood"),
        ("turn0", "view 'turn0' is impossible; turn takes a turn in degrees, above 0 to 180, as in turn18"),
        ("turn180.1", "impossible"),
        ("scale51+flip", "view 'scale51' of .* is impossible; scale takes a change of size in percent, above 0 to 50"),
        ("scale0", "impossible"),
        ("turn15+flip+turn15.0", "name a view twice"),
        ("flip+flip", "name a view twice"),
        ("+".join(f"turn{n}" for n in range(1, 17)), f"are 33; take at most {MOST}"),
        ("turn" + "9" * 1000, "not understood"),
    ],
)
def test_anything_else_is_one_line(text: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        parse(text)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize("text", ["flip", "turn15+scale10", "turn90+turn180+flip"])
@pytest.mark.parametrize("test", ["none", "plain"])
def test_a_predictor_finds_a_point_where_it_is_in_any_views(text: str, test: str) -> None:
    image, boxes = picture(120, 80), [[60, 20, 130, 110], [100, 60, 40, 40], [0, 0, 300, 200]]
    how = {"device": "cpu", "decode": "dark", "flip_test": test}
    plain, several = (Predictor(Bright(), SKELETON, views=views, **how)(image, boxes) for views in ("none", text))  # type: ignore[arg-type]
    for a, b in zip(plain, several, strict=True):
        assert np.abs(a.xy - b.xy).max() < 0.35, "image pixels, of which a cell is up to 6"
    assert [pose.box for pose in several] == [pose.box for pose in plain]


def test_a_predictor_without_views_is_as_ever() -> None:
    image = picture(120, 80)
    (a,), (b,) = (Predictor(Bright(), SKELETON, device="cpu", **how)(image) for how in ({}, {"views": "none"}))  # type: ignore[arg-type]
    assert np.array_equal(a.keypoints, b.keypoints)


def test_a_view_beyond_the_box_shows_the_image_there() -> None:
    """The point lies outside the box, where a smaller view alone sees it, in the image's own pixels."""
    seen: list[Tensor] = []

    class Looks(Bright):
        def forward(self, image: Tensor) -> Tensor:
            seen.append(image)
            return super().forward(image)

    Predictor(Looks(), SKELETON, device="cpu", views="scale50")(picture(60, 100), [[100, 60, 60, 80]])  # type: ignore[arg-type]
    plain, _, smaller = seen[0]
    assert plain[0].max() < 0.05 and smaller[0].max() > 0.3


def test_many_boxes_go_in_batches_of_as_many_images() -> None:
    counts: list[int] = []

    class Counts(Bright):
        def forward(self, image: Tensor) -> Tensor:
            counts.append(len(image))
            return super().forward(image)

    poses = Predictor(Counts(), SKELETON, device="cpu", views="flip+turn15")(picture(60, 100), [[20, 60, 80, 80]] * 40)  # type: ignore[arg-type]
    assert counts == [64, 64, 32] and len(poses) == 40


class Reads(torch.nn.Module):
    """The red and the green channel as two joints."""

    def forward(self, image: Tensor) -> Tensor:
        return image[:, :2]


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Crops:
    size = (64, 48)
    spec = CropSpec(size, cover(parse("turn15+scale10"), size))
    return build_crops(points(5), spec, tmp_path_factory.mktemp("cache"), progress=False)


def test_networks_and_their_ensemble_average_over_views(crops: Crops) -> None:
    looks = parse("turn15+scale10")
    a, b = Reads(), Reads()
    found = predict_crops({"a": a, "b": b}, crops, looks=looks)
    assert list(found) == ["a", "b", "ensemble"] and np.array_equal(found["a"], found["ensemble"])
    alone = [predict_crops({"a": a}, replace(crops), batch=n, looks=looks)["a"] for n in (64, 1)]
    np.testing.assert_allclose(alone[0], found["a"], atol=1e-4)
    np.testing.assert_allclose(alone[1], found["a"], atol=1e-4)
    plain = predict_crops({"a": a}, crops)["a"]
    assert np.array_equal(predict_crops({"a": a}, crops, looks=PLAIN)["a"], plain)
    assert not np.allclose(found["a"][..., 2], plain[..., 2]), "peaks of a mean are lower"
