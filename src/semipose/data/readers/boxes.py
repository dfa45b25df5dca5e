"""Boxes without labels: detection results, a COCO file, or a short document of our own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from semipose.data.extent import refuse_misplaced, whole
from semipose.data.images import image_size
from semipose.data.packed import GrowingTexts, Texts, blocks
from semipose.data.pictures import leave_out
from semipose.data.readers.json_files import (
    ImageFolder,
    Json,
    box_of,
    file_names,
    id_of,
    is_nothing,
    load_json,
    name_of,
    refuse_twice,
    rows_of,
    shown,
    starts,
)
from semipose.data.readers.json_rows import entries
from semipose.data.refs import is_frame
from semipose.data.sample import PoseData, Sample, Samples
from semipose.data.video import is_video
from semipose.errors import UserError, reads

Detection = tuple[str, tuple[float, float, float, float] | None, Any, float | None, str]
"""File name, box (None: the whole image), image id, score, what errors call the entry."""
HIGHEST = 1.5
"""A score is 0 to 1, but the peaks of heatmaps, of which `predict` makes its scores, may be a little higher."""


@reads("boxes")
def read_boxes(
    path: str | Path,
    images: str | Path | None = None,
    listing: str | Path | None = None,
    min_score: float = 0.0,
    category: int | None = None,
    outside: bool = False,
) -> PoseData:
    """Read unlabelled boxes from one of

    * detection results, `[{"image_id": 785, "bbox": [x, y, w, h], "score": 0.9}, ...]`;
    * `{"images": [{"file_name": "a.jpg", "boxes": [[x, y, w, h], ...]}, ...]}`; without `boxes`, the whole image;
    * a COCO file, whose keypoints, if any, are not looked at; the whole images where none of it has a box.

    Args:
        images: the folder of the images, else that of the JSON.
        listing: a COCO file whose `images` say which file an `image_id` of detection results is; without it the
            image_id is a file name or the number in one (785 is 000000000785.jpg).
        min_score: detections below it are left out.
        category: the category_id to read, of detections of several.
        outside: whether images are read where a path of the file leads out of the images folder.
    """
    path = Path(path)
    files = ImageFolder(path.parent if images is None else Path(images), (), path.parent, outside)
    try:
        return _read(path, files, _rows(path, files, listing, min_score, category))
    except _IsCoco:
        document = load_json(path)
        names = file_names(rows_of(document, "images", path), path)
        every = rows_of(document, "annotations", path)
        boxes = [a for a in every if a.get("bbox") and not (a.get("iscrowd") or is_nothing(a))]
        if boxes and category is not None:
            boxes = list(_of_category(boxes, category, path))
        if boxes:
            return _read(path, files, _detections(boxes, names, files, path, min_score))
        whole_ones = [{"file_name": name, "id": number} for number, name in names.items()]
        return _read(path, files, _image_boxes(whole_ones, path, 0))


class _IsCoco(Exception):
    """An object has annotations: what its images are for is known at its end."""


def _read(path: Path, files: ImageFolder, rows: Iterable[Detection]) -> PoseData:
    errors: dict[str, str] = {}
    sizes: dict[str, tuple[int, int] | None] = {}

    def samples() -> Iterator[Sample]:
        for name, box, image_id, score, where in rows:
            image = files.path(name, str(path))
            if box is None:
                try:
                    box = whole(image_size(image))
                except UserError as error:
                    errors[image] = str(error)
                    continue
            else:
                if image not in sizes:
                    sizes[image] = _size(image)
                refuse_misplaced(box, sizes[image], where)
            yield Sample(name, image, box, image_id=image_id, score=score)

    found = _numbered(Samples.of(samples()))
    files.refuse_if_none_exists(found.images or errors)
    leave_out(path.stem, errors.values(), len(found) + len(errors))
    return PoseData(path.stem, None, found, left_out=errors.values())


def _size(image: str) -> tuple[int, int] | None:
    """(height, width); None of an image that cannot be read, which is said later, and of what is in a video, which is
    compared when it is opened (`folder.with_boxes`)."""
    if is_frame(image) or is_video(image):
        return None
    try:
        return image_size(image)
    except UserError:
        return None


def _numbered(samples: Samples) -> Samples:
    """ "a.png#0", "a.png#1", ...: the ids of those that had one."""
    if samples.ids.differ():
        return samples.named(Texts.of(f"{name}#0" for name in samples.ids))
    _, group = samples.ids.grouped()
    order = np.argsort(group, kind="stable")
    number = np.empty(len(group), np.int64)
    number[order] = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    return samples.named(Texts.of(f"{name}#{n}" for name, n in zip(samples.ids, number, strict=True)))


def _rows(
    path: Path, files: ImageFolder, listing: str | Path | None, min_score: float, category: int | None
) -> Iterator[Detection]:
    """Of detection results and of our own documents, entry by entry.

    Raises:
        _IsCoco: it is neither.
    """
    rest = entries(path)
    first = next(rest, None)
    if first is None and starts(str(path), "["):
        return
    if first is not None and first.key is None and first.listed:
        names = (
            file_names(rows_of(load_json(Path(listing)), "images", Path(listing)), Path(listing)) if listing else None
        )
        values = (entry.value for entry in chain([first], rest))
        yield from _detections(_of_category(values, category, path), names, files, path, min_score)
        return
    listed, names_of, ids_of, count = False, GrowingTexts(), GrowingTexts(), 0
    for block in blocks(chain([] if first is None else [first], rest)):
        if any(entry.key == "annotations" for entry in block):
            raise _IsCoco
        listed |= any(entry.key == "images" and entry.listed for entry in block)
        rows = [entry.value for entry in block if entry.key == "images"]
        if not all(isinstance(row, dict) for row in rows):
            raise UserError(f"{path}: 'images' must be a list of objects; is this a COCO file?")
        yield from _image_boxes(rows, path, count)
        names_of.add(str(row["file_name"]) for row in rows)
        ids_of.add(str(row["id"]) for row in rows if row.get("id") is not None)
        count += len(rows)
    rows_of({"images": [{}] if listed else None}, "images", path)
    for every, what in ((names_of.texts(), "file_name"), (ids_of.texts(), "id")):
        if not every.differ():
            refuse_twice(every, f"{path}: {what}")


def _of_category(rows: Iterable[Json], category: int | None, path: Path) -> Iterator[Json]:
    """Those of a category.

    Raises:
        UserError: at the end, where none is named and there are several.
    """
    ids = set()
    for i, row in enumerate(rows):
        if isinstance(row, dict) and row.get("category_id") is not None:
            ids.add(id_of(row, "category_id", f"{path}: entry {i}"))
        if category is None or not isinstance(row, dict) or row.get("category_id", category) == category:
            yield row
    if category is None and len(ids) > 1:
        raise UserError(f"{path} has detections of {len(ids)} categories; keep those of one (person is 1 in COCO)")


def _detections(
    rows: Iterable[Json], names: Mapping[Any, str] | None, files: ImageFolder, path: Path, min_score: float
) -> Iterator[Detection]:
    for i, row in enumerate(rows):
        where = f"{path}: entry {i}"
        if not isinstance(row, dict):
            raise UserError(f"{where} is {json.dumps(row)[:60]}, expected an object with image_id and bbox")
        image_id = id_of(row, "image_id", where)
        score = row.get("score")
        if score is not None and not (type(score) in (int, float) and 0 <= score <= HIGHEST):
            raise UserError(f"{where} has score {shown(score)}, expected a number from 0 to 1; mend it")
        if score is not None and score < min_score:
            continue
        name = files.by_number(image_id, where) if names is None else names.get(image_id)
        if name is None:
            raise UserError(
                f"{where} is of image_id {image_id!r}, which the images list does not have; mend one of them"
            )
        yield name, box_of(row, where), image_id, None if score is None else float(score), where


def _image_boxes(rows: Sequence[Json], path: Path, start: int) -> Iterator[Detection]:
    """Of images from place `start` on."""
    for i, row in enumerate(rows, start):
        where = f"{path}: images entry {i}"
        name = name_of(row, "file_name", where)
        boxes = row.get("boxes")
        number = name if row.get("id") is None else id_of(row, "id", where)
        if boxes is None:
            yield name, None, number, None, where
            continue
        if not isinstance(boxes, list):
            raise UserError(f"{where} has boxes that are no list; write [[x, y, w, h], ...]")
        for j, box in enumerate(boxes):
            each = f"{where}, box {j}"
            yield name, box_of({"bbox": box}, each), number, None, each
