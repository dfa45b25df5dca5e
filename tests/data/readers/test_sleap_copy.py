"""The program that copies from a .slp, without its process. Whole files: tests/data/readers/test_sleap.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semipose.apart import Refused
from semipose.data.readers.sleap_copy import copy
from tests.fixtures.projects import picture

sio = pytest.importorskip("sleap_io")
h5py = pytest.importorskip("h5py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    film = sio.Video.from_filename([str(picture(tmp_path / f"{i}.png", i)) for i in range(3)])
    nodes = sio.Skeleton(["nose", "tail"], edges=[("nose", "tail")], symmetries=[("tail", "nose")], name="mouse")
    points = np.array([[10.0, 20], [np.nan, np.nan]])
    rows = [
        sio.LabeledFrame(video=film, frame_idx=i, instances=[sio.Instance.from_numpy(points, skeleton=nodes)])
        for i in (0, 2)
    ]
    sio.Labels(rows).save(str(tmp_path / "a.slp"), embed=False)
    return tmp_path / "a.slp"


def test_labels_as_arrays(path: Path) -> None:
    found = copy(str(path))
    about = json.loads(str(found["about"]))
    assert about["joints"] == ["nose", "tail"] and about["links"] == [["nose", "tail"]] and about["name"] == "mouse"
    assert about["symmetries"] == [["nose", "tail"]]
    assert about["videos"][0]["pictures"] and len(about["videos"][0]["files"]) == 3
    assert found["frame"].tolist() == [0, 2] and found["video"].tolist() == [0, 0]
    assert found["points"][:, 0].tolist() == [[10, 20], [10, 20]] and np.isnan(found["points"][:, 1]).all()


def test_what_leads_out_or_is_too_large_is_refused(path: Path) -> None:
    content = path.read_bytes()
    with h5py.File(path, "a") as file:
        file["other"] = h5py.ExternalLink("elsewhere.h5", "/a")
    with pytest.raises(Refused, match="has a link in place of its other"):
        copy(str(path))
    path.write_bytes(content)
    with h5py.File(path, "a") as file:
        file.create_dataset("more", (10**9,), "f8", chunks=(10**5,), compression="gzip")
    with pytest.raises(Refused, match=r"would take \d+ MB of memory"):
        copy(str(path))
    path.write_bytes(content)
    with h5py.File(path, "a") as file:
        file.create_dataset("more", (10,), "f8", chunks=(10,), compression="lzf")
    with pytest.raises(Refused, match="compressed by a filter"):
        copy(str(path))


def test_another_file_and_a_frame_that_is_not_there_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"lacks frame 7 of .*, which cannot be read"):
        copy(str(path), json.dumps([0, 7, str(tmp_path / "0.png"), str(tmp_path / "out.png")]))
    assert not (tmp_path / "out.png").exists()
    path.write_bytes(b"nothing")
    with pytest.raises(Refused, match=r"is not a \.slp that sleap-io reads"):
        copy(str(path))
