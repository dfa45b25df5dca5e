"""Tables of a .slp changed: what a process of its own does, done in this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semipose.apart import Refused
from semipose.browser.sleap_edit import FIELDS, copy

h5py = pytest.importorskip("h5py")
FRAMES = [(0, 0, 2, 0, 2), (1, 0, 5, 2, 5), (2, 1, 0, 5, 6)]
INSTANCES = [(0, 0, 0, -1), (1, 0, 0, -1), (2, 1, 1, -1), (3, 0, 1, 2), (4, 0, 1, -1), (5, 0, 2, -1)]
"""Number, type, frame and the instance that it was made from; the third is predicted."""


def slp(path: Path, **attributes: Any) -> Path:
    """Six instances of two joints in three frames."""
    frames = np.array(FRAMES, [(name, "u8") for name in FIELDS["frames"]])
    rows = np.zeros(6, [(name, "i8") for name in (*FIELDS["instances"], "point_id_end")])
    first = 0
    for row, values in zip(rows, INSTANCES, strict=True):
        for name, value in zip(("instance_id", "instance_type", "frame_id", "from_predicted"), values, strict=True):
            row[name] = value
        row["point_id_start"], row["point_id_end"], row["track"] = first, first + 2, values[0]
        first += 0 if values[1] else 2
    points = np.zeros(10, [("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")])
    points["x"], points["y"], points["visible"] = np.arange(10), 20, np.arange(10) != 3
    with h5py.File(path, "w") as file:
        for name, table in (("frames", frames), ("instances", rows), ("points", points)):
            file.create_dataset(name, data=table, chunks=True, maxshape=(None,), compression="gzip")
        file["videos_json"] = [b'{"filename": "a.mp4"}', b'{"filename": "b.mp4"}']
        file.create_group("metadata").attrs.update({"format_id": 1.3, **attributes})
    return path


def changed(path: Path, video: int, frame: int, *bodies: tuple[int | None, list[Any]]) -> dict[str, np.ndarray]:
    rows = [{"key": key, "points": points} for key, points in bodies]
    place = path.with_name("new.slp")
    answer = copy(str(path), "2", str(place), json.dumps({"video": video, "frame": frame, "bodies": rows}))
    again = copy(str(place), "2")
    assert all(np.array_equal(answer[name], again[name], equal_nan=name == "points") for name in answer)
    return answer


def test_what_people_labelled(tmp_path: Path) -> None:
    found = copy(str(slp(tmp_path / "a.slp")), "2")
    assert str(found["why"]) == "" and found["key"].tolist() == [0, 2, 4, 6, 8]
    assert found["video"].tolist() == [0, 0, 0, 0, 1] and found["frame"].tolist() == [2, 2, 5, 5, 0]
    assert found["points"][0].tolist() == [[0, 20], [1, 20]] and np.isnan(found["points"][1, 1]).all()
    older = copy(str(slp(tmp_path / "b.slp", format_id=1.0)), "2")
    assert older["points"][0].tolist() == [[-0.5, 19.5], [0.5, 19.5]]


def test_a_body_is_moved_added_and_removed(tmp_path: Path) -> None:
    path = slp(tmp_path / "a.slp")
    found = changed(path, 0, 5, (6, [True, [3, 4]]), (None, [None, [5, 6]]))  # 4 is gone
    assert found["key"].tolist() == [0, 2, 6, 10, 8] and found["frame"].tolist() == [2, 2, 5, 5, 0]
    np.testing.assert_array_equal(found["points"][2:4], [[[6, 20], [3, 4]], [[np.nan, np.nan], [5, 6]]])
    with h5py.File(path.with_name("new.slp")) as file:
        rows, frames = file["instances"][()], file["frames"][()]
        assert file["instances"].compression == "gzip" and file["instances"].maxshape == (None,)
    assert rows["instance_id"].tolist() == list(range(6)) and rows["track"].tolist() == [0, 1, 2, 4, -1, 5]
    assert rows["from_predicted"].tolist() == [-1] * 6 and rows["frame_id"].tolist() == [0, 0, 1, 1, 1, 2]
    assert frames["instance_id_start"].tolist() == [0, 2, 5] and frames["instance_id_end"].tolist() == [2, 5, 6]


def test_what_was_made_from_a_prediction_still_is(tmp_path: Path) -> None:
    path = slp(tmp_path / "a.slp")
    changed(path, 0, 2, (0, [True, True]))  # all later numbers are one less
    with h5py.File(path.with_name("new.slp")) as file:
        assert file["instances"]["from_predicted"].tolist() == [-1, -1, 1, -1, -1]
        assert file["instances"]["instance_type"].tolist() == [0, 1, 0, 0, 0]


def test_a_new_frame_comes_last(tmp_path: Path) -> None:
    found = changed(slp(tmp_path / "a.slp"), 1, 9, (None, [[1, 2], None]))
    assert found["frame"].tolist() == [2, 2, 5, 5, 0, 9] and found["video"].tolist() == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("table", ["frames", "instances", "points"])
def test_what_is_not_in_order_is_refused(table: str, tmp_path: Path) -> None:
    with h5py.File(slp(tmp_path / "a.slp"), "a") as file:
        rows = file[table][()]
        if table == "points":
            del file[table]
            file[table] = rows[:7]
        else:
            rows["instance_id_end" if table == "frames" else "instance_id"][1] += 1
            file[table][...] = rows
    with pytest.raises(Refused, match="not in order"):
        copy(str(tmp_path / "a.slp"), "2")
    with pytest.raises(Refused):
        copy(str(tmp_path / "a.slp"), "3")


def test_a_body_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="reload the page"):
        changed(slp(tmp_path / "a.slp"), 0, 2, (4, [True, True]))


def test_what_goes_by_number_is_not_changed(tmp_path: Path) -> None:
    with h5py.File(slp(tmp_path / "a.slp"), "a") as file:
        file["masks"] = [1]
    change = json.dumps({"video": 0, "frame": 2, "bodies": []})
    assert "masks, which belong" in str(copy(str(tmp_path / "a.slp"), "2", str(tmp_path / "b.slp"), change)["why"])
    assert not (tmp_path / "b.slp").exists()
