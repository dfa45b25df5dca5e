from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from semipose.data.sample import Sample
from semipose.errors import UserError
from semipose.metrics.oks import AP_NAMES, coco_ap, coco_documents, oks, pose_score
from semipose.skeleton import COCO as COCO_SKELETON
from semipose.skeleton import Skeleton
from tests.fixtures.shared import shared_data

SIGMAS = (0.05, 0.08, 0.1)
CHAIN = Skeleton("chain", ("a", "b", "c"), sigmas=SIGMAS)


def evaluator(results: list[dict], truth: dict, sigmas: tuple[float, ...]) -> COCOeval:
    """pycocotools as its documentation uses it."""
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = copy.deepcopy(truth)
        reference.createIndex()
        run = COCOeval(reference, reference.loadRes(copy.deepcopy(results)), "keypoints")
        run.params.kpt_oks_sigmas = np.array(sigmas)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


def documents(seed: int, images: int = 4) -> tuple[list[dict], dict]:
    """Crowds, unlabelled people, people of every size, good, poor, doubled and stray predictions, tied scores."""
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(1, images + 1):
        for _ in range(rng.integers(0, 4)):
            size = rng.choice([20.0, 60.0, 150.0])
            v = rng.integers(0, 3, 3) * (rng.random() > 0.15)
            xy = (rng.uniform(0, 300, 2) + rng.uniform(0, size, (3, 2))).round(2)
            truth = np.column_stack([xy * (v > 0)[:, None], v]).ravel().tolist()
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "keypoints": truth,
                 "num_keypoints": int((v > 0).sum()), "bbox": [*xy.min(0).tolist(), size, size],
                 "area": float(size * size / 2), "iscrowd": int(rng.random() < 0.1)}
            )  # fmt: skip
            for _ in range(rng.integers(0, 3)):
                moved = xy + rng.normal(0, rng.choice([0.02, 0.1, 1.0]) * size, (3, 2))
                results.append((image, moved, rng.integers(1, 6) / 5))
        if rng.random() < 0.3:
            results.append((image, rng.uniform(0, 400, (3, 2)), rng.integers(1, 6) / 5))
    truth_document = {
        "images": [{"id": i} for i in range(1, images + 1)],
        "categories": [{"id": 1, "name": "chain"}],
        "annotations": annotations,
    }
    return [
        {"image_id": i, "category_id": 1, "keypoints": np.column_stack([xy, np.ones(3)]).ravel().tolist(), "score": s}
        for i, xy, s in results
    ], truth_document


def same(ours: dict[str, float], stats: np.ndarray) -> None:
    assert list(ours) == list(AP_NAMES)
    for name, theirs in zip(AP_NAMES, stats, strict=True):
        assert ours[name] == theirs or (theirs == -1 and math.isnan(ours[name])), name


def test_oks_hand_worked() -> None:
    truth = np.array([[[0, 0, 2], [0, 0, 1], [5, 5, 0]]], dtype=float)
    pred = np.array([[[3, 4], [0, 0], [99, 99]]], dtype=float)
    expected = (math.exp(-25 / (2 * 1000 * 0.1**2)) + 1) / 2
    assert oks(pred, truth, np.array([1000.0]), SIGMAS)[0] == pytest.approx(expected)


def test_oks_contract() -> None:
    truth = np.zeros((2, 3, 3))
    truth[0, :, 2] = 2
    pred = np.zeros((2, 3, 3))
    assert oks(pred, truth, np.array([10.0, 10.0]), SIGMAS)[0] == 1
    assert np.isnan(oks(pred, truth, np.array([10.0, 10.0]), SIGMAS)[1]), "nothing labelled"
    assert np.isnan(oks(pred, truth, np.array([np.nan, 10.0]), SIGMAS)[0]), "no area"
    for bad in (np.nan, np.inf, 1e300):
        pred[0, 1, 0] = bad
        assert oks(pred, truth, np.array([10.0, 10.0]), SIGMAS)[0] == pytest.approx(2 / 3)
    for area in (0.0, -1.0, np.inf):
        with pytest.raises(UserError, match="areas"):
            oks(pred, truth, np.array([area, 1.0]), SIGMAS)


def test_oks_matrix_equals_pycocotools() -> None:
    rng = np.random.default_rng(0)
    truth = np.concatenate([rng.uniform(0, 100, (4, 3, 2)), rng.integers(1, 3, (4, 3, 1))], axis=2)
    truth[0, 0, 2] = 0
    pred = np.concatenate([truth[:, :, :2] + rng.normal(0, 8, (4, 3, 2)), np.ones((4, 3, 1))], axis=2)
    area = np.array([900.0, 2500, 4000, 8100])
    document = {
        "images": [{"id": 1}],
        "categories": [{"id": 1}],
        "annotations": [
            {"id": i + 1, "image_id": 1, "category_id": 1, "keypoints": t.ravel().tolist(), "iscrowd": 0,
             "num_keypoints": int((t[:, 2] > 0).sum()), "bbox": [0, 0, 100, 100], "area": float(a)}
            for i, (t, a) in enumerate(zip(truth, area, strict=True))
        ],
    }  # fmt: skip
    results = [
        {"image_id": 1, "category_id": 1, "keypoints": p.ravel().tolist(), "score": 1 - i / 10}
        for i, p in enumerate(pred)
    ]
    theirs = evaluator(results, document, SIGMAS).ious[(1, 1)]
    assert np.allclose(oks(pred[:, None], truth[None], area[None], SIGMAS), theirs, rtol=1e-12)


@given(st.integers(0, 100_000))
@settings(max_examples=60, deadline=None)
def test_parity_with_pycocotools(seed: int) -> None:
    results, truth = documents(seed)
    if results:
        before = copy.deepcopy((results, truth))
        same(coco_ap(results, truth, SIGMAS), evaluator(results, truth, SIGMAS).stats)
        assert (results, truth) == before, "arguments are left as they were"


@pytest.mark.parametrize("noise", [0.0, 0.06, 0.1])
def test_parity_on_real_annotations(noise: float, capsys: pytest.CaptureFixture[str]) -> None:
    truth = json.loads(shared_data("formats", "coco", "test_coco.json").read_text())
    rng = np.random.default_rng(1)
    results = []
    for annotation in (a for a in truth["annotations"] if a["num_keypoints"]):
        keypoints = np.array(annotation["keypoints"], dtype=float).reshape(17, 3)
        keypoints[:, :2] += rng.normal(0, noise * math.sqrt(annotation["area"]), (17, 2))
        results.append(
            {"image_id": annotation["image_id"], "category_id": 1, "keypoints": keypoints.ravel().tolist(),
             "score": float(rng.random())}
        )  # fmt: skip
    ours = coco_ap(results, truth, COCO_SKELETON.sigmas)
    assert capsys.readouterr().out == ""
    same(ours, evaluator(results, truth, COCO_SKELETON.sigmas).stats)
    assert ours["AP"] == pytest.approx(1) if noise == 0 else 0 < ours["AP"] < 1


@given(st.integers(0, 100_000), st.sampled_from([np.nan, np.inf, -np.inf]), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_broken_prediction_never_helps(seed: int, bad: float, in_score: bool) -> None:
    results, truth = documents(seed, images=3)
    if not results:
        return
    before = coco_ap(results, truth, SIGMAS)
    rng = np.random.default_rng(seed)
    broken = copy.deepcopy(results)
    victim = broken[rng.integers(len(broken))]
    if in_score:
        victim["score"] = bad
    else:
        victim["keypoints"][3 * rng.integers(3)] = bad
    with pytest.warns(UserWarning, match="1 of"):
        after = coco_ap(broken, truth, SIGMAS)
    for name in AP_NAMES:
        assert math.isnan(before[name]) or after[name] <= before[name] + 1e-12, name


def test_all_broken_or_empty_scores_zero() -> None:
    results, truth = documents(3)
    for r in results:
        r["keypoints"] = [float("nan")] * 9
    with pytest.warns(UserWarning, match="count as wrong"):
        broken = coco_ap(results, truth, SIGMAS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        empty = coco_ap([], truth, SIGMAS)
    for values in (broken, empty):
        assert all(math.isnan(v) or v == 0 for v in values.values()) and values["AP"] == 0


def test_nobody_to_find_is_nan() -> None:
    results, truth = documents(3)
    truth["annotations"] = []
    assert all(math.isnan(v) for v in coco_ap(results, truth, SIGMAS).values())


@given(st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_annotation_id_0_and_order_do_not_matter(seed: int) -> None:
    results, truth = documents(seed)
    before = coco_ap(results, truth, SIGMAS)
    for annotation in truth["annotations"]:
        annotation["id"] -= 1
    assert coco_ap(results, truth, SIGMAS) == pytest.approx(before, nan_ok=True)
    truth["images"].reverse()
    truth["annotations"].reverse()
    distinct = [{**r, "score": r["score"] + i * 1e-6} for i, r in enumerate(results)]
    forward = coco_ap(distinct, truth, SIGMAS)
    assert coco_ap(distinct[::-1], truth, SIGMAS) == pytest.approx(forward, nan_ok=True)


def test_malformed_documents_are_refused_by_name() -> None:
    results, truth = documents(3)

    def refused(match: str, result: dict | None = None, annotation: dict | None = None) -> None:
        r, t = copy.deepcopy((results, truth))
        r[1].update(result or {})
        t["annotations"][1].update(annotation or {})
        with pytest.raises(UserError, match=match):
            coco_ap(r, t, SIGMAS)

    refused("result 1 has 6 keypoint numbers; 3 joints need 9", result={"keypoints": [0.0] * 6})
    refused("result 1 is of image 99", result={"image_id": 99})
    refused("result 1 is of category 7", result={"category_id": 7})
    refused("result 1 has no score", result={"score": None})
    refused("annotation id 2 has 3 keypoint numbers", annotation={"keypoints": [0.0] * 3})
    refused("annotation id 2 is of image 99", annotation={"image_id": 99})
    refused("annotation id 2: .* finite", annotation={"keypoints": [float("nan")] * 9})
    refused("annotation id 2: .* finite", annotation={"area": float("inf")})
    refused("annotation id 2: .* not negative", annotation={"area": -1.0})
    refused("annotation id 2 has no area", annotation={"area": None})
    refused("annotation ids more than once: 1", annotation={"id": 1})
    with pytest.raises(UserError, match="image ids more than once: 1"):
        coco_ap(results, {**truth, "images": truth["images"] + [{"id": 1}]}, SIGMAS)
    with pytest.raises(UserError, match="mixes"):
        coco_ap(results, {**truth, "images": truth["images"] + [{"id": "x"}]}, SIGMAS)
    with pytest.raises(UserError, match="categories"):
        coco_ap(results, {"images": [], "annotations": []}, SIGMAS)


def samples() -> list[Sample]:
    keypoints = np.array([[10, 10, 2], [60, 10, 1], [30, 90, 2]], dtype=np.float32)
    missing = np.array([[70, 40, 2], [np.nan, 10, 2], [30, 90, 0]], dtype=np.float32)
    return [
        Sample("a#1", "a.jpg", (0, 0, 100, 100), keypoints, image_id="a"),
        Sample("a#2", "a.jpg", (50, 0, 100, 100), missing, area=2000.0, image_id="a"),
        Sample("b#1", "b.jpg", (0, 0, 100, 100), None, image_id=None),
        Sample("c#1", "c.jpg", (0, 0, 100, 100), keypoints + 5, image_id=7, iscrowd=True),
    ]


def test_documents_of_samples() -> None:
    pred = np.stack([s.keypoints if s.keypoints is not None else np.ones((3, 3)) for s in samples()]).astype(float)
    pred[..., 2] = [0.9, 0.6, 0.3]
    pred[1, 1, :2] = 0
    truth, results = coco_documents(samples(), pred, CHAIN)
    json.dumps([truth, results], allow_nan=False)
    assert [a["area"] for a in truth["annotations"]] == [5300.0, 2000.0, 5300.0, 5300.0]
    assert [a["num_keypoints"] for a in truth["annotations"]] == [3, 1, 0, 3]
    assert [a["iscrowd"] for a in truth["annotations"]] == [0, 0, 0, 1]
    assert [a["image_id"] for a in truth["annotations"]] == [1, 1, 2, 3] == [r["image_id"] for r in results]
    assert [i["file_name"] for i in truth["images"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert results[0]["score"] == pytest.approx(0.6)
    assert coco_ap(results, truth, CHAIN.sigmas)["AP"] == pytest.approx(1)
    worse = pred.copy()
    worse[0, :, :2] += 500
    # One of the two people is found, by one of two results: precision 1/2 at 51 of the 101 recalls.
    assert coco_ap(coco_documents(samples(), worse, CHAIN)[1], truth, CHAIN.sigmas)["AP"] == pytest.approx(25.5 / 101)


def test_documents_keep_integer_image_ids() -> None:
    numbered = [
        Sample("7#1", "7.jpg", (0, 0, 9, 9), None, image_id=7),
        Sample("4#1", "4.jpg", (0, 0, 9, 9), None, image_id=4),
    ]
    truth, results = coco_documents(numbered, np.zeros((2, 3, 3)), CHAIN, scores=np.array([0.1, 0.2]))
    assert [i["id"] for i in truth["images"]] == [7, 4] == [r["image_id"] for r in results]
    assert [r["score"] for r in results] == [0.1, 0.2]


def test_pose_score() -> None:
    pred = np.zeros((3, 4, 3))
    pred[:, :, 2] = [[0.1, 0.3, 0.5, 0.2], [0.0, 0.1, 0.1, 0.2], [0.5, 0.5, 0.5, np.nan]]
    assert pose_score(pred)[:2] == pytest.approx([0.275, 0.1])
    rescored = pose_score(pred, box_score=np.array([0.5, 0.5, 1.0]))
    assert rescored[:2] == pytest.approx([0.2, 0.0]), "only 0.3 and 0.5 are above 0.2"
    assert np.isnan(rescored[2]) and np.isnan(pose_score(pred)[2]), "a broken pose keeps a broken score"
