from __future__ import annotations

import numpy as np
import pytest

from semipose.data.images import image_size, read_image
from semipose.data.refs import Person
from semipose.data.synthetic import walk
from semipose.errors import UserError


def places(seed: int, video: int, frames: range) -> dict[int, list[tuple[int, float]]]:
    """Track -> frame and x of the hips' middle."""
    found: dict[int, list[tuple[int, float]]] = {}
    for frame in frames:
        for track, keypoints, _ in walk.labels(seed, video * walk.LENGTH + frame):
            found.setdefault(track, []).append((frame, float(keypoints[2:4, 0].mean())))
    return found


def test_a_frame_is_the_same_whenever_it_is_read() -> None:
    first = walk.read(Person("walk", 3, 7))
    walk.read(Person("walk", 3, 250))
    again = read_image("synth:walk/3/7")
    assert first.shape == (*walk.SIZE, 3) and first.dtype == np.uint8 and np.array_equal(first, again)
    assert image_size("synth:walk/3/7") == walk.SIZE
    assert not np.array_equal(first, walk.read(Person("walk", 4, 7)))


def test_frames_that_follow_each_other_differ_little_and_the_scene_stays() -> None:
    a, b, other = (walk.read(Person("walk", 0, index)).astype(int) for index in (50, 51, 150))
    still = np.abs(a - b).max(-1) <= 2
    assert 0.8 < still.mean() < 1, "all but the people"
    assert (np.abs(a - other).max(-1) <= 2).mean() < 0.5


def test_people_walk_on_and_some_of_them_cross() -> None:
    crossings = 0
    for video in range(3):
        ways = places(0, video, range(0, walk.LENGTH, 10))
        assert 1 < len(ways) <= walk.LANES[1]
        for way in ways.values():
            steps = np.diff([x for _, x in way])
            assert (steps > 0).all() or (steps < 0).all()
            assert np.abs(steps).max() < 60
        names = list(ways)
        for n, one in enumerate(names):
            for other in names[:n]:
                both = set(dict(ways[one])) & set(dict(ways[other]))
                order = {dict(ways[one])[f] < dict(ways[other])[f] for f in both}
                crossings += len(order) == 2
    assert crossings >= 3


def test_labels_lie_on_people_in_order_of_legs_and_head() -> None:
    empty = walk._behind(0, 0).astype(int)
    shown = walk.read(Person("walk", 0, 60)).astype(int)
    people = walk.labels(0, 60)
    assert people
    for _, keypoints, (x, y, w, h) in people:
        seen = keypoints[keypoints[:, 2] == 2]
        assert ((seen[:, :2] >= (x - 1, y - 1)) & (seen[:, :2] <= (x + w, y + h))).all()
        assert keypoints[13, 1] < keypoints[12, 1] < keypoints[[0, 5], 1].min(), "head top, neck, ankles"
        column, row = seen[:, :2].round().astype(int).clip(0, (255, 191)).T
        assert np.median(np.abs(shown - empty)[row, column].max(-1)) > 15


def test_who_is_hidden_by_another_is_marked() -> None:
    marks = np.concatenate([keypoints[:, 2] for f in range(0, 100, 5) for _, keypoints, _ in walk.labels(0, f)])
    assert {0, 1, 2} >= set(marks.tolist()) and (marks == 1).mean() > 0.05


def test_samples_say_whose_they_are() -> None:
    data = walk.dataset(3, seed=5, start=99, step=2)
    assert data.images == ("synth:walk/5/99", "synth:walk/5/101", "synth:walk/5/103")
    assert {sample.session for sample in data} == {"walk-5-0", "walk-5-1"}
    assert all(sample.id == f"{sample.image}@{sample.track}" for sample in data)


@pytest.mark.parametrize(("seed", "index"), [(1 << 64, 0), (0, 1 << 60)])
def test_what_cannot_be_is_a_user_error(seed: int, index: int) -> None:
    with pytest.raises(UserError, match="needs a seed of 0 to"):
        walk.labels(seed, index)
