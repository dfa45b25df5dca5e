"""The files of one crop cache."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from semipose.data.crops import store
from semipose.data.crops.cropping import CropSpec, crop_matrices, cut
from semipose.data.crops.store import build_store, cache_key, decode_jpeg, digest, encode, open_store, refuse_above
from semipose.data.images import read_image
from semipose.data.refs import Frame
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import Skeleton
from tests.fixtures.films import film
from tests.fixtures.projects import picture

SPEC = CropSpec((24, 20), (36, 30))
BOX = (10.0, 10.0, 30.0, 40.0)


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    """A picture, two frames of a video, a synthetic person and a picture that is none."""
    clip = film(tmp_path / "clip #1.mp4", 4)
    (tmp_path / "bad.png").write_bytes(b"<html>")
    images = [str(picture(tmp_path / "a.png")), str(Frame(str(clip), 3)), str(Frame(str(clip), 1)), "synth:studio/0/3"]
    images.append(str(tmp_path / "bad.png"))
    return PoseData("d", None, tuple(Sample(str(n), image, BOX) for n, image in enumerate(images)))


def built(data: PoseData, folder: Path, spec: CropSpec = SPEC, max_bytes: int = 10**9) -> store.Store:
    return build_store(data, spec, folder, False, max_bytes, 0)


def test_each_sample_s_crop_lies_at_its_span(data: PoseData, tmp_path: Path) -> None:
    made = built(data, tmp_path / "crops")
    content = (tmp_path / "crops" / "crops.bin").read_bytes()
    assert made.rows["length"].tolist() == [36 * 30 * 3] * 4 + [0] and len(content) == 4 * 36 * 30 * 3
    matrix = crop_matrices(np.array([BOX]), SPEC)[0]
    for sample, (start, length, checksum) in zip(data.samples[:4], made.rows.tolist(), strict=False):
        expected = cut(read_image(sample.image), matrix, SPEC.cover)
        assert content[start : start + length] == expected.tobytes(), sample.image
        assert checksum == zlib.crc32(expected.tobytes())
    assert list(made.errors) == [4] and "web page" in made.errors[4]


def test_what_was_built_opens_as_it_was(data: PoseData, tmp_path: Path) -> None:
    assert open_store(tmp_path / "crops", data) == "there are none"
    made, again = built(data, tmp_path / "crops"), open_store(tmp_path / "crops", data)
    assert isinstance(again, store.Store) and again.errors == made.errors
    assert np.array_equal(again.rows, made.rows) and np.array_equal(again.images, made.images)


def test_a_changed_video_closes_it_and_a_touched_one_does_not(data: PoseData, tmp_path: Path) -> None:
    built(data, tmp_path / "crops")
    clip = tmp_path / "clip #1.mp4"
    clip.touch()
    assert isinstance(open_store(tmp_path / "crops", data), store.Store)
    film(clip, 5)
    assert "clip #1.mp4#3 has changed" in str(open_store(tmp_path / "crops", data))
    clip.unlink()
    assert "clip #1.mp4#3 has changed" in str(open_store(tmp_path / "crops", data))


def test_people_of_another_version_are_drawn_again(
    data: PoseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(data, tmp_path / "crops")
    monkeypatch.setattr(store, "read_image", lambda _: np.zeros((192, 160, 3), np.uint8))
    assert open_store(tmp_path / "crops", data) == "another version drew these people"


def test_the_key_is_of_images_boxes_and_crops_alone(data: PoseData) -> None:
    key = cache_key(data, SPEC)
    points = np.ones((2, 3), np.float32)
    labeled = (replace(s, id=f"{s.id}x", keypoints=points, session="x", score=0.5) for s in data)
    assert cache_key(PoseData("e", Skeleton("two", ("a", "b")), tuple(labeled)), SPEC) == key
    first, *rest = data.samples
    others = [
        (replace(data, samples=(replace(first, box=(1.0, 2.0, 3.0, 4.0)), *rest)), SPEC),
        (replace(data, samples=(replace(first, image="/b.png"), *rest)), SPEC),
        (replace(data, samples=tuple(reversed(data.samples))), SPEC),
        (data, replace(SPEC, padding=1.0)),
        (data, replace(SPEC, store="jpeg")),
    ]
    assert len({key, *(cache_key(*other) for other in others)}) == 6


@given(arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 255)))
def test_a_jpeg_is_nearly_what_it_was(small: np.ndarray) -> None:
    smooth = cv2.resize(np.repeat(small[..., None], 3, -1), (40, 48), interpolation=cv2.INTER_LINEAR)
    content = np.frombuffer(encode(smooth, replace(SPEC, store="jpeg")), np.uint8)
    assert np.abs(decode_jpeg(content).astype(int) - smooth).max() <= 12


def test_a_damaged_jpeg_is_one_line() -> None:
    with pytest.raises(UserError, match="a crop in the cache is damaged; remove the cache folder"):
        decode_jpeg(np.zeros(50, np.uint8))


def test_digests_tell_contents_apart() -> None:
    assert digest(b"a") == digest(b"a") != digest(b"b") and len(digest(b"")) == 16


def test_too_much_is_refused_and_leaves_nothing(data: PoseData, tmp_path: Path) -> None:
    refuse_above(100, 100, data)
    with pytest.raises(UserError, match=r"the crops of d \(5 samples\) need more than 0\.0 GB"):
        refuse_above(100, 101, data)
    with pytest.raises(UserError, match="need more than"):
        built(data, tmp_path / "crops", max_bytes=5000)
    assert not (tmp_path / "crops").exists() and not (tmp_path / "crops.partial").exists()
