from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.checks.check import check
from semipose.data.checks.duplicates import Album, Print, Prints, Twins, fingerprint
from semipose.data.images import read_image
from semipose.data.readers.folder import read_folder
from semipose.data.sample import PoseData, Sample
from semipose.data.video import read_frames
from semipose.skeleton import Skeleton
from tests.fixtures.shared import shared_data

PEOPLE = [read_image(f"synth:wild/3/{n}") for n in range(4)]


def changed(pixels: np.ndarray) -> dict[str, np.ndarray]:
    half = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    bright = np.clip(pixels.astype(int) + 8, 0, 255).astype(np.uint8)
    return {"half": half, "jpeg": jpeg, "bright": bright}


def test_the_same_picture_in_other_sizes_and_qualities() -> None:
    for n, pixels in enumerate(PEOPLE):
        prints = {f"{n}": fingerprint(p) for n, p in enumerate(PEOPLE)}
        copies = {name: fingerprint(p) for name, p in changed(pixels).items()}
        assert Twins(prints).near(copies) == dict.fromkeys(copies, str(n))


def test_other_pictures_are_none() -> None:
    prints = {f"{n}": fingerprint(pixels) for n, pixels in enumerate(PEOPLE)}
    rest = {f"x{n}": fingerprint(read_image(f"synth:wild/4/{n}")) for n in range(30)}
    assert Twins(prints).near(rest) == {} and Twins(prints).near({}) == {}


def test_in_front_of_a_still_camera_only_the_same_moment_counts() -> None:
    video = shared_data("openfield", "project", "videos", "m3v1mp4.mp4")
    frames = dict(read_frames(video, [0, 1, 60, 150]))
    prints = {str(n): fingerprint(pixels) for n, pixels in frames.items()}
    assert Twins({"0": prints["0"], "60": prints["60"]}).near({"1": prints["1"], "150": prints["150"]}) == {"1": "0"}


@pytest.mark.slow
def test_another_animal_at_the_same_place_of_the_same_box_is_none() -> None:
    """Those of a video of one mouse that look most like labelled frames of another."""
    project = shared_data("openfield", "project")
    frames = dict(read_frames(project / "videos" / "m3v1mp4.mp4", [*range(1540, 1560), 0, 1, 2]))
    labeled = {p.name: fingerprint(read_image(p)) for p in (project / "labeled-data" / "m4s1").glob("*.png")}
    prints = {str(n): fingerprint(pixels) for n, pixels in frames.items()}
    assert len(labeled) == 116 and Twins(labeled).near(prints) == {}
    odd, even = ({str(n): prints[str(n)] for n in range(first, 1560, 2)} for first in (1541, 1540))
    assert len(Twins(odd).near(even)) == 10
    copies = {f"{n} {kind}": fingerprint(p) for n in (0, 1550) for kind, p in changed(frames[n]).items()}
    assert {name: found.split()[0] for name, found in Twins(prints).near(copies).items()} == {
        name: name.split()[0] for name in copies
    }


def test_check_names_them(tmp_path: Path) -> None:
    for name, pixels in {**changed(PEOPLE[0]), "other": PEOPLE[1]}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels[..., ::-1])
    cv2.imwrite(str(tmp_path / "val.bmp"), PEOPLE[0][..., ::-1])
    point = np.array([[5, 6, 2]], np.float32)
    val = Sample("v", str(tmp_path / "val.bmp"), (0, 0, 20, 20), point)
    unlabeled = read_folder(f"{tmp_path}/*.png")
    report = check(None, unlabeled, PoseData("val", Skeleton("one", ("nose",)), (val,)), progress=False)
    assert report.ok and "3 unlabeled images are near-duplicates of validation images" in report.text()
    assert f"{tmp_path}/half.png ~ {tmp_path}/val.bmp" in report.text() and "other.png ~" not in report.text()
    assert "whole videos" not in report.text(), "of pictures that are of no video"
    film = [replace(s, session="film") for s in (*unlabeled, val)]
    report = check(
        None,
        PoseData("u", None, tuple(film[:-1])),
        PoseData("val", Skeleton("one", ("nose",)), (film[-1],)),
        progress=False,
    )
    assert "-> hold out whole videos" in report.text()


def compared(these: dict[str, Print], those: dict[str, Print]) -> dict[str, str]:
    """By comparing each with each."""
    found = {}
    for name, mark in these.items():
        best = Album(those.values()).nearest(mark)
        found |= {} if best is None else {name: list(those)[best[0]]}
    return found


def prints_of(seed: int, count: int, noise: float) -> dict[str, Print]:
    """Of pictures around few different ones, as frames of still cameras are."""
    rng = np.random.default_rng(seed)
    scenes = [cv2.GaussianBlur(rng.uniform(0, 255, (32, 32)).astype(np.float32), (0, 0), 3) for _ in range(3)]
    pictures = [scenes[n % 3] + rng.normal(0, noise, (32, 32)) * rng.integers(0, 4) for n in range(count)]
    grey = [np.repeat(np.clip(each, 0, 255).astype(np.uint8)[..., None], 3, -1) for each in pictures]
    return {f"{seed} {n}": fingerprint(each) for n, each in enumerate(grey)}


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0, 30.0])
def test_the_tree_finds_what_comparing_each_with_each_finds(noise: float) -> None:
    these, those = prints_of(0, 90, noise), {**prints_of(0, 300, noise), **prints_of(1, 200, noise)}
    found = Twins({f"val {name}": mark for name, mark in those.items()}).near(these)
    assert found == {name: f"val {other}" for name, other in compared(these, those).items()} and len(found) == 90


def test_an_album_grows() -> None:
    marks = list(prints_of(0, 150, 30.0).values())
    album = Album(marks[:3])
    for mark in marks[3:]:
        album.add(mark)
    assert album.smalls.shape == (150, 32, 32) and np.array_equal(album.smalls, Album(marks).smalls)
    assert all((album.nearest(mark) or (0, 9.0))[1] == 0.0 for mark in marks)
    assert Album().nearest(marks[0]) is None


def test_many_of_one_picture_are_looked_up_once() -> None:
    one, other = (fingerprint(PEOPLE[n]) for n in (0, 1))
    these, those = ({f"{use}{n}": one for n in range(20_000)} for use in ("a", "b"))
    began = time.perf_counter()
    assert set(Twins({"x": other, **those}).near(these).values()) == {"b0"}
    assert time.perf_counter() - began < 5, "each with each takes minutes"


def test_prints_in_one_run_of_bytes_are_what_they_were() -> None:
    marks, kept = [fingerprint(pixels) for pixels in PEOPLE[:3]], Prints()
    kept.add(marks)
    assert len(kept) == 3
    for one, other in zip([*kept, kept[-1], *kept[1:]], [*marks, marks[2], *marks[1:]], strict=True):
        assert np.array_equal(one.bits, other.bits) and np.array_equal(one.small, other.small)
    with pytest.raises(IndexError):
        kept[3]
