from __future__ import annotations

import json

import numpy as np
import pytest

from semipose.metrics.oks import oks
from semipose.metrics.pck import box_norm, pck
from semipose.metrics.summary import CURVE, evaluate_predictions, label_of
from semipose.metrics.swap import swap_rate
from semipose.skeleton import LSP, Skeleton


def networks(seed: int = 0, n: int = 20) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(0, 200, (n, 14, 2)), rng.integers(0, 3, (n, 14, 1))], axis=2)
    noisy = {s: truth + rng.normal(0, s, truth.shape) * [1, 1, 0] for s in (10, 30)}
    pred = {"a": noisy[10], "b": noisy[30], "ensemble": (noisy[10] + noisy[30]) / 2}
    return pred, truth


def test_agrees_with_the_single_measures() -> None:
    pred, truth = networks()
    norm, area = box_norm(truth), np.full(20, 5000.0)
    result = evaluate_predictions(pred, truth, LSP, area=area)
    a = result["networks"]["a"]
    expected = pck(pred["a"], truth, norm)
    assert a["pck"] == expected.mean
    assert a["per_joint"] == dict(zip(LSP.joints, expected.per_joint, strict=True))
    assert a["curve"][CURVE.index(0.1)] == a["pck"] and len(a["curve"]) == len(result["thresholds"]) == 51
    assert a["swap"] == swap_rate(pred["a"], truth, norm, LSP)
    assert a["oks"] == pytest.approx(np.nanmean(oks(pred["a"], truth, area, LSP.sigmas)))
    assert sum(result["count"].values()) == result["labeled_joints"] == int((truth[..., 2] > 0).sum())
    assert result["joints"] == list(LSP.joints) and result["samples"] == 20


def test_mean_is_of_networks_without_the_ensemble() -> None:
    pred, truth = networks()
    result = evaluate_predictions(pred, truth, LSP)
    assert set(result["networks"]) == {"a", "b"}
    assert result["mean"]["pck"] == pytest.approx((result["networks"]["a"]["pck"] + result["networks"]["b"]["pck"]) / 2)
    assert result["ensemble"]["pck"] == pck(pred["ensemble"], truth, box_norm(truth)).mean
    assert "oks" not in result["mean"]
    assert "ensemble" not in evaluate_predictions({"a": pred["a"]}, truth, LSP)


def test_is_plain_json_with_none_for_nan() -> None:
    pred, truth = networks(n=3)
    truth[:, 0, 2] = 0
    truth[0, :, 2] = 0
    pred["a"][1] = np.nan
    result = evaluate_predictions(pred, truth, LSP, area=np.array([np.nan, 100.0, 100.0]))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["networks"]["a"]["per_joint"][LSP.joints[0]] is None
    nothing = evaluate_predictions({"a": pred["a"]}, truth * [1, 1, 0], LSP, area=np.full(3, np.nan))
    assert nothing["mean"]["pck"] is None and nothing["mean"]["oks"] is None and nothing["labeled_joints"] == 0
    assert json.dumps(nothing, allow_nan=False)


def test_excluded_samples_are_counted() -> None:
    pred, truth = networks(n=2)
    truth[0, :, 2] = 0
    truth[0, 3, 2] = 2
    assert evaluate_predictions(pred, truth, LSP)["excluded"] == 1


def test_needs_a_network() -> None:
    pred, truth = networks()
    with pytest.raises(ValueError, match="network"):
        evaluate_predictions({"ensemble": pred["ensemble"]}, truth, LSP)


def test_visible_and_occluded_joints_apart() -> None:
    skeleton = Skeleton("two", ("a", "b"))
    truth = np.array([[[10, 10, 2], [50, 50, 1]], [[10, 10, 2], [50, 50, 2]]], float)
    pred = truth.copy()
    pred[0, 1, :2] += 40
    scores = evaluate_predictions({"a": pred}, truth, skeleton)["mean"]
    assert (scores["visible"], scores["occluded"], scores["pck"]) == (1, 0, 0.75)
    truth[..., 2] = 2
    assert "occluded" not in evaluate_predictions({"a": pred}, truth, skeleton)["mean"]


def test_networks_are_called_what_people_say() -> None:
    assert [label_of(name) for name in ("a", "b", "mean", "ensemble", "labels")] == [
        "network a", "network b", "mean", "ensemble", "labels alone",
    ]  # fmt: skip
    assert label_of("a", alone=True) == "network"
