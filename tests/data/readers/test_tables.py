"""DeepLabCut, Lightning Pose and plain CSV: the same labels, however they are written down."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.data.open import open_all, open_labeled, open_unlabeled
from semipose.data.readers.deeplabcut import left_out, read_deeplabcut
from semipose.data.readers.lightning_pose import read_lightning_pose
from semipose.data.readers.plain_csv import read_plain_csv
from semipose.data.sample import PoseData
from semipose.errors import UserError
from tests.data.projects import JOINTS, csv_text, deeplabcut, lightning_pose, picture, plain_csv, xy
from tests.fixtures.shared import shared_data


def assert_labels(data: PoseData, sessions: list[str], frames: int = 3) -> None:
    """Every label at its place, the one that is missing at (0, 0, 0), and boxes of whole frames."""
    assert data.skeleton is not None and data.skeleton.joints == JOINTS and data.skeleton.pairs == ((1, 2),)
    assert [s.session for s in data] == [name for name in sessions for _ in range(frames)]
    for n, sample in enumerate(data):
        expected = np.array([(*xy(n % frames, k), 2) for k in range(len(JOINTS))], np.float32)
        if n % frames == 0:
            expected[-1] = 0
        assert sample.keypoints is not None and sample.keypoints.tolist() == expected.tolist()
        assert sample.box == (0, 0, 64, 48) and Path(sample.image).is_file()


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("kind", ["csv", "h5"])
def test_deeplabcut_in_both_layouts(tmp_path: Path, columns: int, kind: str) -> None:
    project = deeplabcut(tmp_path / "project", columns=columns)
    if kind == "h5":
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("tables")
        for path in project.glob("labeled-data/*/*.csv"):
            frame = pandas.read_csv(path, header=[0, 1, 2], index_col=list(range(columns)))
            frame.columns.names = ["scorer", "bodyparts", "coords"]
            frame.to_hdf(path.with_suffix(".h5"), key="df_with_missing", mode="w")
            path.unlink()
    data = read_deeplabcut(project)
    assert_labels(data, ["a", "b"])
    assert data.skeleton is not None and data.skeleton.limbs == ((0, 3),), "a link to no joint is left out"
    assert open_labeled(project / "config.yaml").ids == data.ids == open_unlabeled(project).ids
    one = next(iter(project.glob(f"labeled-data/b/CollectedData_me.{kind}")))
    assert [s.image for s in open_labeled(one)] == [s.image for s in data.samples[3:]]


def test_frames_are_found_where_a_project_s_folder_was_renamed(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a", "b"))
    (project / "labeled-data" / "b").rename(project / "labeled-data" / "c")
    assert [Path(s.image).parent.name for s in read_deeplabcut(project)] == ["a"] * 3 + ["c"] * 3


def test_a_table_that_lacks_a_joint_leaves_it_unlabelled(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a",))
    table = project / "labeled-data/a/CollectedData_me.csv"
    table.write_text(csv_text([f"labeled-data/a/img{i:03d}.png" for i in range(3)], ("tail", "nose", "left_ear")))
    points = np.stack([s.keypoints for s in read_deeplabcut(project) if s.keypoints is not None])
    assert (points[:, 2] == 0).all(), "right_ear"
    assert points[:, 0, :2].tolist() == [list(np.float32(xy(i, 1))) for i in range(3)], "by name, not by place"


def test_several_animals_are_samples_with_boxes_of_their_own(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a",), frames=2)
    rows = [
        "scorer,,," + ",".join(["me"] * 8),
        "individuals,,,one,one,one,one,two,two,two,two",
        "bodyparts,,,nose,nose,tail,tail,nose,nose,tail,tail",
        "coords,,,x,y,x,y,x,y,x,y",
        "labeled-data,a,img000.png,1,2,21,12,40,30,50,40",
        "labeled-data,a,img001.png,1,2,21,12,,,,",
    ]
    (project / "labeled-data/a/CollectedData_me.csv").write_text("\n".join(rows))
    data = open_all(project)
    assert [s.id.partition("#")[2] for s in data] == ["one", "two", "one"]
    x, y, w, h = data[1].box
    assert (x + w / 2, y + h / 2) == (45.5, 35.5) and w < 64


def test_what_is_no_animal_s_is_left_out_and_one_label_makes_no_tiny_box(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a",), frames=2)
    config = {"multianimalproject": True, "multianimalbodyparts": ["nose", "tail"], "uniquebodyparts": ["corner"]}
    (project / "config.yaml").write_text(yaml.safe_dump({"Task": "mice", "scorer": "me", **config}))
    rows = [
        "scorer," + ",".join(["me"] * 10),
        "individuals,one,one,one,one,two,two,two,two,single,single",
        "bodyparts,nose,nose,tail,tail,nose,nose,tail,tail,corner,corner",
        "coords,x,y,x,y,x,y,x,y,x,y",
        "labeled-data/a/img000.png,20,20,30,20,40,30,,,5,6",
        "labeled-data/a/img001.png,20,20,40,20,40,20,,,5,6",
    ]
    (project / "labeled-data/a/CollectedData_me.csv").write_text("\n".join(rows))
    data = open_all(project)
    assert data.skeleton is not None and data.skeleton.joints == ("nose", "tail")
    assert [s.id.partition("#")[2] for s in data] == ["one", "two", "one", "two"]
    assert [s.box[2] for s in data] == [12, 18, 24, 18], "18 is the median of what has two labels"
    assert left_out(project) == ["corner"]
    table = project / "labeled-data/a/CollectedData_me.csv"
    table.write_text("\n".join(",".join(line.split(",")[:1] + line.split(",")[5:]) for line in rows))
    assert [s.box for s in open_labeled(table)] == [(0, 0, 64, 48)] * 2


def test_lightning_pose_as_folder_and_as_table(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    assert_labels(read_lightning_pose(project), ["labeled-data"])
    table = (project / "CollectedData.csv").rename(tmp_path / "labels.csv")
    assert_labels(open_labeled(table, images=project), ["labeled-data"])


def test_plain_csv(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    assert_labels(read_plain_csv(path), ["frames"])
    text = path.read_text().splitlines()
    text[0] += ",Visibility,note"
    text[1:4] = [text[1] + ",1,x", text[2] + ",0,", text[3] + ",,"]
    path.write_text("\n".join(line if line.count(",") == 5 else line + ",2," for line in text))
    points = open_labeled(path)[0].keypoints
    assert points is not None and points[:, 2].tolist() == [1, 0, 2, 0] and not points[1].any()


def test_without_pandas_csv_is_read_and_h5_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a",))
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert len(read_deeplabcut(project)) == 3
    table = project / "labeled-data/a/CollectedData_me.csv"
    table.rename(table.with_suffix(".h5"))
    with pytest.raises(UserError, match=r"semipose\[dlc\]"):
        read_deeplabcut(project)


def test_names_and_folders_that_are_not_ascii(tmp_path: Path) -> None:
    folder = tmp_path / "Mäuse im Käfig" / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    path = plain_csv(folder, joints=("Nase", "linkes Ohr", "rechtes Ohr", "尾"))
    (folder / "link").symlink_to(folder / "frames")
    path.write_text(path.read_text(encoding="utf-8").replace("frames/2", "link/2"), encoding="utf-8")
    assert len(open_labeled(path)) == 3
    picture(folder / "frames" / "bild ö.png", 7)


def test_real_projects() -> None:
    mouse = open_labeled(shared_data("openfield", "project"))
    assert (len(mouse), mouse.skeleton and mouse.skeleton.pairs) == (116, ((1, 2),))
    assert all((s.keypoints[:, 2] == 2).all() and s.session == "m4s1" for s in mouse if s.keypoints is not None)
    path = shared_data("openfield", "project", "labeled-data", "m4s1", "CollectedData_Pranav.h5")
    if pytest.importorskip("pandas") and pytest.importorskip("tables"):
        assert all(np.array_equal(a.keypoints, b.keypoints) for a, b in zip(mouse, open_labeled(path), strict=True))
    mirror = open_labeled(shared_data("mirror_mouse"))
    points = np.stack([s.keypoints for s in mirror if s.keypoints is not None])
    text = shared_data("mirror_mouse", "CollectedData.csv").read_text().splitlines()[3:]
    empty = sum(line.split(",").count("") for line in text) // 2
    assert points.shape == (90, 17, 3) and empty > 0
    assert (points[..., 2] == 0).sum() == empty and not points[points[..., 2] == 0].any()
    assert mirror.skeleton is not None and mirror.skeleton.pairs == ((0, 3), (1, 2), (8, 11), (9, 10))


def test_another_video_s_picture_of_the_same_name_is_not_taken(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    names = [f"labeled-data/{video}/img{i}.png" for video in "ab" for i in range(2)]
    for i, name in enumerate(names[2:]):
        picture(project / name, i)
    (project / "CollectedData.csv").write_text(csv_text(names))
    with pytest.raises(UserError, match=r"2 of its 4 images do not exist, first .*labeled-data/a/img0.png"):
        open_labeled(project)
    inside = (project / "CollectedData.csv").rename(project / "labeled-data" / "b" / "CollectedData.csv")
    with pytest.raises(UserError, match="2 of its 4 images do not exist"):
        open_labeled(inside, project)


def test_pictures_that_moved_are_found_by_their_last_folder(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    (project / "CollectedData.csv").write_text(csv_text([f"{video}/img0.png" for video in "ab"]))
    for video in "abc":
        picture(project / "inner" / video / "img0.png", ord(video))
    assert [Path(s.image).parent.name for s in open_labeled(project)] == ["a", "b"]


def test_predictions_are_no_labels(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    path.write_text(
        "".join(f"{line},{'score' if i == 0 else 0.9}\n" for i, line in enumerate(path.open().read().split()))
    )
    with pytest.raises(UserError, match="column score: these are predictions, not labels"):
        open_labeled(path)


def test_tabs_are_named(tmp_path: Path) -> None:
    path = plain_csv(tmp_path)
    path.write_text(path.read_text().replace(",", "\t"))
    with pytest.raises(UserError, match="has tabs between its cells"):
        open_labeled(path)


def test_absolute_names_of_this_machine_and_of_another(tmp_path: Path) -> None:
    path = plain_csv(tmp_path / "project")
    text = path.read_text()
    names = [str(tmp_path / "project" / "frames" / f"{i}.png") for i in range(3)]
    (tmp_path / "elsewhere").mkdir()
    for where, start in (
        (tmp_path / "elsewhere" / "labels.csv", f"{tmp_path}/project/"),
        (path, "C:\\data\\"),
        (path, "/home/another/"),
    ):
        where.write_text(text.replace("frames/", start + ("frames\\" if "\\" in start else "frames/")))
        assert [s.image for s in open_labeled(where)] == names
    path.write_text(text.replace("frames/", "/home/another/pictures/"))
    with pytest.raises(UserError, match="do not exist"):
        open_labeled(path)


def test_images_are_found_above_a_link_to_a_table(tmp_path: Path) -> None:
    for path in (plain_csv(tmp_path / "plain"), lightning_pose(tmp_path / "pose") / "CollectedData.csv"):
        store, link = path.rename(tmp_path / f"KEY-{path.name}"), path.parent / "labels" / path.name
        link.parent.mkdir()
        link.symlink_to(store)
        assert all(Path(s.image).is_relative_to(path.parent) for s in open_labeled(link))


def test_of_several_tables_the_one_without_an_addition_is_read(tmp_path: Path) -> None:
    project = lightning_pose(tmp_path / "project")
    (project / "CollectedData_new.csv").write_text(csv_text(["labeled-data/img000.png"]))
    assert len(open_labeled(project)) == 3
    (project / "CollectedData.csv").rename(project / "CollectedData_old.csv")
    with pytest.raises(UserError, match="2 tables of labels"):
        open_labeled(project)
