"""The files of one crop cache: built whole or not at all, reopened while the images' contents are the same.

A folder holds `crops.bin` (the crops one after another, grouped by image), `spans.npy` (where each sample's crop lies)
and `index.json` (each image's size on disk, time, content hash and shape).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from semipose.data.crops.cropping import CropSpec, cut
from semipose.data.images import read_image, read_images
from semipose.data.pictures import decode_image, read_bytes
from semipose.data.refs import Frame, Person, is_frame, parse
from semipose.data.sample import PoseData
from semipose.errors import UserError

LAYOUT = 1
"""Raised when the same key would give other pixels than an older version wrote."""

_BATCH = 64
_JPEG_QUALITY = 95


class Store(NamedTuple):
    """`images`: each image's signature, digest, shape and error. `spans`: (N, 2) start and length of each sample's crop
    in `crops.bin`, length 0 where its image could not be used."""

    images: dict[str, dict[str, Any]]
    spans: np.ndarray


class _Cut(NamedTuple):
    """What one image gave: its record for the index, and the crop bytes of its samples (none where it is bad)."""

    image: str
    record: dict[str, Any]
    rows: list[int]
    crops: list[bytes]


def cache_key(data: PoseData, spec: CropSpec) -> str:
    what = [LAYOUT, asdict(spec), [(s.image, s.box) for s in data]]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def open_store(folder: Path) -> Store | None:
    """Complete crops whose images have not changed since, else None. Notes new times of images of the same content."""
    try:
        images = json.loads((folder / "index.json").read_text())
        spans = np.load(folder / "spans.npy")
        complete = (folder / "crops.bin").stat().st_size == spans[:, 1].sum()
    except (OSError, ValueError, IndexError):
        return None
    drawn = next((image for image in images if isinstance(parse(image), Person)), None)
    if drawn is not None and digest(read_image(drawn).tobytes()) != images[drawn]["digest"]:
        return None  # another version drew these people
    touched = False
    for image, record in images.items():
        signature = _signature(image)
        if signature == record["signature"]:
            continue
        if signature is None or record["digest"] is None or _digest(image) != record["digest"]:
            return None
        record["signature"], touched = signature, True
    if touched and complete:
        _write_index(folder, images)
    return Store(images, spans) if complete else None


def build_store(
    data: PoseData,
    spec: CropSpec,
    matrices: np.ndarray,
    folder: Path,
    progress: bool,
    max_bytes: int,
    workers: int,
) -> Store:
    """Decode, cut and write everything into a folder beside `folder`, which then takes its place."""
    partial_build = Path(f"{folder}.partial")
    shutil.rmtree(partial_build, ignore_errors=True)
    partial_build.mkdir()
    try:
        rows: dict[str, list[int]] = {}
        for i, sample in enumerate(data):
            rows.setdefault(sample.image, []).append(i)
        stills = [(image, at) for image, at in rows.items() if not is_frame(image)]
        films = {image: at for image, at in rows.items() if is_frame(image)}
        cuts = chain(
            _map(partial(_cut_image, matrices=matrices, spec=spec), stills, workers), _cut_frames(films, matrices, spec)
        )
        bar = track(
            cuts, f"crops of {escape(data.name)}", len(rows), console=Console(stderr=True), disable=not progress
        )
        store = _write(bar, partial_build, data, max_bytes)
        _write_index(partial_build, store.images)
        shutil.rmtree(folder, ignore_errors=True)
        partial_build.rename(folder)
    except BaseException:
        shutil.rmtree(partial_build, ignore_errors=True)
        raise
    return store


def _map(
    function: Callable[[tuple[str, list[int]]], _Cut], jobs: list[tuple[str, list[int]]], workers: int
) -> Iterator[_Cut]:
    """Results in the order of `jobs`, never more than a few ahead of the one asked for."""
    if workers < 1:
        yield from map(function, jobs)
        return
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(jobs), _BATCH):
            yield from pool.map(function, jobs[start : start + _BATCH])


def _cut_image(job: tuple[str, list[int]], matrices: np.ndarray, spec: CropSpec) -> _Cut:
    image, rows = job
    record: dict[str, Any] = {"signature": _signature(image), "digest": None, "shape": None, "error": None}
    try:
        if isinstance(parse(image), Person):
            pixels = read_image(image)
            record["digest"] = digest(pixels.tobytes())
        else:
            content = read_bytes(image)
            record["digest"] = digest(content)
            pixels = decode_image(content, image)
    except UserError as e:
        record["error"] = str(e)
        return _Cut(image, record, rows, [])
    return _cuts(image, record, pixels, rows, matrices, spec)


def _cut_frames(films: Mapping[str, list[int]], matrices: np.ndarray, spec: CropSpec) -> Iterator[_Cut]:
    """Frames of videos, each video read once from its start."""
    for image, pixels in read_images(list(films)):
        record = {"signature": _signature(image), "digest": _digest(image), "shape": None, "error": None}
        if isinstance(pixels, UserError):
            yield _Cut(image, {**record, "error": str(pixels)}, films[image], [])
        else:
            yield _cuts(image, record, pixels, films[image], matrices, spec)


def _cuts(
    image: str, record: dict[str, Any], pixels: np.ndarray, rows: list[int], matrices: np.ndarray, spec: CropSpec
) -> _Cut:
    record["shape"] = pixels.shape[:2]
    return _Cut(image, record, rows, [_encode(cut(pixels, matrices[row], spec.cover), spec) for row in rows])


def _encode(crop: np.ndarray, spec: CropSpec) -> bytes:
    if spec.store == "raw":
        return crop.tobytes()
    bgr = cv2.cvtColor(crop, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def decode_jpeg(content: np.ndarray) -> np.ndarray:
    """(Hs, Ws, 3) of the bytes that `_encode` made."""
    bgr = cv2.imdecode(content, cv2.IMREAD_COLOR)
    if bgr is None:
        raise UserError("a crop in the cache is damaged; remove the cache folder and run again")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _write(cuts: Iterable[_Cut], folder: Path, data: PoseData, max_bytes: int) -> Store:
    spans = np.zeros((len(data), 2), np.int64)
    images: dict[str, dict[str, Any]] = {}
    # Plain writes: a full disk is an OSError here, but kills the process when it happens under a memory map.
    with open(folder / "crops.bin", "wb") as file:
        for image, record, rows, crops in cuts:
            images[image] = record
            for row, crop in zip(rows, crops, strict=False):
                spans[row] = file.tell(), len(crop)
                file.write(crop)
            refuse_above(max_bytes, file.tell(), data)
    np.save(folder / "spans.npy", spans)
    return Store(images, spans)


def _write_index(folder: Path, images: dict[str, dict[str, Any]]) -> None:
    new = folder / "index.json.new"
    new.write_text(json.dumps(images))
    new.replace(folder / "index.json")


def _signature(image: str) -> list[int] | None:
    """[bytes, mtime in ns], a frame's of its video; None for a missing file or a synthetic person."""
    file = parse(image).file
    if file is None:
        return None
    try:
        stat = os.stat(file)
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]


def _digest(image: str) -> str | None:
    """Of the file that an image or frame comes from, now; None where there is none."""
    ref = parse(image)
    if not isinstance(ref, Frame):
        return digest(read_bytes(image))
    signature = _signature(image)
    return _video_digest(ref.path, *signature) if signature else None


@lru_cache(64)
def _video_digest(path: str, size: int, _time: int) -> str:
    """Of a video's length, first and last MiB: a recording of the same length that differs only between is none."""
    part = 1 << 20
    with open(path, "rb") as file:
        head = file.read(part)
        file.seek(max(part, size - part))
        return digest(b"%d " % size + head + file.read())


def digest(content: bytes) -> str:
    """Hash of a file's content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def refuse_above(max_bytes: int, size: int, data: PoseData) -> None:
    if size > max_bytes:
        raise UserError(
            f"the crops of {data.name} ({len(data)} samples) need more than {max_bytes / 1e9:.1f} GB;"
            " set data.store=jpeg (a tenth of the size), or a smaller data.reach, model.size or choice of data.frames"
        )
