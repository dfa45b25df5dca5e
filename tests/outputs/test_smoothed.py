import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semipose.errors import UserError
from semipose.outputs.smoothed import Smoothed
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


def test_several_bodies_and_single_images_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one body a frame"):
        Smoothed(job(tmp_path, people=2))
    with pytest.raises(UserError, match=r"0\.png is no frame"):
        written(Smoothed(job(tmp_path)), list(frames(None, 1)))
    assert not list(tmp_path.iterdir())
