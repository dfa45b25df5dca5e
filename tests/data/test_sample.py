from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from semipose.data import packed
from semipose.data.sample import PoseData, Sample, Samples, Shot, join
from semipose.errors import UserError
from semipose.skeleton import Skeleton

TWO = Skeleton("two", ("a", "b"))
BOX = (0.0, 0.0, 10.0, 10.0)


def points(*v: float) -> np.ndarray:
    return np.array([[1, 2, each] for each in v], np.float32)


def test_labeled_leaves_out_crowds_and_what_has_no_label() -> None:
    samples = (
        Sample("full", "x.jpg", BOX, points(2, 0)),
        Sample("invisible", "x.jpg", BOX, points(0, 0)),
        Sample("unlabelled", "x.jpg", BOX),
        Sample("crowd", "y.jpg", BOX, points(2, 2), iscrowd=True),
    )
    data = PoseData("d", TWO, samples)
    assert data.labeled().ids == ("full",)
    assert data.unlabeled().ids == ("full", "invisible", "unlabelled")
    assert all(s.keypoints is None for s in data.unlabeled())
    assert data.images == ("x.jpg", "y.jpg")
    assert data.subset(["unlabelled", "full"]).ids == data.subset([2, 0]).ids == ("unlabelled", "full")


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        ((Sample("s", "x", BOX), Sample("s", "y", BOX)), "'s'"),
        ((Sample("s", "x", BOX, np.zeros((3, 3), np.float32)),), "(2, 3)"),
        ((Sample("s", "x", (0, 0, 0, 5)),), "empty box"),
        ((Sample("s", "x", (0, float("nan"), 5, 5)),), "empty box"),
    ],
)
def test_refuses_samples_that_contradict(samples: tuple[Sample, ...], says: str) -> None:
    with pytest.raises(UserError) as error:
        PoseData("d", TWO, samples)
    assert says in str(error.value)


def test_subset_names_a_missing_id() -> None:
    with pytest.raises(UserError, match="'gone'"):
        PoseData("d", TWO, (Sample("s", "x", BOX),)).subset(["gone"])


def two_sets() -> tuple[PoseData, PoseData]:
    a = Skeleton("a", ("left_hip", "right_hip", "neck"), ((0, 1),), ((0, 1),), (0.1, 0.1, 0.2))
    b = Skeleton("b", ("Neck", "tail", "Left Hip"), (), ((0, 1),), (0.3, 0.4, 0.5))
    points = np.arange(9, dtype=np.float32).reshape(3, 3) % 3 + 1
    points[:, 0], points[:, 2] = (10, 20, 30), 2
    return (
        PoseData("A", a, (Sample("1", "x.png", (0, 0, 9, 9), points),)),
        PoseData("B", b, (Sample("1", "y.png", (0, 0, 9, 9), points),)),
    )


def test_sets_join_by_joint_name() -> None:
    data = join(two_sets())
    assert data.skeleton == Skeleton(
        "a+b", ("left_hip", "right_hip", "neck", "tail"), ((0, 1),), ((0, 1), (2, 3)), (0.1, 0.1, 0.2, 0.4)
    )
    assert data.ids == ("A/1", "B/1") and data.name == "A+B"
    first, second = (s.keypoints for s in data)
    assert first is not None and second is not None
    assert first[:, 0].tolist() == [10, 20, 30, 0] and second[:, 0].tolist() == [30, 0, 10, 20]
    assert (second[1] == 0).all() and (first[3] == 0).all(), "a joint that one lacks has no weight in the loss"
    assert join(two_sets()[:1]).ids == ("1",)


def test_data_onto_another_skeleton() -> None:
    a, b = two_sets()
    assert b.skeleton is not None
    moved = a.onto(b.skeleton)
    assert moved.skeleton == b.skeleton and moved[0].keypoints is not None
    assert moved[0].keypoints[:, 0].tolist() == [30, 0, 10] and moved[0].keypoints[1, 2] == 0
    with pytest.raises(UserError, match="shares no joint"):
        a.onto(Skeleton("c", ("wing",)))
    assert a.unlabeled().onto(b.skeleton)[0].keypoints is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"box": (0, 0, 2e6, 5)}, "an empty box, or one beyond 1e"),
        ({"box": (float("nan"), 0, 2, 5)}, "an empty box"),
        ({"box": (0, 0, 1e-9, 5)}, "an empty box"),
        ({"keypoints": points(2, 2) * 1e8}, "a joint beyond 1e"),
        ({"keypoints": points(2, 7)}, "whose visibility is none of 0, 1 and 2"),
        ({"keypoints": points(2, float("nan"))}, "whose visibility is none of 0, 1 and 2"),
        ({"area": float("inf")}, "that cannot be"),
        ({"area": -1.0}, "that cannot be"),
        ({"score": float("nan")}, "that cannot be"),
        ({"head_size": 1e30}, "that cannot be"),
        ({"shot": Shot("a", "b", "c", np.full((2, 3), 1e30))}, "that cannot be"),
    ],
    ids=str,
)
def test_numbers_that_cannot_be_are_refused_by_the_sample(change: dict, says: str) -> None:
    good = Sample("a", "a.png", (0, 0, 9, 9), points(2, 1), area=3.0, score=0.5)
    PoseData("set", TWO, (good,))
    with pytest.raises(UserError, match=rf"^set: sample 'b' has .*{says}.*mend or remove it$"):
        PoseData("set", TWO, (good, replace(good, id="b", **change)))


def test_samples_are_packed_without_a_second_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box in each of many pictures: about what the arrays take, 24 bytes a path and 40 of numbers."""
    monkeypatch.setattr(packed, "BLOCK", 100)
    root = "/somewhere/in/a/folder/of/some/sixty/letters/on/a/large/disk/images"
    names = (f"{n // 1000:03d}/frame{n % 1000:05d}.jpg" for n in range(20_000))
    samples = (Sample(name, f"{root}/{name}", (0.5, 1.0, 9.0, 9.5), image_id=name, score=0.5) for name in names)
    tracemalloc.start()
    kept = Samples.of(samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(kept) == 20_000 and kept[19_999].image == f"{root}/019/frame00999.jpg"
    assert kept[5].image_id == kept[5].id == "000/frame00005.jpg"
    assert peak < 130 * 20_000


@pytest.mark.parametrize("break_at", [0, 3, 5, 8])
def test_image_ids_are_kept_once_where_they_are_the_ids(monkeypatch: pytest.MonkeyPatch, break_at: int) -> None:
    monkeypatch.setattr(packed, "BLOCK", 3)
    rows = [Sample(f"a/{n}", f"a/{n}", (0, 0, 9, 9), image_id=f"a/{n}" if n != break_at else n) for n in range(8)]
    kept = Samples.of(iter(rows))
    assert [s.image_id for s in kept] == [s.image_id for s in rows] and list(kept.ids) == [s.id for s in rows]
    assert (kept.column("image_id") is kept.ids) == (break_at == 8)


def test_sets_of_one_name_keep_their_samples_apart() -> None:
    one, other = two_sets()
    assert join([one, replace(other, name=one.name)]).ids == ("A/1", "A-2/1")
    assert join([one, other, one]).ids == ("A/1", "B/1", "A-2/1")


def test_joints_without_a_label_are_named() -> None:
    joints = Skeleton("three", ("a", "b", "c"), ())
    each = [np.array([[1, 1, 2], [2, 2, 0], [3, 3, 0]]), np.array([[1, 1, 2], [2, 2, 1], [0, 0, 0]])]
    samples = [Sample(str(n), "x.png", (0, 0, 9, 9), one.astype(np.float32)) for n, one in enumerate(each)]
    assert PoseData("data", joints, tuple(samples)).never_labeled() == ["c"]
    assert PoseData("data", joints, ()).never_labeled() == []
