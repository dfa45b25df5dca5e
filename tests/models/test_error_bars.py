import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semipose.models.error_bars import ErrorBars


def sampled(count: int, seed: int, joints: int = 6) -> tuple[np.ndarray, ...]:
    """Peaks, spreads, errors that grow as peaks fall and spreads rise, and which joints have labels."""
    draw = np.random.default_rng(seed)
    score, spread = draw.uniform(0.1, 1, (count, joints)), draw.uniform(0.5, 4, (count, joints))
    error = draw.rayleigh(1.0, (count, joints)) * (0.5 + 3 * (1 - score)) * spread
    return score, spread, error, draw.random((count, joints)) < 0.9


@pytest.mark.parametrize("count", [40, 400])
def test_radii_hold_nine_in_ten_new_cases_and_follow_what_the_heatmap_tells(count: int) -> None:
    score, spread, error, _ = sampled(2000, 0)
    sure, unsure = (score > 0.8) & (spread < 1), (score < 0.3) & (spread > 3)
    held = []
    for seed in range(1, 11):
        bars = ErrorBars.fit(*sampled(count, seed))
        assert bars is not None
        radius = bars.radius(score, spread)
        held.append([(error <= radius)[part].mean() for part in (sure | True, sure, unsure)])
        assert radius[unsure].mean() > 3 * radius[sure].mean()
    whole, *parts = np.mean(held, 0)
    assert abs(whole - 0.9) < 0.015 and min(parts) > 0.8, held


def test_each_joint_gets_its_own_share(joint: int = 2) -> None:
    score, spread, error, known = sampled(400, 7)
    error[:, joint] *= 3
    bars = ErrorBars.fit(score, spread, error, known)
    assert bars is not None
    score, spread, error, known = sampled(2000, 8)
    error[:, joint] *= 3
    held = (error <= bars.radius(score, spread)).mean(0)
    assert np.abs(held - 0.9).max() < 0.05


def test_they_are_smaller_than_one_radius_for_all() -> None:
    bars = ErrorBars.fit(*sampled(400, 2))
    assert bars is not None
    score, spread, error, _ = sampled(2000, 3)
    assert np.median(bars.radius(score, spread)) < 0.8 * np.quantile(error, 0.9)


def test_too_few_residuals_give_none() -> None:
    score, spread, error, known = sampled(3, 4)
    assert ErrorBars.fit(score, spread, error, known) is None
    assert ErrorBars.fit(score, spread, np.full_like(error, np.nan), known) is None


def test_a_pose_whose_every_joint_is_doubtful_is_unlike_and_one_in_a_hundred_of_its_own_is() -> None:
    score, spread, error, known = sampled(1000, 5)
    bars = ErrorBars.fit(score, spread, error, known)
    assert bars is not None
    assert bars.unlike(score, spread).mean() == pytest.approx(0.01, abs=0.004)
    assert bars.unlike(np.full(6, 0.0), np.full(6, 20.0))
    assert not bars.unlike(np.full(6, 1.0), np.full(6, 0.5))


@given(st.floats(-1e3, 1e3), st.floats(0, 1e6))
def test_any_heatmap_gets_a_finite_radius(score: float, spread: float) -> None:
    radius = BARS.radius(np.full(6, score), np.full(6, spread))
    assert np.isfinite(radius).all() and (radius > 0).all()


def test_they_go_through_json() -> None:
    for bars in (BARS, ErrorBars.fit(*sampled(900, 6))):
        assert bars is not None and ErrorBars.from_dict(json.loads(json.dumps(bars.to_dict()))) == bars


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [1.0]},
        {"factors": []},
        {"rare": float("nan")},
        {"edges": ["a"]},
        {"least": None},
        {"most": [1.0] * 3},
        {"factors": [-3.0], "edges": []},
        {"factors": "12", "edges": [1.0]},
        {"factors": [True], "edges": []},
        {"factors": [1.0] * 3, "edges": [2.0, 1.0]},
        {"joints": [1.0] * 5 + [-0.1]},
        {"residuals": -9},
        {"residuals": 9.5},
        {"least": [1.0, 5.0], "most": [0.5, 6.0]},
        {"rare": "1"},
    ],
)
def test_what_is_no_error_bars_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        ErrorBars.from_dict({**BARS.to_dict(), **change})


BARS = ErrorBars.fit(*sampled(100, 6))
assert BARS is not None
