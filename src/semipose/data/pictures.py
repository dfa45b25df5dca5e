"""Picture files, whatever a camera, a phone or a web crawl left in them. Of a file with several pages, such as a
stack in a TIFF, the first is the image; a warning says so once for TIFFs of a folder."""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from semipose.errors import UserError
from semipose.files import below

MAX_PIXELS = 178_956_970
"""Larger images are refused from their header, before memory is taken: Pillow's own limit, some 13,400 x 13,400."""

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

DEEP = "have no white of their own; scale it to 8 or 16 bits a channel and save it again"

_EXIF_ORIENTATION = 0x0112
_TIFF_SIZE = (256, 257)

# A damaged file is one UserError; OpenCV would print several lines of its own besides.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_bytes(path: str | Path) -> bytes:
    """The bytes of one file; UserError where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as e:
        raise _unreadable(path, e) from None


def decode_image(data: bytes, name: str) -> np.ndarray:
    """The content of a picture file as uint8 RGB (H, W, 3); `name` is what the errors call it.

    EXIF rotation is applied. Grey is repeated to three channels, CMYK is converted, 16-bit values are divided by 256,
    and transparent pixels are blended onto black, the colour that crops have outside the image.

    Raises:
        UserError: it is empty, no image (HTML, say), truncated, of pixels with 32 bits or more a channel (nothing says
            which of their values is white), or larger than `MAX_PIXELS`.
    """
    with _header(data, name) as header:
        if header.has_transparency_data:
            return _on_black(header, name)
        cut_short = _is_cut_short(data, header)
        if header.format == "TIFF" and header.tag_v2.next:  # type: ignore[attr-defined]
            _warn_of_pages(Path(name).parent)
        deep = {"F": "32-bit floating-point", "I": "32-bit integer"}.get(header.mode)
    try:
        bgr = None if cut_short else cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None and deep:
        raise UserError(f"image {name} has {deep} pixels, which {DEEP}")
    if bgr is None:
        raise UserError(f"image {name} is damaged or truncated ({len(data)} bytes); copy it again or remove it")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def picture_size(path: str | Path) -> tuple[int, int]:
    """(height, width) of the picture that `decode_image` gives, from the file's header alone."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as e:
        raise _unreadable(path, e) from None
    with file, _header(file, str(path)) as header:
        w, h = header.size
        if header.format == "TIFF":  # whose size Pillow has turned already, in its newer versions
            w, h = (header.tag_v2[tag] for tag in _TIFF_SIZE)  # type: ignore[attr-defined]
        try:
            turned = header.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
        except (OSError, ValueError, SyntaxError):
            raise UserError(f"image {path} is damaged or truncated; copy it again or remove it") from None
    return (w, h) if turned else (h, w)


def list_images(folder: str | Path) -> list[Path]:
    """The image files in a folder and the folders below it, sorted by path; hidden ones left out.

    Raises:
        UserError: the folder is missing or holds no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder of images")
    files = sorted(
        p
        for p in below(folder)
        if p.suffix.lower() in EXTENSIONS and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )
    if not files:
        raise UserError(f"{folder} holds no image ({' '.join(EXTENSIONS)}), nor do the folders below it")
    return files


def inside(points: np.ndarray, shape: np.ndarray | tuple[int, int]) -> np.ndarray:
    """Whether (..., 2) points lie on a pixel of an image of `shape` (height, width); False for NaN."""
    on_pixel: np.ndarray = (points >= -0.5) & (points <= np.asarray(shape)[..., ::-1] - 0.5)
    return np.asarray(on_pixel.all(-1))


def _header(data: bytes | io.BufferedReader, name: str) -> Image.Image:
    """Open without decoding; refuses what is no image and what is too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            header = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data)
    except Image.DecompressionBombError:
        raise UserError(f"image {name} has more than {MAX_PIXELS} pixels; shrink it or remove it") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise UserError(f"image {name} is not an image: {_what(data)}; replace or remove it") from None
    if header.width * header.height > MAX_PIXELS:
        raise UserError(f"image {name} has more than {MAX_PIXELS} pixels; shrink it or remove it")
    return header


def _unreadable(path: str | Path, error: OSError) -> UserError:
    todo = "check the path" if isinstance(error, FileNotFoundError) else "make it readable or remove it"
    return UserError(f"image {path} cannot be read ({error.strerror or error}); {todo}")


@cache
def _warn_of_pages(folder: Path) -> None:
    """Once a folder."""
    text = f"TIFFs in {folder} have several pages, of which the first is read; save others as files of their own"
    warnings.warn(text, stacklevel=4)


def _what(data: bytes | io.BufferedReader) -> str:
    if not isinstance(data, bytes):
        data.seek(0)
        data = data.read(64)
    if not data:
        return "the file is empty"
    start = data[:64].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "it holds a web page (a failed download?)"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "it is a TIFF that is damaged, or whose pixels have 32 bits or more a channel and " + DEEP
    return f"it starts with {data[:8]!r}"


def _is_cut_short(data: bytes, header: Image.Image) -> bool:
    """A JPEG that ends early: some decoders fill the missing rows with grey and say nothing.

    The end marker may stand far from the end where a phone appended a film to the photograph: then Pillow, slower but
    strict, decides.
    """
    if data[:2] != b"\xff\xd8" or b"\xff\xd9" in data[-4096:]:
        return False
    try:
        header.load()
    except OSError:
        return True
    return False


def _on_black(header: Image.Image, name: str) -> np.ndarray:
    try:
        rgba = ImageOps.exif_transpose(header).convert("RGBA")
    except (OSError, ValueError, SyntaxError):
        raise UserError(f"image {name} is damaged or truncated; copy it again or remove it") from None
    black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
    return np.asarray(Image.alpha_composite(black, rgba).convert("RGB")).copy()
