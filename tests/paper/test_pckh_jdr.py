"""PCKh as MPII's evaluation counts it, and the joint detection rate of Xie et al. (ICCV 2021), Table 7."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from semipose.data.readers.mpii import read_mpii
from semipose.data.sample import Sample
from semipose.errors import UserError
from semipose.metrics import jdr as detection
from semipose.metrics.jdr import jdr
from semipose.metrics.pckh import head_sizes, pckh
from semipose.skeleton import COCO, H36M, MPII, Skeleton
from tests.fixtures.shared import shared_data


def misses(skeleton: Skeleton, count: int, wrong: dict[str, int], far: float) -> tuple[np.ndarray, np.ndarray]:
    """Truth and predictions of `count` people, `far` pixels off in the first `wrong[joint]` of them."""
    truth = np.zeros((count, len(skeleton), 3))
    truth[..., :2] = np.random.default_rng(0).integers(0, 200, (count, len(skeleton), 2))
    truth[..., 2] = 2
    pred = truth.copy()
    for name, n in wrong.items():
        index = skeleton.index(name)
        assert index is not None
        pred[:n, index, 0] += far
    return truth, pred


def test_pckh_hand_worked() -> None:
    """Four people, heads of 20 pixels: right within 10. Left ankle missing in one, thorax always wrong."""
    wrong = {"head_top": 1, "right_ankle": 2, "left_ankle": 1, "left_wrist": 4, "upper_neck": 2, "thorax": 4}
    truth, pred = misses(MPII, 4, wrong, 10.5)
    truth[3, 5, 2] = 0  # left ankle
    found = pckh(pred, truth, np.full(4, 20.0), MPII)
    assert found == pytest.approx({
        "Head": 3 / 4,
        "Shoulder": 1,
        "Elbow": 1,
        "Wrist": 1 / 2,
        "Hip": 1,
        "Knee": 1,
        "Ankle": (2 / 4 + 2 / 3) / 2,  # the plain mean of right and left
        # 14 joints of 4 people but one ankle; wrong: 1 + 2 + 1 + 4 + 2 with the upper neck, without the thorax
        "Mean": 45 / 55,
    })  # fmt: skip
    assert pckh(pred, truth, np.full(4, 21.0), MPII)["Mean"] == 1, "at the threshold a joint is right"
    assert pckh(pred, truth, np.array([20, 21, 20, 20.0]), MPII)["Head"] == 3 / 4
    assert pckh(pred, truth, np.array([21, 20, 20, 20.0]), MPII)["Head"] == 1


def test_head_sizes_are_the_data_sets_own() -> None:
    truth = misses(MPII, 2, {}, 0)[0]
    people = [Sample(str(i), "a", (0, 0, 1, 1), head_size=size) for i, size in enumerate((30.0, None))]
    assert head_sizes(people, truth, MPII) == pytest.approx([30, np.nan], nan_ok=True)
    without = [dataclasses.replace(p, head_size=None) for p in people]
    length = np.linalg.norm(truth[:, 8, :2] - truth[:, 9, :2], axis=1)
    assert head_sizes(without, truth, MPII) == pytest.approx(0.75 * length)
    annotated = dataclasses.replace(MPII, joints=tuple(j.replace("upper_neck", "neck") for j in MPII.joints))
    assert head_sizes(without, truth, annotated) == pytest.approx(length)
    with pytest.raises(UserError, match="no upper neck; measure it by pck"):
        head_sizes(without, np.zeros((2, 17, 3)), COCO)


def test_head_joints_give_the_size_of_the_head_s_box() -> None:
    """Boxes have whole pixels, so the squared diagonal is a whole number: only for joints 0.8 diagonals apart."""
    data = read_mpii(shared_data("formats", "mpii", "test_mpii.json"))
    truth = np.stack([s.keypoints for s in data if s.keypoints is not None]).astype(float)
    squared = (head_sizes(data.samples, truth, MPII) / 0.6) ** 2
    assert squared == pytest.approx(squared.round(), abs=0.2) and squared.round().tolist()[:2] == [38653, 5389]
    # A published pair of joints and the box it comes from: x1, y1, x2, y2 = 627, 100, 706, 198.
    truth[:1, 8:10, :2] = [[637.0201, 189.8183], [695.9799, 108.1817]]
    assert head_sizes(data.samples[:1], truth[:1], MPII) == pytest.approx([0.6 * np.hypot(79, 98)], abs=1e-3)


def test_jdr_is_table_7s() -> None:
    """The table's "Avg" is the mean of its four columns: Supervised 92.5, 88.8, 88.2, 83.3 makes 88.2."""
    rates = {"knee": 925, "ankle": 888, "elbow": 882, "wrist": 833}
    wrong = {f"{side}_{name}": 1000 - rate for name, rate in rates.items() for side in ("left", "right")}
    truth, pred = misses(H36M, 1000, {**wrong, "head": 1000}, 12.9)
    head = detection.head_sizes(1000, 256)
    assert head == pytest.approx(25.6)
    found = jdr(pred, truth, head, H36M)
    assert found == pytest.approx({"Knee": 0.925, "Ankle": 0.888, "Elbow": 0.882, "Wrist": 0.833, "Avg": 0.882})
    truth, pred = misses(H36M, 2, {"left_knee": 2}, 12.7)
    assert jdr(pred, truth, head[:2], H36M)["Knee"] == 1


def test_a_skeleton_without_these_joints_is_refused() -> None:
    mouse = Skeleton("mouse", ("nose", "tail"))
    with pytest.raises(UserError, match=r"mouse.*measure it by pck"):
        jdr(np.zeros((1, 2, 3)), np.ones((1, 2, 3)), np.ones(1), mouse)
