"""A model's predictions on unlabelled images, worst first, as plain values, a table, and one HTML page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from semipose.data.images import read_images
from semipose.data.packed import blocks
from semipose.drawing.poses import DARK, WHITE, draw_pose
from semipose.errors import UserError
from semipose.files import plain_bytes
from semipose.inference.uncertainty import Judgement
from semipose.outputs.base import cell
from semipose.reports.gallery import WHOLE, body_in, crop_to_box, data_uri
from semipose.reports.html import write_page

SIZE = 360
"""Longest side of a picture."""
NAMED = 3
"""Joints in the table below each picture."""
STRAY = 0.02
"""Of the box's longer side: a circle is drawn from this disagreement on."""


class AuditRow(NamedTuple):
    """A picture, with all that lies around where it shows a part, and its worst joints as (name, confidence, doubt,
    disagreement)."""

    uri: str
    whole: str
    sample: str
    score: float
    joints: list[tuple[str, float, float, float]]


def summary(judged: Judgement, order: Sequence[int]) -> dict[str, Any]:
    """The content of audit.json but for the model; see `audit`."""
    trouble, joints = judged.trouble, judged.skeleton.joints
    worst = np.bincount(trouble.argmax(1), minlength=len(joints)) / len(trouble)
    means = {
        "confidence": judged.points[..., 2].mean(0),
        "doubt": judged.doubt.mean(0),
        "disagreement": judged.disagreement.mean(0),
        "trouble": trouble.mean(0),
        "worst": worst,
    }
    per_joint = {j: {key: round(float(v[k]), 4) for key, v in means.items()} for k, j in enumerate(joints)}
    least = max(per_joint, key=lambda joint: per_joint[joint]["trouble"])
    rows, every = np.array(order), judged.data.samples
    numbers = {
        "box": every.boxes[rows].round(2),
        "score": judged.score[rows].round(4),
        "keypoints": judged.points[rows].round(3),
        "doubt": judged.doubt[rows].round(4),
        "disagreement": judged.disagreement[rows].round(4),
        "trouble": trouble[rows].round(4),
    }
    names = zip(every.ids.take(rows), every.images.take(rows), strict=True)
    columns = zip(*(values.tolist() for values in numbers.values()), strict=True)
    samples = [
        {"id": name, "image": image, **dict(zip(numbers, values, strict=True))}
        for (name, image), values in zip(names, columns, strict=True)
    ]
    about = per_joint[least]
    sentence = (
        f"Of {len(trouble):,} predictions on unlabelled images, the model is least sure of {least}: its confidence is"
        f" {about['confidence']:.2f} on average, and it is the worst joint of {100 * about['worst']:.0f} % of them."
    )
    networks = list(judged.pred)
    return {"sentence": sentence, "networks": networks, "joints": per_joint, "samples": samples}


def document(content: Mapping[str, Any]) -> Iterator[bytes]:
    """audit.json of its content, part by part; the samples are the last of it."""
    yield json.dumps({**content, "samples": []}).removesuffix("]}").encode()
    between = ""
    for block in blocks(content["samples"]):
        yield (between + json.dumps(block)[1:-1]).encode()
        between = ", "
    yield b"]}\n"


def table(judged: Judgement, order: Sequence[int]) -> Iterator[bytes]:
    """audit.csv, part by part: a row a joint of each sample, worst sample first."""
    yield b"sample,score,joint,x,y,confidence,doubt,disagreement,trouble\r\n"
    joints, ids = [cell(joint) for joint in judged.skeleton.joints], judged.data.samples.ids
    parts = (judged.points, judged.doubt[..., None], judged.disagreement[..., None], judged.trouble[..., None])
    for block in map(np.array, blocks(order)):
        text = io.StringIO(newline="")
        rows = csv.writer(text)
        numbers = np.concatenate([part[block] for part in parts], -1).tolist()
        for name, score, each in zip(ids.take(block), judged.score[block].tolist(), numbers, strict=True):
            sample, mean = cell(name), f"{score:.4f}"
            for joint, (x, y, *rest) in zip(joints, each, strict=True):
                rows.writerow((sample, mean, joint, f"{x:.3f}", f"{y:.3f}", *(f"{v:.4f}" for v in rest)))
        yield plain_bytes(text.getvalue())


def page(found: Mapping[str, Any], judged: Judgement, chosen: Sequence[int], path: Path) -> Path:
    """Write the page.

    Args:
        found: the content of audit.json.
        chosen: the samples to show, worst first.
    """
    rows = sorted(found["joints"].items(), key=lambda row: -row[1]["trouble"])
    content = {
        "found": found,
        "joints": rows,
        "shown": pictures(judged, chosen),
        "total": len(judged.data),
        "several": len(judged.pred) > 1,
        "scores": [found["samples"][n]["score"] for n in (0, len(judged.data) // 2, -1)],
    }
    return write_page(path, "audit.html", content)


def pictures(judged: Judgement, chosen: Sequence[int]) -> list[AuditRow]:
    """Each chosen sample with the prediction on it, a circle around its worst joint where networks and views strayed,
    and, thin and white, what a second network says; images that cannot be read are left out."""
    by_image: dict[str, list[int]] = {}
    for i in chosen:
        by_image.setdefault(judged.data[i].image, []).append(i)
    made: dict[int, AuditRow] = {}
    for image, pixels in read_images(list(by_image)):
        if not isinstance(pixels, UserError):
            made |= {i: _shown(judged, i, pixels) for i in by_image[image]}
    return [made[i] for i in chosen if i in made]


def _shown(judged: Judgement, i: int, image: np.ndarray) -> AuditRow:
    sample, skeleton, trouble = judged.data[i], judged.skeleton, judged.trouble[i]
    worst = [int(k) for k in np.argsort(-trouble, kind="stable")[:NAMED]]
    box = np.array(sample.box)
    part = body_in(box, judged.points[i, :, :2])
    uri = _drawn(judged, i, image, box if part is None else part, SIZE, worst[0])
    whole = "" if part is None else _drawn(judged, i, image, box, WHOLE, worst[0])
    rows = [
        (skeleton.joints[k], float(judged.points[i, k, 2]), float(judged.doubt[i, k]), float(judged.disagreement[i, k]))
        for k in worst
    ]
    return AuditRow(uri, whole, sample.id, float(judged.score[i]), rows)


def _drawn(judged: Judgement, i: int, image: np.ndarray, box: np.ndarray, size: int, worst: int) -> str:
    """The part of the image in a box, with what the networks say, and a circle around the joint `worst`."""
    sample, skeleton = judged.data[i], judged.skeleton
    nothing = np.zeros((len(skeleton), 3))
    picture, scale, origin = crop_to_box(image, box, nothing, margin=0.02, size=size, enlarge=True)
    points = [each[i].copy() for each in judged.pred.values()]
    for each in points:
        each[:, :2] = (each[:, :2] - origin) * scale - 0.5
    reach = judged.disagreement[i, worst] * max(sample.box[2:]) * scale
    if judged.disagreement[i, worst] >= STRAY:
        _circle(picture, points[0][worst, :2], float(reach))
    for other in points[1:]:
        picture = draw_pose(
            picture, np.concatenate([other[:, :2], np.full((len(other), 1), 2.0)], 1), skeleton, "truth"
        )
    mine = np.concatenate([points[0][:, :2], np.maximum(points[0][:, 2:], 0)], 1)
    return data_uri(draw_pose(picture, mine, skeleton, fade=(0.0, 0.3)))


def _circle(picture: np.ndarray, centre: np.ndarray, radius: float) -> None:
    place = (round(16 * float(centre[0])), round(16 * float(centre[1])))
    for color, thickness in ((DARK, 2), (WHITE, 1)):
        cv2.circle(picture, place, round(16 * max(radius, 4.0)), color, thickness, cv2.LINE_AA, 4)
