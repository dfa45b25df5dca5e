"""The left/right doctor: the pairs, a picture of one example and its mirror image, and labels that look swapped."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from semipose.data.checks.swapped import orders
from semipose.data.images import read_image
from semipose.data.marks import encoded, refuse_drawn_by_others
from semipose.data.sample import PoseData, Sample
from semipose.drawing.poses import contact_sheet, draw_pose, side_colors, write
from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.reports.gallery import crop_to_box
from semipose.sides import find_sides
from semipose.skeleton import Skeleton

SIDE = 520
"""Pixels of the longer side of a picture."""
SUSPECTS = 4


class Diagnosis(NamedTuple):
    """What to print, the picture written, and whether names and labels are in order."""

    lines: tuple[str, ...]
    picture: Path
    ok: bool


def diagnose(data: PoseData, out: str | Path = "doctor.jpg", paired: bool = False) -> Diagnosis:
    """Say which joints are taken for left and right of each other, and which labels look swapped; write a picture: the
    sample with the most labels, beside its mirror image with the pairs exchanged, as training shows it; then up to
    `SUSPECTS` samples that look swapped.

    Args:
        out: a .jpg or .png file.
        paired: the user named the pairs, whatever the joints' names say.
    """
    assert data.skeleton is not None
    skeleton, found = data.skeleton, orders(data)
    remarks = () if paired else find_sides(skeleton.joints, skeleton.paired).remarks
    alone = [joint for k, joint in enumerate(skeleton.joints) if k not in skeleton.paired]
    lines = [f"without a pair: {', '.join(alone)}"] if alone else []
    lines += [f"name: {remark}" for remark in remarks]
    lines += [] if found else ["no pairs: a mirrored picture keeps each joint's name"]
    for each in found:
        many = f"{len(each.swapped)} of {len(data)} samples look swapped" if each.swapped else "no sample looks swapped"
        said = many if each.known else "which is left cannot be told from the labels' places"
        lines.append(f"pair: {each.left} - {each.right}: {said}")
    suspects = dict.fromkeys(i for each in found for i in each.swapped)
    lines += [f"    {i}: {', '.join(f'{e.left} - {e.right}' for e in found if i in e.swapped)}" for i in suspects]
    best = max(data, key=lambda s: 0 if s.keypoints is None else int((s.keypoints[:, 2] > 0).sum()))
    pictures = [
        drawn(best, skeleton, False, "as labelled"),
        drawn(best, skeleton, True, "mirrored, as training sees it"),
    ]
    pictures += [drawn(s, skeleton, False, "swapped?") for s in data.subset(list(suspects)[:SUSPECTS])]
    path = Path(out)
    if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UserError(f"{path} is no name for a picture; end it in .jpg or .png")
    refuse_drawn_by_others(path)
    sheet = contact_sheet(pictures, 2)
    write_atomically(path, encoded(sheet, path.suffix))
    return Diagnosis(tuple(lines), path, not (suspects or remarks))


def drawn(sample: Sample, skeleton: Skeleton, mirrored: bool = False, title: str = "") -> np.ndarray:
    """The sample's surroundings, enlarged to `SIDE`, with its labels named; blue is left, orange right."""
    assert sample.keypoints is not None
    image, points = read_image(sample.image), sample.keypoints.astype(np.float64)
    there = points[points[:, 2] > 0, :2]
    low, high = there.min(0), there.max(0)
    span = max(float((high - low).max()), 16.0)
    box = np.array([*(low - span / 3), *(high - low + 2 * span / 3)])
    image, scale, origin = crop_to_box(image, box, points, size=SIDE)
    points[:, :2] = (points[:, :2] - origin) * scale - 0.5
    grown = SIDE / max(image.shape[:2])
    image = cv2.resize(image, None, fx=grown, fy=grown, interpolation=cv2.INTER_CUBIC)
    points[:, :2] = (points[:, :2] + 0.5) * grown - 0.5
    if mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
        points = points[list(skeleton.flip)]
        points[:, 0] = image.shape[1] - 1 - points[:, 0]
    shown = np.where(points[:, 2:] > 0, points[:, :2], np.nan)
    canvas = draw_pose(image, np.concatenate([shown, points[:, 2:]], 1), skeleton)
    for name, at, color in zip(skeleton.joints, shown, side_colors(skeleton), strict=True):
        if np.isfinite(at).all():
            write(canvas, name, (int(at[0]) + 8, int(at[1]) - 6), color)
    write(canvas, title, (8, 20), (255, 255, 255))
    return canvas
