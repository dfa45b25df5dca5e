"""COCO's keypoints JSON, of any category."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semipose.data.extent import boxed, whole
from semipose.data.images import image_size
from semipose.data.readers import Format
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.instances import without_copies
from semipose.data.readers.json_files import (
    ImageFolder,
    Json,
    array_of,
    box_of,
    file_names,
    id_of,
    is_nothing,
    load_json,
    points_of,
    refuse_twice,
    rows_of,
    sessions_of,
    shown,
    size_of,
)
from semipose.data.readers.tables import said_unseen
from semipose.data.readers.wholebody import widened, with_face
from semipose.data.refs import parse
from semipose.data.sample import FAR, MARKS, NEAR, PoseData, Sample
from semipose.errors import UserError, reads
from semipose.skeleton import Skeleton


@reads("a COCO keypoints file")
def read_coco(
    path: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    skeleton: Skeleton | None = None,
    outside: bool = False,
) -> PoseData:
    """Read a COCO keypoints file; of COCO-WholeBody all 133 joints (`semipose.data.readers.wholebody`).

    Every annotation of the category becomes a sample; those without a labelled joint, and crowds, stay in as such
    (`PoseData.labeled()` leaves them out), but for those whose box is a line or a point as well: COCO's own training
    set has one. A joint with a NaN or null coordinate is unlabelled. One without a box, or with an empty one, is in the
    box of its labels, or is left out where it has none, as are those of images that do not exist; remarks count them.
    The session is the image's `video_id`, else its folder.

    Args:
        images: the folder of the images, else that of the JSON. A `file_name` that is not there is looked for by its
            last part in the folders below.
        category: name or id; needed only where the categories' joints differ.
        skeleton: used instead of the category's own, or where it has none.
        outside: whether images are read where a path of the file leads out of the images folder.

    Raises:
        UserError: naming the annotation or image at fault and what is wrong with it.
    """
    path = Path(path)
    document = widened(load_json(path))
    if not isinstance(document, dict):
        raise UserError(
            f"{path}: a COCO keypoints file is an object with images, annotations and categories, not a list"
        )
    entries = {key: rows_of(document, key, path) for key in ("images", "annotations", "categories")}
    categories = _categories(entries["categories"], category, path, need_joints=skeleton is None)
    skeleton = skeleton or with_face(_skeleton(categories, path))
    ids = {_id(c, path) for c in categories}
    everything = len(ids) == len(entries["categories"])
    listed = {_id(c, path) for c in entries["categories"]}
    for a in entries["annotations"]:
        where = f"{path}: annotation {shown(a.get('id'))}"
        if a.get("category_id") is not None and id_of(a, "category_id", where) not in listed:
            raise UserError(f"{where} has category_id {shown(a['category_id'])}, which no category has; mend it")
    wanted = [
        a
        for a in entries["annotations"]
        if everything or id_of(a, "category_id", f"{path}: annotation {shown(a.get('id'))}") in ids
    ]
    refuse_twice((id_of(a, "id", f"{path}: an annotation") for a in wanted), f"{path}: annotation id")
    wanted = [a for a in wanted if not is_nothing(a)]
    names = file_names(entries["images"], path)
    files = ImageFolder(path.parent if images is None else Path(images), names.values(), path.parent, outside)
    folders = sessions_of(names.values())
    rows = {row["id"]: row for row in entries["images"]}
    sessions = {
        n: folders[names[n]] if row.get("video_id") is None else str(id_of(row, "video_id", f"{path}: image {n}"))
        for n, row in rows.items()
    }
    found = (_sample(a, names, sessions, files, skeleton, path) for a in wanted)
    made = [replace(s, size=size_of(rows[s.image_id])) for s in found]
    if _is_label_studio_s(document):
        made = [replace(s, keypoints=_from_edges(s.keypoints)) for s in made]
    files.refuse_if_none_exists({s.image for s in made})
    number_of: dict[str, Any] = {}
    for s in made:
        if number_of.setdefault(s.image, s.image_id) != s.image_id:
            both = f"images {number_of[s.image]!r} and {s.image_id!r}"
            raise UserError(f"{path}: {both} are one file, {s.image}; keep one of them, with the annotations of both")
    remarks = [*said_unseen(sum(map(_unseen, wanted)), path), *_areas(made, path)]
    samples, more = _with_boxes(made, rows, path)
    samples, copied = without_copies(samples, [s.keypoints for s in samples], path)
    remarks += [*more, *copied]
    images_of = {s.image: _exists(s.image) for s in samples}
    gone = [image for image, there in images_of.items() if not there]
    if gone:
        first = ", ".join(gone[:3])
        remarks.append(
            f"left out: {len(gone)} of the {len(images_of)} images of {path}, which do not exist, first {first}"
        )
    samples = [s for s in samples if images_of[s.image]]
    return PoseData(path.stem, skeleton, tuple(samples), tuple(remarks))


def _is_label_studio_s(document: Json) -> bool:
    """Whether Label Studio's converter wrote a file: it counts from the image's edge, not from the first pixel's
    centre."""
    info = document.get("info")
    return isinstance(info, dict) and info.get("contributor") == "Label Studio"


def _from_edges(points: np.ndarray | None) -> np.ndarray | None:
    if points is None:
        return None
    moved = points.copy()
    moved[points[:, 2] > 0, :2] -= 0.5
    return moved


NO_BOX = (0.0, 0.0, 0.0, 0.0)


def _with_boxes(samples: Sequence[Sample], rows: Mapping[Any, Json], path: Path) -> tuple[list[Sample], list[str]]:
    """Those without a box in the box of their labels, and what is said of them."""
    bare = [s for s in samples if s.box == NO_BOX]
    if not bare:
        return list(samples), []
    sizes = {s.image: _size(s.image, rows[s.image_id]) for s in bare}
    kept = [s for s in bare if s.labeled and sizes[s.image] is not None]
    inside = boxed([replace(s, box=whole(size)) for s in kept if (size := sizes[s.image])], sizes, True)
    at = {s.id: s for s in inside}
    remarks = []
    if kept:
        one = ", ".join(str(s.annotation_id) for s in kept[:5])
        more = ", ..." * (len(kept) > 5)
        remarks.append(
            f"{path.name}: {len(kept)} of {len(samples)} annotations have no box, or an empty one (ids {one}{more}):"
            " theirs is the extent of their labels"
        )
    if len(kept) < len(bare):
        first = next(s for s in bare if s.id not in at).annotation_id
        count = len(bare) - len(kept)
        remarks.append(f"left out: {count} annotations of {path.name} with neither a box nor labels, first {first}")
    return [at.get(s.id, s) for s in samples if s.box != NO_BOX or s.id in at], remarks


LARGE = 1.5
"""Times a box or a picture that no area is larger than, whatever a tool rounds."""


def _areas(samples: Sequence[Sample], path: Path) -> list[str]:
    """What is said of areas that do not fit their boxes.

    Raises:
        UserError: one is larger than its box and its picture.
    """
    odd = []
    for s in samples:
        if s.area is None or s.iscrowd:
            continue
        box, picture = s.box[2] * s.box[3], math.prod(s.size or (0,))
        if picture and s.area > LARGE * max(box, picture):
            raise UserError(
                f"{path}: annotation {s.annotation_id} has area {s.area:g}, larger than its box and its picture; mend"
                " it, or leave area out"
            )
        if s.labeled and box and not min(1, box) <= s.area <= LARGE * box:
            odd.append(s)
    if not odd:
        return []
    some = ", ".join(f"{s.annotation_id}: {s.area:g}" for s in odd[:5]) + ", ..." * (len(odd) > 5)
    return [
        f"{path.name}: {len(odd)} of {len(samples)} annotations have an area that does not fit their box (ids {some}):"
        " by too large a one AP takes wrong poses for right, by too small a one right ones for wrong; mend it, or leave"
        " area out"
    ]


def _exists(image: str) -> bool:
    file = parse(image).file
    return file is not None and os.path.exists(file)


def _size(image: str, row: Json) -> tuple[int, int] | None:
    """(height, width) of an image; as its file's entry says where it is missing."""
    return image_size(image) if _exists(image) else size_of(row)


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
    image_id = id_of(row, "image_id", where)
    if image_id not in names:
        raise UserError(f"{where} is of image_id {image_id!r}, which images does not have; add the image or remove it")
    name = names[image_id]
    area, crowd = row.get("area"), row.get("iscrowd") or 0
    if area is not None and (isinstance(area, bool) or not isinstance(area, int | float) or not 0 <= area <= FAR**2):
        raise UserError(f"{where} has area {shown(area)}; it must be a number of square pixels")
    if crowd not in (0, 1):
        raise UserError(f"{where} has iscrowd {shown(crowd)}; it can be 0 or 1")
    return Sample(
        id=f"{name}#{number}",
        image=files.path(name, where),
        box=_box(row, where),
        keypoints=_keypoints(row.get("keypoints"), len(skeleton), where),
        area=float(area) if area else None,  # 0 is what tools write that know none
        image_id=image_id,
        annotation_id=number,
        iscrowd=bool(crowd),
        session=sessions[image_id],
    )


def _keypoints(values: Json, k: int, where: str) -> np.ndarray | None:
    """(K, 3) float32, or None where no joint is labelled."""
    if not values:
        return None
    if isinstance(values, list) and not any(isinstance(v, list) for v in values) and len(values) != 3 * k:
        raise UserError(f"{where} has {len(values)} keypoint values, its {k} joints need {3 * k} (x, y, v each)")
    points = points_of(values, (k, 3), where, "keypoints").astype(np.float32)
    points[~np.isfinite(points).all(1)] = 0
    odd = set(points[:, 2].tolist()) - {*MARKS}
    if odd:
        raise UserError(
            f"{where} has a joint of visibility {odd.pop():g}; COCO has 0 unlabelled, 1 occluded, 2 visible"
        )
    points[points[:, 2] == 0] = 0
    return points if points.any() else None


def _unseen(row: Json) -> int:
    """Joints of an annotation, which can be read, that have a place and no visibility."""
    points = array_of(row.get("keypoints") or []).reshape(-1, 3)
    return int((~(points[:, 2] > 0) & (points[:, :2] > 0).all(1)).sum())


def _box(row: Json, where: str) -> tuple[float, float, float, float]:
    """The box of an annotation; `NO_BOX` where it has none, or an empty one."""
    box = row.get("bbox")
    if not box:
        return NO_BOX
    numbers = isinstance(box, list) and len(box) == 4 and all(type(side) in (int, float) for side in box)
    if numbers and not (all(abs(side) < math.inf for side in box) and min(box[2:]) >= NEAR):
        return NO_BOX
    return box_of(row, where)


def _categories(rows: Sequence[Json], wanted: str | int | None, path: Path, need_joints: bool) -> list[Json]:
    """The categories to read: the one asked for, or all that have joints, which must then be the same."""
    names = _listed(rows)
    kinds = {(_id(c, path), str(c.get("name")), str(c.get("keypoints"))) for c in rows if c.get("id") is not None}
    refuse_twice((number for number, *_ in kinds), f"{path}: category id")
    odd = next((c for c in rows if not _are_names(c.get("keypoints") or [])), None)
    if odd is not None:
        raise UserError(f"{path}: category {shown(odd.get('name'))}: keypoints must be a list of joint names")
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
            names = _listed(rows)
            raise UserError(
                f"{path}: the joints differ from category to category; choose one of {names}, as in data.category="
                f"{str(rows[0].get('name', rows[0].get('id')))[:40]} (--category of semipose init, check and split)"
            )
    return list(rows)


def _id(category: Json, path: Path) -> int | str | None:
    where = f"{path}: category {shown(category.get('name'))}"
    return None if category.get("id") is None else id_of(category, "id", where)


def _listed(categories: Sequence[Json]) -> str:
    return ", ".join(shown(c.get("name", c.get("id"))).strip("'") for c in categories)


def _are_names(values: Json) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _are_limbs(values: Json) -> bool:
    return isinstance(values, list) and all(
        isinstance(edge, list) and len(edge) == 2 and all(type(end) is int for end in edge) for edge in values
    )


def _skeleton(categories: Sequence[Json], path: Path) -> Skeleton:
    category = dict(categories[0])
    try:
        limbs = category.get("skeleton") or []
        if not _are_limbs(limbs):
            raise UserError(
                f"{path}: category {shown(category.get('name'))}: skeleton must be a list of [joint, joint]"
            )
        # Some data sets with other joints carry COCO's limbs; where one leads beyond the joints, none can be trusted.
        category["skeleton"] = [] if any(max(edge) > len(category["keypoints"]) for edge in limbs) else limbs
        skeleton = Skeleton.from_coco(category)
    except ValueError as e:
        raise UserError(f"{path}: category {shown(category.get('name'))}: {e}") from None
    return skeleton if len(categories) == 1 else replace(skeleton, name=path.stem)


def _boxes(source: str | Path, images: str | Path | None = None, outside: bool = False, **_: object) -> PoseData:
    return read_boxes(source, images, outside=outside)


FORMAT = Format(
    "a COCO or boxes file (.json)", lambda source: source.lower().endswith(".json"), labeled=read_coco, unlabeled=_boxes
)
