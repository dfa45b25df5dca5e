from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.marks import is_own
from semipose.data.video import probe, read_frames
from semipose.drawing.poses import CENTRE, draw_pose, joint_colors
from semipose.outputs.base import Style
from semipose.outputs.drawn import Overlay
from tests.fixtures.films import film, uneven
from tests.fixtures.predictions import TWO, frames, job, pose, written
from tests.fixtures.projects import picture


def test_a_picture_with_the_pose_on_it_and_our_mark(tmp_path: Path) -> None:
    (file,) = written(Overlay(job(tmp_path)), list(frames(None, 1)))
    assert file == tmp_path / "0.jpg" and is_own(file)
    expected = draw_pose(np.full((48, 64, 3), 90, np.uint8), pose(0).keypoints, TWO)
    drawn = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    assert drawn.shape == expected.shape and (expected != 90).any()
    lost = np.abs(drawn.astype(int) - expected).mean()
    assert 3 * lost < np.abs(drawn.astype(int) - 90).mean(), "nearer to the pose drawn than to the picture alone"


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_a_video_of_the_same_frames_at_the_same_rate(tmp_path: Path, size: tuple[int, int]) -> None:
    clip, out = film(tmp_path / "clip.mp4", 5, rate=12), tmp_path / "out"
    shown = [replace(frame, pixels=frame.pixels[: size[0], : size[1]]) for frame in frames(clip, 5)]
    (file,) = written(Overlay(job(out)), shown, people=0)
    assert file == out / "clip.mp4" and is_own(file)
    assert (len(probe(file)), probe(file).rate, probe(file).size) == (5, 12, (48, 64)), "sides are made even"
    assert all(abs(np.median(pixels) - 90) <= 2 for _, pixels in read_frames(file))


def test_two_inputs_of_one_name_and_files_that_are_not_ours(tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = picture(out / "0.jpg").read_bytes()
    shown = [next(frames(None, 1)), next(frames(None, 1))]
    files = written(Overlay(job(out)), shown)
    assert [file.name for file in files] == ["0_semipose.jpg", "0-2.jpg"] and (out / "0.jpg").read_bytes() == before
    assert [file.name for file in written(Overlay(job(out)), shown)] == ["0_semipose.jpg", "0-2.jpg"], "ours again"
    assert written(Overlay(job(out, 1, out / "0_semipose.jpg")), shown[:1]) == [out / "0-2.jpg"], "an input now"


def test_an_error_keeps_the_video_of_an_earlier_run(tmp_path: Path) -> None:
    clip, out = film(tmp_path / "clip.mp4", 3), tmp_path / "out"
    (file,) = written(Overlay(job(out)), list(frames(clip, 3)))
    before = file.read_bytes()
    with pytest.raises(RuntimeError), Overlay(job(out)) as writer:
        writer.add(next(frames(clip, 1)), [pose(9)], [0.5])
        raise RuntimeError
    assert file.read_bytes() == before and list(out.iterdir()) == [file]


def test_many_pictures_of_one_name_take_little_time(tmp_path: Path) -> None:
    overlay = Overlay(job(tmp_path))
    began = time.perf_counter()
    for _ in range(5000):
        overlay.files.append(overlay._free("img", ".jpg"))
    assert time.perf_counter() - began < 5, "looking through all names for each takes minutes"
    assert overlay.files[0].name == "img.jpg" and overlay.files[-1].name == "img-5000.jpg"


def test_a_film_of_uneven_pace_keeps_it(tmp_path: Path) -> None:
    clip = uneven(tmp_path / "clip.mp4", [0, 30, 60, 300, 330, 1000, 1030])
    (file,) = written(Overlay(job(tmp_path / "out")), list(frames(clip, 7)), people=0)
    assert np.allclose(probe(file).seconds, probe(clip).seconds, atol=1e-3)
    (some,) = written(Overlay(job(tmp_path / "some")), list(frames(clip, 3, start=2)), people=0)
    assert np.allclose(probe(some).seconds, [0, 0.24, 0.27], atol=1e-3)


def test_a_pause_of_many_hours_is_cut(tmp_path: Path) -> None:
    day = 86_400_000
    clip = uneven(tmp_path / "clip.mkv", [0, 30, day, day + 30, 2 * day])
    (file,) = written(Overlay(job(tmp_path / "out")), list(frames(clip, 5)), people=0)
    assert np.allclose(probe(file).seconds, [0, 0.03, 3600.03, 3600.06, 7200.06], atol=1e-3)


@pytest.mark.parametrize("colors", ["joint", "side"])
def test_a_strip_below_says_which_colour_is_which(tmp_path: Path, colors: str) -> None:
    asked = replace(job(tmp_path), style=Style(colors, legend=True))  # type: ignore[arg-type]
    (file,) = written(Overlay(asked), list(frames(None, 1)))
    drawn = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    assert drawn.shape[0] > 48 and drawn.shape[1] == 64
    for color in joint_colors(TWO) if colors == "joint" else [CENTRE]:
        assert (np.abs(drawn[48:].astype(int) - color).max(-1) < 60).any()


def test_names_stand_beside_the_joints_on_request(tmp_path: Path) -> None:
    styles = [replace(job(tmp_path / str(n)), style=Style("joint", n)) for n in (False, True)]
    plain, named = (cv2.imread(str(written(Overlay(asked), list(frames(None, 1)))[0])) for asked in styles)
    assert plain.shape == named.shape and (np.abs(plain.astype(int) - named).max(-1) > 60).sum() > 30


def test_a_picture_that_no_jpeg_holds_is_drawn_smaller(tmp_path: Path) -> None:
    long = replace(next(frames(None, 1)), pixels=np.full((6, 70_000, 3), 90, np.uint8))
    (file,) = written(Overlay(job(tmp_path)), [long])
    assert is_own(file) and 65_000 < cv2.imread(str(file)).shape[1] <= 65_500


def test_dots_are_seen_in_a_large_frame(tmp_path: Path) -> None:
    large = replace(next(frames(None, 1)), pixels=np.full((1500, 2000, 3), 90, np.uint8))
    (file,) = written(Overlay(job(tmp_path)), [large])
    drawn = cv2.imread(str(file)).astype(int)
    assert (np.abs(drawn - 90).max(-1) > 60).sum() > 250, "two dots, partly outside, some 17 pixels across"
