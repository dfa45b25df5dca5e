from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.augment import affine, afresh, onto, parse
from semipose.augment.affine import released_easy, released_hard
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, similarity
from tests.fixtures.tiny import blanked, view

N = 400


def drawn(text: str, n: int = N, shown: View | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degrees, scales and mirrors, read back from the matrices that a policy drew."""
    plain = view(n, size=(8, 6), source=(8, 6)) if shown is None else shown
    linear = plain.to(parse(text)(plain, Draws(5, 1))).double().numpy()[:, :2, :2]
    determinant = np.linalg.det(linear)
    scale = np.sqrt(np.abs(determinant))
    rotation = linear / scale[:, None, None] * np.where(determinant < 0, [[-1], [1]], [[1], [1]]).T[:, None, :]
    assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(2), atol=1e-5)
    return np.degrees(np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])), scale, determinant < 0


@pytest.mark.parametrize(
    ("text", "degrees", "spread"), [("affine30", 30, 0.25), ("affine60", 60, 0.5), ("affine12", 12, 0.1)]
)
def test_ranges_of_the_paper(text, degrees, spread) -> None:
    angle, scale, mirrored = drawn(text)
    assert np.abs(angle).max() <= degrees + 1e-3 and np.abs(scale - 1).max() <= spread + 1e-5
    assert angle.min() < -0.95 * degrees and angle.max() > 0.95 * degrees
    assert scale.min() < 1 - 0.95 * spread and scale.max() > 1 + 0.95 * spread
    assert abs(np.mean(angle)) < 0.12 * degrees and np.std(angle) == pytest.approx(degrees / 3**0.5, rel=0.1)
    assert abs(np.corrcoef(angle, scale)[0, 1]) < 0.2
    assert not mirrored.any()


AFFINE30 = (
    ((1.1728569, -0.12570387, -9.401139), (0.12570387, 1.1728569, -21.258936), (0, 0, 1)),
    ((0.87081724, 0.058965392, -7.2486234), (-0.058965392, 0.87081724, -2.7225418), (0, 0, 1)),
)
"""From source crops of 84x66 to views of 64x48, of seed 5 and step 1."""


def test_affine_30_draws_what_it_always_drew() -> None:
    """Recorded losses are of these matrices: three numbers a sample, the angle first."""
    plain, used, draws = view(2), Draws(5, 1), Draws(5, 1)
    found = parse("affine30")(plain, used).matrix
    torch.testing.assert_close(found, torch.tensor(AFFINE30), rtol=1e-6, atol=1e-6)
    angle, scale = draws.uniform(2, low=-30, high=30), draws.uniform(2, low=0.75, high=1.25)
    step = similarity(plain.size, angle, scale, draws.uniform(2) < 0)
    assert torch.equal(found, step @ plain.matrix)
    assert torch.equal(used.uniform(2), draws.uniform(2))


@pytest.mark.parametrize(("text", "degrees"), [("rotate180", 180), ("rotate10", 10)])
def test_rotate_only_turns(text, degrees) -> None:
    angle, scale, mirrored = drawn(text)
    assert np.abs(angle).max() <= degrees + 1e-3 and np.allclose(scale, 1) and not mirrored.any()
    assert angle.min() < -0.95 * degrees and angle.max() > 0.95 * degrees
    assert np.std(angle) == pytest.approx(degrees / 3**0.5, rel=0.1)
    assert np.abs(np.histogram(angle, 4, (-degrees, degrees))[0] / N - 0.25).max() < 0.07


@pytest.mark.parametrize(("text", "spread"), [("scale25", 0.25), ("scale80", 0.8)])
def test_scale_only_magnifies(text, spread) -> None:
    angle, scale, mirrored = drawn(text)
    assert np.allclose(angle, 0, atol=1e-3) and not mirrored.any()
    assert np.abs(scale - 1).max() <= spread + 1e-5
    assert scale.min() < 1 - 0.95 * spread and scale.max() > 1 + 0.95 * spread
    assert np.std(scale) == pytest.approx(spread / 3**0.5, rel=0.1)


@given(
    degrees=st.integers(0, 180),
    percent=st.integers(0, 99),
    chance=st.sampled_from([0, 50, 100]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=50, deadline=None)
def test_rotate_scale_and_flip_make_one_similarity(degrees, percent, chance, seed) -> None:
    """Mirrored last, it is mirrored first and turned the other way: the angle and the scale that were drawn."""
    plain, draws = view(3), Draws(seed)
    found = parse(f"rotate{degrees}+scale{percent}+flip{chance}")(plain, Draws(seed))
    angle = draws.uniform(3, low=-degrees, high=degrees)
    _, _, _, scale, _, _, _, mirror = (draws.uniform(3) for _ in range(8))
    scale, mirror = 1 + percent / 100 * (2 * scale - 1), mirror < chance / 100
    step = similarity(plain.size, torch.where(mirror, -angle, angle), scale, mirror)
    torch.testing.assert_close(plain.to(found), step, atol=1e-3, rtol=1e-4)
    assert found.source is plain.source and found.edits == ()  # sampled once, from the crop


def test_rotate_and_scale_alone_draw_as_affine_does() -> None:
    for text, words in (("affine30", ("rotate30", "scale25")), ("affine60", ("rotate60", "scale50"))):
        (angle, scale, _), (turned, _, _), (_, scaled, _) = (drawn(each) for each in (text, *words))
        assert np.allclose(angle, turned, atol=1e-3) and np.allclose(scale, scaled, atol=1e-5)


@pytest.mark.parametrize(("text", "rate"), [("flip50", 0.5), ("flip20", 0.2), ("flip100", 1), ("flip0", 0)])
def test_flip_rate(text, rate) -> None:
    angle, scale, mirrored = drawn(text)
    assert np.allclose(angle, 0, atol=1e-3) and np.allclose(scale, 1)
    assert abs(mirrored.mean() - rate) < 0.08
    assert rate not in (0, 1) or mirrored.mean() == rate


def test_the_centre_stays() -> None:
    plain = view(20)
    moved = plain.to(parse("affine60+flip50")(plain, Draws(0))) @ torch.tensor([23.5, 31.5, 1])
    assert torch.allclose(moved, torch.tensor([23.5, 31.5, 1]), atol=1e-3)


def test_draws_are_keyed() -> None:
    plain = view(3)
    first = affine(30, 0.25)(plain, Draws(1, 2)).matrix
    assert torch.equal(first, affine(30, 0.25)(plain, Draws(1, 2)).matrix)
    assert not torch.equal(first, affine(30, 0.25)(plain, Draws(1, 3)).matrix)


def test_afresh_and_onto() -> None:
    plain = view(2, source=(120, 110))
    easy = parse("affine30+flip100")(plain, Draws(0))
    policy = affine(60, 0.5)
    step = plain.to(policy(plain, Draws(1)))
    fresh, composed = afresh(policy)(easy, Draws(1)), onto(policy)(easy, Draws(1))
    torch.testing.assert_close(fresh.matrix, step @ plain.matrix, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(composed.matrix, step @ easy.matrix, atol=1e-3, rtol=1e-4)
    assert not fresh.mirrored.any() and composed.mirrored.all()


def test_only_onto_is_blank_where_the_easy_view_ended() -> None:
    plain = view(2, source=(300, 300))

    def shrink(shown, draws, target=None):
        return shown.warp(similarity(shown.size, torch.zeros(2), torch.full((2,), 0.5), torch.zeros(2) > 0))

    easy = parse("affine10")(plain, Draws(0))
    framed = np.zeros((64, 48), bool)
    framed[16:48, 12:36] = True
    assert not blanked(afresh(shrink)(easy, Draws(1))).any()
    assert np.array_equal(blanked(onto(shrink)(easy, Draws(1)))[1], ~framed)


def test_afresh_leaves_the_easy_views_edits_behind() -> None:
    easy = view(1).edit(lambda image, _: image * 0)
    assert afresh(affine(0, 0))(easy, Draws(0)).edits == ()
    assert onto(affine(0, 0))(easy, Draws(0)).image.abs().max() == 0


@pytest.mark.parametrize("arguments", [(180, 1.5), (0, 1.0), (0, -0.1), (0, 0, 1.5)])
def test_impossible_affines_are_refused(arguments) -> None:
    with pytest.raises(UserError, match="impossible"):
        affine(*arguments)


def test_released_easy() -> None:
    """Turned with probability 0.6 by a clipped normal; the box that is cut out scaled by one clipped to 1 +- 0.25, so
    that people are magnified by its inverse; mirrored half the time."""
    angle, scale, mirrored = drawn("released-easy", 1000)
    turned = np.abs(angle) > 1e-3
    assert abs(turned.mean() - 0.6) < 0.05 and np.abs(angle).max() == pytest.approx(60, abs=0.01)
    assert 20 < np.std(angle[turned]) < 32
    assert scale.min() == pytest.approx(1 / 1.25) and scale.max() == pytest.approx(1 / 0.75)
    assert abs((scale < 0.8001).mean() - 0.16) < 0.05 and abs((scale > 1.3332).mean() - 0.16) < 0.05
    assert abs(mirrored.mean() - 0.5) < 0.05


def test_released_hard_shears_crops_that_are_not_square() -> None:
    square = view(300, size=(6, 6), source=(6, 6))
    angle, scale, mirrored = drawn("released-hard", shown=square)
    assert abs((np.abs(angle) > 1e-3).mean() - 0.8) < 0.07 and not mirrored.any()
    assert scale.min() == pytest.approx(1 / 1.25) and scale.max() == pytest.approx(1 / 0.75)
    upright = view(300, size=(64, 48), source=(64, 48))
    linear = upright.to(released_hard(upright, Draws(5, 1))).double().numpy()[:, :2, :2]
    stretch = np.diag([48.0, 64.0])
    turned = np.linalg.inv(stretch) @ linear @ stretch  # in normalised coordinates it is the rotation
    scale = np.sqrt(np.linalg.det(linear))[:, None, None]
    assert np.allclose(turned / scale @ (turned / scale).transpose(0, 2, 1), np.eye(2), atol=1e-4)
    assert not np.allclose(linear / scale @ (linear / scale).transpose(0, 2, 1), np.eye(2), atol=0.05)


def test_released_policies_keep_the_centre() -> None:
    plain = view(10)
    for policy in (released_easy, released_hard):
        moved = plain.to(policy(plain, Draws(0))) @ torch.tensor([23.5, 31.5, 1])
        assert torch.allclose(moved, torch.tensor([23.5, 31.5, 1]), atol=1e-3)
