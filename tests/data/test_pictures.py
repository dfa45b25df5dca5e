from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from semipose import limits
from semipose.data import pictures
from semipose.data.pictures import (
    MAX_PIXELS,
    _bytes_of,
    decode_image,
    decode_turned,
    inside,
    list_images,
    not_read,
    picture_header,
    picture_size,
    read_bytes,
)
from semipose.errors import UserError

rng = np.random.default_rng(0)
BLUR = np.asarray(cv2.GaussianBlur(rng.random((60, 80, 3)), (0, 0), 6))
SMOOTH = (255 * (BLUR - BLUR.min()) / (BLUR.max() - BLUR.min())).astype(np.uint8)
PICTURE = Image.fromarray(SMOOTH)
GREY = np.asarray(PICTURE.convert("L"))


def read(file: Path) -> np.ndarray:
    return decode_image(read_bytes(file), str(file))


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def turned(format: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(PICTURE, format, exif=exif)


def three(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=-1)


def half_transparent() -> bytes:
    rgba = np.asarray(PICTURE.convert("RGBA")).copy()
    rgba[:30, :, 3] = 0
    return encoded(Image.fromarray(rgba), "PNG")


@pytest.mark.parametrize(
    ("content", "expected", "tolerance"),
    [
        pytest.param(encoded(PICTURE, "PNG"), SMOOTH, 0, id="rgb png"),
        pytest.param(encoded(PICTURE, "JPEG", quality=95), SMOOTH, 30, id="jpeg"),
        pytest.param(encoded(PICTURE.convert("CMYK"), "TIFF"), SMOOTH, 2, id="cmyk tiff"),
        pytest.param(encoded(PICTURE.convert("CMYK"), "JPEG", quality=98), SMOOTH, 12, id="cmyk jpeg"),
        pytest.param(encoded(PICTURE.convert("L"), "PNG"), three(GREY), 0, id="grey"),
        pytest.param(
            encoded(Image.fromarray(GREY.astype(np.uint16) * 256 + 77), "PNG"), three(GREY), 0, id="16-bit grey"
        ),
        pytest.param(
            cv2.imencode(".png", SMOOTH[..., ::-1].astype(np.uint16) * 256 + 9)[1].tobytes(), SMOOTH, 0, id="16-bit"
        ),
        pytest.param(half_transparent(), np.where(np.arange(60)[:, None, None] < 30, 0, SMOOTH), 0, id="transparent"),
        pytest.param(turned("PNG"), np.rot90(SMOOTH, -1), 0, id="exif png"),
        pytest.param(turned("JPEG"), np.rot90(SMOOTH, -1), 30, id="exif jpeg"),
        pytest.param(encoded(PICTURE, "JPEG", quality=95) + bytes(9000), SMOOTH, 30, id="jpeg with a film appended"),
    ],
)
def test_reads_whatever_cameras_leave(tmp_path: Path, content: bytes, expected: np.ndarray, tolerance: int) -> None:
    file = tmp_path / "image"
    file.write_bytes(content)
    image = read(file)
    assert image.dtype == np.uint8 and image.shape == expected.shape == (*picture_size(file), 3)
    assert np.abs(image.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_turned_tiff_has_the_size_it_is_read_with(tmp_path: Path, orientation: int, mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "turned.tif"
    file.write_bytes(encoded(PICTURE.convert(mode), "TIFF", exif=exif))
    assert picture_size(file) == read(file).shape[:2] == ((80, 60) if orientation > 4 else (60, 80))


def test_of_a_stack_the_first_page_is_read_and_said_once_a_folder(tmp_path: Path) -> None:
    pages = encoded(PICTURE, "TIFF", save_all=True, append_images=[Image.fromarray(255 - SMOOTH)])
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).write_bytes(pages)
    with pytest.warns(UserWarning, match="several pages, of which the first is read") as told:
        assert [np.array_equal(read(tmp_path / name), SMOOTH) for name in ("a.tif", "b.tif")] == [True, True]
    assert len(told) == 1


def deep(kind: type, *channels: int) -> bytes:
    return cv2.imencode(".tiff", np.full((20, 30, *channels), 7, kind))[1].tobytes()


def bomb() -> bytes:
    """A small PNG that claims 100,000 x 100,000 pixels."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(99)),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks.items()
    )


BIG = Image.fromarray(rng.integers(0, 255, (200, 300, 3), np.uint8))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"<!DOCTYPE html><html>404</html>", "web page", id="html"),
        pytest.param(b"\x00\x01\x02" * 50, "not an image", id="garbage"),
        pytest.param(bomb(), str(MAX_PIXELS), id="bomb"),
        *[
            pytest.param(
                encoded(BIG, kind)[: int(part * len(encoded(BIG, kind)))], "truncated", id=f"{kind} {part:.0%}"
            )
            for kind in ("JPEG", "PNG", "TIFF", "BMP")
            for part in (0.3, 0.99)
        ],
        pytest.param(deep(np.float32), "32-bit floating-point pixels", id="float32"),
        pytest.param(deep(np.int32), "32-bit integer pixels", id="int32"),
        pytest.param(deep(np.float32, 3), "scale it to 8 or 16 bits", id="float32 colour"),
        pytest.param(deep(np.float64), "scale it to 8 or 16 bits", id="float64"),
        pytest.param(half_transparent()[:-200], "truncated", id="transparent cut"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "photo.jpg"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError) as error:
        read(file)
    assert says in str(error.value) and str(file) in str(error.value) and "\n" not in str(error.value)
    assert ("check the path" in str(error.value)) == (content is None)


def test_pipes_and_files_that_fill_the_memory_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    with pytest.raises(UserError, match=r"pipe\.png cannot be read \(it is no plain file\)"):
        read_bytes(tmp_path / "pipe.png")
    (tmp_path / "huge.png").touch()
    os.truncate(tmp_path / "huge.png", 40 << 30)
    with pytest.raises(UserError, match=r"huge\.png is a file of 40960 MB, more than 1024 MB; shrink it or remove it"):
        read_bytes(tmp_path / "huge.png")


def test_the_size_of_a_truncated_image_is_not_a_matter_of_its_path(tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(encoded(BIG, "PNG")[:900])
    with pytest.raises(UserError, match=r"cut\.png is damaged or truncated"):
        picture_size(tmp_path / "cut.png")
    with pytest.raises(UserError, match="check the path"):
        picture_size(tmp_path / "none.png")


def with_part(png: bytes, kind: bytes, body: bytes, last: bool) -> bytes:
    """A PNG with one part more, behind its header or behind its pixels."""
    at = png.rindex(b"IEND") - 4 if last else 33
    part = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:at] + part + png[at:]


XMP = b"XML:com.adobe.xmp\0\0\0\0\0" + b'<x tiff:Orientation="6"/>'


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", ["none", "text", "xmp", "exif"])
def test_a_png_is_listed_without_being_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, last: bool
) -> None:
    """But for one that speaks of EXIF behind its pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    parts = {
        "text": (b"tEXt", b"Software\0camera"),
        "xmp": (b"iTXt", XMP),
        "exif": (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")),
    }
    content = encoded(BIG, "PNG")
    (tmp_path / "a.png").write_bytes(with_part(content, *parts[kind], last) if kind in parts else content)
    decoded, load = [], PngImageFile.load
    monkeypatch.setattr(PngImageFile, "load", lambda self: decoded.append(1) or load(self))
    (height, width), turn = picture_header(tmp_path / "a.png")
    assert turn == (6 if kind in ("xmp", "exif") else 1)
    assert (height, width) == ((300, 200) if turn == 6 else (200, 300))
    assert not decoded or kind == "xmp" or (kind == "exif" and last)
    pixels, found = decode_turned((tmp_path / "a.png").read_bytes(), "a.png")
    assert found == turn and np.array_equal(pixels, decode_image((tmp_path / "a.png").read_bytes(), "a.png"))


def test_lists_images_sorted_below_a_folder(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/2.png", "a/1.tiff", "notes.txt", ".hidden/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".hidden" / "deeper").mkdir()
    assert [p.relative_to(tmp_path).as_posix() for p in list_images(tmp_path)] == ["a/1.tiff", "a/2.png", "b.JPG"]
    with pytest.raises(UserError, match="no image"):
        list_images(tmp_path / ".hidden" / "deeper")
    with pytest.raises(UserError, match="not a folder"):
        list_images(tmp_path / "none")


def test_inside_counts_pixel_edges() -> None:
    points = np.array([[-0.5, -0.5], [9.5, 4.5], [9.6, 0], [0, 4.6], [np.nan, 0]])
    assert inside(points, (5, 10)).tolist() == [True, True, False, False, False]


def png(width: int, height: int, colour: int = 6) -> bytes:
    """The header of a PNG and nothing else; colour 2 is RGB, 6 is RGBA."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "fine"),
    [(png(13_000, 13_000), False), (png(13_000, 13_000, 2), True), (png(12_000, 12_000), True)],
    ids=["rgba", "rgb", "smaller rgba"],
)
def test_what_decoding_takes_is_told_from_the_header(tmp_path: Path, content: bytes, fine: bool) -> None:
    """Channels count beside pixels: nothing is decoded."""
    (tmp_path / "a.png").write_bytes(content)
    if fine:
        with Image.open(tmp_path / "a.png") as header:
            assert limits.PICTURE * 0.9 < _bytes_of(header) <= limits.PICTURE
        return
    for look in (picture_size, lambda path: decode_image(path.read_bytes(), str(path))):
        with pytest.raises(
            UserError, match=r"a\.png has 13000 x 13000 pixels of mode RGBA, which take \d+ MB to decode"
        ):
            look(tmp_path / "a.png")


def test_a_tile_or_strip_of_a_tiff_counts_too(tmp_path: Path) -> None:
    """An entry of a TIFF's header says how large a tile is, whatever the picture."""
    content = encoded(PICTURE, "TIFF")
    with Image.open(io.BytesIO(content)) as header:
        header.tag_v2[322], header.tag_v2[323] = 30_000, 30_000  # type: ignore[attr-defined]
        assert _bytes_of(header) > 2 << 30


def test_animated_kinds_have_canvases_of_their_own() -> None:
    with Image.open(io.BytesIO(encoded(PICTURE, "WEBP"))) as header:
        assert _bytes_of(header) == 15 * 60 * 80


def test_programs_that_draw_pictures_are_none(tmp_path: Path) -> None:
    """Pillow would have Ghostscript run an EPS."""
    (tmp_path / "a.png").write_bytes(encoded(PICTURE, "EPS"))
    with pytest.raises(UserError, match=r"a\.png is not an image: it starts with"):
        read(tmp_path / "a.png")


def test_transparent_pixels_are_blended_in_strips_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decode_image(half_transparent(), "a.png")
    monkeypatch.setattr("semipose.data.pictures._ROWS", 7)
    assert np.array_equal(decode_image(half_transparent(), "a.png"), whole)


def test_a_name_that_no_disk_can_hold_is_a_sentence() -> None:
    for look in (picture_size, read_bytes):
        with pytest.raises(UserError, match="cannot be read"):
            look("a\0.png")


@pytest.mark.skipif("AVIF" not in pictures._formats(), reason="this Pillow reads no AVIF")
def test_avif_is_read(tmp_path: Path) -> None:
    shown = np.zeros((24, 40, 3), np.uint8)
    shown[:, 20:] = (250, 120, 10)
    Image.fromarray(shown).save(tmp_path / "a.avif", quality=95)
    assert list_images(tmp_path) == [tmp_path / "a.avif"] and picture_size(tmp_path / "a.avif") == (24, 40)
    read = decode_image((tmp_path / "a.avif").read_bytes(), "a.avif")
    assert read.shape == shown.shape and np.abs(read.astype(int) - shown).mean() < 6


@pytest.mark.skipif(not pictures.HEIC, reason="the extra that reads HEIC is not installed")
def test_heic_is_read_with_the_extra() -> None:
    assert ".heic" in pictures.EXTENSIONS and "HEIF" in pictures._formats()


@pytest.mark.parametrize(
    ("brand", "says"), [(b"heic", "is HEIC.*semipose.heic."), (b"mif1", "is HEIC"), (b"avif", "is AVIF")]
)
def test_pictures_of_phones_that_cannot_be_read_are_named(brand: bytes, says: str) -> None:
    with pytest.raises(UserError, match=f"{says}.*magick mogrify"):
        decode_image(b"\x00\x00\x00\x1cftyp" + brand + b"\x00" * 40, "a.heic")


def test_what_is_left_out_is_counted_by_kind() -> None:
    assert not_read([]) == ""
    line = not_read([Path("b/x.GIF"), Path("a.gif"), Path("c.psd")])
    assert line.startswith("3 files are left out, of formats that are not read (2 .gif, 1 .psd), first b/x.GIF; ")


@pytest.mark.parametrize("turn", [1, 3, 6])
def test_a_header_says_how_a_picture_is_turned(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new("RGB", (40, 24)).save(tmp_path / "a.jpg", exif=exif)
    assert picture_header(tmp_path / "a.jpg") == ((40, 24) if turn == 6 else (24, 40), turn)


def test_sixteen_bits_with_a_transparent_grey_are_read_as_without(tmp_path: Path) -> None:
    grey = (np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000).astype(np.uint16)
    plain = encoded_png(grey)
    mark = b"tRNS" + (7).to_bytes(2, "big")
    chunk = (2).to_bytes(4, "big") + mark + zlib.crc32(mark).to_bytes(4, "big")
    at = plain.index(b"IDAT") - 4
    assert np.array_equal(decode_image(plain[:at] + chunk + plain[at:], "a"), decode_image(plain, "b"))


def test_a_cut_png_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    whole = encoded_png(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    with pytest.raises(UserError, match="damaged or truncated"):
        decode_image(whole[: len(whole) // 2], "a.png")
    assert capfd.readouterr().err == ""


def encoded_png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0" + b'<x:xmpmeta><rdf:RDF tiff:Orientation="6"/></x:xmpmeta>'


def exif_of(kind: int, count: int, value: bytes, first: bytes = b"") -> bytes:
    """EXIF, big-endian, whose orientation is of a type of TIFF's; `first`: an entry before it."""
    entries = [*([first] if first else []), struct.pack(">HHI", 0x0112, kind, count) + value]
    return b"Exif\0\0MM\0\x2a" + struct.pack(">IH", 8, len(entries)) + b"".join(entries) + bytes(12)


@pytest.mark.parametrize(
    ("part", "turn"),
    [
        pytest.param(JPEG_XMP, 6, id="XMP"),
        pytest.param(exif_of(3, 1, b"\0\6\0\0"), 6, id="usual"),
        pytest.param(
            exif_of(3, 1, b"\0\6\0\0", struct.pack(">HHII", 0x010F, 2, 100, 5000)), 6, id="another past the end"
        ),
        pytest.param(exif_of(2, 2, b"6\0\0\0"), None, id="text"),
        pytest.param(exif_of(1, 1, b"\6\0\0\0"), None, id="byte"),
        pytest.param(exif_of(3, 0xFFFFFFFF, b"\0\6\0\0"), None, id="no end"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_the_header_and_the_pixels_are_turned_alike(tmp_path: Path, part: bytes, turn: int | None) -> None:
    plain = encoded(BIG, "JPEG")
    content = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part + plain[2:]
    (tmp_path / "a.jpg").write_bytes(content)
    shape, said = picture_header(tmp_path / "a.jpg")
    pixels, done = decode_turned(content, "a.jpg")
    assert shape == pixels.shape[:2] and said == done and turn in (None, said)
    assert np.array_equal(pixels, decode_image(content, "a.jpg"))
