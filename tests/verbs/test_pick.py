"""Which images are to be labelled next: doubtful ones that differ."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import semipose
from semipose.cli import main
from semipose.config import Config, DataConfig
from semipose.data.open import open_all, open_labeled
from semipose.errors import UserError
from semipose.inference import boxes, next_labels
from semipose.verbs.pick import pick
from tests.fixtures.films import film
from tests.fixtures.runs import untrained
from tests.fixtures.several import TWO, two_or_none


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("pick") / "run", "single")


def test_from_the_command_line_and_back_as_labels(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "next"
    words = ["pick", str(run), "--count", "3", "--format", "coco", "--confidence", "-9", "--device", "cpu"]
    assert main([*words, "--out", str(out)]) == 0
    assert "3 images to label" in capsys.readouterr().out
    rows = list(csv.DictReader((out / "picked.csv").open()))
    data = open_labeled(out / "annotations.json")
    assert [Path(s.image) for s in data] == [out / row["file"] for row in rows] and len(rows) == 3
    # The points are those of the audit, to the thousandth of a pixel.
    found = semipose.audit(run, out=tmp_path / "audit", device="cpu", progress=False)
    said = {sample["id"]: np.array(sample["keypoints"]) for sample in found["samples"]}
    for sample, row in zip(data, rows, strict=True):
        assert sample.keypoints is not None
        assert np.allclose(sample.keypoints[:, :2], said[row["sample"]][:, :2], atol=2e-3)
        assert cv2.imread(sample.image).shape == (192, 160, 3)
    assert main([*words, "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "picked.csv").read_text() == (out / "picked.csv").read_text()


def test_without_a_format_it_is_that_of_the_labels_or_coco(run: Path, tmp_path: Path) -> None:
    found = pick(run, count=1, out=tmp_path / "out", device="cpu", progress=False)
    assert tmp_path / "out" / "annotations.json" in found.files
    project = tmp_path / "project"
    (project / "labeled-data").mkdir(parents=True)
    (project / "config.yaml").touch()
    studio = tmp_path / "export.json"
    studio.write_text('[{"annotations": [{"result": [{"value": {"keypointlabels": ["snout"]}}]}]}]')
    forms = {
        str(project): "dlc",
        str(project / "config.yaml"): "dlc",
        "labels.v002.slp": "sleap",
        "annotations.xml": "cvat",
        str(studio): "label-studio",
        "labels.json": "coco",
        "synth:studio?count=3": "coco",
    }
    for source, form in forms.items():
        assert next_labels._form_of(Config(data=DataConfig(labeled=source))) == form
    assert next_labels._form_of(Config(data=DataConfig(labeled=[str(project), "labels.json"]))) == "dlc"


def test_weak_joints_are_left_to_the_labeller(run: Path, tmp_path: Path) -> None:
    pick(run, count=1, format="coco", confidence=9.0, out=tmp_path / "out", device="cpu", progress=False)
    (row,) = json.loads((tmp_path / "out" / "annotations.json").read_text())["annotations"]
    assert row["num_keypoints"] == 0 and not any(row["keypoints"])


def test_frames_of_a_video_become_pictures_and_labelled_ones_are_not_picked(run: Path, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", 8, step=24)
    found = pick(run, clip, count=2, format="dlc", out=tmp_path / "out", frames="all", device="cpu", progress=False)
    assert (
        not found.remark and (tmp_path / "out" / "labeled-data" / "clip" / "CollectedData_semipose.h5") in found.files
    )
    pictures = sorted((tmp_path / "out" / "labeled-data" / "clip").glob("*.png"))
    numbers = sorted(int(image.rpartition("#")[2]) for image in found.images)
    assert [path.name for path in pictures] == [f"img{n:05d}.png" for n in numbers]
    assert np.median(cv2.imread(str(pictures[1]))) == pytest.approx(20 + 24 * numbers[1], abs=3)
    with pytest.raises(UserError, match="there are 8 images"):
        pick(run, clip, count=9, format="coco", out=tmp_path / "more", frames="all", device="cpu", progress=False)


@pytest.mark.parametrize("form", ["dlc", "coco", "cvat"])
def test_all_bodies_of_an_image_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    if form == "dlc":
        pytest.importorskip("tables")
    run, photos = two_or_none(tmp_path, monkeypatch)
    how = {"format": form, "device": "cpu", "progress": False, "confidence": -9}
    found = pick(run, photos, count=2, out=tmp_path / "out", **how)  # type: ignore[arg-type]
    assert len(set(found.images)) == 2
    assert found.unfound == "no body was found in 2 of 5 images, which are not among these: 1.png, 3.png"
    read = {"dlc": "config.yaml", "coco": "annotations.json", "cvat": "annotations.xml"}
    data = open_all(tmp_path / "out" / read[form])
    assert len(data) == 4 and len(data.images) == 2
    with pytest.raises(UserError, match=r"there are 3 images that are not labelled \(no body was found in 2 of 5"):
        pick(run, photos, count=4, out=tmp_path / "more", **how)  # type: ignore[arg-type]


def test_an_image_with_one_body_has_room_for_those_that_labels_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tables")
    run, photos = two_or_none(tmp_path, monkeypatch)
    monkeypatch.setattr(boxes, "_bodies", lambda *_: lambda pixels: TWO if pixels[0, 0].any() else TWO[:1])
    for black in (0, 2):
        image = cv2.imread(str(photos / f"{black}.png"))
        image[0, 0] = 0
        cv2.imwrite(str(photos / f"{black}.png"), image)
    pick(run, photos, count=1, format="dlc", out=tmp_path / "out", device="cpu", progress=False)
    table = next((tmp_path / "out" / "labeled-data").rglob("*.csv")).read_text()
    assert "individual2" in table


def test_faults_in_one_line(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an image is looked at."""
    how = {"out": tmp_path / "out", "device": "cpu", "progress": False}
    monkeypatch.setattr(next_labels, "judge", lambda *_: pytest.fail("images were looked at"))
    with pytest.raises(UserError, match="there are 12 images that are not labelled"):
        pick(run, count=13, format="coco", **how)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="one image or more"):
        pick(run, count=0, format="coco", **how)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="choose of dlc"):
        pick(run, count=1, format="xml", **how)  # type: ignore[arg-type]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    with pytest.raises(UserError, match="not empty; name a new folder with --out"):
        pick(run, count=1, format="coco", **how)  # type: ignore[arg-type]
