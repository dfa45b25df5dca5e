"""The best and worst validation images of a run, as small JPEGs with truth and prediction drawn."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from semipose.drawing.poses import draw_pose
from semipose.errors import UserError
from semipose.metrics.pck import labeled_joints
from semipose.metrics.summary import ENSEMBLE, label_of
from semipose.reports.runs import Predictions

SIZE = 256
"""Longest side of a picture."""
WORST = 0.5
"""Distances are clipped here (in box norms) for ranking, so that one stray joint does not make an image the worst."""


PART = 0.5
"""Of a box's longer side: a body that spans less is cut out of it, and the whole is shown by a click."""
WHOLE = 640
"""Longest side of a whole picture."""


@dataclass(frozen=True)
class Picture:
    """`whole`: with all that lies around, where `uri` shows a part of it."""

    uri: str
    sample: str
    caption: str
    whole: str = ""


@dataclass(frozen=True)
class Gallery:
    run: str
    network: str
    of: str
    best: tuple[Picture, ...]
    worst: tuple[Picture, ...]
    note: str


def gallery(run: str, predictions: Predictions, threshold: float | None, each: int = 6) -> Gallery | None:
    """The best and worst samples by mean distance of the ensemble (else of the first network); None if unlabelled.

    Args:
        threshold: in parts of the box, below which a joint is right; None where that is measured otherwise.
    """
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
    alone = len(predictions.pred) < 2
    return Gallery(run, network, "" if alone else f" of {label_of(network)}", best, worst, note)


def body_in(box: np.ndarray, body: np.ndarray, also: np.ndarray | None = None) -> np.ndarray | None:
    """The box to show of a body that is small in its own box, as (x, y, w, h); None of one that is not.

    Args:
        body: (N, 2) places of its joints; those that are not finite do not count.
        also: (M, 2) places to show too, as far as the body's span beyond it.
    """
    there = body[np.isfinite(body).all(1)]
    if not len(there):
        return None
    low, high = there.min(0), there.max(0)
    span = max(float((high - low).max()), 16.0)
    if span > PART * max(box[2:]):
        return None
    if also is not None and len(near := also[np.isfinite(also).all(1)]):
        low, high = np.minimum(low, near.min(0).clip(low - span)), np.maximum(high, near.max(0).clip(None, high + span))
    return np.array([*(low - span / 4), *(high - low + span / 2)])


def crop_to_box(
    image: np.ndarray,
    box: np.ndarray,
    keypoints: np.ndarray,
    margin: float = 0.15,
    size: int = SIZE,
    enlarge: bool = False,
) -> tuple[np.ndarray, float, np.ndarray]:
    """Cut out a box with the labelled joints and some margin, and shrink it to `size`; with `enlarge` smaller ones
    become so large too, so that lines are thin beside them.

    Returns: the picture, and scale and origin with `(xy - origin) * scale - 0.5` the picture's pixel of image pixel xy.
    """
    corners = np.concatenate([box[None, :2], box[None, :2] + box[None, 2:], keypoints[labeled_joints(keypoints), :2]])
    low, high = corners.min(0), corners.max(0)
    extra = margin * (high - low).max()
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(low - extra), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(high + extra) + 1, [left + 1, top + 1], [width, height]).astype(int)
    crop = image[top:bottom, left:right]
    scale = size / max(crop.shape[:2])
    scale = scale if enlarge else min(1.0, scale)
    if scale != 1:
        shape = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = cv2.resize(crop, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
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
    predictions: Predictions, network: str, i: int, distance: np.ndarray, threshold: float | None, lost: list[str]
) -> Picture | None:
    from semipose.data.images import read_image

    try:
        image = read_image(predictions.images[i])
    except (UserError, OSError, ValueError) as error:
        lost.append(str(error))
        return None
    truth, pred, box = predictions.truth[i], predictions.pred[network][i], predictions.boxes[i]
    # Every joint is scored, however unsure, so every joint is shown: the unsure ones faded.
    pred = np.concatenate([pred[:, :2], np.maximum(pred[:, 2:], 0)], 1)

    def drawn(box: np.ndarray, keypoints: np.ndarray, size: int, enlarge: bool) -> str:
        picture, scale, origin = crop_to_box(image, box, keypoints, size=size, enlarge=enlarge)
        true, said = (np.concatenate([(p[:, :2] - origin) * scale - 0.5, p[:, 2:]], 1) for p in (truth, pred))
        picture = draw_pose(picture, true, predictions.skeleton, style="truth")
        return data_uri(draw_pose(picture, said, predictions.skeleton, fade=(0.0, 0.3)))

    part = body_in(box, truth[labeled_joints(truth), :2], pred[:, :2])
    uri = drawn(box, truth, SIZE, False) if part is None else drawn(part, truth, SIZE, True)
    count = int((~np.isnan(distance)).sum())
    said = f"{count} joints" if threshold is None else f"{int((distance <= threshold).sum())} of {count} joints right"
    return Picture(uri, predictions.ids[i], said, "" if part is None else drawn(box, truth, WHOLE, False))
