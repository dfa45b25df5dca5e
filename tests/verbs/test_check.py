from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.cli import main
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.skeleton import Skeleton
from semipose.verbs.check import check
from tests.data.readers.test_yolo import yolo
from tests.fixtures.doubted import SKELETON, pictures, sure_model
from tests.fixtures.projects import picture, plain_csv


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    return pictures(tmp_path)


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    return sure_model(monkeypatch, tmp_path)


def test_a_page_shows_it(data: PoseData, sure: str, tmp_path: Path) -> None:
    page = tmp_path / "check.html"
    report = check(data, model=sure, html=page, progress=False)
    assert report.ok and "s6: tail" in report.text() and "-> look at the labels" in report.text()
    html = page.read_text()
    assert html.count("data:image/jpeg") == 1 + 6 and "tail 14 px" in html, "a doubted label, and six to look at"
    assert "Nothing stops training; 1 thing is worth a look." in html
    assert "heights 40" in report.text() and "40 to 40" in html and "100" in html


def test_an_unreadable_image_and_a_joint_that_the_model_lacks(data: PoseData, sure: str, tmp_path: Path) -> None:
    more = Skeleton("four", ("wing", *SKELETON.joints), limbs=((0, 1), (1, 2), (2, 3)))
    wing = np.array([[5, 5, 2]], np.float32)
    samples = tuple(replace(s, keypoints=np.concatenate([wing, s.keypoints])) for s in data)  # type: ignore[list-item]
    Path(data[2].image).write_bytes(b"")
    page = tmp_path / "check.html"
    report = check(replace(data, skeleton=more, samples=samples), model=sure, html=page, progress=False)
    assert "1 of 7 images" in report.text() and "s6: tail 14 px" in report.text()
    assert page.read_text().count("data:image/jpeg") == 1 + 5, "one of six cannot be read"


def test_exit_codes_of_a_data_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain_csv(tmp_path, frames=5)
    assert main(["init", str(tmp_path)]) == 0
    page = tmp_path / "page.html"
    assert main(["check", "--data", str(tmp_path / "data.yaml"), "--html", str(page)]) == 0
    assert f"wrote {page}" in capsys.readouterr().out and "What there is" in page.read_text()
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    content["method"]["name"] = "single"
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(content))
    assert main(["check", "--data", str(tmp_path / "data.yaml")]) == 1
    assert "learns from unlabelled images" in capsys.readouterr().out


def test_validation_data_beside_labels_that_cannot_be_read_have_their_category_too(tmp_path: Path) -> None:
    kinds = {"mouse": ["nose", "tail"], "cage": ["left", "right"]}
    document = {
        "images": [{"id": n, "file_name": picture(tmp_path / f"{n}.png", n).name} for n in range(4)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": n % 2, "bbox": [5, 5, 30, 30], "keypoints": [9, 9, 2, 20, 9, 2]}
            for n in range(4)
        ],
        "categories": [{"id": n, "name": name, "keypoints": kinds[name]} for n, name in enumerate(kinds)],
    }
    (tmp_path / "val.json").write_text(json.dumps(document))
    (tmp_path / "train.json").write_text("{")
    content = {"labeled": "train.json", "val": "val.json", "val_images": ".", "category": "mouse"}
    (tmp_path / "own.yaml").write_text(json.dumps(content))
    text = check(tmp_path / "own.yaml", progress=False).text()
    assert "train.json" in text and "choose one" not in text and "val: val, 2 samples" in text


def test_unlabelled_images_of_a_data_yaml_are_read_too(tmp_path: Path) -> None:
    plain_csv(tmp_path, frames=4)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "broken.png").write_bytes(b"")
    (tmp_path / "own.yaml").write_text(json.dumps({"labeled": "labels.csv", "unlabeled": "more"}))
    report = check(tmp_path / "own.yaml", progress=False)
    assert not report.ok and "unlabeled: image" in report.text() and "broken.png" in report.text()
    assert "labeled: labels, 4 samples" in report.text()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"unlabeled": "frames", "unlabeled_boxes": "nofile.json"}, "nofile.json cannot be read"),
        ({"unlabeled": "frames", "frames": "foo"}, "'foo' is no choice of frames"),
    ],
)
def test_what_stops_the_unlabelled_data_is_said_as_in_training(tmp_path: Path, more: dict[str, str], says: str) -> None:
    plain_csv(tmp_path, frames=4)
    (tmp_path / "own.yaml").write_text(json.dumps({"labeled": "labels.csv", **more}))
    report = check(tmp_path / "own.yaml", progress=False)
    assert not report.ok and "unlabeled: " in report.text() and says in report.text()


def test_a_model_that_is_none_is_refused_before_an_image_is_read(
    data: PoseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semipose.data.checks.check.check", lambda *_, **__: pytest.fail("images were read"))
    (tmp_path / "run" / "finder").mkdir(parents=True)
    with pytest.raises(UserError, match="its training has not finished"):
        check(data, model=tmp_path / "run", progress=False)


def test_labels_themselves_are_checked_as_other_verbs_read_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A YOLO data set's data.yaml, one of several categories, images outside the folder."""
    path = yolo(tmp_path / "yolo")
    main(["check", str(path)])
    assert "labelled joints: point_1 100%" in capsys.readouterr().out
    picture(tmp_path / "images" / "a.png")
    kinds = [{"id": 1, "name": "fox", "keypoints": ["nose", "tail"]}, {"id": 2, "name": "hen", "keypoints": ["beak"]}]
    body = {"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 1, 30, 30], "keypoints": [9, 9, 2]}
    document = {"images": [{"id": 1, "file_name": "../images/a.png"}], "annotations": [body], "categories": kinds}
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.json").write_text(json.dumps(document))
    words = ["check", str(tmp_path / "labels" / "a.json")]
    assert main([*words, "--category", "hen"]) == 1 and "outside" in capsys.readouterr().out
    main([*words, "--category", "hen", "--outside"])
    assert "beak" in capsys.readouterr().out
