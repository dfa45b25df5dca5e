"""Lightning Pose's folders and tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.data.open import open_labeled
from semipose.data.readers.lightning_pose import is_lightning_pose, read_lightning_pose, tables
from semipose.errors import UserError
from tests.fixtures.projects import assert_labels, csv_text, lightning_pose, picture


def test_lightning_pose_as_folder_and_as_table(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    assert_labels(read_lightning_pose(project), ["labeled-data"])
    table = (project / "CollectedData.csv").rename(tmp_path / "labels.csv")
    assert_labels(open_labeled(table, images=project), ["labeled-data"])


def test_another_video_s_picture_of_the_same_name_is_not_taken(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    names = [f"labeled-data/{video}/img{i}.png" for video in "ab" for i in range(2)]
    for i, name in enumerate(names[2:]):
        picture(project / name, i)
    (project / "CollectedData.csv").write_text(csv_text(names))
    data = open_labeled(project)
    assert [s.session for s in data] == ["b", "b"]
    assert "left out: 2 of the 4 images" in data.remarks[0] and "labeled-data/a/img0.png" in data.remarks[0]
    inside = (project / "CollectedData.csv").rename(project / "labeled-data" / "b" / "CollectedData.csv")
    assert [s.session for s in open_labeled(inside, project)] == ["b", "b"]


def test_pictures_that_moved_are_found_by_their_last_folder(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    (project / "CollectedData.csv").write_text(csv_text([f"{video}/img0.png" for video in "ab"]))
    for video in "abc":
        picture(project / "inner" / video / "img0.png", ord(video))
    assert [Path(s.image).parent.name for s in open_labeled(project)] == ["a", "b"]


def test_of_several_tables_the_one_without_an_addition_is_read(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    (project / "CollectedData_new.csv").write_text(csv_text(["labeled-data/img000.png"]))
    assert len(open_labeled(project)) == 3
    (project / "CollectedData.csv").rename(project / "CollectedData_old.csv")
    with pytest.raises(UserError, match="2 tables of labels"):
        open_labeled(project)


def test_a_folder_with_a_table_is_one_and_its_main_table_comes_first(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    (project / "CollectedData_a.csv").write_text(csv_text(["labeled-data/img000.png"]))
    assert is_lightning_pose(project) and not is_lightning_pose(project / "CollectedData.csv")
    assert not is_lightning_pose(tmp_path)
    assert [path.name for path in tables(project)] == ["CollectedData.csv", "CollectedData_a.csv"]


def test_its_settings_do_not_make_it_a_project_of_deeplabcut(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    (project / "config.yaml").write_text(
        "data:\n  data_dir: .\n  num_keypoints: 4  # bodyparts\ntraining:\n  max_epochs: 9\n"
    )
    assert_labels(open_labeled(project), ["labeled-data"])
    (project / "config.yaml").write_text("Task: mice\nbodyparts: [nose]\n")
    with pytest.raises(UserError, match="labeled-data has no CollectedData"):
        open_labeled(project)
