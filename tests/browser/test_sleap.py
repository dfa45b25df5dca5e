"""A .slp of SLEAP that is labelled: what SLEAP keeps in it stays."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semipose.browser.stores import Body, bodies_from
from semipose.data.readers import sleap
from semipose.errors import UserError
from tests.browser.test_stores import POINTS
from tests.fixtures.films import film
from tests.fixtures.projects import JOINTS, picture
from tests.fixtures.served import opened

sio = pytest.importorskip("sleap_io")
h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sleap, "FRAMES", tmp_path / ".cache")


def points(n: int) -> np.ndarray:
    """(4, 2), the last joint missing."""
    xy = np.array([[10.5, 20], [30, 25], [40, 30], [np.nan, np.nan]])
    return xy + n


def saved(folder: Path) -> Path:
    """Two videos and a list of pictures; frames of two people, of a person beside predictions with tracks that it was
    made from, of predictions alone; suggestions; a frame said to be empty."""
    skeleton = sio.Skeleton(list(JOINTS), edges=[("nose", "tail")], name="mouse")
    films = [sio.Video.from_filename(str(film(folder / f"{name}.mp4", 12))) for name in ("a", "b")]
    films.append(sio.Video.from_filename([str(picture(folder / "pictures" / f"{n}.png", n)) for n in range(3)]))
    tracks = [sio.Track("one"), sio.Track("two")]

    def user(n: int, **more: Any) -> Any:
        return sio.Instance.from_numpy(points(n), skeleton=skeleton, **more)

    def predicted(n: int) -> Any:
        made = sio.PredictedInstance.from_numpy(points(n), skeleton, np.ones(4), 0.5, track=tracks[n % 2])
        made.tracking_score = 0.25
        return made

    source = predicted(3)
    content = [
        (films[0], 2, [user(0, track=tracks[0]), user(1)]),
        (films[0], 5, [predicted(2), source, user(4, from_predicted=source)]),
        (films[0], 7, [predicted(5)]),
        (films[1], 2, [user(6), predicted(7)]),
        (films[2], 1, [user(8)]),
    ]
    labels = sio.Labels(
        [sio.LabeledFrame(video=v, frame_idx=i, instances=bodies) for v, i, bodies in content],
        videos=films,
        skeletons=[skeleton],
        tracks=tracks,
        suggestions=[sio.SuggestionFrame(video=films[1], frame_idx=9)],
    )
    labels.append(sio.LabeledFrame(video=films[1], frame_idx=4, is_negative=True))
    labels.provenance["by"] = "a person"
    labels.save(str(folder / "labels.slp"), verbose=False)
    return folder / "labels.slp"


def described(path: Path) -> dict[tuple[int, int], list[tuple[Any, ...]]]:
    """All instances as sleap-io reads them: kind, track, what it was made from, scores and points."""
    labels = sio.load_slp(str(path), open_videos=False)
    found = {}
    for frame in labels:
        rows = []
        for one in frame.instances:
            made = one.from_predicted
            source = None if made is None else next(n for n, each in enumerate(frame.instances) if each is made)
            kind = (type(one).__name__, one.track and one.track.name, source, getattr(one, "score", None))
            rows.append((*kind, float(one.tracking_score), one.numpy().tolist()))
        found[labels.videos.index(frame.video), frame.frame_idx] = rows
    return found


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


def test_frames_of_videos_are_labelled_and_all_else_stays(tmp_path: Path) -> None:
    path = saved(tmp_path)
    before, project = described(path), opened(tmp_path)
    assert project.stores[0].what == "SLEAP" and project.stores[0].why == "" and project.skeleton.joints == JOINTS
    assert project.labeled_in(1) == {2, 5} and project.labeled_in(2) == {2} and project.labeled_in(0) == {1}
    first = project.labels(1, 2)
    assert [body["points"][0] for body in first["bodies"]] == [[10.5, 20, 2], [11.5, 21, 2]]
    moved = bodies_from(first["bodies"], 4)
    moved[1] = Body.of(POINTS, moved[1].key)
    one = project.save(1, 2, [*moved, Body.of(POINTS + [[1, 0, 0]] * 4)], first["version"])
    assert len(one["bodies"]) == 3 and one["bodies"][1]["points"] == POINTS.tolist()
    project.save(1, 7, [Body.of(POINTS)], project.labels(1, 7)["version"])  # beside a prediction
    project.save(1, 9, [Body.of(POINTS)], project.labels(1, 9)["version"])  # a frame that is new
    project.save(2, 4, [Body.of(POINTS)], project.labels(2, 4)["version"])  # one said to be empty
    project.save(2, 2, [], project.labels(2, 2)["version"])
    project.save(0, 1, [Body.of(POINTS, project.labels(0, 1)["bodies"][0]["key"])], project.labels(0, 1)["version"])
    after = described(path)
    mine = np.where(POINTS[:, 2:] > 0, POINTS[:, :2], np.nan)
    new, beside = ("Instance", None, None, None, 0.0), (mine + np.array([1, 0])).tolist()
    assert same(
        after[0, 2],
        [before[0, 2][0], (*before[0, 2][1][:-1], mine.tolist()), (*new, beside)],
    )
    assert same(after[0, 5], before[0, 5]) and before[0, 5][2][2] == 1
    assert same(after[0, 7], [*before[0, 7], (*new, mine.tolist())])
    assert same(after[0, 9], [(*new, mine.tolist())]) and same(after[1, 4], [(*new, mine.tolist())])
    assert same(after[1, 2], before[1, 2][1:]) and same(after[2, 1], [(*before[2, 1][0][:-1], mine.tolist())])
    labels = sio.load_slp(str(path), open_videos=False)
    assert [track.name for track in labels.tracks] == ["one", "two"] and labels.provenance["by"] == "a person"
    assert [(s.video, s.frame_idx) for s in labels.suggestions] == [(labels.videos[1], 9)]
    assert not any(frame.is_negative for frame in labels) and len(labels.videos) == 3
    assert opened(tmp_path).labels(1, 2)["bodies"] == one["bodies"]


def test_what_is_not_of_labels_is_copied_as_it_stands(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with h5py.File(path, "a") as file:
        file["of another program"] = np.arange(5)
        file.attrs["mark"] = "kept"
    with h5py.File(path, "r") as file:
        before = {name: repr(file[name][()]) for name in file if isinstance(file[name], h5py.Dataset)}
        told = repr(dict(file["metadata"].attrs))
    project = opened(tmp_path)
    project.save(1, 9, [Body.of(POINTS)], project.labels(1, 9)["version"])
    with h5py.File(path, "r") as file:
        changed = {name for name, text in before.items() if repr(file[name][()]) != text}
        assert changed == {"frames", "instances", "points"} and file.attrs["mark"] == "kept"
        assert repr(dict(file["metadata"].attrs)) == told and file["frames"].dtype.names[0] == "frame_id"
    assert sorted(p.name for p in tmp_path.glob("labels*")) == ["labels.slp"]


def test_a_file_that_counts_from_the_edge(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with h5py.File(path, "a") as file:
        file["metadata"].attrs["format_id"] = 1.0
        rows = file["instances"][()]
        del file["instances"]
        names = [name for name in rows.dtype.names if name != "tracking_score"]
        older = np.zeros(len(rows), [(name, rows.dtype[name]) for name in names])
        for name in names:
            older[name] = rows[name]
        file["instances"] = older
    project = opened(tmp_path)
    shown = project.labels(1, 2)
    assert shown["bodies"][0]["points"][0] == [10, 19.5, 2]
    project.save(1, 2, [Body.of(POINTS, shown["bodies"][0]["key"])], shown["version"])
    mine = np.where(POINTS[:, 2:] > 0, POINTS[:, :2], np.nan)
    np.testing.assert_array_equal(sio.load_slp(str(path), open_videos=False)[0].instances[0].numpy(), mine)


def test_packed_pictures_and_what_goes_by_number_are_not_changed(tmp_path: Path) -> None:
    path = saved(tmp_path)
    sio.load_slp(str(path)).save(str(tmp_path / "labels.pkg.slp"), embed="user", verbose=False)
    path.unlink()
    project = opened(tmp_path)
    assert "pictures packed in it" in project.stores[0].why
    (tmp_path / "labels.pkg.slp").unlink()
    with h5py.File(saved(tmp_path), "a") as file:
        file["masks"] = np.arange(5)
    project = opened(tmp_path)
    content, shown = (tmp_path / "labels.slp").read_bytes(), project.labels(1, 2)
    assert len(shown["bodies"]) == 2 and "masks, which belong to instances by their number" in shown["why"]
    with pytest.raises(UserError, match="label it in SLEAP"):
        project.save(1, 2, [], shown["version"])
    assert (tmp_path / "labels.slp").read_bytes() == content


def test_tables_that_are_not_in_order_are_shown_and_not_changed(tmp_path: Path) -> None:
    with h5py.File(saved(tmp_path), "a") as file:
        rows = file["frames"][()]
        rows["instance_id_end"][0] += 1
        file["frames"][...] = rows
    project = opened(tmp_path)
    assert "not in order" in project.stores[0].why


def test_a_video_that_sleap_does_not_know(tmp_path: Path) -> None:
    saved(tmp_path)
    film(tmp_path / "c.mp4", 4)
    project = opened(tmp_path)
    shown = project.labels(3, 1)
    assert shown["bodies"] == [] and shown["why"] == "c.mp4 is not in labels.slp: add it in SLEAP first"
    with pytest.raises(UserError, match="add it in SLEAP"):
        project.save(3, 1, [Body.of(POINTS)], shown["version"])
    assert not (tmp_path / "images").exists()


def test_a_change_is_written_within_a_second(tmp_path: Path) -> None:
    """Of 30,000 predictions beside the labels."""
    path = saved(tmp_path)
    with h5py.File(path, "a") as file:
        tables = {name: file[name][()] for name in ("frames", "instances", "pred_points")}
        more = np.zeros(30_000, tables["instances"].dtype)
        more["instance_id"], more["instance_type"] = len(tables["instances"]) + np.arange(len(more)), 1
        more["frame_id"], more["track"], more["from_predicted"] = 99, -1, -1
        more["point_id_end"] = 4
        last = np.zeros(1, tables["frames"].dtype)
        last["frame_id"], last["frame_idx"] = 99, 10
        last["instance_id_start"] = len(tables["instances"])
        last["instance_id_end"] = len(tables["instances"]) + len(more)
        tables["instances"] = np.append(tables["instances"], more)
        tables["frames"] = np.append(tables["frames"], last)
        tables["pred_points"] = np.repeat(tables["pred_points"][:1], 120_000)
        for name, rows in tables.items():
            del file[name]
            file[name] = rows
    project = opened(tmp_path)
    shown, began = project.labels(1, 2), time.monotonic()
    project.save(1, 2, [Body.of(POINTS, shown["bodies"][0]["key"])], shown["version"])
    assert time.monotonic() - began < 5  # within one second of an idle machine


def test_a_project_without_labels_is_begun(tmp_path: Path) -> None:
    video = sio.Video.from_filename(str(film(tmp_path / "a.mp4", 12)))
    labels = sio.Labels([], videos=[video], skeletons=[sio.Skeleton(list(JOINTS), name="mouse")])
    labels.save(str(tmp_path / "labels.slp"), verbose=False)
    project = opened(tmp_path)
    project.save(1, 3, [Body.of(POINTS)], project.labels(1, 3)["version"])
    assert project.labeled_in(1) == {3} and len(sleap.read_sleap(tmp_path / "labels.slp")) == 1
