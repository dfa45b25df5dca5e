"""A folder as the browser sees it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semipose.browser.project import OWN, Project
from semipose.browser.stores import Body, Conflict
from semipose.browser.table import DlcProject
from semipose.data.open import open_labeled
from semipose.errors import UserError
from tests.browser.test_stores import POINTS
from tests.fixtures.films import dot, film, number
from tests.fixtures.projects import deeplabcut, lightning_pose, picture
from tests.fixtures.served import opened


def test_an_empty_folder_with_a_video_is_labelled(tmp_path: Path) -> None:
    """Its frames become pictures beside the labels, which training reads."""
    film(tmp_path / "clip.mp4", 12)
    project = opened(tmp_path)
    assert project.stores == [] and project.skeleton is None and project.labels(1, 3)["why"] == "name the joints first"
    for bad in ([], [" "], ["a", "a"], ["<script>"], ["x" * 99], ["a\nb\x00"]):
        with pytest.raises(UserError):
            project.begin(bad)
    project.begin(["square", " left  corner "])
    assert project.skeleton.joints == ("square", "left corner")
    shown = project.labels(1, 3)
    assert shown["bodies"] == [] and shown["size"] == [96, 64] and shown["why"] == ""
    body = Body.of(np.array([[*dot(3), 2], [0, 0, 0]]))
    project.save(1, 3, [body], shown["version"])
    assert project.labeled_in(1) == {3} and project.labels(1, 3)["bodies"][0]["points"][0] == [*dot(3), 2]
    (sample,) = open_labeled(tmp_path / OWN)
    assert sample.image == str(tmp_path.resolve() / "images" / "clip-img00003.png")
    import cv2

    assert abs(number(cv2.imread(sample.image)) - 3) < 0.3
    again = opened(tmp_path)
    assert again.skeleton.joints == project.skeleton.joints and again.labeled_in(1) == {3}
    with pytest.raises(UserError, match="labels already"):
        again.begin(["a"])


def test_frames_of_a_project_of_deeplabcut_lie_where_it_has_them(tmp_path: Path) -> None:
    deeplabcut(tmp_path)
    film(tmp_path / "videos.mp4", 8)
    (tmp_path / "videos.mp4").rename(tmp_path / "a.mp4")
    project = opened(tmp_path)
    assert isinstance(project.stores[0], DlcProject) and project.labeled_in(1) == {0, 1, 2}
    assert project.labels(1, 1)["bodies"] == project.labels(0, 1)["bodies"]
    shown = project.labels(1, 6)
    project.save(1, 6, [Body.of(POINTS)], shown["version"])
    names = {Path(sample.image).relative_to(tmp_path.resolve()).as_posix() for sample in open_labeled(tmp_path)}
    assert "labeled-data/a/img00006.png" in names


def test_nothing_outside_is_shown_or_written(tmp_path: Path) -> None:
    root, away = tmp_path / "root", tmp_path / "away"
    lightning_pose(root)
    away.mkdir()
    (root / "CollectedData.csv").rename(away / "CollectedData.csv")
    (root / "CollectedData.csv").symlink_to(away / "CollectedData.csv")
    before = (away / "CollectedData.csv").read_bytes()
    project = opened(root)
    shown = project.labels(0, 1)
    with pytest.raises(UserError):
        project.save(0, 1, [Body.of(POINTS, "")], shown["version"])
    assert (away / "CollectedData.csv").read_bytes() == before


def test_a_table_of_a_project_that_leads_out_is_not_changed(tmp_path: Path) -> None:
    root, away = tmp_path / "root", tmp_path / "away.csv"
    table = deeplabcut(root) / "labeled-data" / "a" / "CollectedData_me.csv"
    table.rename(away)
    table.symlink_to(away)
    before = away.read_bytes()
    project = opened(root)
    with pytest.raises(UserError, match="leads out"):
        project.save(0, 1, [Body.of(POINTS, "")], project.labels(0, 1)["version"])
    assert away.read_bytes() == before
    (tmp_path / "hidden").mkdir()
    (root / ".semipose-ui").rename(tmp_path / "old")
    (root / ".semipose-ui").symlink_to(tmp_path / "hidden")
    with pytest.raises(UserError, match="leads out"):
        opened(root)


def test_a_folder_of_pictures_that_leads_out_gets_none(tmp_path: Path) -> None:
    root, away = tmp_path / "root", tmp_path / "away"
    root.mkdir()
    away.mkdir()
    film(root / "clip.mp4", 4)
    (root / "images").symlink_to(away)
    project = opened(root)
    project.begin(["a"])
    with pytest.raises(UserError, match="leads out"):
        project.save(1, 1, [Body(((1.0, 2.0, 2),))], project.labels(1, 1)["version"])
    assert list(away.iterdir()) == []


def test_what_can_only_be_read_says_so(tmp_path: Path) -> None:
    for n in range(2):
        picture(tmp_path / "images" / f"{n}.png", n)
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{n}.txt").write_text("0 0.5 0.5 1 1 0.25 0.25 2 0.5 0.5 2\n")
    (tmp_path / "data.yaml").write_text("train: images\nnames: [mouse]\nnc: 1\nkpt_shape: [2, 3]\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    project = opened(tmp_path)
    shown = project.labels(0, 0)
    assert len(shown["bodies"]) == 1 and "can be looked at here and not changed" in shown["why"], project.remarks
    with pytest.raises(UserError, match="not changed"):
        project.save(0, 0, [], shown["version"])
    assert {path: path.read_bytes() for path in before} == before


def test_damaged_labels_are_a_remark(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    text = {"images": [], "annotations": [{"keypoints": 3}], "categories": [{"keypoints": ["a"]}]}
    (tmp_path / "x.json").write_text(json.dumps(text))
    project = opened(tmp_path)
    assert project.stores == [] and len(project.remarks) == 1 and project.library.images == ["a.png"]
    with pytest.raises(UserError, match="no folder"):
        Project(tmp_path / "a.png")


def test_rows_of_a_list(tmp_path: Path) -> None:
    project = opened(lightning_pose(tmp_path))
    rows = project.frames(0, 1, 9)
    assert [row["i"] for row in rows] == [1, 2] and rows[0]["name"] == "labeled-data/img001.png" and rows[0]["labelled"]


def two_files(folder: Path, others: list[str]) -> Project:
    """Labels of the joints nose and tail, and in another file of `others`, both of a picture each."""
    for name, joints in (("one", ["nose", "tail"]), ("two", others)):
        picture(folder / f"{name}.png")
        points = [value for n in range(len(joints)) for value in (10 * n + 5, 7, 2)]
        content = {
            "images": [{"id": 1, "file_name": f"{name}.png", "width": 64, "height": 48}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 64, 48], "keypoints": points}],
            "categories": [{"id": 1, "name": "mouse", "keypoints": joints}],
        }
        (folder / f"{name}.json").write_text(json.dumps(content))
    return opened(folder)


def test_joints_go_by_name_where_files_have_them_in_another_order(tmp_path: Path) -> None:
    project = two_files(tmp_path, ["tail", "nose"])
    assert project.skeleton.joints == ("nose", "tail")
    shown = project.labels(0, 1)
    assert shown["bodies"][0]["points"] == [[15, 7, 2], [5, 7, 2]]
    moved = Body(((11.0, 12.0, 2), (5.0, 7.0, 2)), shown["bodies"][0]["key"])
    saved = project.save(0, 1, [moved], shown["version"])
    assert saved["bodies"][0]["points"][0] == [11, 12, 2] and saved == {
        key: project.labels(0, 1)[key] for key in ("bodies", "version")
    }
    (sample,) = open_labeled(tmp_path / "two.json")
    assert sample.keypoints[:, :2].tolist() == [[5, 7], [11, 12]], "tail, nose"
    with pytest.raises(Conflict) as conflict:
        project.save(0, 1, [], shown["version"])
    assert conflict.value.version == saved["version"] and conflict.value.bodies[0].points[0] == (11, 12, 2)


def test_labels_of_other_joints_are_not_changed(tmp_path: Path) -> None:
    project = two_files(tmp_path, ["tail", "paw", "nose"])
    before = (tmp_path / "two.json").read_bytes()
    shown = project.labels(0, 1)
    assert shown["bodies"][0]["points"] == [[25, 7, 2], [5, 7, 2]] and "other joints than one.json" in shown["why"]
    with pytest.raises(UserError, match="other joints"):
        project.save(0, 1, [], shown["version"])
    assert (tmp_path / "two.json").read_bytes() == before


def test_frames_of_labels_in_a_folder_below_are_seen_again(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 6)
    two_files(tmp_path / "train", ["nose", "tail"])
    (tmp_path / "train" / "two.json").unlink()
    project = opened(tmp_path)
    project.save(1, 3, [Body(((1.0, 2.0, 2), (3.0, 4.0, 2)))], project.labels(1, 3)["version"])
    assert (tmp_path / "train" / "images" / "clip-img00003.png").exists()
    for each in (project, opened(tmp_path)):
        assert each.labels(1, 3)["bodies"][0]["points"] == [[1, 2, 2], [3, 4, 2]] and each.labeled_in(1) == {3}


def test_labels_that_cannot_be_read_are_not_hidden_by_new_ones(tmp_path: Path) -> None:
    path = lightning_pose(tmp_path) / "CollectedData.csv"
    text = path.read_text()
    path.write_text(text.replace("nose", "", 1))
    project = opened(tmp_path)
    assert project.stores == [] and project.unread
    with pytest.raises(UserError, match="mend the labels that are here first"):
        project.begin(["a"])
    assert not (tmp_path / OWN).exists()
    path.write_text("".join(f"{n or ''},{line}" for n, line in enumerate(text.splitlines(keepends=True))))
    project = opened(tmp_path)
    assert "column before that of the images" in project.labels(0, 0)["why"] and project.labels(0, 0)["bodies"]


def test_a_folder_that_is_named_from_here_is_the_same_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lightning_pose(tmp_path / "mice")
    monkeypatch.chdir(tmp_path)
    project = opened(Path("mice"))
    assert project.home.is_absolute() and project.root == tmp_path / "mice"
