"""The files of one crop cache: built whole or not at all, reopened while they and the images are what they were.

A folder holds `crops.bin` (the crops one after another, grouped by image), `rows.bin` (where each sample's crop lies,
and its checksum), `images.bin` (each image's size on disk, times, content hash and shape), `index.json` (how many of
each, the checksums of these two files, and which images could not be used) and a marker that says whose it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from semipose import __version__
from semipose.data.crops.cropping import CropSpec, crop_matrices, cut
from semipose.data.images import read_image, read_images
from semipose.data.packed import Texts
from semipose.data.pictures import decode_image, read_bytes
from semipose.data.refs import Frame, Person, is_frame, parse
from semipose.data.sample import PoseData
from semipose.errors import UserError

LAYOUT = 2
"""Raised when the same key would give other pixels than an older version wrote, or other files."""
MARKER, MARK = ".semipose", b"crops of semipose"
"""The file that tells our folders from others, and how it begins."""
FILES = ("crops.bin", "rows.bin", "images.bin", "index.json", "index.json.new", MARKER)
"""All that is written to a folder."""
OLDER = {"crops.bin", "spans.npy", "index.json"}
"""What versions without a marker wrote."""

ROW = np.dtype([("start", "<i8"), ("length", "<i4"), ("sum", "<u4")])
IMAGE = np.dtype(
    [("size", "<i8"), ("time", "<i8"), ("changed", "<i8"), ("node", "<u8"), ("digest", "u1", 16), ("shape", "<i4", 2)]
)
STAT = ["size", "time", "changed", "node"]

_BATCH = 64
_JPEG_QUALITY = 95


class Store(NamedTuple):
    """`rows`: (N,) of `ROW`, start, length and CRC-32 of each sample's crop in `crops.bin`, length 0 where its image
    could not be used. `images`: (M,) of `IMAGE`, in the order of first use. `errors`: an image's place -> why it could
    not be used."""

    rows: np.ndarray
    images: np.ndarray
    errors: dict[int, str]


class _Cut(NamedTuple):
    """What one image gave: its place, its record, why it cannot be used, and the crop bytes of its samples (none where
    it is bad)."""

    place: int
    record: np.ndarray
    error: str | None
    rows: np.ndarray
    crops: list[bytes]


def cache_key(data: PoseData, spec: CropSpec) -> str:
    """Of the crops, the images and the boxes."""
    key = hashlib.sha256(json.dumps([LAYOUT, asdict(spec)]).encode())
    for image, box in zip(data.samples.images, data.samples.boxes, strict=True):
        key.update(json.dumps([image, box.tolist()]).encode())
    return key.hexdigest()[:16]


def images_of(data: PoseData) -> tuple[Texts, np.ndarray]:
    """(M,) the images in the order of first use, and (N,) which of them each sample is in."""
    first, place = data.samples.images.grouped()
    return data.samples.images.take(first), place


def open_store(folder: Path, data: PoseData) -> Store | str:
    """Complete crops whose images have not changed since, else why there are none. Notes new times of images of the
    same content.

    An image whose size, times and inode are as they were is taken to be the same: the time of its last change
    (st_ctime), unlike that of its content, can be set by no program. Of any other the content is hashed."""
    store = _read(folder, data)
    if isinstance(store, str):
        return store
    names, _ = images_of(data)
    drawn = next((place for place, name in enumerate(names) if isinstance(parse(name), Person)), None)
    if drawn is not None and digest(read_image(names[drawn]).tobytes()) != bytes(store.images[drawn]["digest"]):
        return "another version drew these people"
    now = _stats(names)
    touched = np.flatnonzero(now != store.images[STAT].astype(now.dtype))
    for place in touched.tolist():
        gone = place in store.errors or now[place]["size"] < 0
        if gone or _digest(names[place]) != bytes(store.images[place]["digest"]):
            return f"{names[place]} has changed"
    if len(touched):
        for key in STAT:
            store.images[key] = now[key]
        _write_index(folder, store)
    return store


def _read(folder: Path, data: PoseData) -> Store | str:
    """What the files say, as far as they are whole."""
    if not folder.is_dir():
        return "there are none"
    try:
        index = json.loads((folder / "index.json").read_text())
        whole = index.pop("sum") == zlib.crc32(json.dumps(index).encode())
        whole = whole and index["samples"] == len(data) and (folder / "crops.bin").stat().st_size == index["bytes"]
        rows, images = np.fromfile(folder / "rows.bin", ROW), np.fromfile(folder / "images.bin", IMAGE)
        whole = whole and [checksum_of(rows), checksum_of(images)] == index["sums"]
        errors = {int(place): text for place, text in index["errors"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "its index is damaged"
    return Store(rows, images, errors) if whole else "its files are damaged or were edited"


def _stats(names: Iterable[str]) -> np.ndarray:
    """Size, time of content, time of any change and inode of each image, a frame's of its video; size -1 of a missing
    file or a synthetic person."""

    def rows() -> Iterator[tuple[int, int, int, int]]:
        for name in names:
            ref, row = parse(name), (-1, 0, 0, 0)
            if not isinstance(ref, Person):
                with contextlib.suppress(OSError):
                    stat = os.stat(ref.path)
                    row = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
            yield row

    return np.fromiter(rows(), np.dtype([(key, IMAGE[key]) for key in STAT]))


def build_store(data: PoseData, spec: CropSpec, folder: Path, progress: bool, max_bytes: int, workers: int) -> Store:
    """Decode, cut and write everything into a folder beside `folder`, which then takes its place.

    Raises:
        UserError: a folder that is not ours is in the way.
    """
    partial_build = Path(f"{folder}.partial")
    remove(partial_build)
    partial_build.mkdir()
    try:
        (partial_build / MARKER).write_bytes(MARK + f" {__version__}\n".encode())
        names, place = images_of(data)
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(len(names) + 1))
        jobs = ((m, name, order[ends[m] : ends[m + 1]]) for m, name in enumerate(names))
        stills = (job for job in jobs if not is_frame(job[1]))
        films = {name: (m, order[ends[m] : ends[m + 1]]) for m, name in enumerate(names) if is_frame(name)}
        matrices = crop_matrices(data.samples.boxes, spec)
        cuts = chain(
            _map(partial(_cut_image, matrices=matrices, spec=spec), stills, workers), _cut_frames(films, matrices, spec)
        )
        bar = track(
            cuts, f"crops of {escape(data.name)}", len(names), console=Console(stderr=True), disable=not progress
        )
        store = _write(bar, partial_build, data, len(names), max_bytes)
        _write_index(partial_build, store)
        remove(folder)
        partial_build.rename(folder)
    except BaseException:
        remove(partial_build)
        raise
    return store


def remove(folder: Path) -> None:
    """A cache of ours, and nothing else that is in its folder.

    Raises:
        UserError: the folder, or something in it, is not ours.
    """
    if not folder.exists():
        return
    if not is_ours(folder):
        raise UserError(f"{folder} is there and no crop cache of semipose; move it away, or choose another data.cache")
    for name in (*FILES, *OLDER):
        (folder / name).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        raise UserError(f"{folder} holds files that are not semipose's; move them away") from None


def is_ours(folder: Path) -> bool:
    """Whether a folder is a crop cache: by its marker, or, of an older version, by its files; or empty."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    with contextlib.suppress(OSError), (folder / MARKER).open("rb") as file:
        return file.read(len(MARK)) == MARK
    return {path.name for path in folder.iterdir()} in (OLDER, set())


_Job = tuple[int, str, np.ndarray]
"""An image's place, the image, and its samples' places."""


def _map(function: Callable[[_Job], _Cut], jobs: Iterable[_Job], workers: int) -> Iterator[_Cut]:
    """Results in the order of `jobs`, never more than a few ahead of the one asked for."""
    if workers < 1:
        yield from map(function, jobs)
        return
    rest = iter(jobs)
    with ThreadPoolExecutor(workers) as pool:
        while batch := list(islice(rest, _BATCH)):
            yield from pool.map(function, batch)


def _cut_image(job: _Job, matrices: np.ndarray, spec: CropSpec) -> _Cut:
    place, image, rows = job
    record = _record(image)
    try:
        if isinstance(parse(image), Person):
            pixels = read_image(image)
            content: bytes | memoryview = pixels.data
        else:
            content = read_bytes(image)
        record["digest"] = np.frombuffer(digest(content), np.uint8)
        if not isinstance(parse(image), Person):
            pixels = decode_image(bytes(content), image)
    except UserError as e:
        return _Cut(place, record, str(e), rows, [])
    return _cuts(place, record, pixels, rows, matrices, spec)


def _cut_frames(films: Mapping[str, tuple[int, np.ndarray]], matrices: np.ndarray, spec: CropSpec) -> Iterator[_Cut]:
    """Frames of videos, each video read once from its start."""
    for image, pixels in read_images(list(films)):
        (place, rows), record = films[image], _record(image)
        if (content := _digest(image)) is not None:
            record["digest"] = np.frombuffer(content, np.uint8)
        if isinstance(pixels, UserError):
            yield _Cut(place, record, str(pixels), rows, [])
        else:
            yield _cuts(place, record, pixels, rows, matrices, spec)


def _record(image: str) -> np.ndarray:
    """An image's, of which only the file is known."""
    record, stat = np.zeros((), IMAGE), _stats([image])[0]
    for key in STAT:
        record[key] = stat[key]
    return record


def _cuts(
    place: int, record: np.ndarray, pixels: np.ndarray, rows: np.ndarray, matrices: np.ndarray, spec: CropSpec
) -> _Cut:
    record["shape"] = pixels.shape[:2]
    crops = [encode(cut(pixels, matrix, spec.cover), spec) for matrix in matrices[rows]]
    return _Cut(place, record, None, rows, crops)


def encode(crop: np.ndarray, spec: CropSpec) -> bytes:
    """The bytes that are kept of a crop."""
    if spec.store == "raw":
        return crop.tobytes()
    bgr = cv2.cvtColor(crop, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def decode_jpeg(content: np.ndarray) -> np.ndarray:
    """(Hs, Ws, 3) of the bytes that `encode` made."""
    bgr = cv2.imdecode(content, cv2.IMREAD_COLOR)
    if bgr is None:
        raise UserError("a crop in the cache is damaged; remove the cache folder and run again")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _write(cuts: Iterable[_Cut], folder: Path, data: PoseData, images: int, max_bytes: int) -> Store:
    store = Store(np.zeros(len(data), ROW), np.zeros(images, IMAGE), {})
    # Plain writes: a full disk is an OSError here, but kills the process when it happens under a memory map.
    with open(folder / "crops.bin", "wb") as file:
        for place, record, error, rows, crops in cuts:
            store.images[place] = record
            if error is not None:
                store.errors[place] = error
            for row, crop in zip(rows.tolist(), crops, strict=False):
                store.rows[row] = file.tell(), len(crop), zlib.crc32(crop)
                file.write(crop)
            refuse_above(max_bytes, file.tell(), data)
    return store


def _write_index(folder: Path, store: Store) -> None:
    store.rows.tofile(folder / "rows.bin")
    store.images.tofile(folder / "images.bin")
    index: dict[str, Any] = {"semipose": __version__, "samples": len(store.rows), "images": len(store.images)}
    index["bytes"] = int(store.rows["length"].sum())
    index["sums"] = [checksum_of(store.rows), checksum_of(store.images)]
    index["errors"] = {str(place): text for place, text in store.errors.items()}
    new = folder / "index.json.new"
    new.write_text(json.dumps({**index, "sum": zlib.crc32(json.dumps(index).encode())}))
    new.replace(folder / "index.json")


def _digest(image: str) -> bytes | None:
    """Of the file that an image or frame comes from, now; None where there is none."""
    ref = parse(image)
    if isinstance(ref, Frame):
        size, time = _stats([image])[0].tolist()[:2]
        return _video_digest(ref.path, size, time) if size >= 0 else None
    try:
        return digest(read_bytes(image))
    except UserError:
        return None


@lru_cache(64)
def _video_digest(path: str, size: int, _time: int) -> bytes:
    """Of a video's length, first and last MiB: a recording of the same length that differs only between is none."""
    part = 1 << 20
    with open(path, "rb") as file:
        head = file.read(part)
        file.seek(max(part, size - part))
        return digest(b"%d " % size + head + file.read())


def checksum_of(part: np.ndarray) -> int:
    """CRC-32 of an array's bytes."""
    return zlib.crc32(part.view(np.uint8).data)


def digest(content: bytes | memoryview) -> bytes:
    """Hash of a file's content, 16 bytes."""
    return hashlib.blake2b(content, digest_size=16).digest()


def refuse_above(max_bytes: int, size: int, data: PoseData) -> None:
    if size > max_bytes:
        raise UserError(
            f"the crops of {data.name} ({len(data)} samples) need more than {max_bytes / 1e9:.1f} GB;"
            " set data.store=jpeg (a tenth of the size), or a smaller data.reach, model.size or choice of data.frames"
        )
