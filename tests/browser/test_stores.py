"""Labels changed and read back by the project's own reader."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semipose.browser.stores import Body, Conflict, bodies_from, key_of, version_of
from semipose.data.open import open_all
from semipose.data.readers.tables import read_table
from semipose.errors import UserError
from tests.fixtures.projects import JOINTS, deeplabcut, lightning_pose, picture, plain_csv
from tests.fixtures.served import opened

POINTS = np.array([[1.25, 2.5, 2], [0, 0, 0], [3, 4, 2], [60.125, 40, 2]])


def coco(folder: Path) -> Path:
    """A file with fields of other programs, two bodies in one picture, a crowd and a picture without labels."""
    for n in range(3):
        picture(folder / "images" / f"{n}.png", n)
    images = [{"id": n + 1, "file_name": f"{n}.png", "height": 48, "width": 64, "licence": 7} for n in range(3)]
    points = [[5 + 3 * k + n, 6 + 2 * k, 2] for n in range(3) for k in range(4)]
    rows = []
    for n, (image, x) in enumerate(((1, 0), (1, 4), (2, 8))):
        keypoints = [v for point in points[x : x + 4] for v in point]
        rows.append({"id": 10 + n, "image_id": image, "category_id": 1, "keypoints": keypoints, "num_keypoints": 4})
        rows[-1] |= {
            "bbox": [1, 1, 40, 40],
            "area": 900.5,
            "iscrowd": 0,
            "segmentation": [[1, 1, 9, 9, 1, 9]],
            "mine": n,
        }
    rows.append({"id": 99, "image_id": 2, "category_id": 1, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 1})
    category = {"id": 1, "name": "mouse", "keypoints": list(JOINTS), "skeleton": [[1, 2]], "supercategory": "animal"}
    document = {"info": {"by": "another"}, "images": images, "annotations": rows, "categories": [category]}
    (folder / "labels.json").write_text(json.dumps(document, indent=2))
    return folder


def slp(folder: Path) -> Path:
    """Three labelled pictures in SLEAP's list, and one that is not labelled."""
    io = pytest.importorskip("sleap_io")
    skeleton = io.Skeleton(list(JOINTS), name="mouse")
    names = ("0.png", "1.png", "2.png", "img900.png")
    video = io.Video.from_filename([str(picture(folder / "images" / name, n)) for n, name in enumerate(names)])
    bodies = [io.Instance.from_numpy(np.arange(8.0).reshape(4, 2) + 5 + n, skeleton) for n in range(3)]
    frames = [io.LabeledFrame(video=video, frame_idx=n, instances=[body]) for n, body in enumerate(bodies)]
    io.Labels(frames, videos=[video], skeletons=[skeleton]).save(str(folder / "labels.slp"), verbose=False)
    return folder


KINDS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "coco": (coco, "labels.json"),
    "dlc": (deeplabcut, "."),
    "lp": (lightning_pose, "CollectedData.csv"),
    "csv": (lambda folder: plain_csv(folder).parent, "labels.csv"),
    "slp": (slp, "labels.slp"),
}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name == "slp")) for name in KINDS])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def read(folder: Path, kind: str) -> dict[str, np.ndarray]:
    """The labels of each picture as the project's reader has them, the first body's."""
    found: dict[str, np.ndarray] = {}
    for sample in open_all(folder / KINDS[kind][1]):
        if sample.keypoints is not None:
            found.setdefault(os.path.relpath(sample.image, folder.resolve()), sample.keypoints)
    return found


def test_what_is_saved_is_what_the_reader_reads(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind][0](tmp_path)
    project, before = opened(folder), read(folder, kind)
    assert project.stores and project.stores[0].why == "" and project.skeleton.joints == JOINTS
    shown = project.labels(0, 1)
    assert shown["bodies"], project.library.images
    body = Body.of(POINTS, shown["bodies"][0]["key"])
    others = [Body(tuple(map(tuple, b["points"])), b["key"]) for b in shown["bodies"][1:]]
    answer = project.save(0, 1, [body, *others], shown["version"])
    assert answer["bodies"][0]["points"] == POINTS.tolist() and answer["version"] != shown["version"]
    after, name = read(folder, kind), project.library.images[1]
    np.testing.assert_allclose(after.pop(name), POINTS, atol=1e-6)
    before.pop(name)
    assert after.keys() == before.keys()
    for image, points in before.items():
        np.testing.assert_array_equal(after[image], points)
    again = opened(folder).labels(0, 1)
    assert again["bodies"] == answer["bodies"] and again["version"] == answer["version"]


def test_nothing_changes_where_nothing_is_changed(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind][0](tmp_path)
    project = opened(folder)
    files = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    shown = project.labels(0, 0)
    same = bodies_from(shown["bodies"], len(JOINTS))
    assert project.save(0, 0, same, shown["version"])["version"] == shown["version"]
    assert {p: p.read_bytes() for p in files} == files


def test_a_new_picture_is_added(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind][0](tmp_path)
    near = {"coco": "images", "dlc": "labeled-data/a", "lp": "labeled-data", "csv": "frames", "slp": "images"}[kind]
    picture(folder / near / "img900.png", 9)
    project = opened(folder)
    index = project.library.images.index(f"{near}/img900.png")
    shown = project.labels(0, index)
    assert shown["bodies"] == [] and shown["why"] == ""
    project.save(0, index, [Body.of(POINTS)], shown["version"])
    np.testing.assert_allclose(read(folder, kind)[f"{near}/img900.png"], POINTS, atol=1e-6)
    assert index in project.labeled_in(0)


def test_another_program_s_change_is_a_conflict_and_stays(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind][0](tmp_path)
    project, other = opened(folder), opened(folder)
    shown, theirs = project.labels(0, 1), other.labels(0, 1)
    moved = POINTS + [[0, 1, 0]] * 4 * (POINTS[:, 2:] > 0)
    body = Body.of(moved, theirs["bodies"][0]["key"])
    rest = bodies_from(theirs["bodies"][1:], 4)
    now = other.save(0, 1, [body, *rest], theirs["version"])
    files = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(Conflict) as conflict:
        project.save(0, 1, [Body.of(POINTS, shown["bodies"][0]["key"]), *rest], shown["version"])
    assert conflict.value.version == now["version"] and conflict.value.bodies[0] == body
    assert {p: p.read_bytes() for p in files} == files
    kept = project.save(0, 1, [Body.of(POINTS, shown["bodies"][0]["key"]), *rest], conflict.value.version)
    assert kept["bodies"][0]["points"] == POINTS.tolist()


def test_another_program_s_change_of_another_picture_is_kept(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind][0](tmp_path)
    project, other = opened(folder), opened(folder)
    for one, index in ((project, 0), (other, 1)):
        shown = one.labels(0, index)
        rest = bodies_from(shown["bodies"][1:], 4)
        one.save(0, index, [Body.of(POINTS, shown["bodies"][0]["key"]), *rest], shown["version"])
    found = read(folder, kind)
    for index in (0, 1):
        np.testing.assert_allclose(found[project.library.images[index]], POINTS, atol=1e-6)


def test_a_save_that_breaks_off_leaves_the_file(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = KINDS[kind][0](tmp_path)
    project = opened(folder)
    shown = project.labels(0, 1)
    files = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    body = [Body.of(POINTS, shown["bodies"][0]["key"]), *bodies_from(shown["bodies"][1:], 4)]

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=r"No space left.*before is intact"):
            project.save(0, 1, body, shown["version"])
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and "labels.lock" not in p.name} == files
    assert project.labels(0, 1)["version"] == shown["version"]
    project.save(0, 1, body, shown["version"])


def test_a_hidden_joint_is_kept_where_there_is_room_for_it(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind][0](tmp_path)
    project = opened(folder)
    shown = project.labels(0, 1)
    assert shown["occluded"] == (kind in ("coco", "csv"))
    if shown["occluded"]:
        hidden = POINTS.copy()
        hidden[0, 2] = 1
        body = [Body.of(hidden, shown["bodies"][0]["key"]), *bodies_from(shown["bodies"][1:], 4)]
        project.save(0, 1, body, shown["version"])
        np.testing.assert_allclose(read(folder, kind)[project.library.images[1]], hidden, atol=1e-6)


def test_both_tables_of_deeplabcut_say_the_same(tmp_path: Path) -> None:
    """Its own tools train on the H5."""
    pytest.importorskip("tables")
    deeplabcut(tmp_path, columns=3)
    project = opened(tmp_path)
    shown = project.labels(0, 1)
    project.save(0, 1, [Body.of(POINTS, "")], shown["version"])
    folder = tmp_path / "labeled-data" / "a"
    one, other = (read_table(folder / f"CollectedData_me.{kind}") for kind in ("csv", "h5"))
    assert one.images == other.images and one.joints == other.joints
    np.testing.assert_allclose(one.points, other.points, atol=1e-5)
    import pandas

    table = pandas.read_hdf(folder / "CollectedData_me.h5", "df_with_missing")
    assert table.columns.names == ["scorer", "bodyparts", "coords"] and table.index[1] == (
        "labeled-data",
        "a",
        "img001.png",
    )


def test_what_is_sent_is_looked_at() -> None:
    good = [{"key": None, "points": [[1, 2, 2], [0, 0, 0]]}]
    assert bodies_from(good, 2)[0].points == ((1, 2, 2), (0, 0, 0))
    for bad in (
        None,
        [{}],
        [{"key": 1, "points": [[1, 2, 3], [0, 0, 0]]}],
        [{"key": 1, "points": [[1, 2, 2]]}],
        [{"key": 1, "points": [[1e9, 2, 2], [0, 0, 0]]}],
        [{"key": 1, "points": [[float("nan"), 2, 2], [0, 0, 0]]}],
        [{"key": True, "points": [[1, 2, 2], [0, 0, 0]]}],
        [{"key": [], "points": [[1, 2, 2], [0, 0, 0]]}],
        [{"key": 3, "points": [[1, 2, 2], [0, 0, 0]]}] * 2,
        good * 2000,
    ):
        with pytest.raises(UserError, match="reload the page"):
            bodies_from(bad, 2)


def test_versions_and_keys(tmp_path: Path) -> None:
    one = [Body(((1.0, 2.0, 2),), 1)]
    assert version_of(one) == version_of(list(one)) != version_of([]) != version_of([Body(((1.0, 2.0, 2),), 2)])
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert key_of(str(tmp_path / "b.png")) == key_of(str(tmp_path / "a.png")) == str((tmp_path / "a.png").resolve())
    assert key_of(f"video:{tmp_path}/b.png#3") == f"video:{(tmp_path / 'a.png').resolve()}#3"
