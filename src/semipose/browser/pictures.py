"""Pixels for a browser: pictures as they are where a browser reads them, frames of videos decoded in order, small
pictures; a bounded part of it is kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from semipose.browser.stores import stamp_of
from semipose.data.images import read_image
from semipose.data.pictures import picture_header, read_bytes
from semipose.data.refs import Frame, parse
from semipose.data.video import probe, read_frames
from semipose.errors import UserError

TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
"""Files that a browser is given as they are."""
SMALL = 160
"""Pixels of the longer side of a small picture."""
BEHIND, AHEAD = 12, 300
"""Frames before the one asked for that are kept, and how far ahead a video is read on instead of from its start."""


class Kept:
    """Bytes by key, at most `limit` together: those used last."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self._lock, self._items = threading.Lock(), OrderedDict[object, bytes]()

    def get(self, key: object) -> bytes | None:
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: object, content: bytes) -> bytes:
        with self._lock:
            self.size += len(content) - len(self._items.pop(key, b""))
            self._items[key] = content
            while self.size > self.limit:
                self.size -= len(self._items.popitem(last=False)[1])
        return content


class Pictures:
    """What a browser is shown. `films` and `smalls` are bytes that may be kept."""

    def __init__(self, films: int = 48 << 20, smalls: int = 16 << 20) -> None:
        self._films, self._smalls = Kept(films), Kept(smalls)
        self._lock = threading.Lock()
        self._open: tuple[tuple[str, object], int, Iterator[tuple[int, np.ndarray]]] | None = None

    def whole(self, ref: str) -> tuple[bytes, str]:
        """A frame and its type.

        Raises:
            UserError: it cannot be read.
        """
        match parse(ref):
            case Frame(path, number):
                return self._frame(path, number), "image/jpeg"
            case file:
                kind = TYPES.get(file.file.suffix.lower()) if file.file else None
                if kind and picture_header(str(file))[1] == 1:
                    return read_bytes(str(file)), kind
                return encoded(read_image(ref), ".png"), "image/png"

    def small(self, ref: str) -> bytes:
        """A JPEG of a picture, `SMALL` pixels or less a side."""
        key = (ref, changed(ref))
        content = self._smalls.get(key)
        if content is None:
            pixels = read_image(ref)
            scale = SMALL / max(pixels.shape[:2])
            if scale < 1:
                pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            content = self._smalls.put(key, encoded(pixels, ".jpg", 80))
        return content

    def _frame(self, path: str, number: int) -> bytes:
        film = (path, stamp_of(Path(path)))
        key = (film, number)
        with self._lock:
            content = self._films.get(key)
            if content is not None:
                return content
            where, at, frames = self._open or (None, 0, iter(()))
            if where != film or not at <= number < at + AHEAD:
                first = max(0, number - BEHIND)
                frames = read_frames(Path(path), range(first, len(probe(path))))
            for n, pixels in frames:
                if n > number - BEHIND:
                    self._films.put((film, n), encoded(pixels, ".jpg", 92))
                if n >= number:
                    self._open = (film, n + 1, frames)
                    break
            content = self._films.get(key)
        if content is None:
            raise UserError(f"frame {number} of {Path(path).name} cannot be decoded; the video is damaged there")
        return content


def changed(ref: str) -> object:
    """What differs where the file of a picture or frame was written anew."""
    match parse(ref):
        case Frame(path, _):
            return stamp_of(Path(path))
        case file:
            return stamp_of(file.file) if file.file else None


def encoded(pixels: np.ndarray, suffix: str, quality: int = 92) -> bytes:
    """RGB pixels as a file's bytes."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    return cv2.imencode(suffix, pixels[..., ::-1], options)[1].tobytes()
