from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.drawing.poses import (
    CENTRE,
    LEFT,
    RIGHT,
    TRACKS,
    contact_sheet,
    draw_pose,
    joint_colors,
    legend,
    side_colors,
)
from semipose.skeleton import Skeleton

CHAIN = Skeleton(
    "chain", ("head", "left_hand", "right_hand", "left_foot"), pairs=((1, 2),), limbs=((0, 1), (0, 2), (1, 2))
)
POSE = np.array([[50, 20, 1.0], [20, 80, 1.0], [80, 80, 1.0], [50, 95, 1.0]])


def blank(height: int = 100, width: int = 100) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def changed(image: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    return (image != (blank() if like is None else like)).any(-1)


def test_draws_on_a_copy_where_the_joints_are() -> None:
    image = blank()
    drawn = draw_pose(image, POSE, CHAIN)
    assert (image == 120).all()
    assert drawn.dtype == np.uint8 and drawn.shape == image.shape
    assert changed(drawn)[[20, 80, 80, 95], [50, 20, 80, 50]].all()
    assert changed(drawn)[50, 35], "middle of the head-to-left-hand limb"
    assert not changed(drawn)[30, 5]


def test_sides_have_their_colours() -> None:
    assert side_colors(CHAIN) == [CENTRE, LEFT, RIGHT, CENTRE]
    drawn = draw_pose(blank(), POSE, CHAIN).astype(int)
    left_red, _, left_blue = drawn[80, 20]
    right_red, _, right_blue = drawn[80, 80]
    assert left_blue - left_red > 100 and right_red - right_blue > 100
    limb = drawn[50, 35]
    assert limb[2] - limb[0] > 100, "a limb from the middle to a left joint is a left one"
    red, green, blue = drawn[80, 50]
    assert abs(red - blue) < 20 and abs(red - green) < 20, "a limb between the sides is neutral"


def test_who_is_followed_has_a_colour_and_a_number() -> None:
    image, points = np.zeros((80, 80, 3), np.uint8), np.array([[30.0, 40.0, 1.0], [50.0, 60.0, 1.0]])
    one, two = (draw_pose(image, points, Skeleton("two", ("left_a", "right_a")), track=n) for n in (1, 2))
    assert one[40, 30].tolist() == list(TRACKS[0]) and two[60, 50].tolist() == list(TRACKS[1])
    assert one[20:34].any(), "above the topmost joint"
    assert not draw_pose(image, points, Skeleton("two", ("left_a", "right_a")))[20:34].any()


def test_styles_differ_and_truth_hides_unlabelled_joints() -> None:
    truth = POSE.copy()
    truth[2, 2] = 0
    drawn = draw_pose(blank(), truth, CHAIN, style="truth")
    assert changed(drawn)[20, 48:53].any() and not changed(drawn)[75:86, 75:86].any()
    assert (drawn[45:55, 30:40].min(-1) > 225).any(), "the core of a truth limb is white"
    assert (draw_pose(blank(), POSE, CHAIN, style="truth") != draw_pose(blank(), POSE, CHAIN)).any()


def test_low_scores_fade_and_vanish() -> None:
    def strength(score: float) -> float:
        pose = POSE.copy()
        pose[:, 2] = score
        return float(np.abs(draw_pose(blank(), pose, CHAIN).astype(int) - 120).sum())

    assert strength(0.05) == 0 and strength(float("nan")) == 0
    assert 0 < strength(0.1) < strength(0.25) < strength(0.4) == strength(1.0)


def test_coordinates_alone_are_fully_drawn() -> None:
    assert (draw_pose(blank(), POSE[:, :2], CHAIN) == draw_pose(blank(), POSE, CHAIN)).all()


@given(
    st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e9, 99.0, 150.0, -40.0, 3.5]), min_size=8, max_size=8)
)
@settings(max_examples=40, deadline=None)
def test_any_coordinates_are_survived(values: list[float]) -> None:
    pose = np.column_stack([np.array(values).reshape(4, 2), np.ones(4)])
    for style in ("prediction", "truth"):
        assert draw_pose(blank(60, 100), pose, CHAIN, style=style).shape == (60, 100, 3)  # type: ignore[arg-type]


def test_lines_grow_with_the_image() -> None:
    small, big = (
        changed(draw_pose(blank(side, side), POSE * [side / 100, side / 100, 1], CHAIN), blank(side, side)).mean()
        for side in (500, 1500)
    )
    assert big == pytest.approx(small, rel=0.3), "the same share of the picture is drawn on"


def test_contact_sheet_places_every_image() -> None:
    images = [np.full((20 + n, 30, 3), 40 * n + 40, np.uint8) for n in range(5)]
    sheet = contact_sheet(images, columns=3, gap=4)
    assert sheet.shape == (2 * (24 + 4) + 4, 3 * (30 + 4) + 4, 3)
    for n, image in enumerate(images):
        assert (sheet == 40 * n + 40).all(-1).sum() == image.shape[0] * image.shape[1]
    assert contact_sheet(images[:1], columns=9, gap=0).shape == (20, 30, 3)
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], columns=3)


def test_each_joint_can_have_a_colour_of_its_own() -> None:
    colors = joint_colors(CHAIN)
    assert len(set(colors)) == 4 and all(max(color) > 150 for color in colors)
    assert len(set(joint_colors(Skeleton("many", tuple(f"j{n}" for n in range(40)))))) == 40
    drawn = draw_pose(blank(), POSE, CHAIN, colors=colors).astype(int)
    for color, (x, y, _) in zip(colors, POSE.astype(int), strict=True):
        assert np.abs(drawn[y, x] - color).max() <= 3


def test_lines_are_as_wide_as_asked_at_least() -> None:
    thin, thick = (changed(draw_pose(blank(), POSE, CHAIN, least=least)).sum() for least in (1.0, 6.0))
    assert thick > 2 * thin


def test_a_legend_has_a_dot_a_row_and_as_many_lines_as_it_takes() -> None:
    rows = [("nose", (250, 10, 10)), ("tail", (10, 250, 10)), ("ohr\u00e9", (10, 10, 250))]
    wide, narrow = legend(rows, 400), legend(rows, 60)
    assert wide.shape[1:] == (400, 3) and narrow.shape[1] == 60 and narrow.shape[0] > 2 * wide.shape[0]
    for strip in (wide, narrow):
        assert all((strip == color).all(-1).sum() > 20 for _, color in rows)
