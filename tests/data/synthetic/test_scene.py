from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from semipose.data.synthetic import scene
from semipose.data.synthetic.scene import Frame

FRAME = Frame((64, 48), np.array([8.0, 16.0]), (32.0, 24.0))
SQUARE = np.array([(2.0, 3.0), (12, 3), (12, 9), (2, 9)])


def test_fractions_of_the_composed_frame_become_pixels():
    np.testing.assert_array_equal(FRAME.pixels(np.array([[0.0, 0], [1, 1], [0.5, 2]])), [[8, 16], [32, 48], [20, 80]])


@given(st.floats(-5, 20), st.floats(-5, 20), st.booleans())
@example(5.0, 6.0, False)
@example(5.0, 6.0, True)
def test_inside_a_polygon_whichever_way_it_runs(x, y, back):
    polygon = SQUARE[::-1] if back else SQUARE
    assert scene.inside(polygon, np.array([[x, y]]))[0] == (2 <= x <= 12 and 3 <= y <= 9)


def test_occluders_are_four_corners_and_studios_have_fewer():
    counts = {}
    for wild in (False, True):
        shapes = [scene.occluders(np.random.default_rng(n), wild) for n in range(400)]
        assert all(shape.shape == (4, 2) for some in shapes for shape in some)
        counts[wild] = np.bincount([len(some) for some in shapes], minlength=4) / 400
    np.testing.assert_allclose(counts[True], [0.4, 0.3, 0.2, 0.1], atol=0.1)
    np.testing.assert_allclose(counts[False], [0.85, 0.15, 0, 0], atol=0.08)


def test_an_occluder_covers_its_inside_and_nothing_else():
    image = np.zeros((20, 20, 3), np.uint8)
    scene.draw_occluders(np.random.default_rng(0), image, [SQUARE])
    assert image[4:9, 3:12].any(-1).all()
    image[2:11, 1:14] = 0  # its edge is smooth, a pixel wide
    assert not image.any()


def test_a_background_has_the_size_the_floor_and_the_same_pixels_again():
    wall = np.array([[0.0, 40.0], [47.0, 40.0]])
    colors = np.full((10, 3), 200.0)
    for wild in (False, True):
        first, again, other = (
            scene.background(np.random.default_rng(seed), wild, FRAME, wall, None, colors) for seed in (1, 1, 2)
        )
        assert first.shape == (64, 48, 3) and first.dtype == np.uint8
        assert np.array_equal(first, again) and not np.array_equal(first, other)
    bare = scene.background(np.random.default_rng(1), False, FRAME, None, None, colors)
    floor = scene.background(np.random.default_rng(1), False, FRAME, wall, None, colors)
    changed = (bare != floor).any(-1).mean(1)
    assert (changed[:39] == 0).all() and (changed[42:] > 0.8).all(), "below the wall's edge, what stands there aside"


def test_the_lens_keeps_size_and_type_and_noise_is_stronger_outdoors():
    grey = np.full((64, 48, 3), 128, np.uint8)
    noise = {}
    for wild in (False, True):
        seen = [scene.lens(np.random.default_rng(seed), wild, grey) for seed in range(30)]
        assert all(image.shape == grey.shape and image.dtype == np.uint8 for image in seen)
        noise[wild] = np.mean([image.std(axis=(0, 1)).mean() for image in seen])
    assert 1 < noise[False] < 5 < noise[True] < 13
