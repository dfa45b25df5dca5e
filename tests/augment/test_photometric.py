from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from semipose.augment import parse, rand_augment
from semipose.augment.photometric import OPERATIONS, RELEASED, Operation, _apply
from semipose.draws import Draws
from semipose.geometry import pixels
from tests.fixtures.tiny import view

NAMES = [
    "autocontrast",
    "equalize",
    "invert",
    "posterize",
    "solarize",
    "solarize_add",
    "color",
    "contrast",
    "brightness",
    "sharpness",
    "cutout",
]
UP, DOWN = 0.1, 0.9


def photo(height: int = 256, width: int = 510) -> np.ndarray:
    """Smooth and uneven, of every brightness but the extremes."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    rng = np.random.default_rng(0)
    image = np.stack([100 + 90 * np.sin(3 * x + c) * np.cos(4 * y * c + 1) for c in range(3)], -1)
    return np.clip(image + rng.normal(0, 6, image.shape), 9, 240).astype(np.uint8)


def ours(name: str, image: np.ndarray, level: float, sign: float = UP, operations=OPERATIONS) -> np.ndarray:
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    out = _apply(x, torch.tensor([NAMES.index(name)]), level, torch.tensor([[sign, 0.5, 0.5]]), operations)
    return out[0].permute(1, 2, 0).numpy() * 255


def largest(a: np.ndarray, b: np.ndarray | Image.Image) -> float:
    return float(np.abs(a - np.asarray(b, np.float64)).max())


def test_eleven_operations() -> None:
    assert len(OPERATIONS) == len(NAMES)


def test_autocontrast_equalize_invert_against_pillow() -> None:
    image = photo()
    pil = Image.fromarray(image)
    assert largest(ours("autocontrast", image, 0.7), ImageOps.autocontrast(pil)) <= 1.01
    assert largest(ours("equalize", image, 0.7), ImageOps.equalize(pil)) <= 2
    assert largest(ours("invert", image, 0.7), ImageOps.invert(pil)) < 1e-3
    for name in ("autocontrast", "equalize", "invert"):
        assert largest(ours(name, image, 0.7), image) > 10


@pytest.mark.parametrize(("level", "bits"), [(20 / 30, 3), (1.0, 4), (0.5, 2)])
def test_posterize_against_pillow(level, bits) -> None:
    image = photo()
    assert largest(ours("posterize", image, level), ImageOps.posterize(Image.fromarray(image), bits)) < 1e-3


@pytest.mark.parametrize("level", [0.25, 0.5, 20 / 30, 1.0])
def test_solarize_against_pillow(level) -> None:
    image = photo()
    assert largest(ours("solarize", image, level), ImageOps.solarize(Image.fromarray(image), 256 * level)) < 1e-3


def test_solarize_add_against_its_formula() -> None:
    image = photo()
    expected = np.where(image < 128, np.minimum(image + 110 * 20 / 30, 255), image)
    assert largest(ours("solarize_add", image, 20 / 30), expected) < 1e-3


@pytest.mark.parametrize(("magnitude", "bits"), [(0, 6), (10, 5), (20, 4), (30, 2)])
def test_released_operations_against_pillow(magnitude, bits) -> None:
    """The higher the magnitude, the fewer bits and the more that is inverted; what is added may be inverted too."""
    image, level = photo(), magnitude / 30
    pil = Image.fromarray(image)
    added = Image.fromarray(np.clip(image + 110 * level, 0, 255).astype(np.uint8))
    for name, expected, off in (
        ("posterize", ImageOps.posterize(pil, bits), 1e-3),
        ("solarize", ImageOps.solarize(pil, 256 - 256 * level), 1e-3),
        ("solarize_add", ImageOps.solarize(added, 128), 1.01),  # Pillow's pixels are whole numbers
    ):
        assert largest(ours(name, image, level, operations=RELEASED), expected) < off


def test_the_released_policy_is_harder_where_it_differs() -> None:
    """It draws as `ra20` does; images differ where one of the three other operations was drawn, and nowhere else."""
    plain = view(60)
    own, released = (parse(text)(plain, Draws(1)).image for text in ("ra20", "released-ra20"))
    which = Draws(1).integers(60, 2, high=len(OPERATIONS), host=True)
    theirs = ((which >= 3) & (which <= 5)).any(1)
    assert operations_of(own, released) == theirs.tolist() and 0 < theirs.sum() < 60
    assert [a is b for a, b in zip(OPERATIONS, RELEASED, strict=True)] == [True] * 3 + [False] * 3 + [True] * 5


@pytest.mark.parametrize(
    ("name", "enhance"),
    [("color", ImageEnhance.Color), ("contrast", ImageEnhance.Contrast), ("brightness", ImageEnhance.Brightness)],
)
@pytest.mark.parametrize(("sign", "factor"), [(UP, 1.6), (DOWN, 0.4)])
def test_enhancements_against_pillow(name, enhance, sign, factor) -> None:
    image = photo()
    found = ours(name, image, 20 / 30, sign)
    assert largest(found, enhance(Image.fromarray(image)).enhance(factor)) <= 2
    assert largest(found, image) > 10


@pytest.mark.parametrize(("sign", "factor"), [(UP, 1.6), (DOWN, 0.4)])
def test_sharpness_against_pillow(sign, factor) -> None:
    """Away from the border, which Pillow does not smooth."""
    image = photo()
    expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(image)).enhance(factor), np.float64)
    assert largest(ours("sharpness", image, 20 / 30, sign)[1:-1, 1:-1], expected[1:-1, 1:-1]) <= 2


def test_cutout_is_one_grey_square() -> None:
    x = torch.zeros(2, 3, 128, 96)
    chance = torch.tensor([[0.0, 0.5, 0.5], [0.0, 0.25, 0.75]])
    out = _apply(x, torch.full((2,), NAMES.index("cutout")), 20 / 30, chance)
    assert set(out.unique().tolist()) == {0.0, 0.5}
    half = 80 / 256 * 128 * (20 / 30) / 2
    for image, (u, v) in zip(out, [(0.5, 0.5), (0.25, 0.75)], strict=True):
        at = pixels((128, 96), torch.eye(3)[None])[0]
        expected = ((at[..., 0] - u * 96).abs() <= half) & ((at[..., 1] - v * 128).abs() <= half)
        assert torch.equal(image[0] > 0, expected)


@pytest.mark.parametrize("name", NAMES)
def test_each_operation_stays_in_range_and_off_other_images(name) -> None:
    x = torch.rand(3, 3, 24, 18, generator=torch.Generator().manual_seed(0))
    x[1] = 0.5
    other = (NAMES.index(name) + 1) % len(NAMES)
    mixed = _apply(x, torch.tensor([NAMES.index(name), NAMES.index(name), other]), 1.0, torch.full((3, 3), 0.7))
    alone = _apply(x[:1], torch.tensor([NAMES.index(name)]), 1.0, torch.full((1, 3), 0.7))
    assert mixed.isfinite().all() and mixed.min() >= 0 and mixed.max() <= 1
    torch.testing.assert_close(mixed[:1], alone)


def test_flat_images_survive_stretching() -> None:
    x = torch.full((1, 3, 8, 6), 0.3)
    for name in ("autocontrast", "equalize"):
        torch.testing.assert_close(_apply(x, torch.tensor([NAMES.index(name)]), 1.0, torch.zeros(1, 3)), x)


def test_rendering_twice_is_the_same_and_joints_do_not_move() -> None:
    plain = view(12)
    policy = parse("ra20")
    shown = policy(plain, Draws(1, 1))
    first = shown.image
    assert torch.equal(shown.edits[0](plain.image, plain), first)
    assert torch.equal(policy(plain, Draws(1, 1)).image, first)
    assert not torch.equal(policy(plain, Draws(1, 2)).image, first)
    assert torch.equal(shown.matrix, plain.matrix)


def test_the_input_is_left_alone() -> None:
    plain = view(4)
    before = plain.image.clone()
    _ = rand_augment(20)(plain, Draws(0)).image
    assert torch.equal(plain.image, before)


def operations_of(image: Tensor, shown: Tensor) -> list[bool]:
    return [not torch.allclose(a, b, atol=1e-3) for a, b in zip(image, shown, strict=True)]


def test_two_of_the_operations_an_image() -> None:
    """Two inversions undo each other: of 11 x 11 pairs, few leave an image as it was."""
    plain = view(60)
    changed = operations_of(plain.image, rand_augment(20)(plain, Draws(0)).image)
    assert np.mean(changed) > 0.85
    none = rand_augment(20, count=0)(plain, Draws(0)).image
    assert torch.equal(none, plain.image)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mixed_precision_changes_no_pixel(operation: Operation) -> None:
    x, chance = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0)), torch.full((2, 3), 0.3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = operation(x, 0.5, chance)
    assert torch.equal(mixed, operation(x, 0.5, chance))
