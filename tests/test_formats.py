"""Runs on the small real files of each data set, from reading to the benchmark's own table."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pycocotools.coco
import pytest
from pycocotools.cocoeval import COCOeval

from semipose.config import Config
from semipose.config.resolve import read_yaml
from semipose.data.open import open_all
from semipose.metrics.oks import AP_NAMES
from semipose.models.weights import save_model
from semipose.skeleton import COCO
from semipose.training.networks import build_networks
from semipose.verbs.evaluate import evaluate
from semipose.verbs.predict import predict
from semipose.verbs.train import train
from tests.fixtures.runs import tiny
from tests.fixtures.shared import shared_data


def short(tmp_path: Path, method: str, **data: object) -> Config:
    return tiny(tmp_path / "cache", method, data={"val": None, **data}, optim={"batch": 2}, steps=1, eval_every=0)


@pytest.mark.slow
def test_mpii_with_unlabelled_aic_scored_on_mpii_and_h36m(tmp_path: Path) -> None:
    mpii, aic, h36m = (
        str(shared_data("formats", *parts))
        for parts in (("mpii", "test_mpii.json"), ("aic", "test_aic.json"), ("h36m", "h36m_coco.json"))
    )
    run = train(config=short(tmp_path, "single", labeled=mpii, unlabeled=aic), out=tmp_path / "run", progress=False)
    assert (run.summary["labels"], run.summary["unlabeled"]) == (5, 9)
    scores = evaluate(run.path, data=mpii, threshold=0.5, measure="pckh")
    assert scores["measure"] == "pckh" and scores["count"]["pelvis"] == scores["count"]["thorax"] == 0
    assert [*scores["mean"]["table"]] == ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Mean"]
    assert scores["mean"]["table"]["Mean"] == scores["mean"]["pck"]
    scores = evaluate(run.path, data=h36m, threshold=0.5, measure="jdr")
    assert scores["count"]["left_knee"] == 4 and scores["count"]["upper_neck"] == 0, "joints in common, by name"
    assert [*scores["mean"]["table"]] == ["Knee", "Ankle", "Elbow", "Wrist", "Avg"]


@pytest.mark.slow
def test_coco_with_a_detectors_boxes(tmp_path: Path) -> None:
    coco = shared_data("formats", "coco", "test_coco.json")
    boxes = coco.with_name("test_coco_det_AP_H_56.json")
    config = short(tmp_path, "supervised", labeled=str(coco), unlabeled=None)
    run = train(config=config, out=tmp_path / "run", progress=False)
    scores = evaluate(run.path, data=coco, boxes=boxes)
    assert set(scores["detected"]) == {"a"} and 0 <= scores["detected"]["a"]["AP"] <= 1
    files = predict(run.path, coco.parent, out=tmp_path / "out", boxes=boxes, overlay=False, submit="tiny").files
    assert files[-1].name == "person_keypoints_test-dev2017_tiny_results.zip" and files[-1].exists()


def test_ap_in_the_data_s_own_boxes_equals_pycocotools_on_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person's pose lies on a bystander without labels, which COCO ignores."""
    coco = shared_data("formats", "coco", "test_coco.json")
    everyone = open_all(coco)
    data, stranger = everyone.labeled(), everyone.subset([i for i, s in enumerate(everyone) if not s.labeled])[1]
    rng = np.random.default_rng(0)
    pred = np.stack([s.keypoints for s in data if s.keypoints is not None]).astype(float)
    pred[..., :2] += rng.normal(0, 0.05 * np.sqrt([s.area or 0 for s in data])[:, None, None], pred[..., :2].shape)
    pred[..., 2] = rng.uniform(0.1, 0.5, pred.shape[:2])
    mistaken = next(i for i, s in enumerate(data) if s.image == stranger.image)
    x, y, w, h = stranger.box
    pred[mistaken] = np.stack([rng.uniform(x, x + w, 17), rng.uniform(y, y + h, 17), np.full(17, 0.9)], -1)

    config = tiny(tmp_path / "cache", "supervised")
    save_model(tmp_path / "model", build_networks(config, COCO)[0], config.model, COCO)
    monkeypatch.setattr("semipose.inference.evaluate.predict_crops", lambda *_, **__: {"a": pred})
    found = evaluate(tmp_path / "model.safetensors", data=coco)["coco"]["a"]

    def rank(pose: np.ndarray) -> float:
        return float(pose[pose[:, 2] > 0.2, 2].mean())

    results = [
        {"image_id": s.image_id, "category_id": 1, "keypoints": p.ravel().tolist(), "score": rank(p)}
        for s, p in zip(data, pred, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = pycocotools.coco.COCO(str(coco))
        evaluator = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    assert [found[name] for name in AP_NAMES] == pytest.approx(evaluator.stats.tolist(), abs=1e-12)
    assert 0.5 < found["AP"] < 1


def test_several_labelled_sources_in_a_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.json").touch()
    (tmp_path / "data.yaml").write_text("labeled: [a.json, 'synth:wild?count=3']\nlabeled_images: [null, images]\n")
    data = read_yaml(tmp_path / "data.yaml", "data")["data"]
    assert data["labeled"] == [str((tmp_path / "a.json").resolve()), "synth:wild?count=3"]
    mpii, aic = (str(shared_data("formats", name, f"test_{name}.json")) for name in ("mpii", "aic"))
    config = short(tmp_path, "supervised", labeled=[mpii, aic], unlabeled=None)
    run = train(config=config, out=tmp_path / "run", progress=False)
    assert run.summary["labels"] == 14
    scores = evaluate(run.path, data=aic)
    assert len(scores["joints"]) == 17 and scores["count"]["Neck"] > 0 == scores["count"]["upper_neck"]
    assert np.isfinite(scores["mean"]["pck"])


@pytest.mark.parametrize("measure", ["pckh2", 3])
def test_an_unknown_measure_is_refused(measure: object) -> None:
    from semipose.config.resolve import resolve
    from semipose.errors import UsageError

    with pytest.raises(UsageError, match="measure"):
        resolve(Config(), {"measure": measure})
