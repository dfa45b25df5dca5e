"""The source-crop cache: every image decoded once, one crop a sample kept on disk, training reads only those.

One folder a (data set, `CropSpec`), named by a hash of the spec, the image references and the boxes. Labels are no part
of it: mending a keypoint rebuilds nothing. `cropping` says where a crop lies, `crop_store` what the files are.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from semipose.data.crops.cropping import CropSpec, crop_matrices
from semipose.data.crops.store import build_store, cache_key, decode_jpeg, open_store, refuse_above
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
        matrices: (N, 3, 3) float64, image pixel -> crop pixel.
        bad: image -> why it could not be used.
        decoded: how many source images this call of `build_crops` decoded; 0 when the cache was there.
    """

    data: PoseData
    spec: CropSpec
    path: Path
    kept: np.ndarray
    matrices: np.ndarray
    bad: dict[str, str]
    decoded: int
    _spans: np.ndarray = field(repr=False)
    _keypoints: np.ndarray = field(repr=False)
    _file: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.kept)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def images(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """(B, Hs, Ws, 3) uint8 RGB, a copy."""
        if self._file is None:
            self._file = np.memmap(self.path / "crops.bin", np.uint8, "r")
        spans = self._spans[np.asarray(indices)]
        if self.spec.store == "raw":
            crops = self._file.reshape(-1, *self.spec.cover, 3)
            return np.asarray(crops[spans[:, 0] // spans[:, 1]])
        out = np.empty((len(spans), *self.spec.cover, 3), np.uint8)
        for row, (start, length) in zip(out, spans, strict=True):
            row[:] = decode_jpeg(self._file[start : start + length])
        return out

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
    matrices = crop_matrices(np.array([s.box for s in data]), spec)
    decoded = 0
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            store = open_store(folder)
            if store is None:
                refuse_above(max_bytes, len(data) * 3 * spec.cover[0] * spec.cover[1] * (spec.store == "raw"), data)
                store = build_store(data, spec, matrices, folder, progress, max_bytes, workers)
                decoded = len(store.images)
            os.utime(folder / "index.json")
    except OSError as e:
        raise UserError(f"the crop cache {folder} cannot be written or read: {e.strerror or e}") from None
    bad = {image: record["error"] for image, record in store.images.items() if record["error"]}
    if bad_limit is None:
        bad_limit = 0.0 if any(s.labeled for s in data) else UNLABELED_BAD_LIMIT
    kept = np.flatnonzero(store.spans[:, 1])
    leave_out(data.name, bad.values(), len(store.images), bad_limit)
    used = data.subset(kept.tolist())
    shapes = np.array([store.images[s.image]["shape"] for s in used])
    keypoints = _crop_keypoints(used, matrices[kept], shapes)
    return Crops(used, spec, folder, kept, matrices[kept], bad, decoded, store.spans[kept], keypoints)


def prune_cache(directory: str | Path, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Remove the least recently opened crops until all of `directory` takes at most `max_bytes`; what was removed.

    Remains of interrupted builds go first. Crops that another process is building are left alone; do not prune crops
    that a running training reads.
    """
    removed = []
    for partial_build in Path(directory).glob("*.partial"):
        removed += _remove(partial_build, partial_build.with_suffix(".lock"))
    used = sorted(Path(directory).glob("*/index.json"), key=lambda path: path.stat().st_mtime)
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
            shutil.rmtree(folder)
    except Timeout:
        return []
    return [folder]


def _crop_keypoints(data: PoseData, matrices: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    k = len(data.skeleton) if data.skeleton else 0
    points = np.zeros((len(data), k, 3))
    for i, sample in enumerate(data):
        if sample.keypoints is not None:
            points[i] = sample.keypoints
    xy = points[..., :2]
    used = inside(xy, shapes[:, None]) & (points[..., 2] > 0)
    points[~used] = 0
    moved = xy @ matrices[:, :2, :2].transpose(0, 2, 1) + matrices[:, None, :2, 2]
    points[..., :2] = np.where(used[..., None], moved, 0)
    return points.astype(np.float32)
