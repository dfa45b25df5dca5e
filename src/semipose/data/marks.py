"""The mark of pictures and videos that this program drew poses on: a later run may write over them, and takes none for
an image to learn from."""

from __future__ import annotations

from pathlib import Path

MARK = b"drawn by semipose"
"""A JPEG's first comment, and a video's."""
HEAD = 20
"""Bytes of OpenCV's JPEGs before a comment may stand: start of image and JFIF's segment."""
COMMENT = b"\xff\xfe" + (len(MARK) + 2).to_bytes(2, "big") + MARK


def is_own(path: Path) -> bool:
    """Whether a file was drawn by this program."""
    import av

    try:
        if path.suffix == ".jpg":
            with path.open("rb") as file:
                return file.read(HEAD + len(COMMENT))[HEAD:] == COMMENT
        if path.suffix == ".mp4":
            with av.open(str(path), metadata_errors="replace") as container:
                return container.metadata.get("comment") == MARK.decode()
    except (av.error.FFmpegError, OSError):
        pass
    return False
