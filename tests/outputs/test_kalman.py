import numpy as np
import pytest

from semipose.outputs.kalman import jumps, smooth

FRAMES = np.arange(200)


def walked(noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2, 2) the ways of two joints, one slow and one fast, and looks at them."""
    draw = np.random.default_rng(seed)
    slow = np.stack([FRAMES * 0.5, 30 + 5 * np.sin(FRAMES / 40)], -1)
    fast = np.stack([60 + 40 * np.sin(FRAMES / 5), 60 + 40 * np.cos(FRAMES / 5)], -1)
    way = np.stack([slow, fast], 1)
    return way, way + noise * draw.normal(size=way.shape)


def off(found: np.ndarray, way: np.ndarray) -> np.ndarray:
    """(K,) root mean square error."""
    return np.sqrt(((found - way) ** 2).sum(-1).mean(0))


def test_slow_ways_become_much_truer_and_fast_ones_are_followed() -> None:
    way, looks = walked(2.0)
    found = smooth(looks, np.full(looks.shape[:2], 2.0), FRAMES)
    assert off(found, way)[0] < 0.35 * off(looks, way)[0]
    assert off(found, way)[1] < 0.8 * off(looks, way)[1]


def test_what_is_sure_moves_the_way_and_what_is_not_does_not() -> None:
    way, looks = walked(0.5)
    error = np.full(looks.shape[:2], 0.5)
    looks[50], error[50] = looks[50] + 30, 40.0
    found = smooth(looks, error, FRAMES)
    assert np.linalg.norm(found[50] - way[50], axis=-1).max() < 3


def test_a_gross_error_that_says_it_is_sure_is_held_back() -> None:
    way, looks = walked(0.5)
    looks[80, 0] += 60
    found = smooth(looks, np.full(looks.shape[:2], 0.5), FRAMES)
    assert np.linalg.norm(found[80, 0] - way[80, 0]) < 25
    assert np.linalg.norm(found[84:, 0] - way[84:, 0], axis=-1).max() < 3


def test_gaps_are_filled_by_time() -> None:
    way, looks = walked(0.2)
    looks[100:106, 0] = np.nan
    found = smooth(looks, np.full(looks.shape[:2], 0.2), FRAMES)
    assert np.linalg.norm(found[100:106, 0] - way[100:106, 0], axis=-1).max() < 1
    kept = np.r_[0:100, 106:200]
    other = smooth(looks[kept], np.full((194, 2), 0.2), FRAMES[kept])
    assert np.abs(other[:, 0] - found[kept, 0]).max() < 1e-6, "a frame that is not there is one without a look"


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_units_do_not_matter(scale: float) -> None:
    _, looks = walked(1.0)
    error = np.ones(looks.shape[:2])
    assert np.allclose(smooth(looks * scale, error * scale, FRAMES), smooth(looks, error, FRAMES) * scale, rtol=1e-6)


def test_short_and_empty_videos() -> None:
    assert smooth(np.zeros((0, 2, 2)), np.zeros((0, 2)), np.zeros(0)).shape == (0, 2, 2)
    one = np.array([[[3.0, 4.0], [np.nan, np.nan]]])
    found = smooth(one, np.ones((1, 2)), np.array([7]))
    assert np.allclose(found[0, 0], [3, 4]) and np.isnan(found[0, 1]).all()


def test_jumps_are_between_neighbours() -> None:
    xy = np.array([[0.0, 0], [1, 0], [50, 0], [0, 0]])[:, None]
    assert jumps(xy, np.array([0, 1, 2, 3]), 10) == 2
    assert jumps(xy, np.array([0, 1, 5, 6]), 10) == 1
