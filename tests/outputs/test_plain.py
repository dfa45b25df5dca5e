from __future__ import annotations

import csv
import json
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semipose.errors import UserError
from semipose.files import read_json
from semipose.outputs.plain import Coco, Csv, coco_result
from semipose.outputs.tracks import DlcCsv
from tests.fixtures.predictions import frames, job, pose, written
from tests.fixtures.runs import child, exit_code


def test_coco_results_are_a_list_of_all_poses(tmp_path: Path) -> None:
    (file,) = written(Coco(job(tmp_path)), list(frames(None, 2)), people=2)
    rows = json.loads(file.read_text())
    assert file.name == "keypoints.json"
    assert [(row["image_id"], row["score"]) for row in rows] == [(f"{n}.png", s) for n in (0, 1) for s in (0.5, 0.75)]
    assert rows[3] == {
        "image_id": "1.png",
        "category_id": 1,
        "keypoints": [101.5, 10.25, 0.75, 30, 101, 0.5],
        "score": 0.75,
        "bbox": [101, 2, 30, 40],
    }


def test_who_is_followed_has_a_number(tmp_path: Path) -> None:
    shown = list(frames(tmp_path / "clip.mp4", 2))
    plain, tracked = job(tmp_path), replace(job(tmp_path, 3), tracked=True)
    before = [file.read_bytes() for kind in (Coco, Csv) for file in written(kind(plain), shown)]
    for kind in (Coco, Csv, Coco, Csv):  # what an earlier run wrote is written over
        with kind(tracked) as writer:
            for frame in shown:
                writer.add(frame, [replace(pose(0), track=3), pose(1)], [0.5, 0.5])
    rows = json.loads((tmp_path / "keypoints.json").read_text())
    assert [row.get("track_id") for row in rows] == [3, None] * 2
    table = [line.split(",") for line in (tmp_path / "keypoints.csv").read_text().splitlines()]
    assert table[0][-1] == "track" and [row[-1] for row in table[1:5]] == ["3", "3", "", ""]
    assert [file.read_bytes() for kind in (Coco, Csv) for file in written(kind(plain), shown)] == before


def test_no_pose_is_an_empty_list(tmp_path: Path) -> None:
    (file,) = written(Coco(job(tmp_path)), list(frames(None, 2)), people=0)
    assert json.loads(file.read_text()) == []


def test_a_name_that_is_no_text_makes_no_file_that_is_refused(tmp_path: Path) -> None:
    shown = [replace(each, image_id="a\udcff.png") for each in frames(None, 1)]
    (file,) = written(Coco(job(tmp_path)), shown)
    assert read_json(file)[0]["image_id"] == "a\\udcff.png"


def test_numbers_are_rounded_to_what_is_meant() -> None:
    row = coco_result(3, pose(0), 1 / 3)
    assert row["score"] == 0.33333 and row["image_id"] == 3 and row["keypoints"][:2] == [0.5, 10.25]


def test_csv_has_a_row_a_joint(tmp_path: Path) -> None:
    (file,) = written(Csv(job(tmp_path)), list(frames(None, 2)), people=2)
    with file.open(newline="") as text:
        rows = list(csv.reader(text))
    assert rows[0] == ["image", "person", "joint", "x", "y", "score", "error90_px"] and len(rows) == 1 + 2 * 2 * 2
    assert rows[1] == ["0.png", "0", "nose", "0.500", "10.250", "0.7500", ""]
    assert rows[2] == ["0.png", "0", "tail", "30.000", "0.000", "0.5000", ""]
    assert rows[8] == ["1.png", "1", "tail", "30.000", "101.000", "0.5000", ""]


def test_error_bars_are_in_both(tmp_path: Path) -> None:
    sure = replace(pose(0), error90=np.array([1.5, 20.25]))
    with Csv(job(tmp_path)) as writer:
        writer.add(next(iter(frames(None, 1))), [sure], [0.5])
    with writer.files[0].open(newline="") as text:
        assert [row["error90_px"] for row in csv.DictReader(text)] == ["1.500", "20.250"]
    assert coco_result(3, sure, 0.5)["error90_px"] == [1.5, 20.25]
    assert "error90_px" not in coco_result(3, pose(0), 0.5)
    for _ in range(2):  # the second run knows the first one's file for its own
        with Coco(job(tmp_path)) as results:
            results.add(next(iter(frames(None, 1))), [sure], [0.5])


@pytest.mark.parametrize("kind", [Coco, Csv])
def test_a_file_of_an_earlier_run_stays_until_the_new_one_is_whole(tmp_path: Path, kind: type[Coco | Csv]) -> None:
    (file,) = written(kind(job(tmp_path)), list(frames(None, 1)))
    before = file.read_bytes()
    with kind(job(tmp_path)) as writer:
        for frame in frames(None, 3):
            writer.add(frame, [pose(0)], [0.5])
        writer.file.flush()
        assert file.read_bytes() == before
    assert len(file.read_bytes()) > len(before) and [p.name for p in tmp_path.iterdir()] == [file.name]


def _on_a_full_disk(folder: Path, kind: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    with pytest.raises(UserError) as caught:
        written({"coco": Coco, "csv": Csv, "dlc-csv": DlcCsv}[kind](job(folder)), list(frames(None, 900)))
    said = str(caught.value)
    assert str(folder) in said and "could not be written (File too large)" in said and "\n" not in said


@pytest.mark.parametrize("kind", ["coco", "csv", "dlc-csv"])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path: Path, kind: str) -> None:
    assert exit_code(child(_on_a_full_disk, tmp_path, kind)) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [Coco, Csv])
def test_a_folder_that_is_gone_is_one_line(tmp_path: Path, kind: type[Coco | Csv]) -> None:
    with pytest.raises(UserError, match=r"gone/keypoints\.\w+ could not be written \(No such file"):
        kind(replace(job(tmp_path), folder=tmp_path / "gone"))


def test_two_runs_at_once_write_one_whole_file(tmp_path: Path) -> None:
    first, second = Coco(job(tmp_path)), Coco(job(tmp_path))
    for writer in (first, second):
        written(writer, list(frames(None, 2)))
    assert len(json.loads((tmp_path / "keypoints.json").read_text())) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["keypoints.json"]


def test_names_that_a_spreadsheet_would_run_are_text(tmp_path: Path) -> None:
    (frame,) = frames(None, 1)
    frame = replace(frame, name="=cmd|'/c calc'!A1")
    skeleton = replace(job(tmp_path).skeleton, joints=("@nose", "-tail"))
    one = replace(job(tmp_path), skeleton=skeleton)
    for kind, cells in ((Csv, [(1, 0), (1, 2), (2, 2)]), (DlcCsv, [(3, 0), (1, 1), (1, 4)])):
        (file,) = written(kind(one), [frame])  # type: ignore[abstract]
        with file.open(newline="") as text:
            rows = list(csv.reader(text))
        assert [rows[i][j] for i, j in cells] == ["'=cmd|'/c calc'!A1", "'@nose", "'-tail"]
        assert float(rows[-1][-2].removeprefix("'")) >= 0, "numbers are numbers"


def test_no_number_that_is_none_is_written_as_json(tmp_path: Path) -> None:
    (frame,) = frames(None, 1)
    with pytest.raises(ValueError, match="not JSON compliant"), Coco(job(tmp_path)) as writer:
        writer.add(frame, [pose(0)], [float("nan")])
    assert list(tmp_path.iterdir()) == []
