from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

from semipose.augment import joint_cutout, parse
from semipose.augment.joint_cutout import released_joint_cutout
from semipose.draws import Draws
from semipose.geometry import View, similarity
from semipose.heatmap import encode
from semipose.target import Target
from tests.fixtures.tiny import blanked, frame_points, view

module = import_module("semipose.augment.joint_cutout")  # the package's attribute of this name is the policy
JOINTS = torch.tensor([[13.5, 13.5], [33.5, 13.5], [13.5, 33.5], [33.5, 33.5], [21.5, 53.5]])


def target_of(frame: View, xy: torch.Tensor = JOINTS) -> Target:
    """A teacher that sees its joints at view pixels `xy` (K, 2), cell centres of stride 4."""
    size = (frame.size[0] // 4, frame.size[1] // 4)
    maps = encode(xy.expand(len(frame), *xy.shape), size, 4, 1.0)
    return Target(maps, maps.new_ones(*maps.shape[:2], 1, 1), frame)


@pytest.fixture
def exact(monkeypatch):
    """Boxes of half-side 6 pixels at height 64, right at their joints."""
    monkeypatch.setattr(module, "JITTER", 0.0)
    monkeypatch.setattr(module, "HALF", (6 / 64, 6 / 64))


def warped(frame: View, degrees: float, scale: float, mirror: bool) -> View:
    n = len(frame)
    return frame.warp(
        similarity(frame.size, torch.full((n,), degrees), torch.full((n,), scale), torch.full((n,), mirror))
    )


@pytest.mark.parametrize(("degrees", "scale", "mirror"), [(0, 1, False), (37, 1.2, False), (-55, 0.7, True)])
def test_masks_are_the_boxes_of_the_teachers_frame(exact, degrees, scale, mirror) -> None:
    """Upright boxes about the teacher's joints in the easy view, turned with the picture in the hard one."""
    easy = warped(view(2, source=(220, 220)), 20, 1, True)
    hard = warped(easy, degrees, scale, mirror)
    found = blanked(joint_cutout(5)(hard, Draws(0), target_of(easy)))
    reach = np.abs(frame_points(hard, easy)[:, :, :, None] - JOINTS.numpy()).max(-1).min(-1) - 6
    clear = np.abs(reach) > 1e-2
    assert 0.1 < found.mean() < 0.6
    assert np.array_equal(found[clear], (reach < 0)[clear])


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (3, 3), (5, 5), (9, 5)])
def test_count_of_different_joints(exact, count, expected) -> None:
    plain = view(6)
    masked = blanked(joint_cutout(count)(plain, Draws(0), target_of(plain)))
    hit = np.stack([masked[:, int(y), int(x)] for x, y in JOINTS.tolist()], 1)
    assert (hit.sum(1) == expected).all()


def test_every_joint_has_its_turn(exact) -> None:
    plain = view(64)
    masked = blanked(joint_cutout(1)(plain, Draws(0), target_of(plain)))
    hits = np.array([masked[:, int(y), int(x)].sum() for x, y in JOINTS.tolist()])
    assert hits.sum() == 64 and hits.min() >= 4


def sides(height: int, width: int, n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Box sides (n, 2) and centres (n, 2), both as parts of the height, from the pixels that one box masks."""
    plain = view(n, size=(height, width), source=(height, width))
    middle = torch.tensor([[width // 8 * 4 + 1.5, height // 8 * 4 + 1.5]])
    masked = blanked(joint_cutout(1)(plain, Draws(3), target_of(plain, middle)))
    assert masked.any((1, 2)).all()
    found = []
    for axis in (1, 2):
        line = masked.any(axis)  # axis 1: columns
        first, last = line.argmax(1), line.shape[1] - 1 - line[:, ::-1].argmax(1)
        found.append((first, last))
    centres = np.stack([(a + b) / 2 for a, b in found], 1) - middle.numpy()
    return np.stack([b - a + 1 for a, b in found], 1) / height, centres / height


@pytest.mark.parametrize("size", [(256, 192), (128, 128)])
def test_boxes_are_relative_to_the_height(size) -> None:
    side, centre = sides(*size)
    pixel = 1 / size[0]
    assert side.min() >= 2 * 10 / 256 - pixel and side.max() <= 2 * 20 / 256 + pixel
    assert side.min() < 2 * 12 / 256 and side.max() > 2 * 18 / 256
    assert 0.6 * 10 / 256 < centre.std() < 1.4 * 10 / 256 and abs(centre.mean()) < 0.015
    assert np.abs(side[:, 0] - side[:, 1]).max() > 0.01


def test_rendering_twice_is_the_same() -> None:
    plain = view(2)
    policy = parse("affine60+jc5")
    first, second = (policy(plain, Draws(4), target_of(plain)).image for _ in range(2))
    assert torch.equal(first, second)


def test_without_a_teacher_it_says_so() -> None:
    with pytest.raises(ValueError, match="hard view only"):
        parse("jc5")(view(1), Draws(0))


# ---- the released variant


def upright(xy: list[list[float]]) -> tuple[View, Target]:
    plain = view(8)
    return plain, target_of(plain, torch.tensor(xy))


def test_released_spares_the_feet_of_an_upright_crop(exact) -> None:
    plain, feet = upright([[21.5, 57.5]])
    always = released_joint_cutout(30, channels=1)
    assert not blanked(always(plain, Draws(0), feet))[:, 52:].any()
    assert blanked(joint_cutout(1)(plain, Draws(0), feet))[:, 52:63, 20:24].all()
    plain, knees = upright([[21.5, 45.5]])
    masked = blanked(always(plain, Draws(0), knees))
    assert masked[:, 41:48, 20:24].all() and not masked[:, 49:].any()
    plain, head = upright([[21.5, 9.5]])
    assert blanked(always(plain, Draws(0), head))[:, 5:14, 17:26].all()


def test_released_draws_with_replacement_from_24_channels(exact, monkeypatch) -> None:
    monkeypatch.setattr(module, "HALF", (1 / 64, 1 / 64))
    grid = torch.tensor([[x * 8 + 1.5, y * 8 + 1.5] for y in range(5) for x in range(4)][:17])
    plain = view(400)
    masked = blanked(released_joint_cutout(5)(plain, Draws(0), target_of(plain, grid)))
    distinct = sum(masked[:, round(y), round(x)].astype(int) for x, y in grid.tolist())
    assert distinct.mean() == pytest.approx(17 * (1 - (23 / 24) ** 5), abs=0.2)
    assert distinct.max() <= 5 and distinct.min() < 3
