from __future__ import annotations

import numpy as np
import pytest

from semipose.data.bearing import is_held, is_upright, is_whole, lies_anyhow
from semipose.data.sample import PoseData, Sample
from semipose.skeleton import Skeleton

BODY = np.array([[0, -20], [0, 0], [0, 20]], np.float64)


def bodies(turn: float, moved: float = 20, n: int = 12) -> PoseData:
    """Turned by up to `turn` either way, and moved in a frame of 96 x 128."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(n):
        a = rng.uniform(-turn, turn)
        xy = BODY @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + [20, 48] + rng.uniform(0, moved, 2)
        points = np.concatenate([xy, np.full((3, 1), 2)], 1).astype(np.float32)
        samples.append(Sample(str(i), f"synth:studio/0/{i}", (0, 0, 128, 96), points))
    return PoseData("b", Skeleton("b", ("a", "b", "c")), tuple(samples))


@pytest.mark.parametrize(
    ("turn", "moved", "anyhow", "held", "upright"),
    [(np.pi, 60, True, False, False), (0.2, 60, False, False, True), (0.02, 1, False, True, False)],
)
def test_how_bodies_lie(
    monkeypatch: pytest.MonkeyPatch, turn: float, moved: float, anyhow: bool, held: bool, upright: bool
) -> None:
    monkeypatch.setattr("semipose.data.bearing.image_size", lambda image: (96, 128))
    data = bodies(turn, moved)
    assert is_whole(data) and (lies_anyhow(data), is_held(data), is_upright(data)) == (anyhow, held, upright)
    few = bodies(turn, moved, 8)
    assert not lies_anyhow(few) and not is_held(few), "too few to tell"
