"""Tables of labels, whoever wrote them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semipose.data.open import open_labeled
from semipose.data.readers.tables import is_table, labelled, number, read_table
from semipose.errors import UserError
from tests.fixtures.projects import JOINTS, csv_text, deeplabcut, lightning_pose, picture, plain_csv, xy
from tests.fixtures.shared import shared_data


def test_real_projects() -> None:
    mouse = open_labeled(shared_data("openfield", "project"))
    assert (len(mouse), mouse.skeleton and mouse.skeleton.pairs) == (116, ((1, 2),))
    assert all((s.keypoints[:, 2] == 2).all() and s.session == "m4s1" for s in mouse if s.keypoints is not None)
    path = shared_data("openfield", "project", "labeled-data", "m4s1", "CollectedData_Pranav.h5")
    if pytest.importorskip("h5py"):
        assert all(np.array_equal(a.keypoints, b.keypoints) for a, b in zip(mouse, open_labeled(path), strict=True))
    mirror = open_labeled(shared_data("mirror_mouse"))
    points = np.stack([s.keypoints for s in mirror if s.keypoints is not None])
    text = shared_data("mirror_mouse", "CollectedData.csv").read_text().splitlines()[3:]
    empty = sum(line.split(",").count("") for line in text) // 2
    assert points.shape == (90, 17, 3) and empty > 0
    assert (points[..., 2] == 0).sum() == empty and not points[points[..., 2] == 0].any()
    assert mirror.skeleton is not None and mirror.skeleton.pairs == ((0, 3), (1, 2), (8, 11), (9, 10))


def test_images_are_found_above_a_link_to_a_table(tmp_path: Path) -> None:
    for path in (plain_csv(tmp_path / "plain"), lightning_pose(tmp_path / "pose") / "CollectedData.csv"):
        store, link = path.rename(tmp_path / f"KEY-{path.name}"), path.parent / "labels" / path.name
        link.parent.mkdir()
        link.symlink_to(store)
        assert all(Path(s.image).is_relative_to(path.parent) for s in open_labeled(link))


@pytest.mark.parametrize("columns", [1, 3])
def test_a_table_as_it_is_written(tmp_path: Path, columns: int) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(csv_text(["labeled-data/a/0.png", "labeled-data/a/1.png"], columns=columns))
    table = read_table(path)
    assert is_table(path) and table.joints == JOINTS and table.individuals == ("",)
    assert table.images == ("labeled-data/a/0.png", "labeled-data/a/1.png") and table.points.shape == (2, 1, 4, 3)
    assert table.points[1, 0, 2].tolist() == [*np.float32(xy(1, 2)), 2] and not table.points[0, 0, 3].any()


@pytest.mark.parametrize(("sign", "point"), [("\t", "."), (";", "."), (";", ",")])
def test_semicolons_or_tabs_between_the_cells(tmp_path: Path, sign: str, point: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(csv_text(["labeled-data/a/0.png", "labeled-data/a/1.png"]))
    expected = read_table(path)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    lines = [sign.join([name, *(cell.replace(".", point) for cell in cells)]) for name, *cells in rows]
    path.write_text("\n".join(lines))
    assert is_table(path) and any(point in line.partition(sign)[2] for line in lines)
    np.testing.assert_array_equal(read_table(path).points, expected.points)


HEADER = ["scorer,me,me", "bodyparts,nose,nose", "coords,x,y"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["image,nose", "a.png,1"], "has no header rows scorer, bodyparts and coords"),
        (HEADER, "has a header and no row"),
        ([*HEADER, "a.png,1"], "line 4: 2 cells where the header has 3"),
        ([*HEADER, "a.png,1,two"], "line 4, column 3 is 'two', not a number"),
        ([*HEADER, "a.png,1,2", "a.png,1,2"], "1 images stand in more than one row, first 'a.png'"),
        ([*HEADER, ",1,2"], "row 1 of its labels names no image"),
        (["scorer,me", "bodyparts,nose", "coords,x", "a.png,1"], "does not name x and y of each bodypart"),
        ([*(f"{row},{row.split(',')[1]}" for row in HEADER), "a.png,1,2,3"], "column nose x occurs twice"),
        (["scorer,me,me,me", "bodyparts,nose,nose,nose", "coords,x,y,likelihood", "a.png,1,2,1"], "are predictions"),
    ],
)
def test_a_fault_is_one_line_that_says_where(tmp_path: Path, lines: list[str], says: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=says) as error:
        read_table(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_cells() -> None:
    assert number("1.5", "here") == 1.5 and all(np.isnan(number(cell, "here")) for cell in ("", "NaN", "null"))
    points = labelled(np.array([[1.0, 2, 9], [np.nan, 2, 9], [1, np.inf, 9]]))
    assert points.dtype == np.float32 and points.tolist() == [[1, 2, 2], [0, 0, 0], [0, 0, 0]]


LAYOUTS: dict[str, Callable[[str], str]] = {
    "one column": lambda text: text,
    "three columns": lambda text: re.sub(
        r"^(scorer|bodyparts|coords)",
        r"\1,,",
        text.replace("labeled-data/", "labeled-data,").replace("/img", ",img"),
        flags=re.M,
    ),
    "three columns, numbered by pandas": lambda text: re.sub(
        r"^(scorer|bodyparts|coords)",
        r"\1,Unnamed: 1_level_0,Unnamed: 2_level_0",
        text.replace("labeled-data/", "labeled-data,").replace("/img", ",img"),
        flags=re.M,
    ),
    "a numbering before": lambda text: "".join(
        f"{'' if n < 3 else n - 3},{line}\n" for n, line in enumerate(text.splitlines())
    ),
    "backslashes": lambda text: text.replace("/", "\\"),
    "empty columns at the end": lambda text: text.replace("\n", ",,,\n") + ",,,,,,,,,,,\n",
    "all in quotes": lambda text: "".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in text.splitlines()
    ),
    "capitals": lambda text: re.sub("^(scorer|bodyparts|coords)", lambda word: word[0].title(), text, flags=re.M),
    "an index with a name": lambda text: re.sub(r"(coords.*\n)", r"\1image" + "," * 8 + "\n", text),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_rows_and_columns(tmp_path: Path, layout: str) -> None:
    project = lightning_pose(tmp_path / "p")
    names = [f"labeled-data/v/img{i}.png" for i in range(2)]
    for i, name in enumerate(names):
        picture(project / name, i)
    (project / "CollectedData.csv").write_text(LAYOUTS[layout](csv_text(names)))
    for source in (project, project / "CollectedData.csv"):
        data = open_labeled(source)
        assert [Path(s.image) for s in data] == [project / name for name in names]
        points = data[1].keypoints
        assert points is not None and np.allclose(points[:, :2], [xy(1, k) for k in range(4)])


def test_lightning_pose_s_visible(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    head = "scorer,me,me,me,me,me,me\nbodyparts,nose,nose,nose,tail,tail,tail\ncoords,x,y,visible,x,y,visible\n"
    path = tmp_path / "CollectedData.csv"
    for cells, marks in {
        "1,2,2,3,4,1": [2, 1],
        "1,2,,,,2": [2, 0],
        "1,2,1.0,3,4,0": [1, 0],
    }.items():
        path.write_text(f"{head}a.png,{cells}\n")
        data = open_labeled(tmp_path)
        assert data[0].keypoints is not None and data[0].keypoints[:, 2].tolist() == marks
        assert bool(data.remarks) == (marks == [1, 0])
    path.write_text(f"{head}a.png,1,2,3,3,4,0\n")
    with pytest.raises(UserError, match=r"a\.png has visible 3; it can be 0 missing, 1 occluded or 2 visible"):
        open_labeled(tmp_path)


def test_one_missing_picture_of_a_project_is_left_out_and_named(tmp_path: Path) -> None:
    project = deeplabcut(tmp_path / "p")
    (project / "labeled-data/a/img001.png").unlink()
    (project / "labeled-data/b/img002.png").unlink()
    (project / "labeled-data/b/img002.png").symlink_to("nowhere.png")
    data = open_labeled(project)
    assert (
        len(data) == 4
        and [remark[:34] for remark in data.remarks] == ["left out: 1 of the 3 images of " + str(project)[:3]] * 2
    )
    shutil.rmtree(project / "labeled-data/a")
    (project / "labeled-data/a").mkdir()
    (project / "labeled-data/a/CollectedData_me.csv").write_text(csv_text(["labeled-data/a/gone.png"]))
    data = open_labeled(project)
    assert len(data) == 2 and "left out" in data.remarks[1] and "gone.png" in data.remarks[1]
