"""COCO's keypoints JSON, of any category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semipose.data.readers import Format
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.json_files import (
    ImageFolder,
    Json,
    box_of,
    field_of,
    file_names,
    is_nothing,
    load_json,
    refuse_twice,
    rows_of,
    sessions_of,
)
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import Skeleton


def read_coco(
    path: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    skeleton: Skeleton | None = None,
) -> PoseData:
    """Read a COCO keypoints file.

    Every annotation of the category becomes a sample; those without a labelled joint, and crowds, stay in as such
    (`PoseData.labeled()` leaves them out), but for those whose box is a line or a point as well: COCO's own training
    set has one. A joint with a NaN or null coordinate is unlabelled. The session is the
    image's `video_id`, else its folder.

    Args:
        images: the folder of the images, else that of the JSON. A `file_name` that is not there is looked for by its
            last part in the folders below.
        category: name or id; needed only where the categories' joints differ.
        skeleton: used instead of the category's own, or where it has none.

    Raises:
        UserError: naming the annotation or image at fault and what is wrong with it.
    """
    path = Path(path)
    document = load_json(path)
    if not isinstance(document, dict):
        raise UserError(
            f"{path}: a COCO keypoints file is an object with images, annotations and categories, not a list"
        )
    entries = {key: rows_of(document, key, path) for key in ("images", "annotations", "categories")}
    categories = _categories(entries["categories"], category, path, need_joints=skeleton is None)
    skeleton = skeleton or _skeleton(categories, path)
    ids = {c.get("id") for c in categories}
    everything = len(ids) == len(entries["categories"])
    wanted = [
        a
        for a in entries["annotations"]
        if everything or field_of(a, "category_id", f"{path}: annotation {a.get('id')}") in ids
    ]
    refuse_twice((field_of(a, "id", f"{path}: an annotation") for a in wanted), f"{path}: annotation id")
    wanted = [a for a in wanted if not is_nothing(a)]
    names = file_names(entries["images"], path)
    files = ImageFolder(path.parent if images is None else Path(images), names.values())
    _refuse_empty_boxes(wanted, path)
    folders = sessions_of(names.values())
    videos = {row["id"]: row.get("video_id") for row in entries["images"]}
    sessions = {n: folders[names[n]] if video is None else str(video) for n, video in videos.items()}
    samples = tuple(_sample(a, names, sessions, files, skeleton, path) for a in wanted)
    files.refuse_if_none_exists({s.image for s in samples})
    return PoseData(path.stem, skeleton, samples)


def _sample(
    row: Json,
    names: Mapping[Any, str],
    sessions: Mapping[Any, str | None],
    files: ImageFolder,
    skeleton: Skeleton,
    path: Path,
) -> Sample:
    number = row["id"]
    where = f"{path}: annotation {number}"
    image_id = field_of(row, "image_id", where)
    if image_id not in names:
        raise UserError(f"{where} is of image_id {image_id!r}, which images does not have; add the image or remove it")
    name = names[image_id]
    area = row.get("area")
    return Sample(
        id=f"{name}#{number}",
        image=files.path(name, where),
        box=box_of(row, where),
        keypoints=_keypoints(row.get("keypoints"), len(skeleton), where),
        area=None if area is None else float(area),
        image_id=image_id,
        annotation_id=number,
        iscrowd=bool(row.get("iscrowd", 0)),
        session=sessions[image_id],
    )


def _keypoints(values: Json, k: int, where: str) -> np.ndarray | None:
    """(K, 3) float32, or None where no joint is labelled."""
    if not values:
        return None
    try:
        flat = np.asarray(values, np.float32).reshape(-1)
    except (TypeError, ValueError):
        raise UserError(f"{where} has keypoints that are not all numbers") from None
    if len(flat) != 3 * k:
        raise UserError(f"{where} has {len(flat)} keypoint values, its {k} joints need {3 * k} (x, y, v each)")
    points = flat.reshape(k, 3)
    points[~np.isfinite(points).all(1)] = 0
    odd = set(points[:, 2].tolist()) - {0.0, 1.0, 2.0}
    if odd:
        raise UserError(
            f"{where} has a joint of visibility {odd.pop():g}; COCO has 0 unlabelled, 1 occluded, 2 visible"
        )
    points[points[:, 2] == 0] = 0
    return points if points.any() else None


def _refuse_empty_boxes(rows: Sequence[Json], path: Path) -> None:
    """Name all of them at once: such annotations come in numbers."""
    bad = []
    for row in rows:
        try:
            box_of(row, f"{path}: annotation {row['id']}")
        except UserError as e:
            bad.append((row["id"], e))
    if len(bad) > 1:
        ids = ", ".join(str(number) for number, _ in bad[:10])
        raise UserError(
            f"{path}: {len(bad)} annotations have no bbox, or an empty one, ids {ids}{', ...' * (len(bad) > 10)}"
        )
    if bad:
        raise bad[0][1]


def _categories(rows: Sequence[Json], wanted: str | int | None, path: Path, need_joints: bool) -> list[Json]:
    """The categories to read: the one asked for, or all that have joints, which must then be the same."""
    names = ", ".join(str(c.get("name", c.get("id"))) for c in rows)
    if wanted is not None:
        rows = [c for c in rows if str(wanted) in (str(c.get("name")), str(c.get("id")))]
        if not rows:
            raise UserError(f"{path} has no category {wanted!r}; it has {names}")
    if need_joints:
        rows = [c for c in rows if c.get("keypoints")]
        if not rows:
            raise UserError(
                f"{path}: no category has keypoints (joint names; categories: {names}); add them or give a skeleton"
            )
        if len({tuple(c["keypoints"]) for c in rows}) > 1:
            names = ", ".join(str(c.get("name", c.get("id"))) for c in rows)
            raise UserError(f"{path}: the joints differ from category to category; choose a category of {names}")
    return list(rows)


def _skeleton(categories: Sequence[Json], path: Path) -> Skeleton:
    category = dict(categories[0])
    try:
        # Some data sets with other joints carry COCO's limbs; where one leads beyond the joints, none can be trusted.
        if any(max(edge) > len(category["keypoints"]) for edge in category.get("skeleton") or ()):
            category["skeleton"] = ()
        skeleton = Skeleton.from_coco(category)
    except (ValueError, TypeError) as e:
        raise UserError(f"{path}: category {category.get('name')!r}: {e}") from None
    return skeleton if len(categories) == 1 else replace(skeleton, name=path.stem)


def _boxes(source: str | Path, images: str | Path | None = None, **_: object) -> PoseData:
    return read_boxes(source, images)


FORMAT = Format(
    "a COCO or boxes file (.json)", lambda source: source.lower().endswith(".json"), labeled=read_coco, unlabeled=_boxes
)
