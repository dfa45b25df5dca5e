from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.io import netcdf_file

from semipose.outputs.movement import Movement
from tests.fixtures.films import film
from tests.fixtures.predictions import frames, job, pose, written


def texts(file: netcdf_file, name: str) -> list[str]:
    return [b"".join(row).decode().rstrip("\0") for row in file.variables[name][:]]


def test_a_video_s_poses_by_time_space_joint_and_individual(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 4)
    (file,) = written(Movement(job(tmp_path / "out", 2)), list(frames(tmp_path / "clip.mp4", 3)), people=2)
    assert file.name == "clip_semipose.nc"
    with netcdf_file(str(file), "r", mmap=False) as content:
        assert content.variables["position"].dimensions == ("time", "space", "keypoints", "individuals")
        position, confidence = content.variables["position"][:], content.variables["confidence"][:]
        for n in range(3):
            for who, each in enumerate((pose(n), pose(n + 100))):
                assert np.allclose(position[n, :, :, who].T, each.xy) and np.allclose(confidence[n, :, who], each.score)
        assert texts(content, "keypoints") == ["nose", "tail"] and texts(content, "space") == ["x", "y"]
        assert texts(content, "individuals") == ["individual1", "individual2"]
        assert (content.ds_type, content.time_unit) == (b"poses", b"seconds")
        assert np.allclose(content.variables["time"][:], np.arange(3) / content.fps)


def test_images_are_numbered_and_named_and_fewer_poses_are_nan(tmp_path: Path) -> None:
    writer = Movement(job(tmp_path, 2))
    with writer:
        for frame in frames(None, 2):
            writer.add(frame, [pose(0)], [0.5])
    with netcdf_file(str(writer.files[0]), "r", mmap=False) as content:
        assert texts(content, "image") == ["0.png", "1.png"] and content.time_unit == b"frames"
        assert np.isnan(content.variables["position"][:][..., 1]).all()


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (frame,) = frames(None, 1)
    odd = replace(frame, name="caf\udce9.png", path="/in/caf\udce9.png")
    (file,) = written(Movement(job(tmp_path)), [odd])
    with netcdf_file(str(file), mmap=False) as read:
        assert texts(read, "image") == ["caf\\udce9.png"]


def test_names_in_other_letters(tmp_path: Path) -> None:
    (frame,) = frames(None, 1)
    (file,) = written(Movement(job(tmp_path)), [replace(frame, name="Schwänzchen 尾.png")])
    with netcdf_file(str(file), mmap=False) as read:
        assert texts(read, "image") == ["Schwänzchen 尾.png"]
