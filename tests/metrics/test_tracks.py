from __future__ import annotations

import numpy as np
import pytest

from semipose.metrics.tracks import Counts, count_tracks

Frame = tuple[dict[int, float], dict[int, float]]


def count(frames: list[Frame], limit: float = 1.0) -> Counts:
    """Of bodies and tracks on a line."""
    shown = [tuple({name: np.array([x]) for name, x in each.items()} for each in frame) for frame in frames]
    return count_tracks(shown, lambda a, b: float(abs(a - b)[0]), limit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([({1: 0.0, 2: 5.0}, {7: 0.1, 8: 5.1})] * 3, Counts(3, 6)),
        ([({1: 0.0}, {7: 0.0}), ({1: 0.0}, {}), ({1: 0.0}, {7: 0.0})], Counts(3, 3, 1, 0, 0, 1)),
        ([({1: 0.0}, {7: 0.0}), ({1: 0.0}, {}), ({1: 0.0}, {8: 0.0})], Counts(3, 3, 1, 0, 1, 1)),
        ([({1: 0.0, 2: 5.0}, {7: 0.0, 8: 5.0}), ({1: 0.0, 2: 5.0}, {8: 0.0, 7: 5.0})], Counts(2, 4, 0, 0, 2)),
        ([({1: 0.0}, {7: 3.0})], Counts(1, 1, 1, 1)),
        ([({}, {7: 3.0})], Counts(1, 0, 0, 1)),
        ([({1: 0.0}, {7: 0.0}), ({}, {}), ({1: 0.0}, {7: 0.0})], Counts(3, 2)),
    ],
    ids=["right", "lost and found", "another number", "exchanged", "too far", "nobody", "out of the frame"],
)
def test_counts_of_cases_made_by_hand(frames: list[Frame], expected: Counts) -> None:
    assert count(frames) == expected


def test_a_body_keeps_its_track_though_another_is_nearer() -> None:
    frames: list[Frame] = [({1: 0.0, 2: 2.0}, {7: 0.0, 8: 2.0}), ({1: 0.9, 2: 1.1}, {7: 1.1, 8: 0.9})]
    assert count(frames) == Counts(2, 4)


def test_two_bodies_that_had_one_track_do_not_share_it() -> None:
    frames: list[Frame] = [({1: 0.0}, {7: 0.0}), ({2: 0.0}, {7: 0.0}), ({1: 0.1, 2: 0.0}, {7: 0.0, 8: 0.1})]
    assert count(frames) == Counts(3, 4, switches=1)


def test_the_most_are_paired() -> None:
    assert count([({1: 0.0, 2: 1.0}, {7: 0.9, 8: 1.8})]) == Counts(1, 2)


def test_what_is_not_known_is_not_near() -> None:
    pose = {1: np.zeros(1)}
    assert count_tracks([(pose, pose)], lambda a, b: float("nan"), 1.0) == Counts(1, 1, 1, 1)


def test_errors_in_a_thousand_frames() -> None:
    assert (Counts(100, 200, 4) + Counts(100, 200, 0, 2, 1, 1)).per_1000() == {
        "missed": 20,
        "false": 10,
        "switches": 5,
        "fragments": 5,
    }
    assert Counts().per_1000()["missed"] == 0
