"""The source-crop cache: every image decoded once, one crop a sample kept on disk, training reads only those.

One folder a (data set, `CropSpec`), named by a hash of the spec, the image references and the boxes. Labels are no part
of it: mending a keypoint rebuilds nothing. `cropping` says where a crop lies, `crop_store` what the files are.
"""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from semipose.data.crops.cropping import CropSpec, crop_matrices, cut
from semipose.data.crops.store import (
    build_store,
    cache_key,
    checksum_of,
    decode_jpeg,
    encode,
    images_of,
    is_ours,
    open_store,
    refuse_above,
    remove,
)
from semipose.data.extent import is_huge, lies_beside
from semipose.data.images import read_image
from semipose.data.pictures import UNLABELED_BAD_LIMIT, inside, leave_out
from semipose.data.sample import PoseData
from semipose.errors import UserError

__all__ = ["CropSpec", "Crops", "build_crops", "prune_cache"]

MAX_BYTES = 20 * 1000**3


@dataclass(eq=False)
class Crops:
    """The crops of `data` under `spec`, position by position; may be pickled into loader workers.

    Attributes:
        data: the samples, those of unreadable images left out.
        kept: (N,) positions of `data`'s samples in the data set that `build_crops` was given.
        bad: image -> why it could not be used.
        decoded: how many source images this call of `build_crops` decoded; 0 when the cache was there.
        contents: (M, 8) uint8, the beginning of the content hash of each image of the data set that `build_crops` was
            given, in the order of first use; 0 where there is none.
        outside: (M,) positions of samples whose boxes show nothing of their images, or are far larger: their crops are
            black, or a few pixels.
    """

    data: PoseData
    spec: CropSpec
    path: Path
    kept: np.ndarray
    bad: dict[str, str]
    decoded: int
    contents: np.ndarray
    outside: np.ndarray
    _rows: np.ndarray = field(repr=False)
    _keypoints: np.ndarray = field(repr=False)
    _file: np.ndarray | None = field(default=None, repr=False)
    _sound: np.ndarray | None = field(default=None, repr=False)
    _told: bool = field(default=False, repr=False)

    def __len__(self) -> int:
        return len(self.kept)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_sound": None}

    def stray(self) -> str | None:
        """What to say of these, if there are any."""
        if not len(self.outside):
            return None
        first = self.data.samples.ids[int(self.outside[0])]
        return (
            f"{self.data.name}: {len(self.outside)} of {len(self)} boxes lie outside their image or are far larger,"
            f" first that of {first}"
        )

    @property
    def matrices(self) -> np.ndarray:
        """(N, 3, 3) float64, image pixel -> crop pixel."""
        return crop_matrices(self.data.samples.boxes, self.spec)

    def images(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """(B, Hs, Ws, 3) uint8 RGB, a copy. Each crop is compared with its checksum when it is first read; a damaged
        one is cut anew, with a warning.

        Raises:
            UserError: a damaged one cannot be cut as it was.
        """
        if self._file is None or self._sound is None:
            self._file = np.memmap(self.path / "crops.bin", np.uint8, "r")
            self._sound = np.zeros(len(self), bool)
        rows = np.asarray(indices)
        for row in rows[~self._sound[rows]].tolist():
            start, length, checksum = self._rows[row].tolist()
            if checksum_of(self._file[start : start + length]) != checksum:
                self._mend(row)
            self._sound[row] = True
        places = self._rows[rows]
        if self.spec.store == "raw":
            crops = self._file.reshape(-1, *self.spec.cover, 3)
            return np.asarray(crops[places["start"] // places["length"]])
        out = np.empty((len(rows), *self.spec.cover, 3), np.uint8)
        for own, (start, length, _) in zip(out, places.tolist(), strict=True):
            own[:] = decode_jpeg(self._file[start : start + length])
        return out

    def _mend(self, row: int) -> None:
        """Cut a crop that is not what was written anew, and write it, the same bytes by whoever does so."""
        image, (start, _, checksum) = self.data.samples.images[row], self._rows[row].tolist()
        try:
            matrix = crop_matrices(self.data.samples.boxes[row], self.spec)[0]
            content = encode(cut(read_image(image), matrix, self.spec.cover), self.spec)
            if zlib.crc32(content) != checksum:
                raise UserError("it has changed since")
            with FileLock(f"{self.path}.lock"), (self.path / "crops.bin").open("r+b") as file:
                if (self.path / "rows.bin").read_bytes() != self._rows.tobytes():
                    raise UserError("another run has made the crops anew")
                file.seek(start)
                file.write(content)
        except (UserError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(
                f"the crop of {image} in {self.path} is damaged and cannot be cut anew ({reason}); remove that folder"
                " and run again"
            ) from None
        if not self._told:
            warnings.warn(f"{self.path}: crops were damaged and are cut anew, first that of {image}", stacklevel=3)
        self._told = True

    def keypoints(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """(B, K, 3) float32: x, y in crop pixels and v; 0, 0, 0 where unlabelled or outside the image."""
        return self._keypoints[np.asarray(indices)].copy()


def build_crops(
    data: PoseData,
    spec: CropSpec,
    directory: str | Path,
    progress: bool = True,
    max_bytes: int = MAX_BYTES,
    workers: int = 0,
    bad_limit: float | None = None,
) -> Crops:
    """Open the crops of `data` in `directory`, building them where they are missing or an image's content changed.

    A second process that wants the same crops waits for the first. An interrupted build leaves nothing that could be
    taken for a cache.

    Args:
        progress: show a bar on standard error while building.
        max_bytes: what one data set's crops may take.
        workers: threads that decode and cut (OpenCV releases the interpreter lock); 0 works in the caller's.
        bad_limit: the share of unreadable images that is left out without an error; None means 0 for labelled data
            and 1 % for unlabelled.

    Raises:
        UserError: too many unreadable images, more than `max_bytes`, a full disk or an unwritable directory.
    """
    if not len(data):
        raise UserError(f"{data.name} holds no samples; there is nothing to crop")
    folder = Path(directory).absolute() / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', data.name)[:60]}-{cache_key(data, spec)}"
    decoded = 0
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            store = open_store(folder, data)
            if isinstance(store, str):
                if folder.exists():
                    warnings.warn(f"the crops of {data.name} in {folder} are made anew: {store}", stacklevel=2)
                refuse_above(max_bytes, len(data) * 3 * spec.cover[0] * spec.cover[1] * (spec.store == "raw"), data)
                store = build_store(data, spec, folder, progress, max_bytes, workers)
                decoded = len(store.images)
            os.utime(folder / "index.json")
    except OSError as e:
        raise UserError(f"the crop cache {folder} cannot be written or read: {e.strerror or e}") from None
    names, place = images_of(data)
    bad = {names[at]: error for at, error in store.errors.items()}
    kept = np.flatnonzero(store.rows["length"])
    if bad_limit is None:
        bad_limit = 0.0 if data.has_labels else UNLABELED_BAD_LIMIT
    leave_out(data.name, bad.values(), len(store.images), bad_limit)
    used = data if len(kept) == len(data) else data.subset(kept)
    shapes = store.images["shape"][place[kept]]
    keypoints = _crop_keypoints(used, spec, shapes)
    contents = store.images["digest"][:, :8].copy()
    outside = _outside(used, shapes)
    return Crops(used, spec, folder, kept, bad, decoded, contents, outside, store.rows[kept], keypoints)


def prune_cache(directory: str | Path, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Remove the least recently opened crops until all of `directory` takes at most `max_bytes`; what was removed.

    Remains of interrupted builds go first. Crops that another process is building are left alone, and so is whatever is
    not ours; do not prune crops that a running training reads.
    """
    removed = []
    for partial_build in filter(is_ours, Path(directory).glob("*.partial")):
        removed += _remove(partial_build, partial_build.with_suffix(".lock"))
    ours = (path for path in Path(directory).glob("*/index.json") if is_ours(path.parent))
    used = sorted(ours, key=lambda path: path.stat().st_mtime)
    sizes = [sum(f.stat().st_size for f in path.parent.iterdir()) for path in used]
    total = sum(sizes)
    for path, size in zip(used, sizes, strict=True):
        if total <= max_bytes:
            break
        gone = _remove(path.parent, Path(f"{path.parent}.lock"))
        removed += gone
        total -= size * len(gone)
    return removed


def _remove(folder: Path, lock: Path) -> list[Path]:
    try:
        with FileLock(lock, timeout=0):
            remove(folder)
    except (Timeout, UserError):  # in use, or with files in it that are not ours
        return []
    return [folder]


def _outside(data: PoseData, shapes: np.ndarray) -> np.ndarray:
    """The positions of samples whose boxes show nothing of their images of `shapes` (N, 2), or are far larger."""
    boxes = data.samples.boxes.T
    return np.flatnonzero(lies_beside(boxes, *shapes.T) | is_huge(boxes, *shapes.T))


def _crop_keypoints(data: PoseData, spec: CropSpec, shapes: np.ndarray) -> np.ndarray:
    """(N, K, 3) float32 of N samples in images of `shapes` (N, 2)."""
    k = len(data.skeleton) if data.skeleton else 0
    found = np.zeros((len(data), k, 3), np.float32)
    rows, labels = list[int](), list[np.ndarray]()
    for row, points in data.labels():
        rows.append(row)
        labels.append(points)
    if not rows:
        return found
    matrices = crop_matrices(data.samples.boxes[rows], spec)
    points = np.array(labels, np.float64)
    xy = points[..., :2]
    used = inside(xy, shapes[rows][:, None]) & (points[..., 2] > 0)
    points[~used] = 0
    moved = xy @ matrices[:, :2, :2].transpose(0, 2, 1) + matrices[:, None, :2, 2]
    points[..., :2] = np.where(used[..., None], moved, 0)
    found[rows] = points
    return found
