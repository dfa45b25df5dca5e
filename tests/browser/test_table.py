"""Tables of DeepLabCut and Lightning Pose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.browser import table
from semipose.browser.stores import Body, Conflict, key_of, version_of
from semipose.browser.table import DlcProject, TableStore
from semipose.data.open import open_labeled
from semipose.data.readers.tables import read_table
from semipose.errors import UserError
from tests.browser.test_stores import POINTS
from tests.fixtures.projects import JOINTS, csv_text, deeplabcut, picture


def several(folder: Path) -> Path:
    """A project of two animals, with a corner of the box that is of none."""
    head = ["scorer", "individuals", "bodyparts", "coords"]
    cells = [("me", who, joint, c) for who in ("m1", "m2") for joint in ("nose", "tail") for c in "xy"]
    cells += [("me", "single", "corner", c) for c in "xy"]
    rows = [[name, "", "", *(cell[n] for cell in cells)] for n, name in enumerate(head)]
    for n in range(2):
        picture(folder / f"labeled-data/a/img{n}.png", n)
        rows.append(["labeled-data", "a", f"img{n}.png", *(str(n + i) for i in range(8)), "7", "8"])
    text = "\n".join(",".join(row) for row in rows) + "\n"
    (folder / "labeled-data/a/CollectedData_me.csv").write_text(text)
    config = {
        "Task": "t",
        "scorer": "me",
        "multianimalproject": True,
        "individuals": ["m1", "m2"],
        "bodyparts": "MULTI!",
    }
    config |= {"multianimalbodyparts": ["nose", "tail"], "uniquebodyparts": ["corner"]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_two_animals_and_what_is_of_none(tmp_path: Path) -> None:
    project = DlcProject(several(tmp_path), tmp_path / "lock")
    image = key_of(str(tmp_path / "labeled-data/a/img1.png"))
    assert project.most == 2 and [body.key for body in project.get(image)] == ["m1", "m2"]
    new = np.array([[9, 10, 2], [0, 0, 0]])
    saved = project.put(image, [Body.of(new, "m2")], version_of(project.get(image)))
    assert [body.key for body in saved] == ["m2"]
    path = tmp_path / "labeled-data/a/CollectedData_me.csv"
    assert path.read_text().splitlines()[-1] == "labeled-data,a,img1.png,,,,,9,10,,,7,8"
    back = project.put(image, [*saved, Body.of(new + [[1, 0, 0]] * 2)], version_of(saved))
    assert [(body.key, body.points[0][0]) for body in back] == [("m1", 10), ("m2", 9)]
    assert read_table(path).points[1, :, 0, 0].tolist() == [10, 9]


def test_a_first_label_that_could_not_be_written_is_no_conflict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is begun then, with a row of nothing."""
    deeplabcut(tmp_path)
    image = key_of(str(picture(tmp_path / "labeled-data/new/img5.png", 5)))
    project = DlcProject(tmp_path, tmp_path / "lock")
    with monkeypatch.context() as broken:
        broken.setattr(table, "table_text", lambda *_: (_ for _ in ()).throw(UserError("the disk is full")))
        with pytest.raises(UserError, match="full"):
            project.put(image, [Body.of(POINTS)], version_of([]))
    assert project.labeled().isdisjoint({image})
    assert project.put(image, [Body.of(POINTS)], version_of([]))[0].points == Body.of(POINTS).points
    with pytest.raises(Conflict):
        project.put(image, [], version_of([]))


def test_a_video_s_table_is_begun_with_its_first_label(tmp_path: Path) -> None:
    deeplabcut(tmp_path)
    image = key_of(str(picture(tmp_path / "labeled-data/new/img5.png", 5)))
    project = DlcProject(tmp_path, tmp_path / "lock")
    assert project.get(image) == [] and project.can_add(image) and not project.has(image)
    assert project.put(image, [Body.of(np.zeros((4, 3)))], version_of([])) == []
    assert not (tmp_path / "labeled-data/new/CollectedData_me.csv").exists()
    project.put(image, [Body.of(POINTS)], version_of([]))
    found = {s.session: s.keypoints for s in open_labeled(tmp_path)}
    np.testing.assert_allclose(found["new"], POINTS)


def test_an_h5_alone_gets_a_csv_with_the_first_change(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    deeplabcut(tmp_path, columns=3)
    project = DlcProject(tmp_path, tmp_path / "lock")
    image = key_of(str(tmp_path / "labeled-data/a/img001.png"))
    project.warm()
    project.put(image, [Body.of(POINTS, "")], version_of(project.get(image)))
    path = tmp_path / "labeled-data/a/CollectedData_me.csv"
    before = read_table(path)
    path.unlink()
    again = DlcProject(tmp_path, tmp_path / "lock")
    assert again.get(image)[0].points == Body.of(POINTS).points and not path.exists()
    changed = POINTS.copy()
    changed[0, 0] += 1
    again.put(image, [Body.of(changed, "")], version_of(again.get(image)))
    after = read_table(path)
    assert after.joints == before.joints and after.images == before.images
    assert (after.points != before.points).sum() == 1


@pytest.mark.slow
def test_an_h5_with_more_labels_than_its_csv_is_not_written_over(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    deeplabcut(tmp_path, columns=3)
    image, path = key_of(str(tmp_path / "labeled-data/a/img001.png")), tmp_path / "labeled-data/a/CollectedData_me.csv"
    project = DlcProject(tmp_path, tmp_path / "lock")
    older = path.read_text()
    project.put(image, [Body.of(POINTS, "")], version_of(project.get(image)))
    path.write_text(older)
    whole = path.with_suffix(".h5").read_bytes()
    again = DlcProject(tmp_path, tmp_path / "lock")
    other = key_of(str(tmp_path / "labeled-data/a/img002.png"))
    with pytest.raises(UserError, match=r"CollectedData_me.h5 has labels of labeled-data/a/img001.png that"):
        again.put(other, [Body.of(POINTS, "")], version_of(again.get(other)))
    assert path.with_suffix(".h5").read_bytes() == whole
    path.unlink()
    third = DlcProject(tmp_path, tmp_path / "lock")
    third.put(other, [Body.of(POINTS, "")], version_of(third.get(other)))
    assert third.get(image)[0].labeled and third.get(other)[0].labeled
    third.put(other, [Body.of(POINTS[::-1], "")], version_of(third.get(other)))  # its own H5 is not asked again


def test_a_joint_that_a_table_lacks_gets_columns(tmp_path: Path) -> None:
    deeplabcut(tmp_path)
    path = tmp_path / "labeled-data/a/CollectedData_me.csv"
    names = [f"labeled-data/a/img{i:03d}.png" for i in range(3)]
    path.write_text(csv_text(names, JOINTS[:3]))
    project = DlcProject(tmp_path, tmp_path / "lock")
    image = key_of(str(tmp_path / names[1]))
    assert project.get(image)[0].points[3] == (0, 0, 0)
    project.put(image, [Body.of(POINTS, "")], version_of(project.get(image)))
    assert read_table(path).joints == JOINTS
    np.testing.assert_allclose(read_table(path).points[1, 0], POINTS)


def test_without_pandas_a_project_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deeplabcut(tmp_path)
    (tmp_path / "labeled-data/a/CollectedData_me.h5").write_bytes(b"x")
    monkeypatch.setattr(table, "find_spec", lambda name: None)
    assert "semipose[dlc]" in DlcProject(tmp_path, tmp_path / "lock").why


def test_marks_of_hidden_joints_where_a_table_has_them(tmp_path: Path) -> None:
    picture(tmp_path / "labeled-data/img0.png")
    path = tmp_path / "CollectedData.csv"
    path.write_text("scorer,me,me,me\nbodyparts,a,a,a\ncoords,x,y,visible\nlabeled-data/img0.png,1,2,2\n")
    store = TableStore(path, tmp_path / "lock")
    image = key_of(str(tmp_path / "labeled-data/img0.png"))
    assert store.occluded
    store.put(image, [Body(((1.0, 2.0, 1),), "")], version_of(store.get(image)))
    assert path.read_text().splitlines()[-1] == "labeled-data/img0.png,1,2,1"
