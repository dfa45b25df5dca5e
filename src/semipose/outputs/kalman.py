"""A Kalman smoother for a joint's way through a video, and how rough a way is.

Each coordinate moves at a speed that changes at random (white acceleration); what the network says is the place and an
error of known size. How strongly speeds change is chosen for each joint by the likelihood of what was seen (as Biderman
et al., Nature Methods 2024, choose the strength of their ensemble Kalman smoother). A look that is further off than
three times what was expected counts as one whose error is so much larger.
"""

from __future__ import annotations

import numpy as np

RAYLEIGH = 2.146
"""The radius that holds nine in ten of a round normal distribution, over its standard deviation."""
STRENGTHS = np.logspace(-3, 3, 13)
"""Densities of the acceleration that are tried, as standard deviations: times the usual error, per frame^1.5."""
FAR = 3.0
FIRST = 1e3
"""Standard deviation of the first speed, in usual errors a frame: nothing is known of it."""


def smooth(xy: np.ndarray, error: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The way of each joint, forwards and backwards in time.

    Args:
        xy: (T, K, 2) pixels; NaN where there is none.
        error: (T, K) standard deviation of each coordinate's error, in pixels.
        times: (T,) in frames, growing.

    Returns:
        (T, K, 2) pixels, everywhere; NaN for a joint that was never seen.
    """
    if len(xy) == 0:
        return xy.copy()
    seen = np.isfinite(xy).all(-1) & np.isfinite(error)
    usual = np.array([np.median(error[seen[:, k], k]) if seen[:, k].any() else 1.0 for k in range(xy.shape[1])])
    usual = np.maximum(usual, 1e-6)
    places = np.where(seen[..., None], xy, 0.0) / usual[:, None]
    variance = np.where(seen, np.maximum(error, 1e-6) / usual, 1.0) ** 2
    steps = np.diff(np.asarray(times, float), prepend=times[0])
    tried = np.stack([_filter(places, variance, seen, steps, strength)[-1] for strength in STRENGTHS])
    whole = _smoothed(places, variance, seen, steps, STRENGTHS[tried.argmax(0)])
    return np.where(seen.any(0)[:, None], whole * usual[:, None], np.nan)


def jumps(xy: np.ndarray, times: np.ndarray, tolerance: float | np.ndarray) -> int:
    """How many times a joint goes further than `tolerance` pixels (one, or (K,)) from one frame to the next.

    Args:
        xy: (T, K, 2) pixels.
        times: (T,) in frames; pairs that are not neighbours are left out.
    """
    next_to = np.diff(times) == 1
    return int((np.linalg.norm(np.diff(xy, axis=0), axis=-1)[next_to] > tolerance).sum())


Pass = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _filter(
    places: np.ndarray, variance: np.ndarray, seen: np.ndarray, steps: np.ndarray, strength: np.ndarray | float
) -> Pass:
    """Forwards: states (T, K, 2, 2) as (place, speed) of each coordinate and their covariances (T, K, 2, 2), before
    each look and after it; and the log-likelihood (K,), in which no look counts as further off than `FAR`."""
    frames, joints = seen.shape
    power = np.broadcast_to(np.asarray(strength, float) ** 2, (joints,))
    state, spread = np.zeros((joints, 2, 2)), np.zeros((joints, 2, 2))
    first = np.array([places[np.argmax(seen[:, k]), k] for k in range(joints)])
    state[:, 0], spread[:, 0, 0], spread[:, 1, 1] = first, FIRST**2, FIRST**2
    before, wide_before = np.empty((frames, joints, 2, 2)), np.empty((frames, joints, 2, 2))
    after, wide_after, likely = np.empty_like(before), np.empty_like(before), np.zeros(joints)
    for t in range(frames):
        d = steps[t]
        move = np.array([[1.0, d], [0.0, 1.0]])
        noise = np.array([[d**3 / 3, d**2 / 2], [d**2 / 2, d]])
        state, spread = move @ state, move @ spread @ move.T + power[:, None, None] * noise
        before[t], wide_before[t] = state, spread
        off, whole = places[t] - state[:, 0], spread[:, 0, 0] + variance[t]
        away = (off**2).sum(-1) / whole
        likely -= seen[t] * (np.log(whole) + np.minimum(away, FAR**2) / 2)
        gain = spread[:, :, 0] / (whole * np.maximum(1, away / FAR**2))[:, None] * seen[t][:, None]
        state = state + gain[:, :, None] * off[:, None]
        spread = spread - gain[:, :, None] * spread[:, None, 0]
        after[t], wide_after[t] = state, spread
    return before, wide_before, after, wide_after, likely


def _smoothed(
    places: np.ndarray, variance: np.ndarray, seen: np.ndarray, steps: np.ndarray, strength: np.ndarray
) -> np.ndarray:
    """(T, K, 2) places: backwards over what `_filter` gives (Rauch, Tung and Striebel 1965)."""
    before, wide_before, after, wide_after, _ = _filter(places, variance, seen, steps, strength)
    state, whole = after[-1], np.empty_like(places)
    whole[-1] = state[:, 0]
    for t in range(len(places) - 2, -1, -1):
        move = np.array([[1.0, steps[t + 1]], [0.0, 1.0]])
        back = wide_after[t] @ move.T @ np.linalg.pinv(wide_before[t + 1])
        state = after[t] + back @ (state - before[t + 1])
        whole[t] = state[:, 0]
    return whole
