from __future__ import annotations

import numpy as np
import pytest

from semipose.inference.tracking import Tracker
from semipose.outputs.pose import Pose

BODY = np.array([[0.0, 0.0], [4.0, 20.0], [-4.0, 40.0]])


def pose(x: float, y: float = 0.0) -> Pose:
    xy = BODY + np.array([x, y])
    return Pose(xy, np.full(3, 0.9), (x - 6, y - 2, 12, 44))


def tracks(frames: list[list[Pose]], most: int = 2, numbers: list[int] | None = None) -> list[list[int | None]]:
    tracker = Tracker(most)
    numbers = list(range(len(frames))) if numbers is None else numbers
    return [[each.track for each in tracker(number, poses)] for number, poses in zip(numbers, frames, strict=True)]


def test_who_crosses_keeps_the_number_whatever_the_order() -> None:
    ways = [(10 + 4 * n, 150 - 4 * n) for n in range(36)]
    frames = [[pose(a), pose(b)] if n % 3 else [pose(b), pose(a)] for n, (a, b) in enumerate(ways)]
    found = tracks(frames)
    assert all(each == ([1, 2] if n % 3 else [2, 1]) for n, each in enumerate(found)) or all(
        each == ([2, 1] if n % 3 else [1, 2]) for n, each in enumerate(found)
    )


def test_who_is_hidden_while_crossing_comes_back_with_the_number() -> None:
    frames = []
    for n in range(36):
        a, b = 10 + 4 * n, 150 - 4 * n
        frames.append([pose(a)] if abs(a - b) < 24 else [pose(a), pose(b)])
    found = tracks(frames)
    assert found[0] == found[-1] == [1, 2] and all(each[0] == 1 for each in found)


def test_who_comes_late_has_a_number_of_its_own() -> None:
    assert tracks([[pose(10)], [pose(12)], [pose(14), pose(300)]]) == [[1], [1], [1, 2]]


def test_who_comes_back_far_away_has_the_number_that_is_free() -> None:
    frames = [[pose(10), pose(300)], [pose(10)], [pose(10), pose(900, 400)]]
    assert tracks(frames, numbers=[0, 60, 120])[-1] == [1, 2]


def test_more_bodies_than_numbers_are_left_without() -> None:
    assert tracks([[pose(10), pose(200), pose(400)]]) == [[1, 2, None]]


def test_frames_that_are_left_out_do_not_matter() -> None:
    frames = [[pose(10 + 4 * n), pose(200 - 4 * n)] for n in range(0, 40, 4)]
    found = tracks(frames, numbers=list(range(0, 40, 4)))
    assert all(each == [1, 2] for each in found)


@pytest.mark.parametrize("frames", [[[], []], [[pose(1)], [], [pose(2)]]])
def test_frames_without_a_body(frames: list[list[Pose]]) -> None:
    assert [len(each) for each in tracks(frames)] == [len(each) for each in frames]


def test_all_else_of_a_pose_stays() -> None:
    (given,), before = Tracker(1)(0, [pose(3)]), pose(3)
    assert given.track == 1 and given.box == before.box and (given.xy == before.xy).all()
