"""Object keypoint similarity, COCO's keypoint measure, and the average precision built on it.

OKS = sum_k [v_k > 0] exp(-d_k^2 / (2 area (2 sigma_k)^2)) / sum_k [v_k > 0], d_k in image pixels.

Average precision is pycocotools' own, run with any skeleton's sigmas, on documents checked first: pycocotools takes
NaN, duplicate ids and annotation id 0 without a word, and some of them raise the score.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from semipose.errors import UserError
from semipose.metrics.pck import labeled_joints
from semipose.skeleton import Skeleton

if TYPE_CHECKING:
    from semipose.data.sample import Sample

AP_NAMES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
AREA_OF_BOX = 0.53
"""Area of a person / area of its box, for samples that give no area (the usual stand-in on COCO)."""
FAR = 1e12
"""Where a prediction that is not finite is put: similar to nothing."""


def oks(pred: np.ndarray, truth: np.ndarray, area: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """OKS of predictions (..., K, 2+) against truth (..., K, 3) with area (...), in square pixels; returns (...).

    Leading axes broadcast: (N, K, 3) against (N, K, 3) gives the N diagonal values, `pred[:, None]` against
    `truth[None]` and `area[None]` the (D, G) matrix. A joint that is not finite contributes 0. Without a labelled
    joint, or with a NaN area, the value is NaN (there pycocotools measures the distance to the box, to ignore it).

    Raises:
        UserError: an area is zero, negative or infinite.
    """
    pred, truth, area = (np.asarray(a, dtype=np.float64) for a in (pred, truth, area))
    if ((area <= 0) | np.isinf(area)).any():
        raise UserError("OKS: areas must be positive and finite square pixels; give NaN for a sample that has none")
    labeled = labeled_joints(truth)
    variance = (2 * np.asarray(sigmas, dtype=np.float64)) ** 2
    with np.errstate(invalid="ignore", over="ignore"):
        squared = ((pred[..., :2] - truth[..., :2]) ** 2).sum(-1)
        near = np.exp(-squared / variance / (area[..., None] + np.spacing(1)) / 2)
    total = np.where(labeled & np.isfinite(squared), near, 0.0).sum(-1)
    count = labeled.sum(-1)
    return np.where((count > 0) & ~np.isnan(area), total / np.maximum(count, 1), np.nan)


def pose_score(pred: np.ndarray, box_score: np.ndarray | None = None, above: float = 0.2) -> np.ndarray:
    """One score for each pose of (N, K, 3): the mean keypoint score.

    With `box_score` (N,), the rescoring of SimpleBaseline's released code: the mean of the keypoint scores above
    `above`, times the box's score (0 where no keypoint is above it).
    """
    peaks = np.asarray(pred, dtype=np.float64)[..., 2]
    if box_score is None:
        return peaks.mean(-1)
    used = peaks > above
    mean = np.where(used, peaks, 0.0).sum(-1) / np.maximum(used.sum(-1), 1)
    return np.where(np.isnan(peaks).any(-1), np.nan, mean) * np.asarray(box_score, dtype=np.float64)


def coco_ap(results: Sequence[dict], ground_truth: dict, sigmas: Sequence[float]) -> dict[str, float]:
    """Average precision and recall as in the COCO keypoint challenge.

    Args:
        results: COCO keypoint results, `image_id`, `category_id`, `keypoints` (3K numbers; the third of each is not
            read) and `score`; other keys are dropped. May be empty: every value is then 0.
        ground_truth: a COCO keypoint document: `images`, `categories`, `annotations` with `id`, `image_id`,
            `category_id`, `keypoints`, `bbox`, `area`, optionally `num_keypoints` and `iscrowd`. Annotations are
            numbered anew, so that an id 0 is harmless.
        sigmas: K OKS sigmas.

    Returns: the ten values of `AP_NAMES`, in 0..1; NaN where the ground truth has nobody of that size. A result with a
        coordinate or score that is not finite counts as a false positive of every size (ranked first where the score is
        what is missing), with a warning: bad predictions cannot raise a value.

    Raises:
        UserError: a malformed entry, naming it: wrong K, a missing field, duplicate ids, an unknown image or category,
            a number in the ground truth that is not finite.
    """
    joints = len(sigmas)
    truth = _checked_truth(ground_truth, joints)
    detections = _checked_results(results, truth, joints)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(_indexed(truth), _indexed({**truth, "annotations": detections}), "keypoints")
        evaluator.params.kpt_oks_sigmas = np.asarray(sigmas, dtype=np.float64)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    # pycocotools says -1 where no annotation is of that size.
    return {name: float(v) if v >= 0 else float("nan") for name, v in zip(AP_NAMES, evaluator.stats, strict=True)}


def coco_documents(
    samples: Sequence[Sample],
    pred: np.ndarray,
    skeleton: Skeleton,
    scores: np.ndarray | None = None,
    others: Sequence[Sample] = (),
) -> tuple[dict, list[dict]]:
    """(ground truth, results) for `coco_ap` from N samples and their predictions.

    Args:
        samples: N samples; one without keypoints is written without labelled joints, which COCO leaves out of the
            score. An area that is missing is 0.53 of the box's.
        pred: (N, K, 3) x, y, score in image pixels.
        scores: (N,) score of each pose; `pose_score(pred)` by default.
        others: more of the truth, whom nothing is predicted for: people without labels, and crowds. A pose on one of
            them is no false positive.
    """
    if len(samples) != len(pred):
        raise ValueError(f"{len(samples)} samples but {len(pred)} predictions")
    scores = pose_score(pred) if scores is None else scores
    everyone = [*samples, *others]
    names = [s.image if s.image_id is None else s.image_id for s in everyone]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names), start=1)}
    ids = names if all(isinstance(n, int) for n in names) else [numbers[name] for name in names]
    files = {image_id: sample.image for image_id, sample in zip(ids, everyone, strict=True)}
    truth = {
        "images": [{"id": image_id, "file_name": file} for image_id, file in files.items()],
        "categories": [{"id": 1, "name": skeleton.name, "keypoints": list(skeleton.joints)}],
        "annotations": [_annotation(n + 1, i, s, skeleton) for n, (i, s) in enumerate(zip(ids, everyone, strict=True))],
    }
    flat = np.asarray(pred, np.float64)[..., :3].reshape(len(pred), 3 * len(skeleton)).tolist()
    results = [
        {"image_id": image_id, "category_id": 1, "keypoints": keypoints, "score": float(score)}
        for image_id, keypoints, score in zip(ids[: len(samples)], flat, scores, strict=True)
    ]
    return truth, results


def _annotation(number: int, image_id: Any, sample: Sample, skeleton: Skeleton) -> dict:
    keypoints = np.zeros((len(skeleton), 3)) if sample.keypoints is None else np.asarray(sample.keypoints, np.float64)
    labeled = labeled_joints(keypoints)
    _, _, width, height = sample.box
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "bbox": [float(v) for v in sample.box],
        "area": float(AREA_OF_BOX * width * height if sample.area is None else sample.area),
        "iscrowd": int(sample.iscrowd),
        "num_keypoints": int(labeled.sum()),
        "keypoints": np.where(labeled[:, None], keypoints, 0.0).ravel().tolist(),
    }


def _checked_truth(document: dict, joints: int) -> dict:
    for key in ("images", "categories", "annotations"):
        if key not in document:
            raise UserError(f"COCO ground truth has no {key!r} list")
    images = [image["id"] for image in document["images"]]
    if len({isinstance(i, str) for i in images}) > 1:
        raise UserError("COCO ground truth mixes numbers and text as image ids; use one kind")
    _refuse_duplicates(images, "image")
    _refuse_duplicates([a.get("id") for a in document["annotations"]], "annotation")
    categories = {c["id"] for c in document["categories"]}
    known = set(images)
    annotations = []
    for number, given in enumerate(document["annotations"], start=1):
        where = f"ground-truth annotation id {given.get('id')}"
        _check_entry(given, where, ("image_id", "category_id", "keypoints", "bbox", "area"), known, categories, joints)
        values = np.array([*given["keypoints"], *given["bbox"], given["area"]], dtype=np.float64)
        if not np.isfinite(values).all() or given["area"] < 0 or len(given["bbox"]) != 4:
            raise UserError(f"{where}: keypoints, bbox (4) and area must be finite, area not negative")
        labeled = sum(v > 0 for v in given["keypoints"][2::3])
        annotations.append({"iscrowd": 0, "num_keypoints": labeled, **given, "id": number})
    return {"images": document["images"], "categories": document["categories"], "annotations": annotations}


def _checked_results(results: Sequence[dict], truth: dict, joints: int) -> list[dict]:
    images, categories = ({entry["id"] for entry in truth[key]} for key in ("images", "categories"))
    for n, given in enumerate(results):
        required = ("image_id", "category_id", "keypoints", "score")
        _check_entry(given, f"result {n}", required, images, categories, joints)
    xy = np.array([r["keypoints"] for r in results], dtype=np.float64).reshape(len(results), joints, 3)[..., :2]
    score = np.array([r["score"] for r in results], dtype=np.float64)
    unranked = ~np.isfinite(score)
    bad = unranked | ~np.isfinite(xy).all((1, 2))
    if bad.any():
        warnings.warn(f"{bad.sum()} of {len(bad)} results are not finite and count as wrong", stacklevel=3)
    score[unranked] = score[~unranked].max(initial=0.0) + 1
    xy[bad] = FAR
    # A size range ignores unmatched detections outside it, compared with `<` and `>`: NaN is outside none.
    area = np.where(bad, np.nan, np.prod(xy.max(1) - xy.min(1), axis=-1))
    keypoints = np.concatenate([xy, np.ones((*xy.shape[:2], 1))], axis=2).reshape(len(results), 3 * joints)
    return [
        {"id": n + 1, "image_id": r["image_id"], "category_id": r["category_id"], "keypoints": keypoints[n],
         "score": float(score[n]), "area": float(area[n]), "iscrowd": 0}
        for n, r in enumerate(results)
    ]  # fmt: skip


def _check_entry(entry: dict, where: str, fields: tuple[str, ...], images: set, categories: set, joints: int) -> None:
    missing = [f for f in fields if entry.get(f) is None]
    if missing:
        raise UserError(f"{where} has no {', '.join(missing)}")
    for what, known in (("image", images), ("category", categories)):
        if entry[f"{what}_id"] not in known:
            raise UserError(f"{where} is of {what} {entry[f'{what}_id']!r}, which the ground truth does not list")
    if len(entry["keypoints"]) != 3 * joints:
        raise UserError(f"{where} has {len(entry['keypoints'])} keypoint numbers; {joints} joints need {3 * joints}")


def _refuse_duplicates(ids: list, what: str) -> None:
    twice = [str(i) for i, times in Counter(ids).items() if times > 1 and i is not None]
    if twice:
        raise UserError(f"COCO ground truth has {what} ids more than once: {', '.join(twice[:8])}; ids must differ")


def _indexed(document: dict) -> COCO:
    coco = COCO()
    coco.dataset = document
    coco.createIndex()
    return coco
