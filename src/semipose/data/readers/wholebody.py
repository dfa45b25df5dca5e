"""COCO-WholeBody (Jin et al., ECCV 2020): feet, face and hands beside COCO's 17 joints, in lists of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from semipose.errors import UserError
from semipose.skeleton import Skeleton

BODY = 17
FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
HAND = ("hand_root", *(f"{finger}{n}" for finger in FINGERS for n in (1, 2, 3, 4)))
PARTS = {
    "foot": tuple(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")),
    "face": tuple(f"face-{n}" for n in range(68)),
    "lefthand": tuple(f"left_{part}" for part in HAND),
    "righthand": tuple(f"right_{part}" for part in HAND),
}
"""Names of the joints of each list, "<part>_kpts", as pose repositories have them."""
MIRRORED = (
    *((n, 16 - n) for n in range(8)),
    *((n, 43 - n) for n in range(17, 22)),
    *((31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)),
    *((48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)),
)
"""Of the face's 68 points, those that a mirror exchanges; the first of each is on the body's right."""


def widened(document: Any) -> Any:
    """A COCO document with the joints of all parts in `keypoints`; another as it is.

    A point of a part has a score in place of v: it is labelled where that is above 0 and the part is valid.
    """
    rows = document.get("annotations") if isinstance(document, dict) else None
    lists = {f"{part}_kpts" for part in PARTS}
    if not isinstance(rows, list) or not any(isinstance(row, dict) and lists & row.keys() for row in rows):
        return document
    joints = tuple(name for names in PARTS.values() for name in names)
    categories = [
        {**each, "keypoints": [*each["keypoints"], *joints]}
        if isinstance(each, dict) and isinstance(each.get("keypoints"), list) and len(each["keypoints"]) == BODY
        else each
        for each in document.get("categories") or ()
    ]
    return {**document, "annotations": [_whole(row) for row in rows], "categories": categories}


def with_face(skeleton: Skeleton) -> Skeleton:
    """The skeleton with the pairs of the face's points, whose names say no side."""
    if not set(PARTS["face"]) <= set(skeleton.joints):
        return skeleton
    at = {n: skeleton.joints.index(name) for n, name in enumerate(PARTS["face"])}
    return replace(skeleton, pairs=(*skeleton.pairs, *((at[left], at[right]) for right, left in MIRRORED)))


def _is_number(value: Any) -> bool:
    return value is None or type(value) in (int, float)


def _whole(row: Any) -> Any:
    points = row.get("keypoints") if isinstance(row, dict) else None
    if not isinstance(points, list) or len(points) not in (0, 3 * BODY):
        return row
    wide = list(points) or [0] * 3 * BODY
    for part, names in PARTS.items():
        given, valid = row.get(f"{part}_kpts"), row.get(f"{part}_valid", True)
        where = f"annotation {row.get('id')}: {part}"
        if given and not (isinstance(given, list) and len(given) == 3 * len(names) and all(map(_is_number, given))):
            raise UserError(f"{where}_kpts must be {3 * len(names)} numbers; mend it, or leave it out")
        if not isinstance(valid, int | float):
            raise UserError(f"{where}_valid is {str(valid)[:20]!r}; it can be true or false")
        good = bool(given) and bool(valid)
        for x, y, score in zip(*(given[i::3] for i in range(3)), strict=True) if good else [(0, 0, 0)] * len(names):
            seen = isinstance(score, int | float) and score > 0
            wide += [x, y, 2] if seen else [0, 0, 0]
    return {**row, "keypoints": wide}
