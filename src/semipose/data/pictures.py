"""Picture files, whatever a camera, a phone or a web crawl left in them. Of a file with several pages, such as a
stack in a TIFF, the first is the image; a warning says so once for TIFFs of a folder."""

from __future__ import annotations

import io
import os
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import Image, ImageFile, ImageOps

from semipose import limits
from semipose.errors import UserError
from semipose.files import names_below

MAX_PIXELS = 178_956_970
"""Larger images are refused from their header, before memory is taken: Pillow's own limit, some 13,400 x 13,400."""

HEIC = find_spec("pi_heif") is not None
"""Whether the extra that reads HEIC is installed."""
EXTENSIONS = (
    ".jpg",
    ".jpeg",
    ".jfif",
    ".png",
    ".bmp",
    ".tif",
    ".tiff",
    ".webp",
    ".avif",
    *((".heic", ".heif") if HEIC else ()),
)

FILMS = (".gif", ".vob", ".mxf", ".mjpeg", ".h264", ".h265")
RAW = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2")
OTHERS = (*(() if HEIC else (".heic", ".heif")), *FILMS, *RAW, ".jxl", ".jp2", ".svg", ".psd", ".ppm", ".pgm", ".tga")
"""Of pictures and films that folders are not searched for: converted, they would be."""

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Of Pillow's: others, such as EPS, are programs that another program would have to run."""

OTHER_SIZE = "of another size than the first"
"""In what is said of a video's frame that is no damage, but that boxes would not fit."""
UNLABELED_BAD_LIMIT = 0.01
"""The share of unreadable images that an unlabelled set may have by default; a labelled one none."""

NAMED = 5
"""Of images that cannot be used, so many are named."""
SLOW = ("AVIF", "HEIF")
"""Decoded by Pillow, which turns them as they say."""
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
"""How such files say in their first bytes what they are."""

MOVING = (".gif", ".webp", ".png", ".avif")
"""Endings of what may be a film."""

DEEP = "have no white of their own; scale it to 8 or 16 bits a channel and save it again"

_EXIF_ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)
"""Of its orientations, those that exchange height and width."""
_TIFF_SIZE, _TIFF_BITS, _TIFF_STRIP, _TIFF_TILE = (256, 257), 258, 278, (322, 323)
_PNG_TEXTS, _PNG_EXIF = (b"tEXt", b"zTXt", b"iTXt"), (b"Raw profile type exif", b"XML:com.adobe.xmp")
"""Parts of a PNG that may hold EXIF, and how these begin."""
_ROWS = 256
"""Of a picture with transparency, blended at a time."""

# A damaged file is one UserError; OpenCV would print several lines of its own besides.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_bytes(path: str | Path) -> bytes:
    """The bytes of one file; UserError where it cannot be read, is no plain file, or is too large."""
    try:
        with limits.opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limits.PICTURE:
                most = f"{size >> 20} MB, more than {limits.PICTURE >> 20} MB"
                raise UserError(f"image {path} is a file of {most}; shrink it or remove it")
            return file.read()
    except OSError as e:
        raise _unreadable(path, e) from None
    except ValueError as e:  # a name that no disk can hold
        raise UserError(f"image {str(path)!r} cannot be read ({e}); check the path") from None


def decode_image(data: bytes, name: str) -> np.ndarray:
    """The content of a picture file as uint8 RGB (H, W, 3); `name` is what the errors call it.

    EXIF rotation is applied. Grey is repeated to three channels, CMYK is converted, 16-bit values are divided by 256,
    and transparent pixels are blended onto black, the colour that crops have outside the image.

    Raises:
        UserError: it is empty, no image (HTML, say), truncated, of pixels with 32 bits or more a channel (nothing says
            which of their values is white), or larger than `MAX_PIXELS`.
    """
    with _header(data, name) as header:
        return _decoded(header, data, name, _turn_or_none(header))


def decode_turned(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """The same, and by which of EXIF's orientations the picture was turned (`picture_header`); 1 where EXIF is
    damaged."""
    with _header(data, name) as header:
        turn = _turn_or_none(header)
        return _decoded(header, data, name, turn), turn


def _decoded(header: ImageFile.ImageFile, data: bytes, name: str, turn: int) -> np.ndarray:
    deeper = header.mode.startswith("I;16")  # Pillow cuts 16 bits off at 255 where some are transparent
    if (header.has_transparency_data and not deeper) or header.format in SLOW:
        return _on_black(header, name)
    cut_short = _is_cut_short(data, header)
    if header.format == "TIFF" and header.tag_v2.next:  # type: ignore[attr-defined]
        _warn_of_pages(Path(name).parent)
    deep = {"F": "32-bit floating-point", "I": "32-bit integer"}.get(header.mode)
    turned = header.format == "TIFF"  # by OpenCV, which is not to decide of others whether they say so
    how = cv2.IMREAD_COLOR | (0 if turned else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        bgr = None if cut_short else cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error:
        bgr = None
    if bgr is None and deep:
        raise UserError(f"image {name} has {deep} pixels, which {DEEP}")
    if bgr is None:
        raise UserError(f"image {name} is damaged or truncated ({len(data)} bytes); copy it again or remove it")
    return _turn(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), 1 if turned else turn)


def _turn(image: np.ndarray, orientation: int) -> np.ndarray:
    """A picture (H, W, 3) as one of EXIF's orientations says."""
    if orientation == 1:
        return image
    across, down = -1 if orientation in (2, 3, 6, 7) else 1, -1 if orientation in (3, 4, 7, 8) else 1
    upright = image.swapaxes(0, 1) if orientation in TURNED else image
    return np.ascontiguousarray(upright[::down, ::across])


def _turn_of(header: ImageFile.ImageFile) -> int:
    """By which of EXIF's orientations a picture is to be turned, 1 where it is none of them; raises what Pillow does of
    a damaged picture."""
    if header.format == "PNG" and "exif" not in header.info and not _may_have_exif(header.fp):
        return 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they do not say of which file
        turn = header.getexif().get(_EXIF_ORIENTATION, 1)
    return int(turn) if turn in range(1, 9) else 1


def _turn_or_none(header: ImageFile.ImageFile) -> int:
    """The same; 1 where the picture is damaged."""
    try:
        return _turn_of(header)
    except Exception:  # Pillow raises a dozen kinds
        return 1


def _may_have_exif(png: IO[bytes] | None) -> bool:
    """Whether any part of a PNG speaks of it, as Pillow would find by decoding the picture; also where it is cut
    short. The place in the file stays."""
    assert png is not None
    place = png.tell()
    png.seek(8)
    try:
        while len(head := png.read(8)) == 8 and head[4:] not in (b"IEND", b"eXIf"):
            text = png.read(min(32, int.from_bytes(head[:4], "big"))) if head[4:] in _PNG_TEXTS else b""
            if text.startswith(_PNG_EXIF):
                return True
            png.seek(int.from_bytes(head[:4], "big") + 4 - len(text), os.SEEK_CUR)
        return head[4:] != b"IEND"
    finally:
        png.seek(place)


def is_stack(path: str | Path) -> bool:
    """Whether a picture file holds several pictures, of which the first is read; False where it cannot be read."""
    try:
        with limits.opened(path) as file, _header(file, str(path)) as header:
            return bool(getattr(header, "is_animated", False))
    except (OSError, ValueError, UserError):
        return False


def picture_size(path: str | Path) -> tuple[int, int]:
    """(height, width) of the picture that `decode_image` gives, from the file's header alone."""
    return picture_header(path)[0]


def picture_header(path: str | Path) -> tuple[tuple[int, int], int]:
    """(height, width) of the picture that `decode_image` gives, and by which of EXIF's orientations it turned the
    stored one: 1 where by none, 5 to 8 where height and width are exchanged."""
    try:
        file = limits.opened(path)
    except OSError as e:
        raise _unreadable(path, e) from None
    except ValueError as e:
        raise UserError(f"image {str(path)!r} cannot be read ({e}); check the path") from None
    with file, _header(file, str(path)) as header:
        w, h = header.size
        try:
            if header.format == "TIFF":  # whose size Pillow has turned already, in its newer versions
                w, h = (int(header.tag_v2[tag]) for tag in _TIFF_SIZE)  # type: ignore[attr-defined]
            turn = _turn_of(header)
        except Exception:  # of a damaged header
            raise UserError(f"image {path} is damaged or truncated; copy it again or remove it") from None
    return ((w, h) if turn in TURNED else (h, w)), turn


CONVERT = {
    "HEIC": "pip install 'semipose[heic]' reads it, magick mogrify -format jpg '*.heic' converts a folder",
    "AVIF": "a newer Pillow reads it, magick mogrify -format jpg '*.avif' converts a folder",
}


def is_picture(name: str) -> bool:
    """Whether a file's name says that it is one."""
    return os.path.splitext(name)[1].lower() in EXTENSIONS


def list_images(folder: str | Path) -> list[Path]:
    """The image files in a folder and the folders below it, sorted by path; hidden ones left out.

    Raises:
        UserError: the folder is missing or holds no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder of images")
    names = [name for name in names_below(folder) if is_picture(name) and not is_hidden(name)]
    if not names:
        raise UserError(f"{folder} holds no image ({' '.join(EXTENSIONS)}), nor do the folders below it")
    return [folder / name for name in names]


def is_hidden(name: str) -> bool:
    """Whether a relative path is of a hidden file, or of one in a hidden folder."""
    return name.startswith(".") or f"{os.sep}." in name


def leave_out(name: str, errors: Collection[str], total: int, limit: float = UNLABELED_BAD_LIMIT) -> None:
    """Of a set called `name`, say in one warning which of its images are left out.

    Args:
        errors: of its images that cannot be used, one each.
        limit: the share of all that these may be; where it is not 0, frames that are merely of another size than their
            video's first do not count.

    Raises:
        UserError: they are more, or all.
    """
    if not errors:
        return
    more = f" (and {len(errors) - NAMED} more)" if len(errors) > NAMED else ""
    text = f"{name}: {len(errors)} of {total} images cannot be used: {'; '.join(list(errors)[:NAMED])}{more}"
    damaged = sum(not limit or OTHER_SIZE not in error for error in errors)
    if damaged > limit * total or len(errors) == total:
        raise UserError(text)
    warnings.warn(f"{text}; they are left out", stacklevel=2)


def not_read(files: Sequence[Path]) -> str:
    """A line on files of `OTHERS`: which, how many of each kind, and how to convert them; "" of none."""
    if not files:
        return ""
    kinds = Counter(file.suffix.lower() for file in files)
    many = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
    stills, films = ([kind for kind in kinds if (kind in FILMS) == is_film] for is_film in (False, True))
    how = [f"convert pictures to JPEG, as by: magick mogrify -format jpg '*{stills[0]}'"] if stills else []
    how += ["or pip install 'semipose[heic]'"] if {".heic", ".heif"} & kinds.keys() else []
    how += [f"films to MP4, as by: ffmpeg -i a{films[0]} a.mp4"] if films else []
    return f"{len(files)} files are left out, of formats that are not read ({many}), first {files[0]}; {'; '.join(how)}"


def refuse_moving(path: Path) -> None:
    """
    Raises:
        UserError: a GIF, WebP, PNG or AVIF has several pictures, of which one alone would be looked at.
    """
    if path.suffix.lower() not in MOVING:
        return
    with _header(read_bytes(path), str(path)) as header:
        try:
            moving = bool(getattr(header, "is_animated", False))
        except Exception:  # of a damaged one, which is refused when it is read
            return
    if moving:
        film = path.with_suffix(".mp4")
        raise UserError(f"{path} is a film of several pictures; convert it to a video: ffmpeg -i {path} {film}")


def inside(points: np.ndarray, shape: np.ndarray | tuple[int, int]) -> np.ndarray:
    """Whether (..., 2) points lie on a pixel of an image of `shape` (height, width); False for NaN."""
    on_pixel: np.ndarray = (points >= -0.5) & (points <= np.asarray(shape)[..., ::-1] - 0.5)
    return np.asarray(on_pixel.all(-1))


def _header(data: bytes | io.BufferedReader, name: str) -> ImageFile.ImageFile:
    """Open without decoding; refuses what is no image and what is too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they do not say of which file
            header = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=_formats())
            takes = _bytes_of(header)
    except Image.DecompressionBombError:
        raise UserError(f"image {name} has more than {MAX_PIXELS} pixels; shrink it or remove it") from None
    except Exception:  # Pillow raises a dozen kinds
        what, brand = _what(data), _brand(data)
        if brand:
            raise UserError(f"image {name} is {brand}, which is not read here: {CONVERT[brand]}") from None
        raise UserError(f"image {name} is not an image: {what}; replace or remove it") from None
    if header.width * header.height > MAX_PIXELS:
        raise UserError(f"image {name} has more than {MAX_PIXELS} pixels; shrink it or remove it")
    if min(header.size) < 1 or takes > limits.PICTURE:
        size = f"{header.width} x {header.height} pixels of mode {header.mode}"
        raise UserError(
            f"image {name} has {size}, which take {takes >> 20} MB to decode, more than {limits.PICTURE >> 20} MB;"
            " shrink it or remove it"
        )
    return header


@cache
def _formats() -> list[str]:
    """Those of `FORMATS` that this Pillow has."""
    Image.init()
    if HEIC:
        import pi_heif

        pi_heif.register_heif_opener()
    return [name for name in FORMATS if name in Image.OPEN]


def _bytes_of(header: Image.Image) -> int:
    """What decoding takes: the result twice, or with transparency beside it; the two canvases of what may be animated,
    a progressive JPEG's coefficients, a TIFF's strip or tile."""
    pixels = header.width * header.height
    each = 15 if header.format in ("GIF", "WEBP") else 7 if header.has_transparency_data else 6
    takes = pixels * (9 if header.info.get("progressive") else each)
    if header.format == "TIFF":
        tags = header.tag_v2  # type: ignore[attr-defined]
        bits = np.sum(tags.get(_TIFF_BITS, 8)) * (tags.get(277, 1) if np.ndim(tags.get(_TIFF_BITS, 8)) == 0 else 1)
        rows = min(int(tags.get(_TIFF_STRIP, header.height)), max(header.size))
        tile = [int(tags.get(tag, 0)) for tag in _TIFF_TILE]
        takes += int(bits) // 8 * (tile[0] * tile[1] if all(tile) else max(header.size) * rows)
    return takes


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
    if data.startswith(limits.POINTER):
        return f"it is {limits.FETCHED}"
    start = data[:64].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "it holds a web page (a failed download?)"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "it is a TIFF that is damaged, or whose pixels have 32 bits or more a channel and " + DEEP
    return f"it starts with {data[:8]!r}"


def _brand(data: bytes | io.BufferedReader) -> str:
    """HEIC or AVIF, by the first bytes."""
    if not isinstance(data, bytes):
        data.seek(0)
        data = data.read(64)
    return BRANDS.get(data[8:12], "") if data[4:8] == b"ftyp" else ""


def _is_cut_short(data: bytes, header: Image.Image) -> bool:
    """A JPEG or PNG that ends early: some decoders fill the missing rows with grey and say nothing, others print it.

    The end marker may stand far from the end where a phone appended a film to the photograph: then Pillow, slower but
    strict, decides.
    """
    end = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}.get(data[:2])
    if end is None or end in data[-4096:]:
        return False
    try:
        header.load()
    except Exception:
        return True
    return False


def _on_black(header: Image.Image, name: str) -> np.ndarray:
    """Some rows at a time, so that no second picture of four channels is in memory."""
    try:
        ImageOps.exif_transpose(header, in_place=True)
        width, height = header.size
        pixels = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, _ROWS):
            part = header.crop((0, top, width, min(height, top + _ROWS))).convert("RGBA")
            black = Image.new("RGBA", part.size, (0, 0, 0, 255))
            pixels[top : top + _ROWS] = np.asarray(Image.alpha_composite(black, part).convert("RGB"))
    except Exception:  # zlib, struct and Pillow raise a dozen kinds
        raise UserError(f"image {name} is damaged or truncated; copy it again or remove it") from None
    return pixels
