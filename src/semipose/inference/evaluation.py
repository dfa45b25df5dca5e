"""Predictions of networks on crops, and their scores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from semipose.data.crops.build import Crops
from semipose.data.sample import Sample
from semipose.geometry import View, central, move
from semipose.heatmap import Refine, decode, peaks, quarter, spread
from semipose.inference.views import PLAIN, Looks, averaged
from semipose.metrics import jdr, pckh
from semipose.metrics.summary import ENSEMBLE, evaluate_predictions
from semipose.skeleton import Skeleton


@torch.inference_mode()
def predict_crops(
    networks: Mapping[str, nn.Module],
    crops: Crops,
    device: torch.device | str = "cpu",
    refine: Refine | None = quarter,
    batch: int = 64,
    flip_test: str = "none",
    looks: Looks = PLAIN,
    spreads: bool = False,
) -> dict[str, np.ndarray]:
    """Each network's keypoints (N, K, 3) as x, y, score in image pixels; with two networks or more also those of the
    mean of their heatmaps, as "ensemble". `flip_test`: see `semipose.heatmap.predicted`; `looks`: the views whose
    heatmaps are averaged, for which crops are cut as `semipose.inference.views.cover` says; with `spreads` (N, K, 4),
    the last being the heatmap's spread in cells (`semipose.heatmap.spread`). Networks are put in evaluation mode and
    left as they were."""
    with evaluating(*networks.values()):
        found = _predict(networks, crops, device, refine, batch, flip_test, looks)
    return found if spreads else {name: each[..., :3] for name, each in found.items()}


@contextlib.contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Networks in evaluation mode; afterwards every part of them in the mode it was in."""
    modes = [(module, module.training) for network in networks for module in network.modules()]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _predict(
    networks: Mapping[str, nn.Module],
    crops: Crops,
    device: torch.device | str,
    refine: Refine | None,
    batch: int,
    flip_test: str,
    looks: Looks,
) -> dict[str, np.ndarray]:
    size = crops.spec.size
    back = np.linalg.inv(crops.matrices) @ np.linalg.inv(central(crops.spec.cover, size).double().numpy())
    flip, firsts = skeleton_of(crops).flip, [getattr(net, "first_cell", None) for net in networks.values()]
    found: dict[str, list[np.ndarray]] = {}
    for rows in np.split(np.arange(len(crops)), range(step := max(1, batch // len(looks)), len(crops), step)):
        crop = View.of(torch.from_numpy(crops.images(rows)).to(device), size)
        heatmaps = {
            name: averaged(net, crop, looks, flip, flip_test, first)
            for (name, net), first in zip(networks.items(), firsts, strict=True)
        }
        if len(heatmaps) > 1:
            heatmaps[ENSEMBLE] = torch.stack(list(heatmaps.values())).mean(0)
        for (name, maps), first in zip(heatmaps.items(), [*firsts, firsts[0]], strict=False):
            found.setdefault(name, []).append(_in_image(maps, size[0], torch.from_numpy(back[rows]), refine, first))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _in_image(
    heatmaps: Tensor, height: int, to_image: Tensor, refine: Refine | None, first_cell: float | None
) -> np.ndarray:
    xy, score = decode(heatmaps, height / heatmaps.shape[-2], refine, first_cell)
    xy, wide = move(to_image, xy.cpu().double()), spread(heatmaps, peaks(heatmaps)[0])
    return torch.cat([xy, torch.stack([score, wide], -1).cpu().double()], -1).numpy()


def score_crops(
    predictions: Mapping[str, np.ndarray], crops: Crops, threshold: float, measure: str = "pck"
) -> dict[str, Any]:
    """`evaluate_predictions` against the crops' own labels, in image pixels, by one of `Config.measure`; "pckh" and
    "jdr" add their benchmark's joint groups as "table"."""
    truth, skeleton, area = truth_of(crops), skeleton_of(crops), areas_of(crops)
    norm, table = None, None
    if measure == "pckh":
        norm, table = pckh.head_sizes(crops.data.samples, truth, skeleton), pckh.pckh
        truth = pckh.pckh_truth(truth, skeleton)
    elif measure == "jdr":
        norm, table = jdr.head_sizes(len(truth), crops.spec.size[1]), jdr.jdr
    scores = evaluate_predictions(predictions, truth, skeleton, threshold, area, norm, table)
    return {**scores, "measure": measure}


def columns(scores: Mapping[str, Any]) -> dict[str, float]:
    """The columns of metrics.csv for `score_crops`' scores; what could not be scored is left out."""
    found = {"val/pck": scores["mean"]["pck"]}
    found |= {f"val/pck_{name}": each["pck"] for name, each in scores["networks"].items()}
    found |= {f"val/pck_{ENSEMBLE}": scores[ENSEMBLE]["pck"]} if ENSEMBLE in scores else {}
    return {name: value for name, value in found.items() if value is not None}


def skeleton_of(crops: Crops) -> Skeleton:
    """The skeleton of labelled crops."""
    if crops.data.skeleton is None:
        raise ValueError(f"{crops.data.name} has no skeleton")
    return crops.data.skeleton


def truth_of(crops: Crops) -> np.ndarray:
    """(N, K, 3) labels in image pixels."""
    empty = np.zeros((len(skeleton_of(crops)), 3), np.float32)
    return np.stack([empty if s.keypoints is None else s.keypoints for s in crops.data]).astype(np.float64)


def areas_of(crops: Crops) -> np.ndarray:
    """(N,) areas for OKS in square pixels; 0.53 of the box where the data set gives none."""
    return np.array([0.53 * s.box[2] * s.box[3] if s.area is None else s.area for s in crops.data])


def prediction_file(predictions: Mapping[str, np.ndarray], crops: Crops) -> dict[str, Any]:
    """The content of predictions/val.json."""
    truth = np.nan_to_num(truth_of(crops))
    samples = [
        {
            "id": sample.id,
            "image": sample.image,
            "box": [float(v) for v in sample.box],
            "truth": truth[i].round(2).tolist(),
            "pred": {name: np.nan_to_num(pred[i]).round(3).tolist() for name, pred in predictions.items()},
        }
        for i, sample in enumerate(crops.data)
    ]
    return {"skeleton": skeleton_of(crops).to_dict(), "networks": list(predictions), "samples": samples}


def coco_scores(
    predictions: Mapping[str, np.ndarray], crops: Crops, others: Sequence[Sample] = ()
) -> dict[str, dict[str, float | None]]:
    """Each network's COCO AP and AR with ground-truth boxes, by pycocotools; None where nobody has that size. Poses are
    scored and doubles left out as in a detector's boxes, each box's score being 1. `others`: who else is in the images
    (see `semipose.data.datasets.others_in`)."""
    from semipose.metrics.detections import detection_results
    from semipose.metrics.oks import coco_ap, coco_documents

    skeleton, spec, found = skeleton_of(crops), crops.spec, {}
    for name, pred in predictions.items():
        truth, results = coco_documents(crops.data.samples, pred, skeleton, others=others)
        known = [
            replace(s, image_id=r["image_id"], score=None) for s, r in zip(crops.data.samples, results, strict=True)
        ]
        results = detection_results(known, pred, skeleton, spec.size, spec.padding)
        scores = coco_ap(results, truth, skeleton.sigmas)
        found[name] = {key: value if np.isfinite(value) else None for key, value in scores.items()}
    return found


def detection_scores(
    predictions: Mapping[str, np.ndarray], crops: Crops, skeleton: Skeleton, document: dict
) -> dict[str, dict[str, float | None]]:
    """Each network's COCO AP and AR with a detector's boxes.

    Args:
        crops: of the detector's boxes, whose `image_id` is the document's.
        skeleton: of the predictions; the document's joints are picked from it by name.
        document: a whole COCO keypoints document: images without people and crowds count in AP.
    """
    from semipose.metrics.detections import detection_results, in_joints
    from semipose.metrics.oks import coco_ap

    category = next(c for c in document["categories"] if c.get("keypoints"))
    wanted, found = Skeleton.from_coco(category), {}
    for name, pred in predictions.items():
        spec = crops.spec
        results = detection_results(crops.data.samples, pred, skeleton, spec.size, spec.padding, category["id"])
        scores = coco_ap(in_joints(results, skeleton, wanted), document, wanted.sigmas)
        found[name] = {key: value if np.isfinite(value) else None for key, value in scores.items()}
    return found
