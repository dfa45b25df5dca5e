"""What the numbers of labels count, where that is not pixels of the image as it is shown (`data.coordinates`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from semipose.data.extent import Box, label_box, whole
from semipose.data.images import image_size, image_turn
from semipose.data.pictures import TURNED
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError

SHARES = {"shares": 1.0, "percent": 100.0}
"""Of the image's width and height."""
Size = tuple[int, int]
Move = Callable[[np.ndarray], np.ndarray]
"""(N, 2) edge coordinates, in which an image spans from 0 to its width and height, to such of the image as shown."""


def in_pixels(data: PoseData, coordinates: str | None) -> PoseData:
    """The same samples in pixels of their images as shown.

    Args:
        coordinates: None or `file`, they are; `json`, pixels of the size that the labels state; `stored`, of the
            picture as it is stored, before EXIF turns it; `shares`, of width and height, 0 to 1; or `percent`.

    Raises:
        UserError: `json`, and no size is stated.
    """
    if coordinates in (None, "file"):
        return data
    if coordinates == "json" and not any(s.size for s in data):
        raise UserError(f"{data.name} states no sizes of images, so data.coordinates cannot be json; leave that out")
    sizes: dict[str, tuple[Size, int] | None] = {}
    for image in data.images:
        try:
            sizes[image] = (image_size(image), image_turn(image))
        except UserError:  # which is said when it is read
            sizes[image] = None
    samples = (_moved(s, coordinates, sizes[s.image]) for s in data)
    return PoseData(data.name, data.skeleton, samples, data.remarks)


def stored_size(size: Size, turn: int) -> Size:
    """(height, width) of a picture as it is stored, of one shown."""
    return (size[1], size[0]) if turn in TURNED else size


def _moved(sample: Sample, coordinates: str, about: tuple[Size, int] | None) -> Sample:
    if about is None:
        return sample
    size, turn = about
    wide = np.array([size[1], size[0]], np.float64)
    if coordinates in SHARES:
        most = SHARES[coordinates]
        scale = wide / most
        points = _points(sample, lambda xy: xy * scale, 0.0)
        box = _box(sample.box, lambda xy: xy * scale) if _within(sample.box, most) else sample.box
        if points is not None and sample.labeled and not _holds_any(box, points):
            box = label_box(points, size)  # it was made of labels that were no pixels
        return replace(sample, keypoints=points, box=box, size=size, area=None)
    if coordinates == "json":
        if sample.size is None:
            return sample
        step = wide / np.array(sample.size[::-1], np.float64)
        area = None if sample.area is None else float(sample.area * step.prod())
        head = None if sample.head_size is None else float(sample.head_size * np.sqrt(step.prod()))
        sample = replace(sample, area=area, head_size=head)
        move: Move = lambda xy: xy * step  # noqa: E731
    else:
        high, across = stored_size(size, turn)
        move = lambda xy: unturned(xy, turn, across, high)  # noqa: E731
    # One of the whole file was made by a reader, where the data has none.
    box = sample.box if sample.box == whole(size) else _box(sample.box, move)
    return replace(sample, keypoints=_points(sample, move, 0.5), box=box, size=size)


def unturned(xy: np.ndarray, turn: int, width: float, height: float) -> np.ndarray:
    """Edge coordinates of a stored picture (..., 2) as those of the one that EXIF's orientation makes of it.

    Args:
        width, height: of the stored picture.
    """
    x, y = xy[..., 0], xy[..., 1]
    back, up = width - x, height - y
    pairs: Sequence[tuple[np.ndarray, np.ndarray]] = (
        *((x, y), (back, y), (back, up), (x, up)),
        *((y, x), (up, x), (up, back), (y, back)),
    )
    return np.stack(pairs[turn - 1], -1)


def _points(sample: Sample, move: Move, half: float) -> np.ndarray | None:
    """`half` of a pixel: where its centre lies in what `move` takes."""
    if sample.keypoints is None:
        return None
    points = sample.keypoints.astype(np.float64)
    points[:, :2] = np.where(points[:, 2:] > 0, move(points[:, :2] + half) - half, 0)
    return points.astype(np.float32)


def _box(box: Box, move: Move) -> Box:
    corners = move(np.array([box[:2], (box[0] + box[2], box[1] + box[3])], np.float64))
    low, high = corners.min(0), corners.max(0)
    return (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _holds_any(box: Box, points: np.ndarray) -> bool:
    xy = points[points[:, 2] > 0, :2]
    return bool(((xy >= box[:2]) & (xy <= np.add(box[:2], box[2:]))).all(1).any())


def _within(box: Box, most: float) -> bool:
    return max(box[0] + box[2], box[1] + box[3]) <= 1.01 * most
