"""MPII Human Pose (Andriluka et al., CVPR 2014): the lists that pose repositories made of it, and its own file.

Its pixels are counted from 1, a person is a `center` and a `scale` (height / 200 pixels) instead of a box, and PCKh is
measured by the head's box, of which 0.6 of the diagonal is its "head size".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from semipose.data.readers import data_set
from semipose.data.readers.json_files import ImageFolder, Json, ends, field_of, image_folder, load_json, starts
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import MPII

HEAD = 0.6
"""Head size / diagonal of the head's box, as the benchmark's evaluation has it."""

LOWERED = 15.0
"""How far below `center` a person's crop lies, in pixels at scale 1: what the pose repositories do, so that feet fit
in. Their enlargement by 1.25 is the crop's padding here."""


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
    try:
        (x, y), scale = (float(v) for v in row["center"]), float(row["scale"])
    except (TypeError, ValueError):
        raise UserError(f"{where} has center {row['center']} and scale {row['scale']}, not x, y and a number") from None
    if not (np.isfinite([x, y, scale]).all() and scale > 0):
        raise UserError(f"{where} has center {row['center']} and scale {scale:g}; mend or remove it")
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
        name, center, scale = (field_of(row, key, where) for key in ("image", "center", "scale"))
        joints, size = _listed(row, where), None
        if benchmark is not None and joints is not None:
            size, joints[:, 2] = benchmark[0][i], 2.0 * (benchmark[1][:, i] == 0)
        yield {"image": str(name), "center": center, "scale": scale, "joints": joints, "head_size": size}


def _listed(row: Json, where: str) -> np.ndarray | None:
    if row.get("joints") is None:
        return None
    try:
        xy = np.asarray(row["joints"], np.float64).reshape(16, 2)
        seen = np.asarray(field_of(row, "joints_vis", where), np.float64).reshape(16, 1)
    except (TypeError, ValueError):
        raise UserError(f"{where} needs 16 joints (x, y) and 16 joints_vis") from None
    return np.concatenate([xy, 2.0 * (seen > 0)], 1)


def _benchmark(path: Path, rows: list[Json]) -> tuple[np.ndarray, np.ndarray] | None:
    """(N,) head sizes and (16, N) missing joints from gt_<list>.mat, which is what the benchmark's evaluation reads,
    checked to be of the same people; or None where there is none."""
    mat = path.with_name(f"gt_{path.stem}.mat")
    if not mat.exists():
        return None
    content = _load(mat)
    try:
        shapes = {"headboxes_src": (2, 2, -1), "pos_gt_src": (16, 2, -1), "jnt_missing": (16, -1)}
        heads, truth, missing = (np.asarray(content[key], np.float64).reshape(s) for key, s in shapes.items())
        joints = np.stack([np.asarray(row["joints"], np.float64) for row in rows], -1)
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{mat} is not the ground truth of {path.name}: headboxes_src, pos_gt_src, jnt_missing"
        ) from None
    same = truth.shape == joints.shape and heads.shape[2] == missing.shape[1] == len(rows)
    if not same or np.abs((truth - joints)[(missing == 0)[:, None].repeat(2, 1)]).max(initial=0) > 0.01:
        raise UserError(f"{mat} is the ground truth of other people than {path} lists; put the right one there")
    return HEAD * np.hypot(*(heads[1] - heads[0])), missing


def _of_mat(path: Path) -> Iterator[dict[str, Any]]:
    content = _load(path)
    if "RELEASE" not in content or not hasattr(content["RELEASE"], "annolist"):
        raise UserError(f"{path} is not MPII's own file: it has no RELEASE.annolist")
    for annotation in np.atleast_1d(content["RELEASE"].annolist):
        for person in np.atleast_1d(getattr(annotation, "annorect", ())):
            place, scale = _value(person, "objpos"), _value(person, "scale")
            # A head's box alone does not say where the person is.
            if place is None or scale is None:
                continue
            head = [_value(person, side) for side in ("x1", "y1", "x2", "y2")]
            size = None if None in head else HEAD * float(np.hypot(head[2] - head[0], head[3] - head[1]))
            center = [_value(place, "x"), _value(place, "y")]
            joints = _annotated(person)
            row = {"image": str(annotation.image.name), "center": center, "scale": scale, "joints": joints}
            yield {**row, "head_size": size}


def _annotated(person: Any) -> np.ndarray | None:
    """(16, 3) x, y, v of a person's points, or None where it has none."""
    points = _value(_value(person, "annopoints"), "point")
    if points is None:
        return None
    joints = np.zeros((16, 3))
    for point in np.atleast_1d(points):
        # Head joints have no is_visible; elsewhere it is a number or a text.
        hidden = str(_value(point, "is_visible")) == "0"
        joints[int(point.id)] = float(point.x), float(point.y), 1 if hidden else 2
    return joints


def _value(struct: Any, name: str) -> Any:
    """A field, or None where it is missing or Matlab's empty array."""
    value = getattr(struct, name, None)
    return None if value is None or (isinstance(value, np.ndarray) and not value.size) else value


def _load(path: Path) -> dict[str, Any]:
    try:
        return loadmat(path, struct_as_record=False, squeeze_me=True)
    except (ValueError, TypeError, OSError, MatReadError, NotImplementedError) as e:
        raise UserError(f"{path} cannot be read as a .mat file: {' '.join(str(e).split())}") from None


def is_mpii(source: str) -> bool:
    """Whether this is the data set's own file, or a list of the pose repositories."""
    if source.lower().endswith(".mat"):
        return _holds(source, "RELEASE")
    return starts(source, "[") and all(f'"{key}"' in ends(source) for key in ("image", "center", "scale"))


def _holds(source: str, variable: str) -> bool:
    try:
        return variable in (name for name, *_ in whosmat(source))
    except (OSError, ValueError, TypeError, MatReadError, NotImplementedError):
        return False


FORMAT = data_set("MPII (a .json of joints, center and scale, or its .mat)", is_mpii, read_mpii)
