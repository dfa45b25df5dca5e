"""Reading every image of a data set once: its size, its content's hash, and what tells near-duplicates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from semipose.data.checks.duplicates import Print, fingerprint
from semipose.data.crops.store import digest
from semipose.data.images import image_turn, read_image, read_images
from semipose.data.pictures import decode_image, read_bytes
from semipose.data.refs import Person, is_frame, parse
from semipose.data.sample import PoseData
from semipose.errors import UserError


@dataclass(frozen=True)
class Scan:
    """Each image of one set: (height, width), content hash, what tells near-duplicates and the brightest value of any
    channel, or the error that reading it gave; and EXIF's orientation, by which it was turned."""

    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    prints: dict[str, Print] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)


_Facts = tuple[tuple[int, int], bytes, Print, int]


def read_all(data: PoseData, progress: bool = True, workers: int = 0) -> Scan:
    """Read every image once; `workers` threads read pictures, 0 reads in the caller's."""
    scan = Scan()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        stills = [image for image in data.images if not is_frame(image)]
        read = zip(stills, pool.map(_read, stills) if workers else map(_read, stills), strict=True)
        films = [image for image in data.images if is_frame(image)]
        frames = ((image, _frame(image, pixels)) for image, pixels in read_images(films))
        both, console = chain(read, frames), Console(stderr=True)
        for image, result in track(
            both, f"reading {escape(data.name)}", len(data.images), console=console, disable=not progress
        ):
            if isinstance(result, str):
                scan.errors[image] = result
            else:
                scan.shapes[image], scan.digests[image], scan.prints[image], scan.peaks[image] = result
                if not is_frame(image):
                    scan.turns[image] = image_turn(image)
    return scan


def _read(image: str) -> _Facts | str:
    try:
        if isinstance(parse(image), Person):
            pixels = read_image(image)
            return _facts(pixels, image.encode())
        content = read_bytes(image)
        pixels = decode_image(content, image)
        return _facts(pixels, digest(content))
    except UserError as e:
        return str(e)


def _frame(image: str, pixels: np.ndarray | UserError) -> _Facts | str:
    if isinstance(pixels, UserError):
        return str(pixels)
    return _facts(pixels, digest(pixels.tobytes()))


def _facts(pixels: np.ndarray, content: bytes) -> _Facts:
    return pixels.shape[:2], content, fingerprint(pixels), int(pixels.max())
