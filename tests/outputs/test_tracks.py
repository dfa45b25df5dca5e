from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semipose.errors import UserError
from semipose.files import HEAD, bears
from semipose.outputs import Job, tracks
from semipose.outputs.tracks import MADE, DlcCsv, DlcTable, Sleap, dlc_columns
from semipose.skeleton import Skeleton
from tests.fixtures.films import film
from tests.fixtures.predictions import frames, job, pose, written


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as text:
        return list(csv.reader(text))


def test_columns_name_individuals_where_there_are_several(tmp_path: Path) -> None:
    levels, columns = dlc_columns(job(tmp_path))
    assert levels == ("scorer", "bodyparts", "coords")
    assert columns[2:4] == [("semipose", "nose", "likelihood"), ("semipose", "tail", "x")]
    levels, columns = dlc_columns(job(tmp_path, 2))
    assert levels == ("scorer", "individuals", "bodyparts", "coords") and len(columns) == 12
    assert columns[6] == ("semipose", "individual2", "nose", "x")


@pytest.mark.parametrize("chunk", [2, 1000])
def test_a_table_a_video_and_one_for_all_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(tracks, "CHUNK", chunk)
    out, one, two = tmp_path / "out", tmp_path / "a" / "clip.mp4", tmp_path / "b" / "clip.mp4"
    files = written(DlcCsv(job(out)), [*frames(None, 2), *frames(one, 3), *frames(two, 1, start=7)])
    names = ["imagesDLC_semipose.csv", "clipDLC_semipose.csv", "clip-2DLC_semipose.csv"]
    assert [file.name for file in files] == names and sorted(p.name for p in out.iterdir()) == sorted(names)
    assert [row[0] for row in rows(files[0])[3:]] == ["0.png", "1.png"]
    assert rows(files[1])[3:] == [[str(n), *(f"{v:.5f}" for v in pose(n).keypoints.ravel())] for n in range(3)]
    assert [row[0] for row in rows(files[2])[3:]] == ["7"]


def test_a_frame_with_fewer_poses_has_empty_cells(tmp_path: Path) -> None:
    (frame,) = frames(tmp_path / "clip.mp4", 1)
    writer = DlcCsv(job(tmp_path, 2))
    with writer:
        writer.add(frame, [pose(0)], [0.5])
    assert rows(writer.files[0])[-1] == ["0", *(f"{v:.5f}" for v in pose(0).keypoints.ravel()), *[""] * 6]


def test_an_individual_is_the_same_one_in_all_frames(tmp_path: Path) -> None:
    first, second = frames(tmp_path / "clip.mp4", 2)
    writer = DlcCsv(job(tmp_path, 2))
    with writer:
        writer.add(first, [replace(pose(5), track=2), replace(pose(0), track=1)], [0.5, 0.5])
        writer.add(second, [replace(pose(6), track=2)], [0.5])
    one, two = rows(writer.files[0])[-2:]
    cells = [[f"{v:.5f}" for v in pose(n).keypoints.ravel()] for n in (0, 5, 6)]
    assert one == ["0", *cells[0], *cells[1]] and two == ["1", *[""] * 6, *cells[2]]


def test_sleap_has_a_track_for_each_individual(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    about = job(tmp_path, 2)
    writer = Sleap(replace(about, skeleton=replace(about.skeleton, pairs=((0, 1),))))
    with writer:
        for n, frame in enumerate(frames(tmp_path / "clip.mp4", 3)):
            writer.add(
                frame,
                [replace(pose(5), track=2), *([replace(pose(0), track=1)] if n else [])],
                [0.5, 0.5][: 1 + (n > 0)],
            )
    labels = sio.load_slp(str(writer.files[0]), open_videos=False)
    assert sorted(track.name for track in labels.tracks) == ["individual1", "individual2"]
    assert len(labels.skeletons[0].symmetries) == 1
    assert [[i.track.name for i in frame.instances] for frame in labels] == [
        ["individual2"],
        *[["individual2", "individual1"]] * 2,
    ]


def test_h5_holds_what_the_csv_does(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    (file,) = written(DlcTable(job(tmp_path, 2)), list(frames(tmp_path / "clip.mp4", 3)), people=2)
    table = pandas.read_hdf(file)
    assert file.name == "clipDLC_semipose.h5" and list(table.index) == [0, 1, 2]
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    expected = [np.concatenate([pose(n).keypoints.ravel(), pose(n + 100).keypoints.ravel()]) for n in range(3)]
    np.testing.assert_array_equal(table.to_numpy(), expected)
    with pandas.HDFStore(str(file), "r") as store:
        assert store.get_node("df_with_missing")._v_attrs.pandas_version == "0.15.2", "or pandas 2 does not read it"


def test_sleap_has_a_video_and_its_frames(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    clip = tmp_path / "clip.mp4"
    (file,) = written(Sleap(job(tmp_path)), [*frames(clip, 2, start=5), *frames(None, 1)], people=2)
    labels = sio.load_slp(str(file), open_videos=False)
    assert file.name == "predictions.slp" and [frame.frame_idx for frame in labels] == [5, 6, 0]
    assert [Path(str(frame.video.filename)).name for frame in labels] == ["clip.mp4", "clip.mp4", "0.png"]
    assert labels.skeleton.node_names == ["nose", "tail"] and labels.skeleton.edge_inds == [(0, 1)]
    np.testing.assert_allclose(labels[1].instances[1].numpy(scores=True), pose(106).keypoints)
    assert labels[1].instances[1].score == 0.75


def test_a_frame_without_a_pose_is_none_of_sleap_s(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    (file,) = written(Sleap(job(tmp_path)), list(frames(tmp_path / "clip.mp4", 2)), people=0)
    assert len(sio.load_slp(str(file), open_videos=False)) == 0


@pytest.mark.parametrize(("writer", "module", "extra"), [(DlcTable, "tables", "dlc"), (Sleap, "sleap_io", "sleap")])
def test_a_missing_extra_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: type, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"pip install 'semipose\[{extra}\]'"):
        writer(job(tmp_path))


def test_a_name_that_is_no_text_is_in_every_table(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    shown = [replace(each, name=f"{n}\udcff.png") for n, each in enumerate(frames(None, 2))]
    (table,), (text,) = (written(kind(job(tmp_path)), shown) for kind in (DlcTable, DlcCsv))
    assert list(pandas.read_hdf(table).index) == ["0\\udcff.png", "1\\udcff.png"]
    assert "\n1\\udcff.png," in text.read_text()


def test_a_long_name_after_many_short_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    monkeypatch.setattr(tracks, "CHUNK", 2)
    pictures = [*frames(None, 5)]
    pictures[4] = replace(pictures[4], name=f"{'尾' * 83}.png")
    (file,) = written(DlcTable(job(tmp_path)), pictures)
    assert pandas.read_hdf(file).index[-1] == f"{'尾' * 83}.png"


def test_an_h5_of_too_many_columns_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    whole = Skeleton("whole", tuple(f"a joint of number {k}" for k in range(133)))
    with pytest.raises(UserError, match="cannot hold 2,793 columns; ask for dlc-csv"):
        DlcTable(Job(tmp_path, whole, 7))
    (file,) = written(
        DlcTable(Job(tmp_path, Skeleton("", tuple(f"j{k}" for k in range(17))), 30)), list(frames(None, 1)), 0
    )
    assert file.exists()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_slp_of_many_images_is_known_as_ours(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    shown = [replace(frame, path="/in/" + "long/" * 60 + frame.name) for frame in frames(None, 500)]
    (file,) = written(Sleap(job(tmp_path)), shown)
    assert file.stat().st_size > 2 * HEAD
    assert len(sio.load_slp(str(file), open_videos=False)) == 500
    assert written(Sleap(job(tmp_path)), shown[:1]) == [file]


def test_a_slp_that_was_saved_again_is_somebody_s(tmp_path: Path) -> None:
    io = pytest.importorskip("sleap_io")
    (file,) = written(Sleap(job(tmp_path)), frames(film(tmp_path / "clip.mp4", 3), 3))
    assert bears(file, MADE)
    io.load_slp(str(file)).save(str(file), verbose=False)
    assert not bears(file, MADE), "it may hold what somebody corrected"
