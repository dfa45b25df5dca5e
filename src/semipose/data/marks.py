"""The mark of pictures and videos that this program drew poses on: a later run may write over them, and takes none for
an image to learn from."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import cv2
import numpy as np

from semipose.errors import UserError

MARK = b"drawn by semipose"
"""A JPEG's first comment, and a video's."""
HEAD = 20
"""Bytes of OpenCV's JPEGs before a comment may stand: start of image and JFIF's segment."""
COMMENT = b"\xff\xfe" + (len(MARK) + 2).to_bytes(2, "big") + MARK

TEXT = b"tEXtComment\0" + MARK
CHUNK = (len(TEXT) - 4).to_bytes(4, "big") + TEXT + zlib.crc32(TEXT).to_bytes(4, "big")
"""The same in a PNG, behind its first 33 bytes."""


def encoded(pixels: np.ndarray, suffix: str) -> bytes:
    """The file of an RGB picture, marked where it is a JPEG or PNG."""
    content = cv2.imencode(suffix, pixels[..., ::-1])[1].tobytes()
    if suffix.lower() in (".jpg", ".jpeg"):
        return content[:HEAD] + COMMENT + content[HEAD:]
    return content[:33] + CHUNK + content[33:] if suffix.lower() == ".png" else content


def refuse_drawn_by_others(path: Path) -> None:
    """
    Raises:
        UserError: a file is there that this program did not draw.
    """
    if path.exists() and not is_own(path):
        raise UserError(f"{path} is there and semipose did not draw it; name another file, or move it away")


def is_own(path: Path) -> bool:
    """Whether a file was drawn by this program."""
    import av

    try:
        if path.suffix.lower() == ".png":
            with path.open("rb") as file:
                return file.read(33 + len(CHUNK))[33:] == CHUNK
        if path.suffix.lower() in (".jpg", ".jpeg"):
            with path.open("rb") as file:
                return file.read(HEAD + len(COMMENT))[HEAD:] == COMMENT
        if path.suffix == ".mp4":
            with av.open(os.path.abspath(path), format="mp4", metadata_errors="replace") as container:
                return container.metadata.get("comment") == MARK.decode()
    except (av.error.FFmpegError, OSError):
        pass
    return False
