"""Holes and parts of other images. Sources here are ramps: a pixel's colour says whose it is, and where it was."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, kstest

from semipose.augment import compose, joint_cutout, onto, parse
from semipose.augment.occlusion import BETA, SHARE, cutmix, cutout, joint_cut_occlude, mixup
from semipose.draws import Draws
from semipose.geometry import View, central, look_up, pixels, resample, similarity
from semipose.heatmap import encode
from semipose.target import Target
from tests.fixtures.tiny import blanked, frame_points, view

module = import_module("semipose.augment.joint_cutout")
JOINTS = torch.tensor([[13.5, 13.5], [33.5, 13.5], [13.5, 33.5], [33.5, 33.5]])
STEP, SCALE = 1 / 40, 200.0
"""Of the third channel from image to image, and of places in the other two."""
WORDS = ("jo2", "co5", "cm2", "mu", "joco", "jccm", "released-jo2")


def ramps(n: int = 4, size: tuple[int, int] = (64, 48), source: tuple[int, int] = (84, 66)) -> View:
    """Images whose colour is (x, y, which), x and y in pixels of the plain view."""
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float) for side in source), indexing="ij")
    shift = central(source, size)[:2, 2]
    places = torch.stack([(x + shift[0]) / SCALE, (y + shift[1]) / SCALE]).expand(n, 2, *source)
    which = (STEP * torch.arange(n)).view(n, 1, 1, 1).expand(n, 1, *source)
    return View.of(torch.cat([places, which], 1), size)


def read(image: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Places (B, H, W, 2) in plain views, and whose they are (B, H, W)."""
    return (image[:, :2] * SCALE).permute(0, 2, 3, 1).numpy(), (image[:, 2] / STEP).round().int().numpy()


def target_of(frame: View, xy: torch.Tensor = JOINTS) -> Target:
    """A teacher that sees its joints at view pixels `xy` (K, 2), cell centres of stride 4."""
    maps = encode(xy.expand(len(frame), *xy.shape), (frame.size[0] // 4, frame.size[1] // 4), 4, 1.0)
    return Target(maps, maps.new_ones(*maps.shape[:2], 1, 1), frame)


def warped(frame: View, degrees: float, scale: float, mirror: bool) -> View:
    n = len(frame)
    return frame.warp(similarity(frame.size, *(torch.full((n,), each) for each in (degrees, scale, mirror))))


@pytest.fixture
def exact(monkeypatch):
    """Boxes of half-side 6 pixels at height 64, right at their joints."""
    monkeypatch.setattr(module, "JITTER", 0.0)
    monkeypatch.setattr(module, "HALF", (6 / 64, 6 / 64))


@given(n=st.integers(1, 40), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_each_image_goes_to_another_one_and_once(n, seed) -> None:
    other = Draws(seed).partners(n)
    assert sorted(other.tolist()) == list(range(n))
    assert n == 1 or (other != torch.arange(n)).all()


@given(word=st.sampled_from(WORDS), seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_same_numbers_draw_the_same_view(word, seed) -> None:
    plain = view(3)
    target = target_of(plain)
    first, second = (parse(word)(plain, Draws(seed), target).image for _ in range(2))
    assert torch.equal(first, second) and first.isfinite().all()


@pytest.mark.parametrize("word", WORDS)
def test_other_numbers_draw_another_view(word) -> None:
    plain = view(3)
    one, other = (parse(word)(plain, Draws(seed), target_of(plain)).image for seed in (0, 1))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("word", "same"),
    [
        ("joco", compose(joint_cut_occlude(2), cutout(5))),
        ("jccm", compose(joint_cutout(5), cutmix(2))),
    ],
)
def test_compositions_are_one_after_the_other(word, same) -> None:
    plain = view(3)
    target = target_of(plain)
    assert torch.equal(parse(word)(plain, Draws(4), target).image, same(plain, Draws(4), target).image)


def extent(mask: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last column (axis 1) or row (axis 2) of each image that a mask touches."""
    line = mask.any(axis)
    return line.argmax(1), line.shape[1] - 1 - line[:, ::-1].argmax(1)


@given(seed=st.integers(0, 10**6), height=st.sampled_from([64, 128]), mixed=st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_hole_has_its_size_and_lies_in_the_crop(seed, height, mixed) -> None:
    """Half-sides of 10 to 20 of 256 pixels where the border does not cut it; all around it nothing changes."""
    plain = ramps(8, (height, height * 3 // 4), (height, height * 3 // 4))
    image = (cutmix(1) if mixed else cutout(1))(plain, Draws(seed)).image
    changed = (image != plain.image).any(1).numpy()
    if mixed:
        place, who = read(image)
        assert (who == np.arange(8)[:, None, None]).mean() < 1
        np.testing.assert_array_equal(who != np.arange(8)[:, None, None], changed)
        np.testing.assert_allclose(place, read(plain.image)[0], atol=1e-2)
    else:
        assert np.array_equal(changed, blanked(plain, image))
    for axis, side in ((1, plain.size[1]), (2, plain.size[0])):
        first, last = extent(changed, axis)
        length = last - first + 1
        assert (length <= 40 / 256 * height + 1).all() and changed.any((1, 2)).all()
        inner = (first > 0) & (last < side - 1)
        assert (length[inner] >= 20 / 256 * height - 1).all()
        edge = ~inner
        assert (length[edge] >= 10 / 256 * height - 1).all(), "at least the half that lies about its middle"


def test_holes_are_anywhere_and_as_many_as_asked() -> None:
    plain = view(200, source=(64, 48))
    often = np.mean([blanked(cutout(5)(plain, Draws(seed), None)) for seed in range(3)], (0, 1))
    assert often.min() > 0.01 and often.max() < 0.4
    assert not blanked(cutout(0)(plain, Draws(0))).any()
    assert torch.equal(cutmix(0)(plain, Draws(0)).image, plain.image)


@pytest.mark.parametrize(("degrees", "scale", "mirror"), [(0.0, 1.0, False), (37.0, 1.2, False), (-55.0, 0.7, True)])
def test_a_patch_is_what_another_image_shows_around_a_joint(exact, degrees, scale, mirror) -> None:
    """Each covered pixel, in whichever view: the box lies about a joint of this image, and what it shows lies as far
    from a joint of the other one, in its own easy crop."""
    easy = warped(ramps(), 20.0, 1.1, False)
    hard = warped(easy, degrees, scale, mirror)
    image = joint_cut_occlude(1)(hard, Draws(2), target_of(easy)).image
    place, who = read(image)
    covered = (image != hard.image).any(1).numpy()
    at = frame_points(hard, easy)
    assert 0.01 < covered.mean() < 0.3
    for i in range(4):
        (other,) = set(who[i][covered[i]])
        assert other != i
        in_easy = place[i][covered[i]] @ easy_of(easy, other)[:2, :2].T + easy_of(easy, other)[:2, 2]
        steps = in_easy - at[i][covered[i]]
        assert np.ptp(steps, 0).max() < 0.05, "one patch is moved as a whole"
        box = at[i][covered[i]]
        middle = JOINTS.numpy()[np.abs(JOINTS.numpy() - box.mean(0)).max(1).argmin()]
        assert np.abs(box - middle).max() <= 6.01
        assert np.abs(middle + steps.mean(0) - JOINTS.numpy()).max(1).min() < 0.05


def easy_of(easy: View, i: int) -> np.ndarray:
    """From an image's plain view to its easy one."""
    return (easy.matrix[i] @ torch.linalg.inv(easy.base)).double().numpy()


@pytest.mark.parametrize(("count", "joints"), [(0, 0), (1, 1), (3, 3), (9, 4)])
def test_so_many_joints_are_covered(exact, count, joints) -> None:
    plain = ramps(6)
    who = read(joint_cut_occlude(count)(plain, Draws(0), target_of(plain)).image)[1]
    hit = np.stack([who[:, int(y), int(x)] != np.arange(6) for x, y in JOINTS.tolist()], 1)
    assert (hit.sum(1) == joints).all()


def test_what_the_other_crop_does_not_show_is_not_pasted(exact) -> None:
    """A joint at the other crop's border gives the part of the patch that there is."""
    plain = ramps(2)
    maps = torch.zeros(2, 1, 16, 12)
    maps[0, 0, 8, 6], maps[1, 0, 8, 0] = 1, 1
    image = joint_cut_occlude(1)(plain, Draws(0), Target(maps, maps, plain)).image
    place, who = read(image)
    rows, columns = np.nonzero(who[0] == 1)
    assert (columns.min(), columns.max()) == (24, 31) and place[0][rows, columns][:, 0].min() > -0.1
    assert (rows.min(), rows.max()) == (28, 39)


def test_released_takes_rows_for_columns(exact) -> None:
    plain = ramps(4, (64, 64), (64, 64))
    target = target_of(plain, torch.tensor([[13.5, 45.5]]))
    for word, (x, y) in (("jo1", (13.5, 45.5)), ("released-jo1", (45.5, 13.5))):
        rows, columns = np.nonzero(
            (read(parse(word)(plain, Draws(0), target).image)[1] != np.arange(4)[:, None, None])[0]
        )
        assert (rows.mean(), columns.mean()) == (y, x)


def test_cut_occlude_without_a_teacher_says_so() -> None:
    with pytest.raises(ValueError, match="hard view only"):
        parse("jo2")(view(2), Draws(0))


@pytest.mark.parametrize("word", ["co5", "cm2", "mu"])
def test_the_others_need_no_teacher(word) -> None:
    """They lie in the view at hand, and turn with what comes after."""
    plain = view(3)
    with_teacher = parse(word)(plain, Draws(0), target_of(plain)).image
    assert torch.equal(with_teacher, parse(word)(plain, Draws(0)).image)
    turned = parse(f"{word}+flip100")(plain, Draws(0)).image
    torch.testing.assert_close(turned, with_teacher.flip(-1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("word", [word for word in WORDS if word != "co5"])
def test_on_the_easy_crop_nothing_shows_where_that_ends(word) -> None:
    easy = warped(view(4, source=(120, 100)), 10.0, 0.8, True)
    target = target_of(easy)
    step = warped(easy, 40.0, 0.6, False)
    hard = onto(compose(parse(word), lambda shown, draws, target=None: shown.warp(step.matrix @ inverse(easy))))(
        easy, Draws(0), target
    )
    at = frame_points(hard, easy)
    outside = (at < -0.6).any(-1) | (at[..., 0] > 47.6) | (at[..., 1] > 63.6)
    assert outside.mean() > 0.3 and blanked(hard)[outside].all()
    assert not torch.equal(hard.image, onto(lambda shown, draws, target=None: step)(easy, Draws(0), target).image)


def inverse(easy: View) -> torch.Tensor:
    return torch.linalg.inv(easy.matrix)


# ---- mixup


def test_mixup_is_a_mean_with_another_image_as_both_are_seen() -> None:
    """Weights are of an image; geometry is the own view's, of both crops."""
    plain = ramps(8)
    image = mixup(warped(plain, 30.0, 1.5, True), Draws(1), target_of(plain)).image
    alone = warped(plain, 30.0, 1.5, True).image
    who = (image[:, 2] - alone[:, 2]) / STEP
    assert (who - who[:, :1, :1]).abs().max() < 1e-3, "one weight and one partner an image"
    share = who[:, 0, 0] / (Draws(1).partners(8) - torch.arange(8))
    assert (share >= 0).all() and (share <= SHARE + 1e-5).all() and share.max() > 0
    torch.testing.assert_close(image[:, :2], alone[:, :2], atol=1e-4, rtol=0)


def test_the_other_image_s_weight_is_a_quarter_of_beta() -> None:
    plain = ramps(600, (4, 4), (4, 4))
    image = mixup(plain, Draws(3)).image
    steps = Draws(3).partners(600) - torch.arange(600)
    share = ((image[:, 2] - plain.image[:, 2]).mean((1, 2)) / STEP / steps).double().numpy()
    assert kstest((share / SHARE).clip(0, 1), beta(BETA, BETA).cdf).pvalue > 0.01
    assert (share < 0.02 * SHARE).mean() > 0.1 and (share > 0.98 * SHARE).mean() > 0.1


# ---- looking up places


@given(degrees=st.floats(-180, 180), scale=st.floats(0.5, 2))
@settings(max_examples=20, deadline=None)
def test_looked_up_at_a_view_s_pixels_it_is_the_resampled_image(degrees, scale) -> None:
    shown = warped(view(2), degrees, scale, False)
    places = pixels(shown.size, torch.linalg.inv(shown.matrix))
    torch.testing.assert_close(
        look_up(shown.source, places), resample(shown.source, shown.matrix, shown.size), atol=2e-4, rtol=0
    )
