import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semipose.errors import UserError
from semipose.outputs.pose import Pose
from semipose.outputs.smoothed import GAP, HEADER, Smoothed
from tests.fixtures.predictions import frames, job, pose, written


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def test_raw_and_smoothed_places_stand_side_by_side(tmp_path: Path) -> None:
    (file,) = written(Smoothed(job(tmp_path)), list(frames(Path("/in/a.mp4"), 6)))
    rows = rows_of(file)
    assert len(rows) == 12 and rows[2]["image"] == "a.mp4#1" and rows[2]["joint"] == "nose"
    assert (rows[2]["x"], rows[2]["y"], rows[2]["score"], rows[2]["error90_px"]) == ("1.500", "10.250", "0.7500", "")
    for row in rows:  # straight ways at one speed stay
        assert float(row["x_smoothed"]) == pytest.approx(float(row["x"]), abs=0.05)
        assert float(row["y_smoothed"]) == pytest.approx(float(row["y"]), abs=0.05)


def test_each_video_is_its_own_and_frames_without_a_pose_are_filled(tmp_path: Path) -> None:
    with Smoothed(job(tmp_path)) as writer:
        for place in ("/in/a.mp4", "/in/b.mp4"):
            for frame in frames(Path(place), 8):
                shown = replace(pose(frame.number), error90=np.array([1.0, 2.0]))
                writer.add(frame, [] if frame.number == 4 else [shown], [0.5])
    rows = rows_of(writer.files[0])
    assert len(rows) == 32 and rows[0]["error90_px"] == "1.000"
    gap = rows[8]
    assert gap["image"] == "a.mp4#4" and gap["x"] == gap["score"] == ""
    assert float(gap["x_smoothed"]) == pytest.approx(4.5, abs=0.3)
    assert [row["x_smoothed"] for row in rows[:16]] == [row["x_smoothed"] for row in rows[16:]]


def of(number: int, track: int | None) -> Pose:
    """A body's pose in a frame: 1 goes right, 2 down."""
    return replace(pose(number if track == 1 else 50 + 2 * number), track=track)


def followed(folder: Path, *shown: list[int | None]) -> list[dict[str, str]]:
    """The rows of a video whose frames show these tracks."""
    with Smoothed(replace(job(folder, people=2), tracked=True)) as writer:
        for frame, tracks in zip(frames(Path("/in/a.mp4"), len(shown)), shown, strict=True):
            poses = [of(frame.number, track) for track in tracks]
            writer.add(frame, poses, [0.5] * len(poses))
    return rows_of(writer.files[0])


def places(rows: list[dict[str, str]], track: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in HEADER) for row in rows if row["track"] == track]


def test_each_body_is_smoothed_by_itself_whatever_the_order_in_a_frame(tmp_path: Path) -> None:
    both = followed(tmp_path / "both", *([[1, 2], [2, 1]] * 5))
    assert len(both) == 40 and {row["track"] for row in both} == {"1", "2"}
    alone = [followed(tmp_path / str(track), *[[track]] * 10) for track in (1, 2)]
    assert places(both, "1") == places(alone[0], "1") and places(both, "2") == places(alone[1], "2")
    for row in both:
        assert float(row["x_smoothed"]) == pytest.approx(float(row["x"]), abs=0.2)


def test_a_body_has_no_place_where_it_is_not_seen(tmp_path: Path) -> None:
    rows = followed(tmp_path, *[[1, 2] if n not in (3, 4) else [2] for n in range(9)])
    assert [row["image"] for row in rows if row["track"] == "1"][::2] == [f"a.mp4#{n}" for n in (0, 1, 2, 5, 6, 7, 8)]
    assert all(row["x"] and row["x_smoothed"] for row in rows)


def test_who_comes_back_after_long_is_smoothed_as_another(tmp_path: Path) -> None:
    before, after = [[1]] * 6, [[2]] * 6
    whole = followed(tmp_path / "whole", *before, *[[]] * (GAP + 1), *after)
    with Smoothed(replace(job(tmp_path / "same", people=2), tracked=True)) as writer:
        for frame in frames(Path("/in/a.mp4"), 13 + GAP):
            gone = 6 <= frame.number < 7 + GAP
            shown = [] if gone else [replace(of(frame.number, 1 if frame.number < 6 else 2), track=1)]
            writer.add(frame, shown, [0.5] * len(shown))
    same = rows_of(writer.files[0])
    strip = [tuple(row[name] for name in HEADER) for row in whole]
    assert [tuple(row[name] for name in HEADER) for row in same] == strip and len(same) == 24


def test_a_pose_that_is_nobodys_stays_as_it_is(tmp_path: Path) -> None:
    rows = followed(tmp_path, [1, None], [None, 1], [1, None])
    loose = [row for row in rows if row["track"] == ""]
    assert len(rows) == 12 and len(loose) == 6
    assert all(row["x"] and row["x_smoothed"] == row["y_smoothed"] == "" for row in loose)


def test_bodies_that_are_not_followed_and_single_images_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="several that are not followed; take videos without --no-track"):
        Smoothed(job(tmp_path, people=2))
    with pytest.raises(UserError, match=r"0\.png is no frame"):
        written(Smoothed(job(tmp_path)), list(frames(None, 1)))
    assert not list(tmp_path.iterdir())
