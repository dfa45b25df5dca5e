from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semipose.data import video
from semipose.data.crops.build import CropSpec, build_crops
from semipose.data.open import open_unlabeled
from semipose.data.sample import PoseData, Sample
from semipose.data.windows import neighbours, windows
from semipose.errors import UserError
from tests.fixtures.films import film, number


def data(*images: str) -> PoseData:
    return PoseData("frames", None, [Sample(str(i), image, (0, 0, 10, 10)) for i, image in enumerate(images)])


def frames(path: str, *numbers: int) -> list[str]:
    return [f"video:{path}#{n}" for n in numbers]


def test_windows_are_neighbouring_frames_of_one_video() -> None:
    shown = data(*frames("/a.mp4", 3, 4, 5, 7, 8), *frames("/b.mp4", 9, 10, 5, 6, 7, 8))
    assert windows(shown, 2).tolist() == [[0, 1], [3, 4], [7, 8], [9, 10], [5, 6]]
    assert windows(shown, 3).tolist() == [[0, 1, 2], [7, 8, 9], [10, 5, 6]]


def test_a_lost_frame_breaks_a_window() -> None:
    assert windows(data(*frames("/a.mp4", 0, 1, 3, 4, 5, 6)), 3).tolist() == [[2, 3, 4]]


def test_images_are_neighbours_by_their_names() -> None:
    names = ["/a/img9.png", "/a/img10.png", "/a/img11.jpg", "/b/img11.png", "/a/x12.png", "/a/mouse.png"]
    assert windows(data(*names), 2).tolist() == [[0, 1]]
    with pytest.raises(UserError, match=r"data\.window is 3, and no 3 of its 6 images are neighbouring") as error:
        windows(data(*names), 3)
    assert "\n" not in str(error.value)


def test_several_bodies_in_an_image_are_refused() -> None:
    with pytest.raises(UserError, match=r"/a\.mp4#3 has several bodies.*set data\.window: 1"):
        windows(data(*frames("/a.mp4", 3, 4, 3)), 2)


def test_labelled_neighbours_are_frames_of_videos_alone() -> None:
    images = [*frames("/a.mp4", 3, 5, 4, 9), "/a/img1.png", "/a/img2.png", *frames("/b.mp4", 1, 2, 2)]
    assert neighbours(data(*images)).tolist() == [[0, 2], [2, 1]]
    assert neighbours(data("/a/img1.png", "/a/img2.png")).shape == (0, 2)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clips") / "clip.mp4", 22)


@pytest.mark.parametrize(
    ("plan", "chosen"),
    [
        ("allx4", [*range(20)]),
        ("uniform8x4", [4, 5, 6, 7, 12, 13, 14, 15]),
        ("uniform7x4", [4, 5, 6, 7, 12, 13, 14, 15]),
        ("uniform99x11", [*range(22)]),
        ("rate4x4", [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19]),
    ],
)
def test_plans_count_the_frames_of_whole_windows(clip: Path, plan: str, chosen: list[int]) -> None:
    """Ten frames a second: four of these are a window a second."""
    assert video.choose(clip, plan) == chosen


def test_a_plan_of_one_frame_a_window_is_the_plan(clip: Path) -> None:
    assert video.windowed("uniform500", 1) == "uniform500" and video.windowed("all", 3) == "allx3"


def test_different_windows_are_whole_and_remembered(clip: Path, tmp_path: Path) -> None:
    found = video.choose(clip, "diverse6x2", tmp_path)
    assert len(found) == 6 and all(a % 2 == 0 and b == a + 1 for a, b in zip(found[::2], found[1::2], strict=True))
    assert video.choose(clip, "diverse6x2", tmp_path) == found


@pytest.mark.parametrize("plan", ["allx", "allx0", "uniform5x-1", "uniform5x2x2", "x4", "allx100"])
def test_what_is_no_window_is_refused(clip: Path, plan: str) -> None:
    with pytest.raises(UserError, match="is no choice of frames"):
        video.choose(clip, plan)


def test_a_video_shorter_than_a_window_is_refused(clip: Path) -> None:
    with pytest.raises(UserError, match=r"clip\.mp4 has 22 frames, fewer than the 23 of data\.window; leave it out"):
        video.choose(clip, "allx23")


def test_each_frame_is_decoded_once(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    pixels = video._pixels
    monkeypatch.setattr(video, "_pixels", lambda frame: decoded.append(frame.pts) or pixels(frame))
    monkeypatch.setattr("semipose.data.images.read_frame", lambda *_: pytest.fail("a frame on its own"))
    unlabeled = open_unlabeled(clip, frames="uniform12x3")
    crops = build_crops(unlabeled, CropSpec((32, 48), (32, 48), 1.0), tmp_path / "cache", progress=False)
    assert len(decoded) == len(set(decoded)) == len(unlabeled) == 12
    rows = windows(crops.data, 3)
    shown = np.array([[number(crops.images([row])[0]) for row in window] for window in rows])
    assert rows.shape == (4, 3) and np.abs(np.diff(shown, axis=1) - 1).max() < 0.5
