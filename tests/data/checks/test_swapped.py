from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from semipose.data.checks.check import check
from semipose.data.checks.swapped import orders
from semipose.data.open import open_labeled
from semipose.data.sample import PoseData, Sample
from semipose.skeleton import Skeleton
from tests.fixtures.shared import shared_data

MOUSE = Skeleton("mouse", ("nose", "left_ear", "right_ear", "left_hip", "right_hip", "tail"), ((1, 2), (3, 4)))
BODY = np.array([[0, 0], [-4, 3], [4, 3], [-5, 12], [5, 12], [0, 20]], np.float64)


def animals(n: int = 20, seen_from: tuple[int, ...] = (1,)) -> PoseData:
    """Bodies turned and moved at random, seen from above (1) or below (-1) in turn."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(n):
        a, side = rng.uniform(0, 2 * np.pi), seen_from[i % len(seen_from)]
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        xy = (BODY * [side, 1] + rng.normal(0, 0.3, BODY.shape)) @ turn + rng.uniform(50, 90, 2)
        points = np.concatenate([xy, np.full((6, 1), 2)], 1).astype(np.float32)
        samples.append(Sample(str(i), f"synth:studio/0/{i}", (0, 0, 128, 128), points))
    return PoseData("mice", MOUSE, tuple(samples))


def exchanged(data: PoseData, which: dict[str, list[int]]) -> PoseData:
    """With the joints of these samples in another order."""
    found = [
        replace(s, keypoints=s.keypoints[which[s.id]]) if s.id in which and s.keypoints is not None else s for s in data
    ]
    return replace(data, samples=tuple(found))


def test_pairs_are_judged_one_by_one_whichever_way_the_body_turns() -> None:
    assert [(o.known, o.swapped) for o in orders(animals())] == [(True, ())] * 2
    found = orders(exchanged(animals(), {"3": [0, 2, 1, 3, 4, 5], "7": [0, 2, 1, 4, 3, 5]}))
    assert [o.swapped for o in found] == [("3", "7"), ("7",)]


def test_bodies_seen_from_both_sides_and_few_samples_leave_it_unknown() -> None:
    for few in (animals(seen_from=(1, -1)), animals(7)):
        assert [(o.known, o.swapped) for o in orders(few)] == [(False, ())] * 2
    assert [o.known for o in orders(animals(8))] == [True, True]
    assert orders(replace(animals(), skeleton=Skeleton("none", MOUSE.joints))) == ()


def test_missing_joints_have_no_vote() -> None:
    data = animals()
    for sample in data:
        assert sample.keypoints is not None
        sample.keypoints[[0, 5]] = 0
    ears, hips = orders(exchanged(data, {"3": [0, 2, 1, 3, 4, 5]}))
    assert (ears.known, ears.swapped) == (True, ("3",)), "against the middle of the hips alone"
    assert (hips.known, hips.swapped) == (True, ()), "the middle of exchanged ears is where it was"
    for sample in data:
        sample.keypoints[[3, 4]] = 0  # type: ignore[index]
    assert [(o.known, o.swapped) for o in orders(data)] == [(False, ())] * 2, "nothing else is left to vote"


def test_check_names_them() -> None:
    report = check(exchanged(animals(), {"3": [0, 2, 1, 3, 4, 5]}), progress=False)
    (finding,) = [finding for finding in report.findings if finding.ids]
    assert report.ok and finding.ids == ("3: left_ear - right_ear",)
    assert finding.text == "labeled: 1 labels look as if left and right were swapped"


@pytest.mark.parametrize(
    ("name", "left", "before"),
    [
        ("openfield/project", ["leftear"], {"labeled-data/m4s1/img0102.png"}),
        ("mirror_mouse", ["paw1LH_bot", "paw2LF_bot"], set()),
    ],
)
def test_labels_exchanged_in_real_data_are_found(name: str, left: list[str], before: set[str]) -> None:
    """`left`: of the pairs whose order can be known; `before`: what is in doubt as the data is."""
    data = open_labeled(shared_data(*name.split("/")))
    assert data.skeleton is not None
    assert {i for order in orders(data) for i in order.swapped} == before
    chosen = set(np.random.default_rng(0).choice(data.ids, 6, replace=False).tolist()) - before
    flip = list(data.skeleton.flip)
    sure = [order for order in orders(exchanged(data, {name: flip for name in chosen})) if order.known]
    assert [order.left for order in sure] == left
    assert all(set(order.swapped) == chosen | before and len(chosen) >= 5 for order in sure)


def named(name: str) -> PoseData:
    """A source of correct labels."""
    return open_labeled(name if name.startswith("synth:") else shared_data(*name.split("/")))


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("synth:studio?count=100", 0),
        ("synth:studio?count=400&start=2000", 0),
        ("synth:wild?count=100", 0),
        pytest.param("lspet", 0, marks=pytest.mark.slow),
        ("mouse_topview/keypoints.json", 0),
        ("mirror_mouse", 0),
        ("openfield/project", 9),
    ],
)
def test_false_alarms_per_thousand_of_correct_labels(name: str, most: int) -> None:
    data = named(name)
    assert 1000 * len({i for order in orders(data) for i in order.swapped}) <= most * len(data)


@pytest.mark.parametrize(
    ("name", "found", "false"),
    [
        ("mouse_topview/keypoints.json", 1.0, 0),
        ("openfield/project", 1.0, 9),
        ("mirror_mouse", 1.0, 0),
        ("synth:studio?count=400", 0.0, 5),
    ],
)
def test_one_in_twenty_exchanged(name: str, found: float, false: int) -> None:
    """The part of the exchanged that are named, and false alarms per thousand samples."""
    data = named(name)
    assert data.skeleton is not None
    ids = set(np.random.default_rng(0).choice(data.ids, len(data) // 20, replace=False).tolist())
    flip = list(data.skeleton.flip)
    named_ids = {i for order in orders(exchanged(data, dict.fromkeys(ids, flip))) for i in order.swapped}
    assert len(named_ids & ids) >= found * len(ids) and 1000 * len(named_ids - ids) <= false * len(data)


def test_an_upright_body_seen_from_behind_is_not_suspected() -> None:
    rng = np.random.default_rng(1)
    samples = []
    for i in range(400):
        side = -1 if i % 25 == 0 else 1  # one in 25 turns the back
        xy = BODY * [side, -1] + rng.normal(0, 0.3, BODY.shape) + [60 + rng.uniform(-20, 20), 70]
        points = np.concatenate([xy, np.full((6, 1), 2)], 1).astype(np.float32)
        samples.append(Sample(str(i), f"synth:studio/0/{i}", (1, 1, 120, 120), points))
    data = PoseData("people", MOUSE, tuple(samples))
    assert not any(order.swapped for order in orders(data))
    one = exchanged(data, {"7": [0, 2, 1, 3, 4, 5]})
    assert [order.swapped for order in orders(one)] == [("7",), ()], "a single pair is"
