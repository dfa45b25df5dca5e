"""One function reads whatever a reference names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semipose.data.images import image_size, read_image, read_images
from semipose.data.refs import Frame, Person
from semipose.data.synthetic import people
from semipose.data.video import read_frames
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import picture


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clips") / "clip #1.mp4", 12)


def test_each_kind_of_reference_is_read_by_its_reader(tmp_path: Path, clip: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (48, 64, 3), np.uint8)
    (third,) = (pixels for _, pixels in read_frames(clip, [3]))
    expected = {
        str(picture(tmp_path / "a.png", 3)): noise[..., ::-1],
        str(Frame(str(clip), 3)): third,
        "synth:studio/0/3": people.read(Person("studio", 0, 3)),
    }
    for ref, pixels in expected.items():
        image = read_image(ref)
        assert image.dtype == np.uint8 and np.array_equal(image, pixels) and image_size(ref) == pixels.shape[:2]
    assert np.array_equal(read_image(tmp_path / "a.png"), noise[..., ::-1]), "a path as such"


def test_many_are_read_once_pictures_first_then_frames_in_their_order(tmp_path: Path, clip: Path) -> None:
    still = str(picture(tmp_path / "a.png"))
    frames = [str(Frame(str(clip), n)) for n in (7, 2, 7)]
    read = list(read_images([frames[0], still, "synth:wild/0/1", frames[1], still, frames[2]]))
    assert [ref for ref, _ in read] == [still, "synth:wild/0/1", frames[1], frames[0]]
    for ref, pixels in read:
        assert isinstance(pixels, np.ndarray) and np.array_equal(pixels, read_image(ref))


def test_what_cannot_be_read_comes_with_its_reason(tmp_path: Path, clip: Path) -> None:
    gone, beyond = str(tmp_path / "gone.png"), str(Frame(str(clip), 12))
    lost = str(Frame(str(tmp_path / "gone.mp4"), 0))
    read = dict(read_images([gone, beyond, lost, str(Frame(str(clip), 11))]))
    assert isinstance(read.pop(str(Frame(str(clip), 11))), np.ndarray)
    assert {ref: str(error) for ref, error in read.items()} == {
        gone: f"image {gone} cannot be read (No such file or directory); check the path",
        beyond: f"frame 12 cannot be decoded from {clip}; the video is damaged there, or has changed",
        lost: f"frame 0 {tmp_path / 'gone.mp4'} is no video that can be opened (no such file or directory);"
        " convert or remove it",
    }
    assert all(isinstance(error, UserError) for error in read.values())
