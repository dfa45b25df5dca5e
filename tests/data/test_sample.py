from __future__ import annotations

import numpy as np
import pytest

from semipose.data.sample import PoseData, Sample
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
