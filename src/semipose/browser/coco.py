"""Labels in COCO's keypoints JSON: fields and entries that this does not know stay as they are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semipose.browser.stores import Body, FileStore, key_of, plain
from semipose.data.extent import label_box
from semipose.data.images import image_size
from semipose.data.readers.json_files import ImageFolder, file_names, id_of, numbers_of, points_of, refuse_twice
from semipose.errors import UserError, reads
from semipose.files import read_json, write_atomically
from semipose.skeleton import Skeleton

ABOUT = "Labels made with semipose ui"
WHOLEBODY = "foot_kpts"
"""A field that COCO-WholeBody has beside `keypoints`."""


def begin(path: Path, joints: Sequence[str], limbs: Sequence[tuple[int, int]] = ()) -> None:
    """A file of a skeleton, with no labels yet.

    Raises:
        UserError: it is there, or the joints are none.
    """
    try:
        skeleton = Skeleton("body", tuple(joints), limbs=tuple(limbs))
    except ValueError as error:
        raise UserError(str(error)) from None
    if path.exists():
        raise UserError(f"{path.name} is there already; reload the page")
    edges = [[a + 1, b + 1] for a, b in skeleton.limbs]
    category = {"id": 1, "name": skeleton.name, "keypoints": list(joints), "skeleton": edges}
    document = {"info": {"description": ABOUT}, "images": [], "annotations": [], "categories": [category]}
    write_atomically(path, _text(document, 1).encode())


class CocoStore(FileStore):
    """A COCO file. Bodies are its annotations that are no crowd, of the categories that have joints.

    Args:
        images: the folder of the images, where it is not the file's own.
        outside: whether images are looked for outside of it.
    """

    def __init__(self, path: Path, lock: Path, images: Path | None = None, outside: bool = False) -> None:
        super().__init__(path, "COCO", lock=lock)
        self.folder, self.outside = images or path.parent, outside
        self.fresh()

    def _read(self) -> None:
        load(self.path, self)

    def take(self, document: dict[str, Any]) -> None:
        """A file's content."""
        lists = {key: _rows(document, key, self.path) for key in ("images", "annotations", "categories")}
        categories = [row for row in lists["categories"] if row.get("keypoints")]
        if not categories or any(row["keypoints"] != categories[0]["keypoints"] for row in categories):
            raise UserError(f"{self.path.name} has categories of no joints, or of different ones: it can only be read")
        if any(WHOLEBODY in row for row in lists["annotations"]):
            raise UserError(
                f"{self.path.name} has joints of COCO-WholeBody in fields of their own: it can only be read"
            )
        self.skeleton = Skeleton.from_coco(categories[0])
        self._ids = [id_of(row, "id", f"{self.path}: a category") for row in categories]
        self._document = document
        numbers = [row["id"] for row in lists["annotations"] if isinstance(row.get("id"), int | str)]
        refuse_twice(numbers, f"{self.path}: annotation id")
        names = file_names(lists["images"], self.path)
        files = ImageFolder(self.folder, names.values(), self.path.parent, self.outside)
        self._images: dict[str, Any] = {}
        for number, name in names.items():
            self._images.setdefault(key_of(files.path(name, f"{self.path}: image {number}")), number)
        self._rows: dict[Any, list[dict[str, Any]]] = {}
        for row in lists["annotations"]:
            if not row.get("iscrowd") and row.get("category_id") in self._ids:
                self._rows.setdefault(row.get("image_id"), []).append(row)
        info = document.get("info")
        # Its converter counts from the image's edge, not from the first pixel's centre.
        self._shift = 0.5 if isinstance(info, dict) and info.get("contributor") == "Label Studio" else 0.0

    def has(self, image: str) -> bool:
        return image in self._images

    def labeled(self) -> set[str]:
        return {
            image
            for image, number in self._images.items()
            if any(any((row.get("keypoints") or [])[2::3]) for row in self._rows.get(number, ()))
        }

    def can_add(self, image: str) -> bool:
        return Path(image).is_relative_to(self.folder.resolve())

    def _get(self, image: str) -> list[Body]:
        rows = self._rows.get(self._images.get(image), [])
        return [Body.of(self._points(row), row["id"]) for row in rows]

    def _points(self, row: Mapping[str, Any]) -> np.ndarray:
        k, where = len(self.skeleton), f"{self.path}: annotation {row.get('id')}"
        id_of(dict(row), "id", where)
        points = points_of(row["keypoints"], (k, 3), where, "keypoints") if row.get("keypoints") else np.zeros((k, 3))
        points[~np.isfinite(points).all(1)] = 0
        points[points[:, 2] > 0, :2] -= self._shift
        return points

    def _changed(self, image: str, bodies: Sequence[Body]) -> Mapping[Path, bytes]:
        document = {**self._document}
        number = self._images.get(image)
        if number is None:
            if not any(body.labeled for body in bodies):
                return {}
            number = _next(document["images"])
            high, wide = image_size(image)
            name = Path(os.path.relpath(image, self.folder.resolve())).as_posix()
            row = {"id": number, "file_name": name, "height": high, "width": wide}
            document["images"] = [*document["images"], row]
        old = {row["id"]: row for row in self._rows.get(number, ())}
        if any(body.key is not None and body.key not in old for body in bodies):
            raise UserError("a body is gone from the file; reload the page")
        last = _next(document["annotations"])
        rows, new = dict[Any, dict[str, Any]](), list[dict[str, Any]]()
        for body in bodies:
            if body.key is not None:
                rows[body.key] = self._row(old[body.key], body, image)
            elif body.labeled:
                about = {"id": last + len(new), "image_id": number, "category_id": self._ids[0], "iscrowd": 0}
                new.append(self._row(about, body, image))
        every = [rows.get(row["id"]) if row.get("id") in old else row for row in document["annotations"]]
        document["annotations"] = [*(row for row in every if row is not None), *new]
        return {self.path: _text(document, self._indent).encode()}

    _indent: int | None = None

    def _row(self, row: dict[str, Any], body: Body, image: str) -> dict[str, Any]:
        """An annotation with a body's joints, the others as they were; the box grows with them, and is theirs where
        there was none."""
        points = body.array
        there = self._points(row)
        # The page rounds, and a place may stand beside a v of 0.
        kept = (there.round(3) == points.round(3)).all(1) | (there[:, 2] == 0) & (points[:, 2] == 0)
        if kept.all():
            return row
        shifted = points.copy()
        shifted[points[:, 2] > 0, :2] += self._shift
        texts = [[plain(round(v, 3)) for v in joint] for joint in shifted.tolist()]
        before = row.get("keypoints") or texts  # K joints in one list, or each in one of its own
        if len(before) == 3 * len(points):
            before = [before[3 * i : 3 * i + 3] for i in range(len(points))]
        chosen = [old if same else new for old, new, same in zip(before, texts, kept, strict=True)]
        row = {**row, "keypoints": [value for joint in chosen for value in joint]}
        row["num_keypoints"] = int((points[:, 2] > 0).sum())
        size = image_size(image)
        where = f"{self.path}: annotation {row.get('id')}"
        beside = numbers_of(row["bbox"], 4, where, "bbox {}, expected four numbers") if row.get("bbox") else None
        box = [round(v, 2) for v in label_box(points, size)]
        if beside and not np.allclose(beside, label_box(there, size), atol=1):
            seen = points[points[:, 2] > 0, :2]
            x, y, w, h = beside
            low = np.minimum([x, y], seen.min(0) if len(seen) else np.inf)
            high = np.maximum([x + w, y + h], seen.max(0) if len(seen) else -np.inf)
            low, high = np.floor(100 * low) / 100, np.ceil(100 * high) / 100
            box = [round(v, 2) for v in (*low.tolist(), *(high - low).tolist())]
        if box != beside:
            row["bbox"] = box
            if not row.get("segmentation"):
                row["area"] = round(box[2] * box[3], 2)
        return row


@reads("a COCO keypoints file")
def load(path: Path, store: CocoStore) -> None:
    """Give a store what its file holds."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise UserError(f"{path} is a list, not a COCO keypoints file")
    with path.open("rb") as file:
        match = re.match(rb"\s*\{\s*?\n( +)\S|\s*\{\s*?\n(\S)", file.read(4096))
    store._indent = None if match is None else len(match[1] or b"")
    store.take(document)


def _rows(document: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    """A list of the document, which may be empty before anything is labelled."""
    rows = document.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: '{key}' must be a list of objects; is this a COCO file?")
    return rows


def _next(rows: Sequence[Mapping[str, Any]]) -> int:
    return 1 + max((row["id"] for row in rows if type(row.get("id")) is int), default=0)


def _text(document: dict[str, Any], indent: int | None) -> str:
    return json.dumps(document, ensure_ascii=False, indent=indent) + "\n"
