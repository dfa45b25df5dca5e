"""The pictures and videos of a folder, by number."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.browser.library import HOME, Library
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import picture


def test_what_is_shown_and_what_is_not(tmp_path: Path) -> None:
    """Not what is hidden, what lies with a run, what tools drew."""
    for name in ("b/2.png", "b/10.png", "a.jpg", ".hidden/x.png", f"{HOME}/y.png", "runs/one/z.png", "v_labeled/q.png"):
        picture(tmp_path / name)
    (tmp_path / "runs/one/model.safetensors").touch()
    (tmp_path / "notes.txt").touch()
    film(tmp_path / "clip.mp4", 5)
    library = Library(tmp_path)
    assert library.images == ["a.jpg", "b/10.png", "b/2.png"] or library.images == ["b/10.png", "b/2.png", "a.jpg"]
    assert [(s.name, s.count) for s in library.sources()] == [("pictures", 3), ("clip.mp4", None)]
    assert library.count(1) == 5 and library.ref(1, 4).endswith("clip.mp4#4")
    for index, name in enumerate(library.images):
        assert library.ref(0, index) == str((tmp_path / name).resolve())
        assert library.place(library.ref(0, index)) == (0, index)
    assert library.place(library.ref(1, 3)) == (1, 3) and library.place("/none.png") is None
    for source, index in ((0, 3), (0, -1), (1, 5), (2, 0), (-1, 0)):
        with pytest.raises(UserError):
            library.ref(source, index)


def test_links_that_lead_out_are_shown_when_asked_alone(tmp_path: Path) -> None:
    secret = picture(tmp_path / "elsewhere" / "secret.png")
    root = tmp_path / "project"
    picture(root / "own.png")
    (root / "link.png").symlink_to(secret)
    (root / "folder").symlink_to(secret.parent)
    (root / "within.png").symlink_to(root / "own.png")
    closed, opened = Library(root), Library(root, outside=True)
    assert set(closed.images) == {"own.png", "within.png"} and closed.left_out == 2
    assert len(opened.images) == 4 and opened.left_out == 0
    (root / "own.png").unlink()
    (root / "own.png").symlink_to(secret)  # after the folder was looked at
    with pytest.raises(UserError, match="leads out"):
        closed.ref(0, closed.images.index("own.png"))


def test_pictures_of_a_video_s_frames_are_known_by_their_names(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 20)
    for name in ("labeled-data/clip/img0012.png", "images/clip-img00003.png", "labeled-data/other/img0004.png"):
        picture(tmp_path / name)
    library = Library(tmp_path)
    assert set(library.written(1, ("images",))) == {12, 3}
    before = list(library.images)
    image = picture(tmp_path / "images" / "a-first-one-img00007.png")
    library.add(image)
    picture(tmp_path / "aa.png")
    library.refresh()
    assert library.images[: len(before)] == before and len(library.images) == len(before) + 2  # numbers stay
    assert library.again(0, 0, "aa.png") == (0, len(before) + 1) and library.again(7, 3, "clip · 3") == (1, 3)
    with pytest.raises(UserError, match="not saved"):
        library.again(0, 0, "none.png")
    image = picture(tmp_path / "images" / "clip-img00007.png")
    library.add(image)
    assert set(library.written(1, ("images",))) == {12, 3, 7}


def test_no_two_videos_have_one_name(tmp_path: Path) -> None:
    names = (
        "cam1/day/clip.mp4",
        "cam2/day/clip.mp4",
        "cam2/day/clip.avi",
        "a/b.mp4",
        "c/b.mp4",
        "a-b.mp4",
        "other.mp4",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    library = Library(tmp_path)
    stems = {
        video.relative_to(tmp_path).as_posix(): stem for video, stem in zip(library.videos, library.stems, strict=True)
    }
    assert len(set(stems.values())) == len(names)
    assert stems["other.mp4"] == "other" and stems["cam1/day/clip.mp4"] == "cam1-day-clip"
    for source, stem in enumerate(library.stems, 1):
        assert library.again(source, 7, f"{stem} · 7") == (source, 7)
