"""Boxes where a data set has none: the whole frame, or the extent of an instance's own labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from semipose.data.images import image_size
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import Skeleton

Box = tuple[float, float, float, float]

BOX_MARGIN = 1.2
"""The extent of the labelled joints times this is a box, so that head and feet fit in. The crop's own padding comes on
top."""

MIN_BOX = 8.0
"""Least side of such a box in pixels, for joints in one line."""


def whole(size: tuple[int, int]) -> Box:
    """The box of a whole image of `size` (height, width)."""
    return (0.0, 0.0, float(size[1]), float(size[0]))


LARGE = 20
"""A box whose longer side is more times that of its image is damage."""


def lies_beside(box: Any, height: Any, width: Any) -> Any:
    """Whether a box x, y, w, h shows nothing of an image; of arrays of them, an array."""
    x, y, w, h = box
    return (x >= width) | (y >= height) | (x + w <= 0) | (y + h <= 0)


def is_huge(box: Any, height: Any, width: Any) -> Any:
    """Whether a box x, y, w, h is far larger than an image; of arrays of them, an array."""
    _, _, w, h = (each / LARGE for each in box)
    return ((w > width) & (w > height)) | ((h > width) & (h > height))


def refuse_misplaced(box: Box, size: tuple[int, int] | None, where: str) -> None:
    """
    Raises:
        UserError: the box shows nothing of an image of `size` (height, width) and lies further away than a tenth of it,
            or is far larger; None is of no size. A detector's box may lie on the border itself.
    """
    if size is None:
        return
    high, wide = size
    image = f"its image of {wide} x {high} pixels; mend or remove it"
    room = 0.1 * max(size)
    if lies_beside((box[0] - room, box[1] - room, box[2] + 2 * room, box[3] + 2 * room), high, wide):
        raise UserError(f"{where} has the bbox {[*box]}, outside {image}")
    if is_huge(box, high, wide):
        raise UserError(f"{where} has the bbox {[*box]}, more than {LARGE} times as large as {image}")


def label_box(
    joints: np.ndarray,
    size: tuple[int, int],
    margin: float = BOX_MARGIN,
    least: float = MIN_BOX,
    longer: float = 0.0,
) -> Box:
    """The enlarged extent of the labelled joints (K, 3) x, y, v within an image of `size` (height, width), `least` or
    more a side and `longer` or more along its longer side, cut to the image; the whole image where no joint is labelled
    in it."""
    limit = np.array(size[::-1], np.float64)
    # Edge coordinates: a joint at pixel centre j lies at j + 0.5.
    points = joints[joints[:, 2] > 0, :2] + 0.5
    points = points[((points >= 0) & (points <= limit)).all(1)]
    if not len(points):
        return whole(size)
    low, high = points.min(0), points.max(0)
    half = np.maximum((high - low) * margin, least) / 2
    half = half * max(1.0, longer / (2 * half.max()))
    middle = (low + high) / 2
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half, limit)
    return (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def whole_boxes(data: PoseData) -> PoseData:
    """The same samples, each in the box of its whole image (`data.boxes: whole`).

    Raises:
        UserError: an image has several.
    """
    several = [image for image, count in Counter(s.image for s in data if not s.iscrowd).items() if count > 1]
    if several:
        raise UserError(
            f"{data.name}: {len(several)} images show several bodies, first {several[0]}, and whole images are boxes of"
            " one; set data.boxes: labels or own"
        )
    sizes = {image: image_size(image) for image in data.images}
    boxed = (replace(s, box=whole(sizes[s.image])) for s in data)
    return PoseData(data.name, data.skeleton, boxed, data.remarks)


def whole_images(data: PoseData) -> PoseData:
    """Each image once, without labels, in its whole box."""
    first = {sample.image: sample for sample in reversed(data.samples)}
    made = (replace(first[image], box=whole(image_size(image)), keypoints=None) for image in data.images)
    return PoseData(data.name, None, made, data.remarks, data.left_out)


CORNERS = 3
"""Points that say where a box is, in any view: a corner, the one to its right and the one below."""


def pictures(data: PoseData, most: int, others: Sequence[Sample] = (), room: int = 0) -> PoseData:
    """A sample for each image, in its whole box, with the joints of its bodies one after another: the first `most` of
    them, and none where there are fewer. After them `CORNERS` of each of its `others`, the largest `room` of them."""
    assert data.skeleton is not None
    names = tuple(f"{body + 1}/{joint}" for body in range(most) for joint in data.skeleton.joints)
    names += tuple(f"other {n + 1}/{corner}" for n in range(room) for corner in range(CORNERS))
    beside: dict[str, list[Sample]] = {}
    for other in sorted(others, key=lambda each: -each.box[2] * each.box[3]):
        beside.setdefault(other.image, []).append(other)
    shown: dict[str, list[Sample]] = {}
    for sample in data:
        shown.setdefault(sample.image, []).append(sample)
    made = []
    for image, bodies in shown.items():
        points = np.zeros((most, len(data.skeleton), 3), np.float32)
        for row, body in zip(points, bodies, strict=False):
            row[:] = 0 if body.keypoints is None else body.keypoints
        size, corners = image_size(image), np.zeros((room, CORNERS, 3), np.float32)
        for row, other in zip(corners, beside.get(image, ()), strict=False):
            row[:] = _corners(other.box, size)
        keypoints = np.concatenate([points.reshape(-1, 3), corners.reshape(-1, 3)])
        made.append(replace(bodies[0], box=whole(size), keypoints=keypoints, area=None))
    return PoseData(data.name, Skeleton("bodies", names), made, data.remarks)


def _corners(box: Box, size: tuple[int, int]) -> np.ndarray:
    """(CORNERS, 3) x, y, 2 of a box's part in an image of `size` (height, width); 0 where it has none."""
    low, high = (np.clip(each, 0, np.array(size[::-1]) - 1.0) for each in (box[:2], np.add(box[:2], box[2:]) - 1))
    if (high <= low).any():
        return np.zeros((CORNERS, 3))
    return np.array([(*low, 2), (high[0], low[1], 2), (low[0], high[1], 2)])


def boxed_by_labels(data: PoseData) -> PoseData:
    """The same samples, each labelled one in the box of its own labels (`data.boxes: labels`)."""
    return PoseData(data.name, data.skeleton, boxed(data), data.remarks)


def boxes_of(data: PoseData) -> dict[str, Any]:
    """What a network was trained on: the `most` instances in an image, and whether boxes are `whole` images."""
    most = max(Counter(s.image for s in data).values())
    first = next((s for s in data if s.labeled), data[0])
    return {"most": most, "whole": most == 1 and first.box == whole(image_size(first.image))}


def boxed_by_corners(data: PoseData) -> PoseData:
    """The same samples, whose boxes are x1, y1, x2, y2 (`data.boxes: corners`).

    Raises:
        UserError: naming a box whose second corner is not to the right of the first and below it.
    """
    corners = [(s, (*s.box[:2], s.box[2] - s.box[0], s.box[3] - s.box[1])) for s in data]
    odd = next((s for s, box in corners if min(box[2:]) <= 0), None)
    if odd is not None:
        raise UserError(f"{data.name}: sample {odd.id!r} has the box {odd.box}, which are no corners; data.boxes=own")
    samples = (replace(s, box=box) for s, box in corners)
    return PoseData(data.name, data.skeleton, samples, data.remarks)


def boxed(
    samples: Iterable[Sample],
    known: Mapping[str, tuple[int, int] | None] = MappingProxyType({}),
    stated: bool = False,
) -> list[Sample]:
    """The same samples, each labelled one in the box of its own labels. One label says nothing of a size: such a box is
    as large as the others are in the median, the whole image where there are none.

    Args:
        known: (height, width) of images, where they are not to be read from their files.
        stated: whether labels may still be in pixels of the size that the data states: boxes are cut to that where all
            of a sample's labels lie in it.
    """
    samples = list(samples)
    labels = [s.keypoints if s.keypoints is not None and s.labeled else None for s in samples]
    wanted = dict.fromkeys(s.image for s, points in zip(samples, labels, strict=True) if points is not None)
    sizes = {image: known.get(image) or image_size(image) for image in wanted}
    count = [0 if points is None else int((points[:, 2] > 0).sum()) for points in labels]
    frames = [s.size if stated and _lie_inside(s) else sizes.get(s.image) for s in samples]
    boxes = [
        s.box if points is None or frame is None else label_box(points, frame)
        for s, points, frame in zip(samples, labels, frames, strict=True)
    ]
    sides = [max(box[2:]) for box, n in zip(boxes, count, strict=True) if n > 1]
    usual = float(np.median(sides)) if sides else None
    for i, (points, frame) in enumerate(zip(labels, frames, strict=True)):
        if points is not None and frame is not None and count[i] == 1:
            boxes[i] = label_box(points, frame, least=usual) if usual else whole(sizes[samples[i].image])
    return [replace(s, box=box) for s, box in zip(samples, boxes, strict=True)]


def _lie_inside(sample: Sample) -> bool:
    """Whether all labels lie in an image of the size that the data states, if it does."""
    if sample.size is None or sample.keypoints is None:
        return False
    points = sample.keypoints[sample.keypoints[:, 2] > 0, :2] + 0.5
    return bool(((points >= 0) & (points <= sample.size[::-1])).all())
