"""MPII Human Pose (Andriluka et al., CVPR 2014): the lists that pose repositories made of it, and its own file.

Its pixels are counted from 1, a person is a `center` and a `scale` (height / 200 pixels) instead of a box, and PCKh is
measured by the head's box, of which 0.6 of the diagonal is its "head size".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from semipose.data.readers import data_set, mat
from semipose.data.readers.json_files import (
    ImageFolder,
    Json,
    ends,
    field_of,
    image_folder,
    load_json,
    name_of,
    numbers_of,
    points_of,
    starts,
)
from semipose.data.sample import FAR, MARKS, NEAR, PoseData, Sample
from semipose.errors import UserError, reads
from semipose.skeleton import MPII

HEAD = 0.6
"""Head size / diagonal of the head's box, as the benchmark's evaluation has it."""

LOWERED = 15.0
"""How far below `center` a person's crop lies, in pixels at scale 1: what the pose repositories do, so that feet fit
in. Their enlargement by 1.25 is the crop's padding here."""


@reads("MPII's annotations")
def read_mpii(path: str | Path, images: str | Path | None = None) -> PoseData:
    """Read `train.json`, `valid.json` or `test.json` of the pose repositories: a list of {"image", "center", "scale",
    "joints" (16 x 2), "joints_vis" (16)}, or the data set's own `mpii_human_pose_v1_u12_1.mat`.

    Joints move to pixels counted from 0. In the list, one that is not visible is not labelled (v 0); in the .mat it
    is labelled as occluded (v 1). People without joints, as in the test set, become unlabelled samples. `head_size`
    comes from the .mat's head boxes, or from `gt_valid.mat` beside a `valid.json` (gt_ and the list's name), which then
    says which joints are missing, too; else it is None.

    Args:
        images: the folder of the images, else that of the file or an `images` beside or above it.

    Raises:
        UserError: naming the entry at fault and what is wrong with it.
    """
    path = Path(path)
    rows = list(_of_mat(path) if path.suffix == ".mat" else _of_list(path))
    if not rows:
        raise UserError(f"{path} names no person with a place in its image")
    files = ImageFolder(image_folder(path, images, rows[0]["image"]))
    samples = tuple(_sample(row, i, files, f"{path}: entry {i}") for i, row in enumerate(rows))
    files.refuse_if_none_exists({s.image for s in samples})
    return PoseData(path.stem, MPII, samples)


def _sample(row: Mapping[str, Any], number: int, files: ImageFolder, where: str) -> Sample:
    name, size = row["image"], row["head_size"]
    x, y = numbers_of(row["center"], 2, where, "center {}, expected x, y")
    (scale,) = numbers_of([row["scale"]], 1, where, "center and scale {}, expected a number")
    if not (NEAR <= 200 * scale <= FAR and math.isfinite(x + y)):
        raise UserError(f"{where} has center {[x, y]} and scale {scale:g}; mend or remove it")
    side = 200 * scale
    # Pixel centre 1 of theirs is the edge coordinate 0.5.
    box = (x - 0.5 - side / 2, y - 0.5 + LOWERED * scale - side / 2, side, side)
    points = None if row["joints"] is None else _keypoints(row["joints"])
    head = None if size is None or not size > 0 else float(size)
    return Sample(
        f"{name}#{number}", files.path(name, where), box, points, image_id=name, annotation_id=number, head_size=head
    )


def _keypoints(joints: np.ndarray) -> np.ndarray:
    points = np.array(joints, np.float32)
    points[:, :2] -= 1
    points[~np.isfinite(points).all(1) | (points[:, 2] == 0)] = 0
    return points


def _of_list(path: Path) -> Iterator[dict[str, Any]]:
    rows = load_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} is not a list of people with image, center, scale and joints")
    benchmark = _benchmark(path, rows)
    for i, row in enumerate(rows):
        where = f"{path}: entry {i}"
        name, center, scale = (
            name_of(row, "image", where),
            field_of(row, "center", where),
            field_of(row, "scale", where),
        )
        joints, size = _listed(row, where), None
        if benchmark is not None and joints is not None:
            size, joints[:, 2] = benchmark[0][i], 2.0 * (benchmark[1][:, i] == 0)
        yield {"image": name, "center": center, "scale": scale, "joints": joints, "head_size": size}


def _listed(row: Json, where: str) -> np.ndarray | None:
    if row.get("joints") is None:
        return None
    xy = points_of(row["joints"], (16, 2), f"{where} needs 16 joints and", "numbers x, y")
    seen = points_of(field_of(row, "joints_vis", where), (16, 1), where, "joints_vis")
    if not np.isin(seen, MARKS).all():
        raise UserError(f"{where} has joints_vis that are none of 0 and 1; mend it")
    return np.concatenate([xy, 2.0 * (seen > 0)], 1)


def _benchmark(path: Path, rows: list[Json]) -> tuple[np.ndarray, np.ndarray] | None:
    """(N,) head sizes and (16, N) missing joints from gt_<list>.mat, which is what the benchmark's evaluation reads,
    checked to be of the same people; or None where there is none."""
    file = path.with_name(f"gt_{path.stem}.mat")
    if not file.exists():
        return None
    shapes = {"headboxes_src": (2, 2, -1), "pos_gt_src": (16, 2, -1), "jnt_missing": (16, -1)}
    content = mat.numbers(file, *shapes)
    try:
        heads, truth, missing = (np.asarray(content[key], np.float64).reshape(s) for key, s in shapes.items())
        joints = np.stack([np.asarray(row["joints"], np.float64) for row in rows], -1)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(
            f"{file} is not the ground truth of {path.name}: headboxes_src, pos_gt_src, jnt_missing"
        ) from None
    same = truth.shape == joints.shape and heads.shape[2] == missing.shape[1] == len(rows)
    if not same or np.abs((truth - joints)[(missing == 0)[:, None].repeat(2, 1)]).max(initial=0) > 0.01:
        raise UserError(f"{file} is the ground truth of other people than {path} lists; put the right one there")
    return HEAD * np.hypot(*(heads[1] - heads[0])), missing


def _of_mat(path: Path) -> Iterator[dict[str, Any]]:
    content = mat.people(path)
    heads = HEAD * np.hypot(*(content["head"][:, 2:] - content["head"][:, :2]).T)
    missing = np.isnan(content["joints"]).all((1, 2))
    for i, name in enumerate(content["image"].tolist()):
        row = {"image": name, "center": content["center"][i].tolist(), "scale": float(content["scale"][i])}
        joints = None if missing[i] else content["joints"][i]
        yield {**row, "joints": joints, "head_size": None if np.isnan(heads[i]) else float(heads[i])}


def is_mpii(source: str) -> bool:
    """Whether this is the data set's own file, or a list of the pose repositories."""
    if source.lower().endswith(".mat"):
        return "RELEASE" in mat.variables(Path(source))
    return starts(source, "[") and all(f'"{key}"' in ends(source) for key in ("image", "center", "scale"))


FORMAT = data_set("MPII (a .json of joints, center and scale, or its .mat)", is_mpii, read_mpii)
