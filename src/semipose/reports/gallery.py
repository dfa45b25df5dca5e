"""The best and worst validation images of a run, as small JPEGs with truth and prediction drawn."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from semipose.drawing.poses import draw_pose
from semipose.errors import UserError
from semipose.metrics.pck import labeled_joints
from semipose.metrics.summary import ENSEMBLE
from semipose.reports.runs import Predictions

SIZE = 256
"""Longest side of a picture."""
WORST = 0.5
"""Distances are clipped here (in box norms) for ranking, so that one stray joint does not make an image the worst."""


@dataclass(frozen=True)
class Picture:
    uri: str
    sample: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    run: str
    network: str
    best: tuple[Picture, ...]
    worst: tuple[Picture, ...]
    note: str


def gallery(run: str, predictions: Predictions, threshold: float, each: int = 6) -> Gallery | None:
    """The best and worst samples by mean distance of the ensemble (else of the first network); None if unlabelled."""
    network = ENSEMBLE if ENSEMBLE in predictions.pred else next(iter(predictions.pred), None)
    if network is None:
        return None
    distance = predictions.distance(network)
    scored = np.flatnonzero(~np.isnan(distance).all(1))
    if not len(scored):
        return None
    order = scored[np.argsort(np.nanmean(np.minimum(distance[scored], WORST), axis=1), kind="stable")]
    each = min(each, (len(order) + 1) // 2)
    lost: list[str] = []

    def pictures(indices: np.ndarray) -> tuple[Picture, ...]:
        made = (_picture(predictions, network, int(i), distance[i], threshold, lost) for i in indices)
        return tuple(p for p in made if p is not None)

    best, worst = pictures(order[:each]), pictures(order[each:][::-1][:each])
    note = f"{len(lost)} photographs could not be read (first: {lost[0]})" if lost else ""
    return Gallery(run, network, best, worst, note)


def crop_to_box(
    image: np.ndarray, box: np.ndarray, keypoints: np.ndarray, margin: float = 0.15, size: int = SIZE
) -> tuple[np.ndarray, float, np.ndarray]:
    """Cut out a box with the labelled joints and some margin, and shrink it to `size`.

    Returns: the picture, and scale and origin with `(xy - origin) * scale - 0.5` the picture's pixel of image pixel xy.
    """
    corners = np.concatenate([box[None, :2], box[None, :2] + box[None, 2:], keypoints[labeled_joints(keypoints), :2]])
    low, high = corners.min(0), corners.max(0)
    extra = margin * (high - low).max()
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(low - extra), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(high + extra) + 1, [left + 1, top + 1], [width, height]).astype(int)
    crop = image[top:bottom, left:right]
    scale = min(1.0, size / max(crop.shape[:2]))
    if scale < 1:
        shape = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = cv2.resize(crop, shape, interpolation=cv2.INTER_AREA)
    # Pixel centres are integers: the crop's outer edge lies half a pixel before its first centre.
    return np.ascontiguousarray(crop), scale, np.array([left - 0.5, top - 0.5])


def data_uri(image: np.ndarray, quality: int = 82) -> str:
    """A uint8 RGB image as a base64 JPEG."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    done, data = cv2.imencode(".jpg", image[..., ::-1], options)
    if not done:
        raise UserError("report: OpenCV could not encode a JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _picture(
    predictions: Predictions, network: str, i: int, distance: np.ndarray, threshold: float, lost: list[str]
) -> Picture | None:
    from semipose.data.images import read_image

    try:
        image = read_image(predictions.images[i])
    except (UserError, OSError, ValueError) as error:
        lost.append(str(error))
        return None
    truth, pred = predictions.truth[i].copy(), predictions.pred[network][i].copy()
    picture, scale, origin = crop_to_box(image, predictions.boxes[i], truth)
    for keypoints in (truth, pred):
        keypoints[:, :2] = (keypoints[:, :2] - origin) * scale - 0.5
    picture = draw_pose(picture, truth, predictions.skeleton, style="truth")
    # Every joint is scored, however unsure, so every joint is shown: the unsure ones faded.
    pred[:, 2] = np.maximum(pred[:, 2], 0)
    picture = draw_pose(picture, pred, predictions.skeleton, fade=(0.0, 0.3))
    right, count = int((distance <= threshold).sum()), int((~np.isnan(distance)).sum())
    return Picture(data_uri(picture), predictions.ids[i], f"{right} of {count} joints right")
