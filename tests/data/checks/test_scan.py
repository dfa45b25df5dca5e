from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from semipose.data.checks.duplicates import Twins, fingerprint
from semipose.data.checks.scan import read_all
from semipose.data.crops.store import digest
from semipose.data.images import image_size, image_turn, read_image
from semipose.data.refs import Frame
from semipose.data.sample import PoseData, Sample
from tests.fixtures.films import film


@pytest.mark.parametrize("workers", [0, 2])
def test_each_image_is_read_once_whatever_it_is(tmp_path: Path, workers: int) -> None:
    file, clip = tmp_path / "a.png", film(tmp_path / "clip.mp4", 4)
    cv2.imwrite(str(file), np.full((30, 40, 3), 77, np.uint8))
    (tmp_path / "bad.png").write_bytes(b"<html>")
    frame, person, bad = str(Frame(str(clip), 2)), "synth:studio/0/3", str(tmp_path / "bad.png")
    lost = str(Frame(str(clip), 9))
    images = [str(file), frame, person, bad, lost, str(file)]
    data = PoseData("d", None, tuple(Sample(str(n), image, (0, 0, 5, 5)) for n, image in enumerate(images)))
    scan = read_all(data, progress=False, workers=workers, keep=True)
    assert list(scan.names) == images[:5] and scan.place.tolist() == [0, 1, 2, 3, 4, 0]
    pixels = {image: read_image(image) for image in (str(file), frame, person)}
    assert scan.sizes == {str(file): (30, 40), frame: (64, 96), person: (192, 160)}
    contents = (file.read_bytes(), pixels[frame].tobytes(), person.encode())
    assert scan.digests.tolist() == [*(int.from_bytes(digest(each)[:8], "little") for each in contents), 0, 0]
    assert scan.peaks.tolist() == [*(int(each.max()) for each in pixels.values()), 0, 0]
    assert scan.readable.tolist() == [True, True, True, False, False] and scan.turns.tolist() == [1] * 5
    for image, print_ in scan.prints.items():
        expected = fingerprint(pixels[image])
        assert np.array_equal(print_.bits, expected.bits) and np.array_equal(print_.small, expected.small)
    assert set(scan.prints) == set(pixels) and not scan.near
    assert list(scan.errors) == [bad, lost]
    assert "web page" in scan.errors[bad] and scan.errors[lost].startswith("frame 9 cannot be decoded")
    again = read_all(data, progress=False, workers=workers, against=Twins({"it": scan.prints[str(file)]}))
    assert again.near == {0: "it"} and not again.prints


def test_an_orientation_is_read_with_the_pixels(tmp_path: Path) -> None:
    for turn in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = turn
        for kind in ("jpg", "png"):
            Image.new("RGB", (40, 30), (9, 200, 9)).save(tmp_path / f"{turn}.{kind}", exif=exif)
    images = sorted(map(str, tmp_path.iterdir()))
    scan = read_all(PoseData("d", None, tuple(Sample(i, i, (0, 0, 5, 5)) for i in images)), progress=False)
    assert scan.turns.tolist() == [image_turn(image) for image in images] == [1, 1, 6, 6]
    assert scan.sizes == {image: image_size(image) for image in images}
