from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.data.checks.symmetry import side_doubts
from semipose.data.images import read_image
from semipose.data.open import open_labeled
from semipose.data.readers import sleap
from semipose.data.readers.sleap import read_sleap
from semipose.errors import UserError
from tests.fixtures.projects import picture

sio = pytest.importorskip("sleap_io")
h5py = pytest.importorskip("h5py")
POINTS = np.array([[10, 20], [30, 25], [np.nan, np.nan]])


@pytest.fixture(autouse=True)
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sleap, "FRAMES", tmp_path / "cache")


def video(path: Path, frames: int = 4) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for i in range(frames):
        writer.write(np.full((48, 64, 3), (0, 0, 60 * i), np.uint8))
    writer.release()
    return path


def saved(path: Path, source: object, animals: int = 1, embed: bool = False, frames: tuple[int, ...] = (1, 3)) -> Path:
    """Some `frames` of `source` labelled, `animals` in each, and frame 2 predicted only."""
    skeleton = sio.Skeleton(["nose", "ear_L", "ear_R"], edges=[("nose", "ear_L")], name="mouse")
    film = sio.Video.from_filename(source)
    user = [
        sio.LabeledFrame(
            video=film,
            frame_idx=i,
            instances=[sio.Instance.from_numpy(POINTS + a, skeleton=skeleton) for a in range(animals)],
        )
        for i in frames
    ]
    guess = sio.PredictedInstance.from_numpy(POINTS, point_scores=np.ones(3), score=0.5, skeleton=skeleton)
    labels = sio.Labels([*user, sio.LabeledFrame(video=film, frame_idx=2, instances=[guess])])
    labels.save(str(path), embed="user" if embed else False)
    return path


@pytest.mark.slow
def test_frames_of_a_video(tmp_path: Path) -> None:
    path = saved(tmp_path / "labels.slp", str(video(tmp_path / "film.avi")))
    data = open_labeled(path)
    assert data.ids == ("film/1", "film/3") and {s.session for s in data} == {"film"}
    assert data.skeleton is not None
    assert data.skeleton.joints == ("nose", "ear_L", "ear_R") and data.skeleton.pairs == ((1, 2),)
    assert data.skeleton.limbs == ((0, 1),)
    points = data[0].keypoints
    assert points is not None and points.tolist() == [[10, 20, 2], [30, 25, 2], [0, 0, 0]]
    assert data[0].box == (0, 0, 64, 48)
    red = [read_image(s.image)[..., 0].mean() for s in data]
    assert red == pytest.approx([60, 180], abs=8), "the frames themselves, in RGB"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "film.avi").rename(tmp_path / "elsewhere" / "film.avi")
    with pytest.raises(UserError, match=r"film\.avi does not exist"):
        read_sleap(path)
    assert read_sleap(path, tmp_path / "elsewhere").ids == data.ids


@pytest.mark.slow
def test_pictures_and_packed_pictures(tmp_path: Path) -> None:
    pictures = [str(picture(tmp_path / "frames" / f"{i}.png", i)) for i in range(4)]
    data = read_sleap(saved(tmp_path / "labels.slp", pictures))
    assert [s.image for s in data] == [pictures[1], pictures[3]] and data[0].session == "frames"
    packed = read_sleap(saved(tmp_path / "labels.pkg.slp", pictures, embed=True))
    assert [np.array_equal(read_image(a.image), read_image(b.image)) for a, b in zip(data, packed, strict=True)]
    assert [s.keypoints.tolist() for s in packed if s.keypoints is not None] == [
        s.keypoints.tolist() for s in data if s.keypoints is not None
    ]


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_symmetries_are_pairs_before_what_names_say(tmp_path: Path, packed: bool) -> None:
    names = ["head", "eyeB", "eyeA", "patte_d", "patte_g", "left_ear", "right_ear", "tail"]
    sides = [("eyeA", "eyeB"), ("patte_g", "patte_d"), ("eyeB", "eyeA")]
    skeleton = sio.Skeleton(names, symmetries=sides, name="mouse")
    film = sio.Video.from_filename([str(picture(tmp_path / f"{i}.png", i)) for i in range(2)])
    instance = sio.Instance.from_numpy(np.arange(16.0).reshape(8, 2), skeleton=skeleton)
    path = tmp_path / ("labels.pkg.slp" if packed else "labels.slp")
    labels = sio.Labels([sio.LabeledFrame(video=film, frame_idx=0, instances=[instance])])
    labels.save(str(path), embed="user" if packed else False)
    data = open_labeled(path)
    assert data.skeleton is not None and sorted(data.skeleton.pairs) == [(1, 2), (4, 3), (5, 6)]
    assert side_doubts(data) == []
    crossed = sio.Skeleton(names[5:], symmetries=[("left_ear", "tail")], name="mouse")
    instance = sio.Instance.from_numpy(np.arange(6.0).reshape(3, 2), skeleton=crossed)
    sio.Labels([sio.LabeledFrame(video=film, frame_idx=0, instances=[instance])]).save(str(path), embed=False)
    told = open_labeled(path).skeleton
    assert told is not None and told.pairs == ((0, 2),)


@pytest.mark.slow
def test_several_animals_have_boxes_of_their_own(tmp_path: Path) -> None:
    data = read_sleap(saved(tmp_path / "labels.slp", str(video(tmp_path / "film.avi")), animals=2))
    assert data.ids == ("film/1#0", "film/1#1", "film/3#0", "film/3#1") and data[0].box[2] < 64


def test_faults_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.slp"
    with pytest.raises(UserError, match="does not exist"):
        read_sleap(path)
    path.write_bytes(b"no HDF5")
    with pytest.raises(UserError, match="that sleap-io reads"):
        read_sleap(path)
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(UserError, match=r"semipose\[sleap\]"):
        read_sleap(path)


@pytest.mark.slow
def test_videos_that_moved_are_found_below_the_folder(tmp_path: Path) -> None:
    film = video(tmp_path / "film.avi")
    (tmp_path / "labels").mkdir()
    path = saved(tmp_path / "labels" / "labels.slp", str(film))
    (tmp_path / "videos" / "day 1").mkdir(parents=True)
    film.rename(tmp_path / "videos" / "day 1" / "film.avi")
    with pytest.raises(UserError, match="to semipose init, the folder that holds both"):
        read_sleap(path)
    assert len(read_sleap(path, tmp_path)) == 2


@pytest.mark.parametrize("place", ["video", "source"])
def test_a_video_on_the_network_is_not_asked_for(tmp_path: Path, place: str) -> None:
    path = saved(tmp_path / "labels.slp", str(video(tmp_path / "film.avi")))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/film.mp4"
        with h5py.File(path, "a") as file:
            one = json.loads(file["videos_json"][0])
            if place == "video":
                one["filename"] = one["backend"]["filename"] = address
            else:
                one["source_video"] = {"filename": address, "backend": {"type": "MediaVideo", "filename": address}}
            del file["videos_json"]
            file["videos_json"] = [json.dumps(one).encode()]
        with pytest.raises(UserError, match=r"names a video on the network, http://127.0.0.1"):
            open_labeled(path)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("number", [2**31 - 1, 4])
def test_a_frame_that_the_pictures_do_not_have_is_named(tmp_path: Path, number: int) -> None:
    pictures = [str(picture(tmp_path / "frames" / f"{i}.png", i)) for i in range(4)]
    path = saved(tmp_path / "labels.slp", pictures)
    with h5py.File(path, "a") as file:
        rows = file["frames"][()]
        rows["frame_idx"][0] = number
        file["frames"][...] = rows
    with pytest.raises(UserError, match=rf"labels\.slp: frames has no frame {number}; is it damaged"):
        read_sleap(path)


@pytest.mark.slow
def test_a_joint_beyond_any_image_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "labels.slp", str(video(tmp_path / "film.avi")))
    with h5py.File(path, "a") as file:
        rows = file["points"][()]
        rows["x"][0] = 1e30
        file["points"][...] = rows
    with pytest.raises(UserError, match=r"labels\.slp: frame 1 has a joint beyond 1e\+06 pixels"):
        read_sleap(path)


@pytest.mark.slow
def test_a_deleted_picture_is_left_out_and_named(tmp_path: Path) -> None:
    files = [str(picture(tmp_path / "shots" / f"{i}.png", i)) for i in range(4)]
    path = saved(tmp_path / "labels.slp", files)
    Path(files[1]).unlink()
    data = open_labeled(path)
    assert len(data) == 1 and "left out: 1 labelled frames" in data.remarks[0] and "1.png" in data.remarks[0]
    Path(files[3]).unlink()
    with pytest.raises(UserError, match="does not exist"):
        open_labeled(path)


@pytest.mark.slow
def test_of_two_videos_of_one_name_each_has_its_own_frames(tmp_path: Path) -> None:
    """Beside a file from another machine there may be one of them alone: it is not both."""
    skeleton, user = sio.Skeleton(["nose", "ear_L", "ear_R"], name="mouse"), []
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        film = sio.Video.from_filename(str(video(tmp_path / day / "cam.avi")))
        user.append(sio.LabeledFrame(video=film, frame_idx=1, instances=[sio.Instance.from_numpy(POINTS, skeleton)]))
    path = tmp_path / "labels.slp"
    sio.Labels(user).save(str(path), embed=False)
    assert len(read_sleap(path)) == len(read_sleap(path, tmp_path)) == len(read_sleap(path, tmp_path / "day1")) == 2
    (tmp_path / "moved").mkdir()
    for day in ("day1", "day2"):
        (tmp_path / day).rename(tmp_path / "moved" / day)
    assert [s.session for s in read_sleap(path, tmp_path / "moved")] == ["day1/cam", "day2/cam"]
    (tmp_path / "moved" / "day1" / "cam.avi").rename(tmp_path / "cam.avi")
    data = read_sleap(path, tmp_path / "moved")
    assert [s.session for s in data] == ["day2/cam"] and any("left out: 1 labelled frames" in r for r in data.remarks)


def test_names_of_videos_are_as_short_as_tells_them_apart() -> None:
    def named(*files: str) -> list[str]:
        return sleap._sessions([{"source": [file], "pictures": False} for file in files])

    assert named("/a/x/cam.mp4", "/a/y/cam.mp4", "C:\\z\\top.mp4") == ["x/cam", "y/cam", "top"]
    assert named("/a/x/cam.mp4", "/b/x/cam.mp4", "/a/x/cam.mp4") == ["cam-0", "b/x/cam", "cam-2"]
    assert len(set(named("/a/x/cam.mp4", "/a/x/cam.mp4", "", "../cam.mp4"))) == 4
