"""What `look` sees in a folder; what is made of it is a matter of `init`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semipose.data.discover import look
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import deeplabcut, lightning_pose, picture, plain_csv


def test_labels_images_and_videos_of_a_folder(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    picture(tmp_path / "frames" / "more.png")
    film(tmp_path / "clip.mp4", 2)
    picture(tmp_path / ".hidden" / "x.png")
    (tmp_path / "notes.txt").touch()
    inside = look(tmp_path)
    assert inside.root == tmp_path and inside.labeled == [(path, None)] and inside.val == [] and inside.remarks == []
    assert [p.relative_to(tmp_path).as_posix() for p in inside.images] == [
        *(f"frames/{n}.png" for n in range(3)),
        "frames/more.png",
    ]
    assert inside.videos == [tmp_path / "clip.mp4"] and inside.made == set() and inside.apart == set()


def test_a_project_of_a_tool_is_one_source(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "mice")
    assert look(project).labeled == [(project, None)] and len(look(project).images) == 6
    project = lightning_pose(tmp_path / "pose")
    (project / "CollectedData_new.csv").write_text((project / "CollectedData.csv").read_text())
    assert look(project).labeled == [(project, None)]
    assert look(project).remarks == [f"left out: {project}/CollectedData_new.csv, beside CollectedData.csv"]


def test_labels_for_validation_are_set_apart_with_their_images(tmp_path: Path) -> None:
    for name in ("train", "val"):
        plain_csv(tmp_path / name, name=f"{name}.csv")
    inside = look(tmp_path)
    assert inside.labeled == [(tmp_path / "train" / "train.csv", None)]
    assert inside.val == [(tmp_path / "val" / "val.csv", None)]
    assert inside.apart == {os.path.realpath(tmp_path / "val" / "frames" / f"{n}.png") for n in range(3)}


def test_the_images_folder_above_labels_is_found(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    (tmp_path / "frames").rename(tmp_path / "pictures")
    moved = tmp_path / "a" / "b" / "c" / "d" / "labels.csv"
    moved.parent.mkdir(parents=True)
    path.rename(moved)
    moved.write_text(moved.read_text().replace("frames/", "pictures/"))
    assert look(tmp_path).labeled == [(moved, tmp_path)]


def test_what_tools_made_is_told(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    made = [
        picture(tmp_path / name) for name in ("a_labeled/0.png", "doctor/1.png", "runs/one/2.png", "b_semipose.jpg")
    ]
    (tmp_path / "runs" / "one" / "model.safetensors").touch()
    made.append(film(tmp_path / "clipDLC_resnet.mp4", 2))
    assert look(tmp_path).made == set(made)


def test_a_fault_in_one_file_of_labels_is_a_remark_and_in_all_an_error(tmp_path: Path) -> None:
    good = plain_csv(tmp_path)
    (tmp_path / "broken.csv").write_text("image,joint,x,y\nframes/0.png,nose,one,2\n")
    inside = look(tmp_path)
    assert inside.labeled == [(good, None)]
    (remark,) = inside.remarks
    assert remark.startswith(f"left out: {tmp_path}/broken.csv, line 2, x is 'one', not a number")
    good.unlink()
    with pytest.raises(UserError, match=r"broken\.csv, line 2"):
        look(tmp_path)
    (tmp_path / "broken.csv").unlink()
    with pytest.raises(UserError, match="holds no labels, 3 images and 0 videos"):
        look(tmp_path)


def test_runs_in_the_folder_are_no_data(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    for run in (tmp_path / "runs" / "first", tmp_path / "runs" / "first" / "finder"):
        picture(run / "shown.png")
        (run / ".semipose").write_text("a run of semipose")
        (run / "metrics.csv").write_text("step,loss\n1,2\n")
        (run / "summary.json").write_text("{}")
    inside = look(tmp_path)
    assert inside.labeled == [(path, None)] and inside.remarks == [] and inside.made == set() == set(inside.strange)
    assert all("runs" not in image.parts for image in inside.images)


@pytest.mark.parametrize("name", ["keypoints.csv", "keypoints.json"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    lightning_pose(tmp_path)
    os.mkfifo(tmp_path / name)
    assert [path for path, _ in look(tmp_path).labeled] == [tmp_path]
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("nowhere")
    assert [path for path, _ in look(tmp_path).labeled] == [tmp_path]
