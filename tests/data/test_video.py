from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from semipose.data import video
from semipose.data.crops.build import CropSpec, build_crops
from semipose.data.images import read_images
from semipose.data.marks import is_own
from semipose.data.open import open_unlabeled
from semipose.data.readers.folder import read_folder
from semipose.data.video import choose, cut_short, probe, read_frame, read_frames, read_video, refuse_unreadable
from semipose.errors import UserError
from tests.fixtures.films import cut, film, number, of_sizes
from tests.fixtures.shared import shared_data


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clips") / "clip one.mp4", 24)


def test_frames_are_numbered_in_the_order_they_are_shown(clip: Path) -> None:
    assert (len(probe(clip)), probe(clip).size, probe(clip).rate) == (24, (64, 96), 10)
    found = dict(read_frames(clip, [17, 3, 23, 99]))
    assert list(found) == [3, 17, 23]
    assert all(abs(number(pixels) - n) < 0.3 for n, pixels in found.items())
    assert [n for n, _ in read_frames(clip)] == list(range(24))


def test_one_frame_is_the_one_that_reading_in_order_gives(clip: Path) -> None:
    for n, pixels in read_frames(clip, [0, 13]):
        assert np.array_equal(read_frame(clip, n), pixels)
    with pytest.raises(UserError, match="no frame 24"):
        read_frame(clip, 24)


def test_a_frame_of_a_video_whose_key_frames_are_none() -> None:
    video = shared_data("openfield", "project", "videos", "m3v1mp4.mp4")
    (pixels,) = (pixels for _, pixels in read_frames(video, [200]))
    assert np.array_equal(read_frame(video, 200), pixels)
    assert pixels[..., 1].mean() - pixels[..., 0].mean() < 5, "a jump gives green blocks here"


@pytest.mark.parametrize(
    ("plan", "chosen"),
    [
        ("all", list(range(24))),
        ("rate2", [0, 5, 10, 15, 20]),
        ("rate0.5", [0, 20]),
        ("uniform4", [3, 9, 15, 21]),
        ("uniform99", list(range(24))),
    ],
)
def test_plans(clip: Path, plan: str, chosen: list[int]) -> None:
    assert choose(clip, plan) == chosen


@pytest.mark.parametrize("plan", ["", "some", "rate0", "uniform0", "uniform1.5", "diverse", "rate-1"])
def test_a_plan_that_is_none_is_refused(clip: Path, plan: str) -> None:
    with pytest.raises(UserError, match="uniform500"):
        choose(clip, plan)


def test_diverse_frames_differ_and_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still = film(tmp_path / "still.mp4", 30, step=0)  # the dot alone moves
    jump = film(tmp_path / "jump.mp4", 24)
    found = choose(jump, "diverse6", tmp_path / "cache")
    assert len(found) == 6 and np.diff(found).max() <= 8 and found[0] < 5 and found[-1] > 18
    assert choose(still, "diverse30") == list(range(30))
    monkeypatch.setattr("semipose.data.video.read_frames", lambda *_: pytest.fail("the choice was kept"))
    assert choose(jump, "diverse6", tmp_path / "cache") == found


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "page.mp4").write_text("<html>")
    (tmp_path / "empty.avi").write_bytes(b"")
    (tmp_path / "kept.mp4").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0f\nsize 12\n")
    os.mkfifo(tmp_path / "pipe.mp4")  # reading it would wait for ever
    faults = {
        "page.mp4": "no video",
        "empty.avi": "no video",
        "kept.mp4": "git lfs pull",
        "gone.mov": "check the path",
        "pipe.mp4": "no plain file",
    }
    for name, what in faults.items():
        with pytest.raises(UserError, match=what) as error:
            probe(tmp_path / name)
        assert "\n" not in str(error.value) and name in str(error.value)


def test_a_truncated_video_gives_what_it_has(clip: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.mkv"
    whole = film(tmp_path / "whole.mkv", 60, (240, 320), step=2)
    half = whole.stat().st_size // 2
    short.write_bytes(whole.read_bytes()[:half])
    with av.open(str(whole)) as container:
        held = sum(packet.pos + packet.size <= half for packet in container.demux(video=0) if packet.pos is not None)
    numbers = [n for n, _ in read_frames(short)]
    assert numbers == list(range(len(numbers))) and 10 < held < 40
    assert held - 2 <= len(numbers) <= held, "but for frames that lie between such as were lost"


def test_a_comment_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 4)
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"\xff\xfe\xff\xff"))
    assert len(probe(path)) == 4 and not is_own(path)


def test_a_damaged_first_frame_is_one_line_that_names_the_file(clip: Path, tmp_path: Path) -> None:
    with av.open(str(clip)) as container:
        first = next(iter(container.demux(video=0)))
        assert first.pos is not None
        content = bytearray(clip.read_bytes())
        content[first.pos : first.pos + first.size] = b"\xff" * first.size
    (tmp_path / "bad.mp4").write_bytes(content)
    (tmp_path / "good.mp4").write_bytes(clip.read_bytes())
    with pytest.raises(UserError, match=r"bad\.mp4 holds no frame that can be decoded") as error:
        open_unlabeled(tmp_path)
    damaged: list[str] = []
    assert (
        len(read_folder(tmp_path, "all", damaged=damaged)) == 24
        and len(damaged) == 1
        and damaged[0] in str(error.value)
    )


def test_crops_of_a_video_decode_it_once_in_order(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    monkeypatch.setattr("semipose.data.images.read_frames", lambda *a: passes.append(a) or read_frames(*a))
    data = open_unlabeled(clip, frames="uniform8")
    data = data.subset(range(7, -1, -1))
    spec = CropSpec((32, 48), (32, 48), 1.0)
    crops = build_crops(data, spec, tmp_path, progress=False)
    assert len(passes) == 1 and crops.decoded == 8
    seen = [number(pixels) for pixels in crops.images(range(8))]
    assert np.allclose(seen, [22, 19, 16, 13, 10, 7, 4, 1], atol=0.5), seen
    assert build_crops(data, spec, tmp_path, progress=False).decoded == 0
    clip.touch()
    assert build_crops(data, spec, tmp_path, progress=False).decoded == 0, "the same content at another time"


def test_a_video_that_ends_early_says_so(tmp_path: Path) -> None:
    clip = cut(tmp_path / "cut.avi")
    there = len(probe(clip))
    assert 5 < there < 25
    assert cut_short(clip) == f"{clip} ends early: {there} of the 30 frames that it states are there; copy it again"
    assert cut_short(film(tmp_path / "whole.mp4", 12)) == ""
    refuse_unreadable(clip)
    (tmp_path / "no.mp4").write_bytes(b"<html>")
    with pytest.raises(UserError, match="no video that can be opened"):
        refuse_unreadable(tmp_path / "no.mp4")


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
@pytest.mark.parametrize("other", [(32, 48), (128, 192), (96, 64)], ids=["smaller", "larger", "turned"])
def test_frames_of_another_size_are_left_out_and_named(tmp_path: Path, suffix: str, other: tuple[int, int]) -> None:
    clip = of_sizes(tmp_path / f"clip{suffix}", *[(64, 96)] * 3, *[other] * 2, (64, 96))
    odd: dict[int, str] = {}
    assert [n for n, pixels in read_frames(clip, odd=odd) if pixels.shape == (64, 96, 3)] == [0, 1, 2, 5]
    told = f"of {clip} is {other[1]}x{other[0]}, of another size than the first, 96x64"
    assert odd == {3: told, 4: told}
    with pytest.raises(UserError, match=f"^frame 3 of .* is {other[1]}x{other[0]}, of another size"):
        read_frame(clip, 3)
    data = read_video(clip, "all")
    read = dict(read_images(data.images))
    assert [str(each) for each in read.values() if isinstance(each, UserError)] == [f"frame {n} {told}" for n in (3, 4)]
    with pytest.warns(UserWarning, match=r"2 of 6 images cannot be used: frame 3 .*; they are left out"):
        crops = build_crops(data, CropSpec((32, 32), (32, 32)), tmp_path / "cache", progress=False)
    assert list(crops.data.ids) == [f"clip{suffix}#{n}" for n in (0, 1, 2, 5)]


def test_one_odd_time_stamp(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years after the others: no time of a plan is without a frame, and none is made for the time between."""
    film = probe(clip)
    stamps = film.stamps.copy()
    stamps[-1] = 10**15
    monkeypatch.setattr(video, "probe", lambda _: video.Film(film.size, stamps, film.tick))
    chosen = video.choose(clip, "rate2")
    assert chosen == sorted(set(chosen)) and set(chosen) <= set(range(len(film)))


def encoded(path: Path, codec: str, stamps: Sequence[int], **options: str) -> Path:
    """Grey frames at these times, in 25ths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for n, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 20 + n, np.uint8), format="rgb24")
            frame.pts = stamp
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_recording_that_begins_amid_others_has_the_frames_that_can_be_shown(tmp_path: Path) -> None:
    whole = encoded(tmp_path / "whole.mts", "libx264", range(60), g="12", bf="2").read_bytes()
    cut = tmp_path / "cut.mts"
    cut.write_bytes(whole[188 * (len(whole) // 188 // 3) :])
    numbers = [number for number, _ in read_frames(cut)]
    assert 10 < len(probe(cut)) < 60 and numbers == list(range(len(probe(cut)))) and cut_short(cut) == ""


def test_pictures_that_an_avi_shows_for_longer_are_not_missing(tmp_path: Path) -> None:
    path = encoded(tmp_path / "gaps.avi", "mjpeg", [n for n in range(60) if n % 3])
    assert len(probe(path)) == 40 and cut_short(path) == "" and sum(1 for _ in read_frames(path)) == 40


@pytest.mark.parametrize("content", ["", "{}", "[1, 999]", "[0.5]"])
def test_a_damaged_choice_of_frames_is_made_again(clip: Path, tmp_path: Path, content: str) -> None:
    chosen = choose(clip, "diverse3", tmp_path / "cache")
    (kept,) = (tmp_path / "cache" / "frames").iterdir()
    kept.write_text(content)
    assert choose(clip, "diverse3", tmp_path / "cache") == chosen == json.loads(kept.read_text())


def test_a_list_of_other_files_is_no_video(clip: Path, tmp_path: Path) -> None:
    """FFmpeg would read what it names."""
    (tmp_path / "secret.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert next(container.decode(video=0)).width == 96
    with pytest.raises(UserError, match=r"a\.mp4 is no video that can be opened"):
        probe(tmp_path / "a.mp4")
