"""Predicting on files, and what is written."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.sample import PoseData
from semipose.data.video import probe, read_frames
from semipose.errors import UserError
from semipose.inference import files as prediction
from semipose.inference.files import Prediction, boxes_of_run, predict_files
from semipose.inference.predictor import Predictor
from semipose.outputs import Frame
from semipose.outputs.plain import Coco
from semipose.outputs.tracks import Tables
from semipose.signals import Stopped
from semipose.skeleton import COCO, Skeleton
from tests.fixtures.films import cut, dot, film, of_sizes
from tests.inference.test_predictor import Bright

PAIR = Skeleton("pair", ("nose", "tail"), (), ((0, 1),))


class Two(Bright):
    """The brightest point, twice."""

    def forward(self, image):  # type: ignore[no-untyped-def]
        return super().forward(image).expand(-1, 2, -1, -1)


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Predictor(Two(), PAIR, device="cpu", padding=1.0)  # type: ignore[arg-type]
    monkeypatch.setattr(prediction.Predictor, "load", lambda *_: loaded)


def on(source: Path, out: Path, *formats: str, **more: object) -> Prediction:
    how = {"overlay": False, "progress": False, "cache": None, **more}
    return predict_files("model", source, out, formats=formats or ("coco",), **how)  # type: ignore[arg-type]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return film(tmp_path / "clip.mp4", 15)


def test_what_cannot_be_submitted_is_said_before_anything_is_predicted(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UserError, match="named by letters"):
        on(clip, out, submit="my method")
    with pytest.raises(UserError, match="'pair' lacks left_eye"):
        on(clip, out, submit="mine")
    loaded = Predictor(Two(), COCO, device="cpu", padding=1.0)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction.Predictor, "load", lambda *_: loaded)
        with pytest.raises(UserError, match=r"clip\.mp4#0.*by number"):
            on(clip, out, submit="mine")
    assert not out.exists()


def test_a_video_to_coco_and_csv(clip: Path, tmp_path: Path) -> None:
    found = on(clip, tmp_path / "out", "coco", "csv")
    assert found.frames == 15 and found.seconds > 0
    assert [f.name for f in found.files] == ["keypoints.json", "keypoints.csv"]
    results = json.loads(found.files[0].read_text())
    assert [r["image_id"] for r in results] == [f"clip.mp4#{n}" for n in range(15)]
    xy = np.array([r["keypoints"] for r in results]).reshape(15, 2, 3)
    assert np.abs(xy[:, 0, :2] - [dot(n) for n in range(15)]).max() < 5
    rows = list(csv.DictReader(found.files[1].open()))
    assert len(rows) == 30 and rows[3]["image"] == "clip.mp4#1" and rows[3]["joint"] == "tail"
    assert float(rows[3]["x"]) == xy[1, 1, 0] and 0 < float(rows[3]["score"]) <= 1
    assert not list((tmp_path / "out").glob("*.part"))


def two_a_frame(tmp_path: Path, frames: int = 15) -> Path:
    """Boxes about the square and in a corner, in another order in each frame."""
    pairs = [[[dot(n)[0] - 8, 22, 16, 18], [0, 0, 14, 14]] for n in range(frames)]
    rows = [{"file_name": f"clip.mp4#{n}", "boxes": both[:: 1 if n % 2 else -1]} for n, both in enumerate(pairs)]
    (tmp_path / "boxes.json").write_text(json.dumps({"images": rows}))
    return tmp_path / "boxes.json"


def test_bodies_are_followed_through_a_video(clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    boxes = two_a_frame(tmp_path)
    on(clip, tmp_path / "out", "coco", "csv", "dlc-csv", boxes=boxes)
    rows = json.loads((tmp_path / "out" / "keypoints.json").read_text())
    of = {row["track_id"]: [] for row in rows}
    for row in rows:
        of[row["track_id"]].append(row["bbox"][1])
    assert sorted(of) == [1, 2] and all(len(set(ys)) == 1 and len(ys) == 15 for ys in of.values())
    assert {row["track"] for row in csv.DictReader((tmp_path / "out" / "keypoints.csv").open())} == {"1", "2"}
    table = list(csv.reader((tmp_path / "out" / "clipDLC_semipose.csv").open()))
    second = [float(row[1 + table[1][1:].index("individual2")]) for row in table[4:]]
    moves = np.abs(np.diff(second))
    assert (moves.max() < 8 and (moves > 2).all()) or moves.max() < 1, "one individual's alone"
    on(clip, tmp_path / "plain", "coco", "csv", boxes=boxes, track=False)
    assert "track" not in (tmp_path / "plain" / "keypoints.json").read_text()
    assert "track" not in (tmp_path / "plain" / "keypoints.csv").read_text()


@pytest.mark.parametrize("also", [(), ("other",)], ids=["one network", "an ensemble"])
def test_several_bodies_are_smoothed_each_by_itself(clip: Path, tmp_path: Path, also: tuple[str, ...]) -> None:
    boxes = two_a_frame(tmp_path)
    on(clip, tmp_path / "out", "csv", "smoothed", boxes=boxes, also=also)
    plain, smoothed = (
        list(csv.DictReader((tmp_path / "out" / name).open())) for name in ("keypoints.csv", "keypoints_smoothed.csv")
    )
    same = ("image", "joint", "x", "y", "score", "error90_px", "track")
    assert [[row[key] for key in same] for row in smoothed] == [[row[key] for key in same] for row in plain]
    assert len(smoothed) == 60 and all(row["x_smoothed"] and row["y_smoothed"] for row in smoothed)
    far = [abs(float(row["x"]) - float(row["x_smoothed"])) for row in smoothed]
    assert max(far) < 6, "of the other body's it would be farther"
    with pytest.raises(UserError, match="without --no-track"):
        on(clip, tmp_path / "no", "smoothed", boxes=boxes, track=False)


def test_one_body_is_followed_where_that_is_asked_for_alone(clip: Path, tmp_path: Path) -> None:
    before = on(clip, tmp_path / "a").files[0].read_bytes()
    asked = json.loads(on(clip, tmp_path / "b", track=True).files[0].read_text())
    assert {row.pop("track_id") for row in asked} == {1} and asked == json.loads(before)
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(UserError, match=r"followed through videos, and .*one\.png has none; leave out --track"):
        on(tmp_path / "one.png", tmp_path / "c", track=True)


def test_frames_of_another_size_are_named_and_the_others_predicted(tmp_path: Path) -> None:
    clip = of_sizes(tmp_path / "clip.avi", *[(64, 96)] * 3, *[(128, 192)] * 2, (64, 96))
    found = on(clip, tmp_path / "out", "csv", "smoothed", "dlc-csv", "overlay")
    assert (
        found.frames == 4 and len(found.damaged) == 2 and "192x128, of another size than the first" in found.damaged[0]
    )
    rows = list(csv.DictReader((tmp_path / "out" / "keypoints_smoothed.csv").open()))
    assert [row["image"] for row in rows][::2] == [f"clip.avi#{n}" for n in (0, 1, 2, 5)]
    assert probe(tmp_path / "out" / "clip.mp4").size[0] == 64 and len(probe(tmp_path / "out" / "clip.mp4")) == 4


def test_some_frames_and_several_files_in_one_run(clip: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 30, 3), np.uint8))
    found = on(tmp_path, tmp_path / "out", frames="uniform3")
    assert [r["image_id"] for r in json.loads(found.files[0].read_text())] == [
        *("a.png", "clip.mp4#2", "clip.mp4#7", "clip.mp4#12")
    ]


def test_boxes_of_frames(clip: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text(
        json.dumps({"images": [{"file_name": "clip.mp4#9", "boxes": [[30, 0, 60, 60], [40, 10, 40, 40]]}]})
    )
    found = on(clip, tmp_path / "out", "coco", "dlc-csv", boxes=boxes)
    results = json.loads(found.files[0].read_text())
    assert [(r["image_id"], r["bbox"]) for r in results] == [
        ("clip.mp4#9", [30, 0, 60, 60]),
        ("clip.mp4#9", [40, 10, 40, 40]),
    ]
    assert np.abs(np.array(results[1]["keypoints"][:2]) - dot(9)).max() < 5
    levels = [next(rows) for rows in [csv.reader(found.files[1].open())] for _ in range(4)]
    assert [row[0] for row in levels] == ["scorer", "individuals", "bodyparts", "coords"]
    assert levels[1][1] == "individual1" and levels[1][-1] == "individual2"


def test_frames_without_a_box_are_in_the_film_and_the_tables(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = film(tmp_path / "other.mp4", 4)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 30, 3), np.uint8))

    def people(data: PoseData, *_: object, **__: object) -> PoseData:
        time.sleep(0.3)
        return replace(data, samples=tuple(replace(s, score=0.9) for s in data if s.id in ("clip.mp4#9", "a.png")))

    monkeypatch.setattr("semipose.inference.boxes.find_boxes", people)
    found = on(tmp_path, tmp_path / "out", "coco", "dlc-csv", "overlay", "sleap", boxes="people")
    assert found.frames == 16 and found.seconds > 0.3, "the search for people included"
    assert [r["image_id"] for r in json.loads(found.files[0].read_text())] == ["a.png", "clip.mp4#9"]
    (table,) = (file for file in found.files if file.name == "clipDLC_semipose.csv")
    rows = list(csv.reader(table.open()))[3:]
    assert [row[0] for row in rows] == [str(n) for n in range(15)]
    assert [row[0] for row in rows if any(row[1:])] == ["9"]
    (drawn,) = (file for file in found.files if file.suffix == ".mp4")
    assert len(probe(drawn)) == len(probe(clip)) and probe(drawn).rate == probe(clip).rate and other.exists()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("{boxes: labels, unlabeled_boxes: runs/first}", "each image or frame is one; --boxes runs/first finds them"),
        ("{boxes: labels}", "--boxes, which takes a JSON, people or a first run, finds them"),
        ("{boxes: own}", None),
    ],
)
def test_a_run_trained_on_boxes_asks_for_them(tmp_path: Path, data: str, told: str | None) -> None:
    (tmp_path / "config.yaml").write_text(f"data: {data}")
    note = boxes_of_run(tmp_path)
    assert note is None if told is None else note is not None and note.endswith(told)
    assert boxes_of_run(tmp_path / "model.safetensors") is None


def test_one_box_a_video_holds_for_its_frames_in_a_folder_too(clip: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 30, 3), np.uint8))
    boxes = tmp_path / "cage.json"
    rows = [{"file_name": "clip.mp4", "boxes": [[10, 0, 80, 60]]}, {"file_name": "a.png", "id": 7}]
    boxes.write_text(json.dumps({"images": rows}))
    alone, folder = (on(each, tmp_path / "out" / each.stem, boxes=boxes) for each in (clip, tmp_path))
    assert (alone.frames, folder.frames) == (15, 16) and not folder.damaged
    of_clip, of_all = (json.loads(each.files[0].read_text()) for each in (alone, folder))
    assert of_all[0]["image_id"] == 7 and of_all[1:] == of_clip and of_clip[0]["bbox"] == [10, 0, 80, 60]


def test_the_overlay_is_a_video_of_the_same_length_and_rate(tmp_path: Path) -> None:
    clip = film(tmp_path / "odd clip.mp4", 12, rate=30)
    (file,) = on(clip, tmp_path / "out", "overlay").files
    assert file.name == "odd clip.mp4" and len(probe(file)) == 12 and probe(file).rate == 30
    for n, pixels in read_frames(file, [3, 8]):
        x, y = dot(n)
        around = pixels[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7].astype(int)
        assert (around.max(-1) < 150).any() and (around.min(-1) > 150).any(), "the joint's rim and its middle"


def test_deeplabcut_reads_its_tables(clip: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    found = on(clip, tmp_path / "out", "dlc", "dlc-csv")
    assert [f.name for f in found.files] == ["clipDLC_semipose.h5", "clipDLC_semipose.csv"]
    table = pandas.read_hdf(found.files[0])
    assert table.columns.names == ["scorer", "bodyparts", "coords"] and list(table.index) == list(range(15))
    nose = table["semipose"]["nose"]
    assert list(nose.columns) == ["x", "y", "likelihood"]
    assert np.abs(nose[["x", "y"]].to_numpy() - [dot(n) for n in range(15)]).max() < 5
    again = pandas.read_csv(found.files[1], header=[0, 1, 2], index_col=0)
    assert np.allclose(again.to_numpy(), table.to_numpy(), atol=1e-4)


def test_tables_are_written_in_chunks(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    whole = pandas.read_hdf(on(clip, tmp_path / "a", "dlc").files[0])
    monkeypatch.setattr("semipose.outputs.tracks.CHUNK", 4)
    assert pandas.read_hdf(on(clip, tmp_path / "b", "dlc").files[0]).equals(whole)


def test_sleap_reads_its_file(clip: Path, tmp_path: Path) -> None:
    io = pytest.importorskip("sleap_io")
    (file,) = on(clip, tmp_path / "out", "sleap", frames="uniform3").files
    labels = io.load_slp(str(file), open_videos=False)
    assert [frame.frame_idx for frame in labels] == [2, 7, 12] and labels.skeleton.node_names == ["nose", "tail"]
    assert np.abs(labels[1].instances[0].numpy()[0] - dot(7)).max() < 5


@pytest.mark.parametrize(("name", "module"), [("dlc", "tables"), ("sleap", "sleap_io")])
def test_a_missing_extra_is_one_line(
    clip: Path, tmp_path: Path, name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"pip install 'semipose\[{name}\]'") as error:
        on(clip, tmp_path / "out", name)
    assert "\n" not in str(error.value) and not list((tmp_path / "out").glob("*"))


def test_an_error_on_the_way_leaves_no_file_that_looks_whole(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise UserError("the disk is full")

    monkeypatch.setattr("semipose.outputs.plain.coco_result", broken)
    with pytest.raises(UserError, match="full"):
        on(clip, tmp_path / "out", "overlay", "csv", "dlc-csv", "coco")
    assert not list((tmp_path / "out").iterdir())


def test_no_more_than_a_few_frames_are_in_memory(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = film(tmp_path / "long.mp4", 90, step=2)
    alive: weakref.WeakSet = weakref.WeakSet()
    most = []

    def counted(*values: object) -> Frame:
        frame = Frame(*values)  # type: ignore[arg-type]
        alive.add(frame)
        most.append(len(alive))
        return frame

    monkeypatch.setattr(prediction, "Frame", counted)
    on(long, tmp_path / "out", "coco", "dlc-csv")
    assert len(most) == 90 and max(most) <= 3 * prediction.AHEAD


def folder_of(*names: str, at: Path) -> dict[Path, bytes]:
    """Pictures and videos of these names, and what is in them."""
    for name in names:
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".mp4"):
            film(at / name, 4)
        else:
            cv2.imwrite(str(at / name), np.zeros((40, 30, 3), np.uint8))
    return {at / name: (at / name).read_bytes() for name in names}


@pytest.mark.parametrize("source", [".", "a.jpg", "v.mp4", "sub"])
def test_no_input_is_written_over_however_often_it_runs(tmp_path: Path, source: str) -> None:
    before = folder_of("a.jpg", "a.png", "v.mp4", "sub/a.jpg", at=tmp_path)
    out = tmp_path / source if (tmp_path / source).is_dir() else tmp_path
    first = on(tmp_path / source, out, "overlay")
    drawn = [path for path in first.files if path.name != "keypoints.json"]
    assert all("_semipose" in path.name or path not in before for path in drawn)
    again = on(tmp_path / source, out, "overlay")
    assert again.files == first.files and again.frames == first.frames
    assert {path: path.read_bytes() for path in before} == before


def test_what_another_wrote_stays(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = folder_of("clip.mp4", "clip_semipose.mp4", at=out)
    assert [path.name for path in on(clip, out, "overlay").files] == ["clip-2.mp4"]
    assert {path: path.read_bytes() for path in before} == before
    (out / "keypoints.json").write_text('{"images": []}')
    (out / "keypoints.csv").write_text("image,joint,x,y\n")
    for form in ("coco", "csv"):
        with pytest.raises(UserError, match=r"keypoints\.\w+ is there .*--out"):
            on(clip, out, form)
    boxes = tmp_path / "keypoints.json"
    boxes.write_text('[{"image_id": "clip.mp4#1", "bbox": [0, 0, 9, 9]}]')
    with pytest.raises(UserError, match=r"keypoints\.json is there"):
        on(clip, tmp_path, boxes=boxes)
    assert boxes.exists() and not list(tmp_path.rglob("*.part"))


def test_a_box_outside_a_frame_is_refused(clip: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text('[{"image_id": "clip.mp4#1", "bbox": [5000, 5000, 30, 30]}]')
    with pytest.raises(UserError, match=r"boxes: clip\.mp4#1#0 has the bbox .*, outside its image"):
        on(clip, tmp_path / "out", boxes=boxes)


def test_what_is_in_the_output_folder_is_no_source(tmp_path: Path) -> None:
    folder_of("a.png", "b/v.mp4", at=tmp_path)
    first = on(tmp_path, tmp_path / "b" / "out", "overlay")
    folder_of("c.png", at=tmp_path / "b" / "out")
    again = on(tmp_path, tmp_path / "b" / "out", "overlay")
    assert again.frames == first.frames == 5 and again.files == first.files
    (tmp_path / "a.png").unlink()
    (tmp_path / "b" / "v.mp4").unlink()
    with pytest.raises(UserError, match=r"nothing to predict on but what is in .*out"):
        on(tmp_path, tmp_path / "b" / "out")


def test_an_interrupted_run_leaves_what_was_there(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tables")
    formats = ("overlay", "dlc", "dlc-csv")
    before = {path: path.read_bytes() for path in on(clip, tmp_path / "out", *formats).files}

    def stops(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("semipose.outputs.plain.coco_result", stops)
    with pytest.raises(KeyboardInterrupt):
        on(clip, tmp_path / "out", *formats, "coco")
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before and len(before) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_predicted_is_kept_when_asked_to_stop(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    formats, result = ("csv", "dlc-csv", "overlay"), Coco.add

    def asks(self, frame: Frame, *more: object) -> None:
        result(self, frame, *more)
        if frame.number == 6:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Coco, "add", asks)
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=r"after 7 of 15 images and frames, saved to .*out; of these alone: keypoints"):
        on(clip, tmp_path / "out", "coco", *formats)
    assert signal.getsignal(number) is before
    rows = json.loads((tmp_path / "out" / "keypoints.json").read_text())
    assert [row["image_id"] for row in rows] == [f"clip.mp4#{n}" for n in range(7)]
    assert len(list(csv.DictReader((tmp_path / "out" / "keypoints.csv").open()))) == 14
    assert len(list(csv.reader((tmp_path / "out" / "clipDLC_semipose.csv").open()))) == 3 + 7
    assert len(list(read_frames(tmp_path / "out" / "clip.mp4"))) == 7
    assert not list((tmp_path / "out").glob("*.part"))


def test_a_stop_after_the_last_frame_stops_nothing(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = Coco.add

    def asks(self, frame: Frame, *more: object) -> None:
        result(self, frame, *more)
        if frame.number == 14:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Coco, "add", asks)
    assert on(clip, tmp_path / "out").frames == 15


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    good = folder_of("photos/a.jpg", "photos/b.jpg", at=tmp_path)
    photos = tmp_path / "photos"
    (photos / "page.jpg").write_text("<html>")
    (photos / "cut.jpg").write_bytes(good[photos / "a.jpg"][:-6])
    (photos / "bad.mp4").write_text("no film")
    found = on(photos, tmp_path / "out", "coco", "csv")
    assert found.frames == 2 and len(json.loads(found.files[0].read_text())) == 2
    line = prediction.left_out(found.damaged, found.frames)
    assert line.startswith("3 of 5 images and frames could not be read") and "\n" not in line
    assert all(name in line for name in ("page.jpg", "cut.jpg", "bad.mp4")) and "check the path" not in line
    for path in good:
        path.unlink()
    with pytest.raises(UserError, match="3 of 3"):
        on(photos, tmp_path / "none")
    with pytest.raises(UserError, match=r"^image .*cut\.jpg is damaged"):
        on(photos / "cut.jpg", tmp_path / "none")
    assert not list((tmp_path / "none").iterdir())


def test_no_boxes_is_one_line(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text("[]")
    with pytest.raises(UserError, match=r"boxes\.json holds no box"):
        on(tmp_path, tmp_path / "out", boxes=tmp_path / "boxes.json")


def test_an_unknown_output_is_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="xml"):
        on(clip, tmp_path / "out", "xml")


def test_a_run_of_several_instances_says_that_one_pose_is_found_in_a_frame(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("data: {boxes: own}")
    (tmp_path / "summary.json").write_text(json.dumps({"boxes": {"most": 2, "whole": False}}))
    note = boxes_of_run(tmp_path)
    assert note is not None and "instances (up to 2 in an image), in each of which it finds one pose" in note
    for boxes in ({"most": 1, "whole": True}, [], None):
        (tmp_path / "summary.json").write_text(json.dumps({"boxes": boxes}))
        assert boxes_of_run(tmp_path) is None


@pytest.mark.parametrize(
    ("config", "summary", "told"),
    [
        ("data: [1]", "{}", None),
        ("data:", "[]", None),
        ("data: {boxes: own}", '{"boxes": {"most": 1e999, "whole": false}}', "around instances, in each"),
        ("data: {boxes: labels, unlabeled_boxes: [1]}", "{}", "--boxes, which takes a JSON"),
        ("data: {boxes: labels}", "[" * 100_000, "is not known: .*summary.json is not JSON: it is nested too deep"),
        ("data: [", "{}", "is not known: .*config.yaml is not YAML"),
    ],
)
def test_a_damaged_run_spoils_no_prediction_that_is_done(
    tmp_path: Path, config: str, summary: str, told: str | None
) -> None:
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "summary.json").write_text(summary)
    note = boxes_of_run(tmp_path)
    assert note is None if told is None else note is not None and re.search(told, note) and "\n" not in note


def test_what_is_left_out_and_what_ends_early_is_said(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), np.zeros((40, 30, 3), np.uint8))
    (source / "anim.gif").write_bytes(b"GIF89a")
    cut(source / "cut.avi")
    left, early = on(source, tmp_path / "out", "csv").remarks
    assert "1 .gif" in left and "cut.avi ends early" in early and "of the 30 frames" in early
    assert not on(source / "a.png", tmp_path / "one", "csv").remarks


@pytest.mark.parametrize("name", ["clip.mp4", "a.png"])
def test_a_link_beside_its_file_is_no_second_body(name: str, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    if name == "clip.mp4":
        film(source / name, 3)
    else:
        cv2.imwrite(str(source / name), np.full((48, 64, 3), 90, np.uint8))
    (source / f"link{Path(name).suffix}").symlink_to(source / name)
    found = on(source, tmp_path / "out")
    rows = json.loads((tmp_path / "out/keypoints.json").read_text())
    names = [row["image_id"] for row in rows]
    assert len(names) == len(set(names)) == found.frames and not any("link" in each for each in names)
    (remark,) = found.remarks
    assert "other names of such that are here" in remark and "link" in remark


def grid(side: int, size: int = 20) -> list[dict[str, object]]:
    """Detections beside each other in a picture of `side` times `side` of them."""
    return [
        {"image_id": "a.png", "bbox": [size * n, size * m, size, size], "score": 0.5 + n / 100}
        for n in range(side)
        for m in range(side)
    ]


def test_no_body_is_left_out_because_there_are_many(tmp_path: Path) -> None:
    """COCO looks at 20 an image; a herd has more."""
    source = tmp_path / "in"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), np.full((100, 100, 3), 90, np.uint8))
    (tmp_path / "boxes.json").write_text(json.dumps(grid(5)))
    on(source, tmp_path / "out", boxes=tmp_path / "boxes.json")
    assert len(json.loads((tmp_path / "out/keypoints.json").read_text())) == 25


def test_images_of_one_name_that_have_numbers_are_told_apart(tmp_path: Path) -> None:
    source = tmp_path / "in"
    folder_of("a/1.png", "b/1.png", "b/2.png", at=source)
    names = {7: "a/1.png", 8: "b/1.png", 9: "b/2.png"}
    rows = [{"file_name": name, "id": number, "boxes": [[0, 0, 30, 40]]} for number, name in names.items()]
    (tmp_path / "boxes.json").write_text(json.dumps({"images": rows}))
    on(source, tmp_path / "out", "coco", "csv", boxes=tmp_path / "boxes.json")
    assert [row["image_id"] for row in json.loads((tmp_path / "out/keypoints.json").read_text())] == [7, 8, 9]
    shown = [row["image"] for row in csv.DictReader((tmp_path / "out/keypoints.csv").open())][::2]
    assert shown == [str(source.resolve() / "a/1.png"), str(source.resolve() / "b/1.png"), "2.png"]


def test_what_an_earlier_run_said_of_frames_does_not_stay(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "unlike.txt").write_bytes(prediction.UNLIKE + b"clip.mp4#3\n")
    on(clip, out)
    assert not (out / "unlike.txt").exists()
    (out / "unlike.txt").write_text("somebody's own")
    on(clip, out)
    assert (out / "unlike.txt").read_text() == "somebody's own"


def test_what_earlier_runs_drew_is_no_source_wherever_it_lies(tmp_path: Path) -> None:
    folder_of("a.png", "sub/v.mp4", at=tmp_path)
    first = on(tmp_path, tmp_path / "one", "overlay", "coco")
    again = on(tmp_path, tmp_path / "two", "overlay", "coco")
    assert again.frames == first.frames == 5
    assert (tmp_path / "two/keypoints.json").read_text() == (tmp_path / "one/keypoints.json").read_text()
    assert on(tmp_path / "one" / "v.mp4", tmp_path / "three").frames == 4, "unless it is named"


def test_images_in_which_a_detector_finds_nothing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of("in/a.png", "in/b.png", at=tmp_path)

    def people(data: PoseData, *_: object, **__: object) -> PoseData:
        found = tuple(replace(s, score=0.9) for s in data if s.id == "a.png")
        return replace(data, samples=found, unfound=("b.png",))

    monkeypatch.setattr("semipose.inference.boxes.find_boxes", people)
    found = on(tmp_path / "in", tmp_path / "out", boxes="people")
    assert found.frames == 1 and found.remarks == ["nothing was found in 1 images, which are left out: b.png"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_files_are_finished_loses_none(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    finish = Tables._finish

    def asks(self: Tables) -> None:
        os.kill(os.getpid(), number)
        finish(self)

    monkeypatch.setattr(Tables, "_finish", asks)
    assert on(clip, tmp_path / "out", "coco", "csv", "dlc-csv").frames == 15
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_a_stop_is_said_where_files_could_not_be_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of("a.png", "b.png", "c.png", at=tmp_path / "in")
    for n in range(3):
        (tmp_path / "in" / f"bad{n}.png").write_text("<html>")
    result = Coco.add

    def asks(self, frame: Frame, *more: object) -> None:
        result(self, frame, *more)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Coco, "add", asks)
    with pytest.raises(Stopped, match="after 1 of 3 images"):
        on(tmp_path / "in", tmp_path / "out")


def test_a_table_that_is_there_is_said_before_the_first_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    film(tmp_path / "in" / "a.mp4", 3)
    film(tmp_path / "in" / "b.mp4", 3)
    (tmp_path / "out" / "bDLC_semipose.csv").write_text("mine;")
    monkeypatch.setattr(Coco, "add", lambda *_: pytest.fail("predicted before"))
    with pytest.raises(UserError, match=r"bDLC_semipose\.csv is there and no prediction"):
        on(tmp_path / "in", tmp_path / "out", "coco", "dlc-csv")


def test_a_wrong_choice_of_frames_is_no_damaged_video(clip: Path, tmp_path: Path) -> None:
    folder_of("a.png", at=clip.parent)
    with pytest.raises(UserError, match="no choice of frames"):
        on(clip.parent, tmp_path / "out", frames="uniform")


def test_somebody_s_file_is_not_in_the_way_of_a_list(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "unlike.txt").write_text("somebody's own")
    pairs = Predictor.pairs
    unlike = lambda self, *how: ([replace(p, unlike=True) for p in poses] for poses in pairs(self, *how))  # noqa: E731
    monkeypatch.setattr(Predictor, "pairs", unlike)
    assert out / "unlike-1.txt" in on(clip, out).files
    assert (out / "unlike.txt").read_text() == "somebody's own"
