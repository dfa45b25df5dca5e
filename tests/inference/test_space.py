from __future__ import annotations

import json
from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.inference.space import triangulate_files
from tests.fixtures.rig import JOINTS, NAMES, staged


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    return staged(tmp_path)


def edit(path: Path, change) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def files(stage: Path, *names: str) -> dict[str, Path]:
    return {name: stage / f"{name}.json" for name in names or NAMES}


def test_points_and_mpjpe_from_files(stage: Path):
    found = triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json", truth=stage / "truth.json")
    assert json.loads((stage / "out.json").read_text()) == found
    assert found["people"][0]["views"] == [list(NAMES)] * 4 and "person_id" not in found["people"][2]
    for name in ("absolute", "root_relative", "aligned"):
        assert found["mpjpe"][name]["mean"] < 1e-3, name
    assert list(found["mpjpe"]["absolute"]["per_joint"]) == list(JOINTS)
    # What is written can be the truth of another file.
    again = triangulate_files(stage / "cameras.json", files(stage), out=stage / "2.json", truth=stage / "out.json")
    assert again["mpjpe"]["absolute"]["mean"] < 1e-3 and "root_relative" not in again["mpjpe"]


def named(stage: Path, names: dict[str, str]) -> None:
    """Images called after a video and a frame instead."""
    for file, video in names.items():
        for old, number in (("7.jpg", 7), ("8.jpg", 11)):
            path = stage / f"{file}.json"
            path.write_text(path.read_text().replace(f'"{old}"', f'"{video}#{number}"'))


@pytest.mark.parametrize("videos", [[f"{name}.mp4" for name in NAMES], ["clip.mp4"] * 3])
def test_frames_of_a_video_a_camera_are_matched_by_number(stage: Path, videos: list[str]):
    named(stage, dict(zip(NAMES, videos, strict=True)))
    found = triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json")
    assert {person["image_id"] for person in found["people"]} == {7, 11}
    assert all(views == list(NAMES) for person in found["people"] for views in person["views"])
    with pytest.raises(UserError, match="nobody who was predicted"):
        triangulate_files(stage / "cameras.json", files(stage), out=stage / "2.json", truth=stage / "truth.json")
    named(stage, {"truth": "another.mp4"})
    for truth in ("truth.json", "out.json"):
        again = triangulate_files(stage / "cameras.json", files(stage), out=stage / "2.json", truth=stage / truth)
        assert again["mpjpe"]["absolute"]["mean"] < 1e-3 and again["people"] == found["people"]
    edit(stage / "truth.json", lambda d: d["people"].append({**d["people"][0], "image_id": 7}))
    with pytest.raises(UserError, match=r"truth\.json: the frame and person \(7, 0\) occurs more than once"):
        triangulate_files(stage / "cameras.json", files(stage), out=stage / "2.json", truth=stage / "truth.json")


def test_frames_of_several_videos_a_camera_keep_their_names(stage: Path):
    named(stage, {name: "video.mp4" for name in (*NAMES, "truth")})
    for name in (*NAMES, "truth"):
        path = stage / f"{name}.json"
        path.write_text(path.read_text().replace("video.mp4#11", "other.mp4#11"))
    found = triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json", truth=stage / "truth.json")
    assert found["people"][2]["image_id"] == "other.mp4#11" and found["mpjpe"]["absolute"]["mean"] < 1e-3


def test_a_wrong_view_is_left_out_by_the_size_of_its_box(stage: Path):
    def shift(rows):
        rows[1]["keypoints"][1] += 90  # the box is 200 px high: 20 px are near enough

    edit(stage / "right.json", shift)
    found = triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json", truth=stage / "truth.json")
    assert found["people"][1]["views"] == [["left", "top"], *[list(NAMES)] * 3]
    assert found["mpjpe"]["absolute"]["mean"] < 1e-3
    loose = triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json", tolerance=1000)
    assert loose["people"][1]["views"] == [list(NAMES)] * 4 and "mpjpe" not in loose


def test_who_is_seen_by_one_camera_alone_has_no_points_and_counts(stage: Path):
    for name in NAMES[1:]:
        edit(stage / f"{name}.json", lambda rows: rows.remove(next(r for r in rows if r["image_id"] == "8.jpg")))
    found = triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json", truth=stage / "truth.json")
    assert found["people"][2]["keypoints_3d"] == [None] * 4 and found["people"][2]["views"] == [[]] * 4
    scores = found["mpjpe"]["absolute"]
    assert scores["mean"] is None and scores["missing"] == 3 and scores["mean_found"] < 1e-3


def test_a_camera_that_saw_nobody_takes_no_point_of_the_others(stage: Path):
    (stage / "top.json").write_text("[]\n")
    found = triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json", truth=stage / "truth.json")
    assert all(views == ["left", "right"] for person in found["people"] for views in person["views"])
    assert found["mpjpe"]["absolute"]["mean"] < 1e-3
    for name in NAMES:
        (stage / f"{name}.json").write_text("[]\n")
    with pytest.raises(UserError, match="there is no pose in any of the predictions"):
        triangulate_files(stage / "cameras.json", files(stage), out=stage / "2.json")


def set_of(name: str, key: str, value):
    def change(stage: Path) -> None:
        rows = json.loads((stage / f"{name}.json").read_text())
        for row in rows["people"] if isinstance(rows, dict) else rows:
            row[key] = value
        (stage / f"{name}.json").write_text(json.dumps(rows))

    return change


BAD = {
    "one number too many": (set_of("left", "keypoints", [1.0] * 13), "left.json: entry 0 has 13 keypoint numbers"),
    "other joints": (set_of("left", "keypoints", [1.0] * 9), "[3, 4] joints"),
    "huge": (set_of("left", "keypoints", [10**400] * 12), "has a number beyond 1e+09"),
    "text": (set_of("left", "keypoints", ["a"] * 12), "where numbers are expected"),
    "no bbox": (set_of("right", "bbox", None), "right.json: entry 0 has no bbox"),
    "an empty bbox": (set_of("right", "bbox", [0, 0, 0, 0]), "right.json: entry 0 has the empty bbox"),
    "no image": (set_of("top", "image_id", None), "top.json: entry 0 has no 'image_id'"),
    "twice": (set_of("top", "person_id", 0), "top.json: entry 2 is of image_id '7.jpg', person_id 0"),
    "a list as id": (set_of("top", "image_id", [1]), "must be numbers or text"),
    "an object": (lambda stage: (stage / "top.json").write_text("{}"), "top.json must be a list"),
    "truth of others": (lambda stage: edit(stage / "truth.json", lambda d: d["people"].clear()), "truth.json must be"),
    "too little truth": (set_of("truth", "keypoints_3d", [None]), "4 times x, y, z or null"),
    "flat truth": (set_of("truth", "keypoints_3d", [[1, 2]] * 4), "4 times x, y, z or null"),
    "strange joints": (lambda stage: edit(stage / "truth.json", lambda d: d["joints"].pop()), "names 3 joints"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_named(case: str, stage: Path):
    change, expected = BAD[case]
    change(stage)
    with pytest.raises(UserError) as error:
        triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json", truth=stage / "truth.json")
    assert expected in str(error.value) and "\n" not in str(error.value)
    assert not (stage / "out.json").exists()


def test_no_instant_in_common_and_too_few_cameras(stage: Path):
    for number, name in enumerate(NAMES):
        set_of(name, "image_id", number)(stage)
        edit(stage / f"{name}.json", lambda rows: rows.__delitem__(slice(1, None)))
    with pytest.raises(UserError, match="no image_id"):
        triangulate_files(stage / "cameras.json", files(stage), out=stage / "out.json")
    with pytest.raises(UserError, match="two cameras or more, not 1"):
        triangulate_files(stage / "cameras.json", files(stage, "left"), out=stage / "out.json")
