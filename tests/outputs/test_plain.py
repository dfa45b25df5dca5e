from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from semipose.outputs.plain import Coco, Csv, coco_result
from tests.fixtures.predictions import frames, job, pose, written


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


def test_no_pose_is_an_empty_list(tmp_path: Path) -> None:
    (file,) = written(Coco(job(tmp_path)), list(frames(None, 2)), people=0)
    assert json.loads(file.read_text()) == []


def test_numbers_are_rounded_to_what_is_meant() -> None:
    row = coco_result(3, pose(0), 1 / 3)
    assert row["score"] == 0.33333 and row["image_id"] == 3 and row["keypoints"][:2] == [0.5, 10.25]


def test_csv_has_a_row_a_joint(tmp_path: Path) -> None:
    (file,) = written(Csv(job(tmp_path)), list(frames(None, 2)), people=2)
    with file.open(newline="") as text:
        rows = list(csv.reader(text))
    assert rows[0] == ["image", "person", "joint", "x", "y", "score"] and len(rows) == 1 + 2 * 2 * 2
    assert rows[1] == ["0.png", "0", "nose", "0.500", "10.250", "0.7500"]
    assert rows[2] == ["0.png", "0", "tail", "30.000", "0.000", "0.5000"]
    assert rows[8] == ["1.png", "1", "tail", "30.000", "101.000", "0.5000"]


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
