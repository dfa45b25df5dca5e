from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.checks.duplicates import fingerprint
from semipose.data.checks.scan import read_all
from semipose.data.crops.store import digest
from semipose.data.images import read_image
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
    scan = read_all(data, progress=False, workers=workers)
    pixels = {image: read_image(image) for image in (str(file), frame, person)}
    assert scan.shapes == {str(file): (30, 40), frame: (64, 96), person: (192, 160)}
    assert scan.digests == {
        str(file): digest(file.read_bytes()),
        frame: digest(pixels[frame].tobytes()),
        person: person.encode(),
    }
    assert scan.peaks == {image: int(image_pixels.max()) for image, image_pixels in pixels.items()}
    for image, print_ in scan.prints.items():
        expected = fingerprint(pixels[image])
        assert np.array_equal(print_.bits, expected.bits) and np.array_equal(print_.small, expected.small)
    assert list(scan.errors) == [bad, lost]
    assert "web page" in scan.errors[bad] and scan.errors[lost].startswith("frame 9 cannot be decoded")
