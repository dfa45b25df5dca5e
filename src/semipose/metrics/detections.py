"""Poses predicted in a detector's boxes: their scores, doubles of one person, and the files that evaluations take."""

from __future__ import annotations

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.metrics.oks import oks, pose_score
from semipose.skeleton import COCO, Skeleton, joint_map

if TYPE_CHECKING:
    from semipose.data.sample import Sample

LIMIT = 20
"""Poses an image that COCO looks at."""


def oks_nms(
    pred: np.ndarray, scores: np.ndarray, area: np.ndarray, sigmas: Sequence[float], threshold: float = 0.9
) -> np.ndarray:
    """Which of the poses of one image to keep: from the best score down, each whose OKS with every better one kept is
    at most `threshold` (0.9: SimpleBaseline and HRNet).

    Args:
        pred: (N, K, 2+) x, y in image pixels.
        scores: (N,).
        area: (N,) in square pixels. The OKS of two poses takes the mean of theirs.

    Returns: indices, best first.
    """
    points = np.asarray(pred, np.float64)[..., :2]
    area = np.asarray(area, np.float64)
    truth = np.concatenate([points, np.full((*points.shape[:2], 1), 2.0)], -1)
    similar = oks(points[:, None], truth[None], (area[:, None] + area[None]) / 2, sigmas) if len(points) else points
    kept: list[int] = []
    for i in np.argsort(-np.asarray(scores, np.float64), kind="stable").tolist():
        if not kept or not (similar[i, kept] > threshold).any():
            kept.append(i)
    return np.array(kept, int)


def best_poses(
    samples: Sequence[Sample],
    pred: np.ndarray,
    skeleton: Skeleton,
    size: Sequence[int],
    padding: float,
    limit: int | None = LIMIT,
) -> tuple[np.ndarray, np.ndarray]:
    """(indices, scores) of the poses of one image to keep, best first, as SimpleBaseline's and HRNet's evaluations do.

    A pose's score is the mean of its keypoint scores above 0.2, times its box's score (1 where that has none). Of
    doubles the better is kept (`oks_nms`, with the area of the crop, not of the box), and of all the best `limit`.

    Args:
        samples: N boxes.
        pred: (N, K, 3) x, y, score in image pixels.
        size, padding: (H, W) of the network input and enlargement of the box, of which a crop is made.
    """
    boxes = np.array([s.box for s in samples], np.float64)
    scores = pose_score(pred, np.array([1.0 if s.score is None else s.score for s in samples]))
    kept = oks_nms(pred, scores, crop_areas(boxes, size, padding), skeleton.sigmas)[:limit]
    return kept, scores[kept]


def detection_results(
    samples: Sequence[Sample],
    pred: np.ndarray,
    skeleton: Skeleton,
    size: Sequence[int],
    padding: float = 1.25,
    category: int = 1,
) -> list[dict[str, Any]]:
    """COCO keypoint results of the poses in N detected boxes of any images: `best_poses` of each image."""
    rows: dict[Any, list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        rows[sample.image if sample.image_id is None else sample.image_id].append(i)
    results = []
    for image_id, these in rows.items():
        points = np.asarray(pred, np.float64)[these, :, :3]
        kept, scores = best_poses([samples[i] for i in these], points, skeleton, size, padding)
        results += [
            {"image_id": image_id, "category_id": category, "keypoints": points[i].ravel().tolist(), "score": float(s)}
            for i, s in zip(kept, scores, strict=True)
        ]
    return results


def crop_areas(boxes: np.ndarray, size: Sequence[int], padding: float) -> np.ndarray:
    """(N,) areas in square pixels of what the network sees of (N, 4) boxes: in the aspect ratio of `size` (H, W), and
    enlarged by `padding`."""
    w, h = np.asarray(boxes, np.float64).reshape(-1, 4)[:, 2:].T
    wide = np.maximum(w, h * size[1] / size[0]) * padding
    return wide * wide * size[0] / size[1]


def in_joints(results: Iterable[dict], skeleton: Skeleton, wanted: Skeleton) -> list[dict]:
    """Results with the joints of another skeleton, found by name.

    Raises:
        UserError: a joint is missing.
    """
    found = joint_map(skeleton, wanted)
    missing = [name for name, i in zip(wanted.joints, found, strict=True) if i is None]
    if missing:
        raise UserError(f"skeleton {skeleton.name!r} lacks {', '.join(missing)} of {wanted.name!r}")
    return [
        {**row, "keypoints": np.reshape(row["keypoints"], (-1, 3))[found].ravel().tolist()}  # type: ignore[index]
        for row in results
    ]


def check_submission(name: str, skeleton: Skeleton, image_ids: Iterable[object]) -> None:
    """What `write_submission` needs, before hours are spent on predictions.

    Raises:
        UserError: the name, a joint of COCO's that is missing, or an image id that is no number.
    """
    if not name.replace("-", "").isalnum():
        raise UserError(f"a submission is named by letters, digits and hyphens, not {name!r}")
    in_joints((), skeleton, COCO)
    for image_id in image_ids:
        if not isinstance(image_id, int) or isinstance(image_id, bool):
            raise UserError(
                f"image {image_id!r} cannot be submitted: COCO's server knows images by number; use boxes with them"
            )


def write_submission(
    results: Sequence[dict], folder: Path, name: str, skeleton: Skeleton, subset: str = "test-dev2017"
) -> Path:
    """Write `person_keypoints_<subset>_<name>_results.zip`, the file that COCO's keypoint server takes; returns its
    path.

    Args:
        results: COCO keypoint results of images known by COCO's numbers.
        name: of the method; letters, digits and hyphens.
        skeleton: of the results; COCO's 17 joints are picked by name.

    Raises:
        UserError: an image id is no number, a value is not finite, a joint of COCO's is missing, or the file cannot be
            written.
    """
    check_submission(name, skeleton, (row["image_id"] for row in results))
    rows = []
    for n, row in enumerate(in_joints(results, skeleton, COCO)):
        if not np.isfinite([*row["keypoints"], row["score"]]).all():
            raise UserError(f"result {n}, of image {row['image_id']}, is not finite; nothing was written")
        rows.append({"image_id": row["image_id"], "category_id": 1, **{k: row[k] for k in ("keypoints", "score")}})
    file = folder / f"person_keypoints_{subset}_{name}_results.zip"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{file.stem}.json", json.dumps(rows))
    write_atomically(file, packed.getvalue())
    return file
