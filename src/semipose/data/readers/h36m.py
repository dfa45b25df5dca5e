"""Human3.6M (Ionescu et al., 2014) as pose repositories prepare it: frames, boxes, joints in 2D and 3D, cameras.

Frames are named `S1_Directions_1.54138969_000001.jpg`: subject, action, camera, frame.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from semipose import limits
from semipose.cameras.camera import Camera
from semipose.data.readers import data_set
from semipose.data.readers.cameras import read_cameras
from semipose.data.readers.coco import read_coco
from semipose.data.readers.json_files import (
    ImageFolder,
    array_of,
    ends,
    image_folder,
    load_json,
    rows_of,
    shown,
    starts,
)
from semipose.data.sample import AWAY, FAR, MARKS, NEAR, PoseData, Sample, Shot
from semipose.errors import UserError, reads, reason_of
from semipose.skeleton import H36M

NAME = re.compile(r"(?P<subject>S\d+)_(?P<action>.+)\.(?P<camera>\d+)_(?P<frame>\d+)$")


@reads("Human3.6M's annotations")
def read_h36m(path: str | Path, images: str | Path | None = None) -> PoseData:
    """Read a COCO-style JSON with H36M's 17 joints (and `keypoints_3d` in the world, in metres), or an .npz with
    `imgname`, `center`, `scale` (box side / 200), `part` (N, 17, 3) and `S` (N, 17, 4), in metres before the camera.

    Every joint is labelled (v 2, unless the file says 0). Each sample has a `shot`; `xyz` of an .npz needs the
    cameras, and is None where there is no `cameras.pkl` (see `find_cameras`).

    Args:
        images: the folder of the images, else that of the file or an `images` beside or above it.

    Raises:
        UserError: naming the entry at fault and what is wrong with it, or a frame whose name is of another kind.
    """
    path = Path(path)
    return _of_arrays(path, images) if path.suffix == ".npz" else _of_json(path, images)


def find_cameras(path: str | Path) -> dict[str, Camera] | None:
    """The cameras of the `cameras.pkl` beside an annotation file or in the two folders above, named "S1/54138969"; None
    without one."""
    folders = Path(path).resolve().parents[:3]
    return next((read_cameras(f / "cameras.pkl") for f in folders if (f / "cameras.pkl").exists()), None)


def _of_json(path: Path, images: str | Path | None) -> PoseData:
    document = load_json(path)
    first = rows_of(document, "images", path)[0].get("file_name")
    data = read_coco(path, image_folder(path, images, str(first)))
    rows = {row["id"]: row.get("keypoints_3d") for row in document["annotations"]}
    if data.skeleton is None or len(data.skeleton) != len(H36M):
        raise UserError(f"{path} is not H36M's: it needs {len(H36M)} joints")
    order = _order(data.skeleton.joints, path)
    samples = []
    for s in data:
        xyz = _xyz(rows[s.annotation_id], f"{path}: annotation {s.annotation_id}")
        points = None if s.keypoints is None else s.keypoints[order]
        samples.append(_shot(replace(s, keypoints=points), None if xyz is None else xyz[order], path))
    return PoseData(path.stem, H36M, samples, data.remarks)


def _order(names: Sequence[str], path: Path) -> list[int]:
    """Where a file has each of H36M's joints: by name, or, where it has names of its own, in H36M's order.

    Raises:
        UserError: some of the names are H36M's, in another order.
    """
    plain = [re.sub(r"\W+", "_", name.lower()).strip("_") for name in names]
    known = [SYNONYMS.get(name, name).replace("foot", "ankle") for name in plain]
    if sorted(known) == sorted(H36M.joints):
        return [known.index(joint) for joint in H36M.joints]
    odd = next((i for i, name in enumerate(known) if name in H36M.joints and H36M.joints[i] != name), None)
    if odd is not None:
        raise UserError(f"{path} has {names[odd]!r} where H36M has {H36M.joints[odd]!r}; name all 17 as H36M's joints")
    return [*range(len(H36M))]


SYNONYMS = {"root": "pelvis", "root_pelvis": "pelvis", "hip": "pelvis", "neck": "neck_base"}
"""Of H36M's joints, beside feet for ankles."""


def _xyz(values: object, where: str) -> np.ndarray | None:
    if values is None:
        return None
    try:
        points = array_of(values)
    except (TypeError, ValueError, OverflowError):
        points = np.zeros(0)
    if points.shape not in ((17, 4), (17 * 4,)):
        raise UserError(f"{where} needs 17 keypoints_3d x, y, z, v")
    points = 1000 * points.reshape(17, 4)[:, :3]
    if not (np.abs(points) <= AWAY).all():
        raise UserError(f"{where} has keypoints_3d that are no places in metres; mend or remove it")
    return points


def _of_arrays(path: Path, images: str | Path | None) -> PoseData:
    shapes: dict[str, tuple[int, ...]] = {"imgname": (), "center": (2,), "scale": (), "part": (17, 3)}
    arrays = read_arrays(path, (*shapes, "S"))
    lacking = [key for key in shapes if key not in arrays]
    if lacking or arrays["imgname"].ndim != 1 or arrays["imgname"].dtype.kind not in "US":
        raise UserError(f"{path} is not H36M's .npz: it needs {', '.join(shapes)}; export it again")
    names = arrays.pop("imgname").astype(str)
    for key, shape in {**shapes, "S": (17, 4)}.items():
        if key in arrays and arrays[key].shape != (len(names), *shape):
            raise UserError(f"{path}: {key} has shape {arrays[key].shape}, expected {(len(names), *shape)}")
    _refuse_numbers(arrays, path)
    cameras = find_cameras(path) if "S" in arrays else None
    if not len(names):
        raise UserError(f"{path} names no image; export it again")
    files = ImageFolder(image_folder(path, images, str(names[0])))
    samples = []
    for i, name in enumerate(names.tolist()):
        side = 200 * float(arrays["scale"][i])
        x, y = arrays["center"][i].astype(float) - side / 2
        box, image = (float(x), float(y), side, side), files.path(name, f"{path}: entry {i}")
        points = arrays["part"][i].astype(np.float32)
        sample = _shot(Sample(f"{name}#{i}", image, box, points, image_id=name), None, path)
        samples.append(_in_world(sample, arrays["S"][i, :, :3], cameras, path) if cameras else sample)
    files.refuse_if_none_exists({s.image for s in samples})
    return PoseData(path.stem, H36M, tuple(samples))


def _refuse_numbers(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Sizes, places and visibilities that cannot be."""
    odd = next((key for key, values in arrays.items() if values.dtype.kind not in "iuf"), None)
    if odd is not None:
        raise UserError(f"{path}: {odd} is no array of numbers; export it again")
    part, scale = arrays["part"], arrays["scale"]
    rules = {
        "center": (np.abs(arrays["center"]) <= FAR).all(1),
        "scale": (scale >= NEAR / 200) & (scale <= FAR / 200),
        "part": (np.abs(part[..., :2]) <= FAR).all((1, 2)) & np.isin(part[..., 2], MARKS).all(1),
    }
    if "S" in arrays:
        rules["S"] = (np.abs(arrays["S"][..., :3]) <= AWAY / 1000).all((1, 2))
    for key, fits in rules.items():
        if not fits.all():
            raise UserError(f"{path}: {key} of entry {int(fits.argmin())} cannot be; mend or remove it")


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of `names` that an .npz has, without objects.

    Raises:
        UserError: it cannot be read, is damaged, or would take more memory than `limits.refuse_large` allows, which
            its own headers say.
    """
    try:
        with limits.opened(path) as plain:
            with zipfile.ZipFile(plain) as file:
                there = {entry.filename.removesuffix(".npy"): entry for entry in file.infolist()}
                total = 0
                for name in names:
                    if name in there:
                        with file.open(there[name]) as member:
                            total += max(_size(member), there[name].file_size)
                        limits.refuse_large(path, total, path.stat().st_size)
            plain.seek(0)
            with np.load(plain, allow_pickle=False) as arrays:
                return {name: np.asarray(arrays[name]) for name in names if name in there}
    except UserError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds
        raise UserError(
            f"{path} is not H36M's .npz, or damaged ({reason_of(error)}); copy or export it again"
        ) from error


def _size(member: IO[bytes]) -> int:
    """Bytes of the array that a member of an .npz says it has."""
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(member)
    if dtype.hasobject:
        raise ValueError("it has objects, which are not read")
    return math.prod(map(int, shape)) * dtype.itemsize


def _in_world(sample: Sample, seen: np.ndarray, cameras: Mapping[str, Camera], path: Path) -> Sample:
    """`seen`: metres in the camera's frame."""
    shot = sample.shot
    assert shot is not None
    camera = cameras.get(f"{shot.subject}/{shot.camera}")
    if camera is None:
        raise UserError(f"{path}: {sample.id} is of {shot.subject}, camera {shot.camera}, which cameras.pkl lacks")
    return replace(sample, shot=replace(shot, xyz=(1000 * seen.astype(np.float64) - camera.t) @ camera.R))


def _shot(sample: Sample, xyz: np.ndarray | None, path: Path) -> Sample:
    match = NAME.match(Path(sample.image).stem)
    if not match:
        kind = "S1_Directions_1.54138969_000001.jpg"
        raise UserError(f"{path}: image {shown(sample.image_id)} is not named as {kind}; rename or remove it")
    subject, action, camera, frame = match.groups()
    points = sample.keypoints
    if points is not None:
        points = points.copy()
        points[:, 2] = np.where(points[:, 2] > 0, 2, 0)
    return replace(sample, keypoints=points, shot=Shot(subject, f"{subject}_{action}_{frame}", camera, xyz))


def _is_h36m(source: str) -> bool:
    return source.lower().endswith(".npz") or (starts(source, "{") and '"root (pelvis)"' in ends(source))


FORMAT = data_set("Human3.6M (a COCO-style .json or an .npz)", _is_h36m, read_h36m)
