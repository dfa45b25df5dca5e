"""A run's networks, opened and scored on labelled data."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Literal

from semipose.config import Config, DataConfig
from semipose.config.resolve import read_yaml, resolve
from semipose.data.datasets import cut, open_alike, open_sets, others_in
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.json_files import load_json, rows_of
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.files import ready, real, write_atomically
from semipose.heatmap import decoder
from semipose.inference.boxes import finder_file, finder_in
from semipose.inference.coverage import coverage
from semipose.inference.evaluation import coco_scores, detection_scores, predict_crops, score_crops
from semipose.inference.found import Found, found_scores
from semipose.inference.predictor import Predictor
from semipose.inference.views import NONE, cover, parse
from semipose.models.weights import TrainedModel, load_model, without_weights
from semipose.options import check_limits

VALIDATION = "validation of the run"
"""The data that are scored where none are named."""


def evaluate_run(
    run: str | Path,
    data: str | Path | None = None,
    images: str | Path | None = None,
    threshold: float | None = None,
    decode: str | None = None,
    flip_test: str | None = None,
    measure: Literal["pck", "pckh", "jdr"] | None = None,
    boxes: str | Path | None = None,
    views: str = NONE,
) -> dict[str, Any]:
    """Score a run's networks on labelled data (its own validation set by default), and write `evaluation.json` there.

    Joints that the data lacks, by name, are not scored. Other data are read as the run's: its category where they have
    it, `coordinates`, `boxes`, `outside`.

    Args:
        run: its folder; also a model.safetensors, or a folder of imported weights, and then `data` has to be named.
        threshold, decode, flip_test, measure: the run's by default; with another measure than the run's, the threshold
            is the usual one: 0.1 for pck, 0.5 for pckh and jdr.
        boxes: a detector's boxes, with scores, in the images of the data, a COCO keypoints JSON: AP with them is
            given as well (rescored poses, OKS NMS).
        views: those whose heatmaps are averaged, such as flip+turn15 (see `semipose.inference.views`).

    Returns: `evaluate_predictions`' content, under "coco" each network's AP and AR by pycocotools with the data's own
        boxes, under "error_bars" each one's `coverage`, and under "found", of a run with a finder, what
        `found_scores` says, under "detected" AP and AR with `boxes`, under "data" on what it was scored, and under
        "taught" how many of other data's images taught the run.
    """
    if threshold is not None:
        check_limits(Config(threshold=threshold))
    path, looks = Path(run), parse(views)
    loaded, config, of_run = read_networks(path)
    folder = path.parent if path.is_file() else path
    file = ready(folder / "evaluation.json", rb'"networks": ')  # said before the work
    if data is None and not of_run:
        raise UserError(f"{path} is no run and has no validation data of its own; name labelled data with --data")
    if data is None:
        where, val = config.data, open_sets(config.data, False, finder_in(folder)).val
    else:
        val, where = open_alike(config.data, data, images)
    if val is None:
        raise UserError(f"{path} was trained without validation data; name some with --data")
    skeleton = next(iter(loaded.values())).skeleton
    room = cover(looks, (config.model.size[0], config.model.size[1]))
    crops = cut(val.onto(skeleton).labeled(), config, False, True, room)
    assert crops is not None
    if stray := crops.stray():
        warnings.warn(f"{stray}; what is there counts as missed", stacklevel=2)
    networks = {name: each.network for name, each in loaded.items()}
    how: dict[str, Any] = {
        "refine": decoder(decode or config.decode, config.model.sigma),
        "flip_test": flip_test or config.flip_test,
        "looks": looks,
    }
    spread = predict_crops(networks, crops, **how, spreads=True)
    predictions = {name: each[..., :3] for name, each in spread.items()}
    usual = config.threshold if measure in (None, config.measure) else 0.1 if measure == "pck" else 0.5
    scores = score_crops(predictions, crops, threshold or usual, measure or config.measure)
    others = others_in(crops.data, where)
    scores["coco"] = coco_scores(predictions, crops, others)
    scores["error_bars"] = {
        name: each
        for name, model in loaded.items()
        if data is None or model.error_bars is not None  # of other data only where there are bars to be judged
        if (each := coverage(spread[name], crops, None if data is None else model.error_bars)) is not None
    }
    if (finder := finder_file(folder)) is not None:
        first = path if path.is_file() else path / "model.safetensors"
        second = Predictor.load(first, "cpu", decode or config.decode, flip_test or config.flip_test, views)
        whole = Found.load(finder, second, "cpu")
        scores["found"] = found_scores(whole, crops, threshold or usual, measure or config.measure, others)
    if boxes is not None:
        document, detected = _detected(boxes, where.val, images or where.val_images)
        crops = cut(detected.onto(skeleton), config, False, True, room)
        assert crops is not None
        scores["detected"] = detection_scores(predict_crops(networks, crops, **how), crops, skeleton, document)
    scores["data"] = VALIDATION if data is None else str(data)
    if data is not None and of_run:
        scores["taught"] = _taught(config.data, folder, val)
    text = json.dumps(scores, indent=1, allow_nan=False)
    write_atomically(file, f"{text}\n".encode())
    return scores


def _taught(data: DataConfig, folder: Path, scored: PoseData) -> dict[str, int] | None:
    """How many of the images scored taught the run, with their labels; None where its own data are no longer there."""
    try:
        labeled = open_sets(data, False, finder_in(folder), checked=False).labeled
    except UserError:
        return None
    known = set(map(real, labeled.images)) if labeled is not None else set()
    images = set(map(real, scored.images))
    return {"images": len(images & known), "of": len(images)}


def read_networks(path: Path) -> tuple[dict[str, TrainedModel], Config, bool]:
    """The networks of a run's folder or of a folder of weights, "a" first, or the one of a model.safetensors; the run's
    configuration, or one with the network's own sizes; and whether it is of a run.

    Raises:
        UserError: there is none, the run has not finished, or one has other joints.
    """
    folder = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(path.glob("model*.safetensors"))
    of_run = (folder / "config.yaml").exists()
    if not files:
        raise UserError(without_weights(path))
    loaded = {file.stem.removeprefix("model").removeprefix("-") or "a": load_model(file) for file in files}
    loaded = dict(sorted(loaded.items()))
    first = next(iter(loaded.values()))
    other = next((name for name, each in loaded.items() if each.skeleton.joints != first.skeleton.joints), None)
    if other is not None:
        raise UserError(
            f"{folder} holds weights of other joints than model.safetensors, model-{other}.safetensors: keep those of"
            " one run in a folder"
        )
    own = Config(model=first.config, decode=first.decode)
    return loaded, resolve(Config(), read_yaml(folder / "config.yaml")) if of_run else own, of_run


def _detected(boxes: str | Path, file: str | None, images: str | Path | None) -> tuple[dict, PoseData]:
    """A COCO keypoints document and a detector's boxes in its images."""
    document = load_json(Path(file)) if file and file.lower().endswith(".json") else None
    if not isinstance(document, dict) or "annotations" not in document:
        raise UserError(f"detected boxes are scored by AP, against a COCO keypoints JSON, which {file} is not")
    named = [c for c in rows_of(document, "categories", Path(str(file))) if c.get("keypoints")]
    if len(named) != 1:
        raise UserError(f"{file} has {len(named)} categories with keypoints; AP with detected boxes needs one")
    folder = Path(str(file)).parent if images is None else images
    return document, read_boxes(boxes, folder, listing=file, category=named[0].get("id"))
