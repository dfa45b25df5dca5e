"""Boxes without labels: detection results, a COCO file, or a short document of our own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from semipose.data.extent import whole
from semipose.data.images import image_size
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
)
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError, reads

Detection = tuple[str, tuple[float, float, float, float] | None, Any, float | None]
"""File name, box (None: the whole image), image id, score."""


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
    document = load_json(path)
    files = ImageFolder(path.parent if images is None else Path(images), (), path.parent, outside)
    if isinstance(document, list):
        names = (
            file_names(rows_of(load_json(Path(listing)), "images", Path(listing)), Path(listing)) if listing else None
        )
        rows = _detections(_of_category(document, category, path), names, files, path, min_score)
    elif isinstance(document, dict) and "annotations" in document:
        names = file_names(rows_of(document, "images", path), path)
        every = rows_of(document, "annotations", path)
        boxes = [a for a in every if a.get("bbox") and not (a.get("iscrowd") or is_nothing(a))]
        whole_ones = [{"file_name": name, "id": number} for number, name in names.items()]
        rows = _detections(boxes, names, files, path, min_score) if boxes else _image_boxes(whole_ones, files, path)
    else:
        rows = _image_boxes(rows_of(document, "images", path), files, path)
    seen: Counter[str] = Counter()
    errors: list[str] = []

    def samples() -> Iterator[Sample]:
        for name, box, image_id, score in rows:
            image = files.path(name, str(path))
            try:
                yield Sample(
                    f"{name}#{seen[name]}", image, box or whole(image_size(image)), None, None, image_id, score=score
                )
            except UserError as error:
                errors.append(str(error))
            seen[name] += 1

    data = PoseData(path.stem, None, samples())
    files.refuse_if_none_exists({files.path(name, str(path)) for name, *_ in rows})
    leave_out(path.stem, errors, len(rows))
    return data


def _of_category(rows: Sequence[Json], category: int | None, path: Path) -> Sequence[Json]:
    some = ((i, row) for i, row in enumerate(rows) if isinstance(row, dict) and row.get("category_id") is not None)
    ids = {id_of(row, "category_id", f"{path}: entry {i}") for i, row in some}
    if category is None and len(ids) > 1:
        raise UserError(f"{path} has detections of {len(ids)} categories; keep those of one (person is 1 in COCO)")
    return (
        rows
        if category is None
        else [row for row in rows if not isinstance(row, dict) or row.get("category_id", category) == category]
    )


def _detections(
    rows: Sequence[Json], names: Mapping[Any, str] | None, files: ImageFolder, path: Path, min_score: float
) -> list[Detection]:
    detections: list[Detection] = []
    for i, row in enumerate(rows):
        where = f"{path}: entry {i}"
        if not isinstance(row, dict):
            raise UserError(f"{where} is {type(row).__name__}, expected an object with image_id and bbox")
        image_id = id_of(row, "image_id", where)
        score = row.get("score")
        if score is not None and not (isinstance(score, int | float) and abs(score) < math.inf):
            raise UserError(f"{where} has score {score!r}, expected a number")
        if score is not None and score < min_score:
            continue
        name = files.by_number(image_id, where) if names is None else names.get(image_id)
        if name is None:
            raise UserError(
                f"{where} is of image_id {image_id!r}, which the images list does not have; mend one of them"
            )
        detections.append((name, box_of(row, where), image_id, None if score is None else float(score)))
    return detections


def _image_boxes(rows: Sequence[Json], files: ImageFolder, path: Path) -> list[Detection]:
    detections: list[Detection] = []
    for i, row in enumerate(rows):
        where = f"{path}: images entry {i}"
        name = name_of(row, "file_name", where)
        boxes = row.get("boxes")
        number = name if row.get("id") is None else id_of(row, "id", where)
        if boxes is None:
            detections.append((name, None, number, None))
            continue
        if not isinstance(boxes, list):
            raise UserError(f"{where} has boxes that are no list; write [[x, y, w, h], ...]")
        detections += [(name, box_of({"bbox": box}, f"{where}, box {j}"), number, None) for j, box in enumerate(boxes)]
    refuse_twice((str(row["file_name"]) for row in rows), f"{path}: file_name")
    return detections
