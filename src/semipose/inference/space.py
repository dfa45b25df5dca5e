"""Predictions of several cameras into points in space: what `semipose triangulate` does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from semipose.cameras.triangulation import OF_BOX, triangulate
from semipose.data.readers.cameras import read_cameras
from semipose.data.readers.json_files import Json, box_of, field_of, load_json, refuse_twice
from semipose.data.sample import AWAY
from semipose.errors import UserError
from semipose.files import ready, write_atomically
from semipose.metrics.mpjpe import mpjpe_summary, root_of
from semipose.skeleton import Skeleton

T = TypeVar("T")
Key = tuple[int | str, int | str | None]
People = dict[Key, tuple[np.ndarray, float]]
"""(image, person) -> (K, 3) x, y, score and the tolerance in px."""
FRAME = re.compile(r"(.+)#(\d{1,9})")
"""A video's name and a frame's number, as `semipose predict` names frames."""


def triangulate_files(
    cameras: str | Path,
    predictions: Mapping[str, str | Path],
    out: str | Path,
    truth: str | Path | None = None,
    tolerance: float | None = None,
) -> dict[str, Any]:
    """Triangulate one prediction file a camera, and write one JSON of points in mm.

    The same instant has the same `image_id` in every file; frames of one video a camera, whatever the videos are
    called, are matched by number. Several people at an instant need a `person_id` each, the same in every file: nothing
    here finds out who is who.

    Args:
        cameras: a camera file, see `read_cameras`.
        predictions: camera name -> COCO keypoint results, [{"image_id", "keypoints": 3K numbers, "bbox"}].
        out: the file to write: {"unit", "cameras", "people": [{"image_id", "person_id", "keypoints_3d": K times x, y, z
            or null, "residual": K px or null, "views": K lists of camera names}], "mpjpe"}.
        truth: a file as `out`, optionally with the names of the "joints", [] of K; null is not labelled. Where frames
            are matched by number, its images are these numbers, or frames such as "clip.mp4#17".
        tolerance: px, within which a view agrees; by default a tenth of the longer side of each box.

    Returns: what was written.

    Raises:
        UserError: a camera, file or entry does not fit, naming it.
    """
    known = read_cameras(cameras)
    for name in predictions:
        if name not in known:
            raise UserError(f"{cameras} has no camera {name!r}; it has {', '.join(list(known)[:12])}")
    if tolerance is not None and not tolerance > 0:
        raise UserError(f"the tolerance must be more than 0 px, not {tolerance:g}")
    if len(predictions) < 2:
        raise UserError(f"triangulation needs predictions of two cameras or more, not {len(predictions)}")
    given = {name: _read(Path(path), tolerance) for name, path in predictions.items()}
    views = _by_number(given)
    joints = {len(xys) for people in views.values() for xys, _ in people.values()}
    if not joints:
        raise UserError("there is no pose in any of the predictions")
    if len(joints) != 1:
        raise UserError(f"the predictions have {sorted(joints)} joints; each camera's must have the same")
    keys = [key for key in dict.fromkeys(k for people in views.values() for k in people)]
    if not any(sum(key in people for people in views.values()) > 1 for key in keys):
        raise UserError("no image_id (with its person_id) is in two files; an instant needs the same in each")
    seen = np.full((len(views), len(keys), joints.pop(), 3), np.nan)
    within = np.ones(seen.shape[:3])
    for v, people in enumerate(views.values()):
        for n, key in enumerate(keys):
            if key in people:
                seen[v, n], within[v, n] = people[key]
    found = triangulate(seen[..., :2], [known[name] for name in views], seen[..., 2], within)
    names = np.array(list(views), object)
    document: dict[str, Any] = {
        "unit": "mm",
        "cameras": list(views),
        "people": [
            {
                "image_id": key[0],
                **({} if key[1] is None else {"person_id": key[1]}),
                "keypoints_3d": [_numbers(point) for point in found.points[n]],
                "residual": [_number(px) for px in found.residual[n]],
                "views": [names[used].tolist() for used in found.used[:, n].T],
            }
            for n, key in enumerate(keys)
        ],
    }
    if truth is not None:
        document["mpjpe"] = _score(Path(truth), keys, found.points, views is not given)
    write_atomically(ready(Path(out), rb'^{"unit": "mm", "cameras": '), (json.dumps(document) + "\n").encode())
    return document


def _by_number(views: Mapping[str, People]) -> Mapping[str, People]:
    """With frames' numbers for images, where each camera has one video."""
    matches = [[FRAME.fullmatch(str(image)) for image, _ in people] for people in views.values() if people]
    videos = [{match and match[1] for match in each} for each in matches]
    if any(len(each) != 1 or None in each for each in videos):
        return views
    return {name: _numbered(people, f"{name}: the frame and person") for name, people in views.items()}


def _numbered(people: Mapping[Key, T], what: str) -> dict[Key, T]:
    """With frames' numbers for the images that are frames.

    Raises:
        UserError: `what` is there twice, with its number written in two ways.
    """
    matches = [(FRAME.fullmatch(str(image)), image, person) for image, person in people]
    keys: list[Key] = [(int(match[2]) if match else image, person) for match, image, person in matches]
    refuse_twice(keys, what)
    return dict(zip(keys, people.values(), strict=True))


def _read(path: Path, tolerance: float | None) -> People:
    people: People = {}
    rows = load_json(path)
    for where, row in [] if rows == [] else _rows(rows, path):  # a camera may have seen nobody
        xys = np.asarray(_floats(field_of(row, "keypoints", where), where))
        if xys.ndim != 1 or not xys.size or xys.size % 3:
            raise UserError(f"{where} has {xys.size} keypoint numbers; x, y, score for each joint are expected")
        if tolerance is None and row.get("bbox") is None:
            raise UserError(f"{where} has no bbox to tell how far off is too far; give --tolerance in px")
        within = OF_BOX * max(box_of(row, where)[2:]) if tolerance is None else tolerance
        _put(people, row, where, (xys.reshape(-1, 3), within))
    return people


def _score(path: Path, keys: Sequence[Key], points: np.ndarray, numbered: bool) -> dict[str, Any]:
    """MPJPE of everybody in the truth, also of those whom no camera predicted. `numbered`: images are frames' numbers,
    as which the truth's frames count too."""
    document = load_json(path)
    rows = document.get("people") if isinstance(document, dict) else document
    people: dict[Key, np.ndarray] = {}
    for where, row in _rows(rows, path):
        listed = field_of(row, "keypoints_3d", where)
        if not isinstance(listed, list) or len(listed) != points.shape[1]:
            raise UserError(f"{where}: keypoints_3d must be {points.shape[1]} times x, y, z or null")
        each = [[None] * 3 if p is None else p for p in listed]
        if not all(isinstance(p, list) and len(p) == 3 for p in each):
            raise UserError(f"{where}: keypoints_3d must be {points.shape[1]} times x, y, z or null")
        given = np.array([_floats(p, where) for p in each])
        _put(people, row, where, given)
    people = _numbered(people, f"{path}: the frame and person") if numbered else people
    at = {key: n for n, key in enumerate(keys)}
    if not any(key in at for key in people):
        raise UserError(f"{path} has nobody who was predicted; image_id and person_id must be those of the predictions")
    nobody = np.full(points.shape[1:], np.nan)
    pred = np.stack([points[at[key]] if key in at else nobody for key in people])
    names = document.get("joints") if isinstance(document, dict) else None
    words = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if names is not None and not (words and len(set(names)) == len(names)):
        raise UserError(f"{path}: joints must be a list of names that differ")
    if names is not None and len(names) != points.shape[1]:
        raise UserError(f"{path} names {len(names)} joints; the predictions have {points.shape[1]}")
    root = root_of(Skeleton("truth", tuple(names))) if names else None
    return mpjpe_summary(pred, np.stack(list(people.values())), names or [str(k) for k in range(len(nobody))], root)


def _rows(rows: Json, path: Path) -> list[tuple[str, dict]]:
    """(what errors call it, entry)."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} must be a list of objects, one a person; see docs/cameras.md")
    return [(f"{path}: entry {i}", row) for i, row in enumerate(rows)]


def _put(people: dict[Key, Any], row: dict, where: str, value: Any) -> None:
    key = (field_of(row, "image_id", where), row.get("person_id"))
    if not all(isinstance(part, int | str | None) and not isinstance(part, bool) for part in key):
        raise UserError(f"{where}: image_id and person_id must be numbers or text")
    if key in people:
        who = f"image_id {key[0]!r}" + ("" if key[1] is None else f", person_id {key[1]!r}")
        raise UserError(f"{where} is of {who} as one before; give each person of an instant an own person_id")
    people[key] = value


def _floats(values: Any, where: str) -> list[float]:
    if not isinstance(values, list) or not all(v is None or isinstance(v, int | float) for v in values):
        raise UserError(f"{where} has {str(values)[:60]} where numbers are expected")
    if any(v is not None and abs(v) > AWAY for v in values):
        raise UserError(f"{where} has a number beyond {AWAY:g}; is it damaged?")
    return [np.nan if v is None else float(v) for v in values]


def _numbers(point: np.ndarray) -> list[float] | None:
    return [round(float(v), 4) for v in point] if np.isfinite(point).all() else None


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
