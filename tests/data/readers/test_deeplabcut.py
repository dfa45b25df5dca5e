"""DeepLabCut's projects, in all layouts that its versions write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.data.open import open_all, open_labeled, open_unlabeled
from semipose.data.readers.deeplabcut import is_deeplabcut, left_out, read_deeplabcut
from semipose.errors import UserError
from tests.fixtures.projects import assert_labels, csv_text, deeplabcut, xy


@pytest.mark.slow
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


def test_without_h5py_csv_is_read_and_h5_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a",))
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert len(read_deeplabcut(project)) == 3
    table = project / "labeled-data/a/CollectedData_me.csv"
    table.rename(table.with_suffix(".h5"))
    with pytest.raises(UserError, match=r"semipose\[dlc\]"):
        read_deeplabcut(project)


def test_a_project_is_its_folder_or_its_configuration(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project")
    assert is_deeplabcut(project) and is_deeplabcut(project / "config.yaml") and not is_deeplabcut(tmp_path)
    assert not is_deeplabcut(project / "labeled-data")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, r"config\.yaml cannot be read .*; check the path"),
        ("{", r"config\.yaml is not YAML"),
        ("[1, 2]", "holds list, not a mapping of keys to values"),
        ("Task: mice", "names no joints: bodyparts must be a list of names"),
        ("{Task: mice, bodyparts: nose}", "names no joints: bodyparts must be a list of names"),
        ("{Task: mice, scorer: me, bodyparts: [nose, left_ear]}", "labels 'right_ear', which bodyparts of"),
    ],
)
def test_a_configuration_that_is_none_is_one_line(tmp_path: Path, config: str | None, says: str) -> None:
    project = deeplabcut(tmp_path / "project")
    (project / "config.yaml").unlink() if config is None else (project / "config.yaml").write_text(config)
    with pytest.raises(UserError, match=says) as error:
        read_deeplabcut(project)
    assert "\n" not in str(error.value)


def test_of_two_scorers_the_configuration_s_is_read(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", videos=("a",))
    other = project / "labeled-data/a/CollectedData_ann.csv"
    other.write_text(csv_text(["labeled-data/a/img000.png"], scorer="ann"))
    assert len(read_deeplabcut(project)) == 3
    (project / "labeled-data/a/CollectedData_me.csv").rename(other.with_name("CollectedData_they.csv"))
    with pytest.raises(UserError, match=r"has 2 tables .* none of the configuration's scorer 'me'"):
        read_deeplabcut(project)
    for path in project.glob("labeled-data/a/*.csv"):
        path.unlink()
    with pytest.raises(UserError, match="label some frames first"):
        read_deeplabcut(project)


def test_an_h5_that_is_newer_than_its_csv_and_differs_is_read(tmp_path: Path) -> None:
    """As where a tool saves the H5 alone."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    project = deeplabcut(tmp_path / "project", columns=1)
    path = next(iter(project.glob("labeled-data/a/*.csv")))
    frame = pandas.read_csv(path, header=[0, 1, 2], index_col=[0])
    frame.columns.names = ["scorer", "bodyparts", "coords"]
    whole = read_deeplabcut(project)
    for change, told in ((0.0, False), (1.0, True)):
        (frame + change).to_hdf(path.with_suffix(".h5"), key="df_with_missing", mode="w")
        os.utime(path, (1, 1))
        data = read_deeplabcut(project)
        assert any("is older than CollectedData_me.h5" in remark for remark in data.remarks) == told
        assert data[0].keypoints is not None and whole[0].keypoints is not None
        seen = whole[0].keypoints[:, 2] > 0
        assert np.allclose((data[0].keypoints - whole[0].keypoints)[seen, :2], change)


def test_a_newer_h5_that_cannot_be_read_leaves_the_csv(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "project", columns=1)
    path = next(iter(project.glob("labeled-data/a/*.csv")))
    before = read_deeplabcut(project)
    path.with_suffix(".h5").write_bytes(b"damaged")
    os.utime(path, (1, 1))
    assert read_deeplabcut(project).ids == before.ids


@pytest.mark.parametrize(("cell", "says"), [("", "has x without y"), ("1_0", "not a number")])
def test_half_a_label_is_none(tmp_path: Path, cell: str, says: str) -> None:
    project = deeplabcut(tmp_path / "project", columns=1)
    path = next(iter(project.glob("labeled-data/a/*.csv")))
    *head, row = path.read_text().splitlines()[:4]
    cells = row.split(",")
    cells[2] = cell
    path.write_text("\n".join([*head, ",".join(cells)]))
    with pytest.raises(UserError, match=says):
        read_deeplabcut(project)


def test_other_labels_of_a_folder_are_said(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path, ["a"])
    table = project / "labeled-data" / "a" / "CollectedData_me.csv"
    table.with_name("CollectedData_you.csv").write_text(table.read_text().replace("me", "you"))
    remarks = open_labeled(project).remarks
    assert any("CollectedData_you.csv, labels of another scorer than CollectedData_me" in remark for remark in remarks)
