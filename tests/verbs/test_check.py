from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from semipose.cli import main
from semipose.config import Config, DataConfig, ModelConfig
from semipose.data.crops.store import refuse_above
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.inference.predictor import Predictor
from semipose.methods import options
from semipose.models.build import build_model
from semipose.models.weights import save_model
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton
from semipose.verbs.check import check_yaml, coarse, doubtful, first_aid, needed, slow
from tests.fixtures.projects import plain_csv
from tests.fixtures.runs import OPTIONS

SIZE = (40, 60)
SKELETON = Skeleton("three", ("nose", "ear", "tail"), limbs=((0, 1), (1, 2)))
PLACES = np.array([[10, 10], [30, 10], [30, 30]], np.float32)


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    """Seven pictures labelled at `PLACES`; the tail of the last is 15 pixels off."""
    samples = []
    for i in range(7):
        picture = np.random.default_rng(i).integers(0, 255, (*SIZE, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
        points = np.concatenate([PLACES + 0.1 * i, np.full((3, 1), 2)], 1).astype(np.float32)
        points[2, :2] -= 15 * (i == 6) * np.array([0.6, 0.8])
        samples.append(Sample(f"s{i}", str(tmp_path / f"{i}.png"), (0, 0, 60, 40), points))
    return PoseData("d", SKELETON, tuple(samples))


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A model that finds everyone at `PLACES`."""
    config = ModelConfig(size=[32, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8])
    save_model(tmp_path / "model", build_model(config, 3), config, SKELETON)

    def pairs(self: Predictor, given: Iterable) -> Iterator[list[Pose]]:
        for _, (box,) in given:
            yield [Pose(PLACES.astype(np.float64), np.array([0.9, 0.8, 0.7]), box)]

    monkeypatch.setattr(Predictor, "pairs", pairs)
    return str(tmp_path / "model.safetensors")


def test_the_label_that_is_off_is_named_with_its_pixels(data: PoseData, sure: str) -> None:
    (found,) = doubtful(sure, data)
    assert found.sample.id == "s6" and list(found.joints) == ["tail"]
    off = np.hypot(0.6 - 9, 0.6 - 12)
    assert found.joints["tail"] == pytest.approx(off, abs=0.01)
    assert found.far == pytest.approx(off / 20, abs=0.01)


def test_a_page_shows_it(data: PoseData, sure: str, tmp_path: Path) -> None:
    page = tmp_path / "check.html"
    report = first_aid({"labeled": data}, None, sure, page, progress=False)
    assert report.ok and "s6: tail" in report.text() and "-> look at the labels" in report.text()
    html = page.read_text()
    assert html.count("data:image/jpeg") == 1 and "tail 14 px" in html
    assert "Nothing stops training; 1 thing is worth a look." in html
    assert "heights 40" in report.text() and "40 to 40" in html and "100" in html


def test_an_unreadable_image_and_a_joint_that_the_model_lacks(data: PoseData, sure: str, tmp_path: Path) -> None:
    more = Skeleton("four", ("wing", *SKELETON.joints), limbs=((0, 1), (1, 2), (2, 3)))
    wing = np.array([[5, 5, 2]], np.float32)
    samples = tuple(replace(s, keypoints=np.concatenate([wing, s.keypoints])) for s in data)  # type: ignore[list-item]
    Path(data[2].image).write_bytes(b"")
    page = tmp_path / "check.html"
    report = first_aid({"labeled": replace(data, skeleton=more, samples=samples)}, None, sure, page, progress=False)
    assert "1 of 7 images" in report.text() and "s6: tail 14 px" in report.text()
    assert page.read_text().count("data:image/jpeg") == 1


def test_what_is_slow_is_said_with_what_to_do() -> None:
    labels = PoseData("d", SKELETON, tuple(Sample(str(i), f"{i}.png", (0, 0, 9, 9)) for i in range(9)))
    films = tuple(Sample(f"f{i}", f"video:/film.mp4#{i}", (0, 0, 9, 9)) for i in (5, 29_999))
    sets = {"labeled": labels, "unlabeled": PoseData("v", None, films)}
    model = ModelConfig(size=[64, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8])
    quick = Config(model=model, steps=10)
    assert ["30,000 frames of 1 videos" in found.text for found in slow(quick, sets)] == [True]
    hours = slow(replace(quick, steps=10**9, threads=1), {"labeled": labels})
    assert [found.text.split(" on ")[0].startswith("slow: training takes") for found in hours] == [True]
    large = replace(quick, model=replace(model, size=[8992, 8992]), method=options("supervised"), steps=0, epochs=0)
    assert any("GB on disk" in found.text and "jpeg" in found.todo for found in slow(large, {"labeled": labels}))
    many = PoseData("d", SKELETON, tuple(Sample(str(i), f"{i}.png", (0, 0, 9, 9)) for i in range(99)))
    (found,) = (found for found in slow(large, {"labeled": labels, "unlabeled": many, "val": many}) if found.problem)
    assert found.text.startswith("val: the crops of its 99 samples need 24 GB") and "data.reach" in found.todo
    assert not slow(replace(large, data=DataConfig(store="jpeg")), {"labeled": many})
    with pytest.raises(UserError, match=r"data\.store=jpeg .* data\.reach"):
        refuse_above(10**9, 2 * 10**9, many)


def test_joints_nearer_than_a_cell_are_named(data: PoseData) -> None:
    """Nose and ear are 20 pixels apart, in a box of 60x40 that becomes 48x32: 16 pixels of it, 8 cells of stride 2."""
    model = ModelConfig(size=[32, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8], padding=1.0)
    assert not coarse(Config(DataConfig(), model), {"labeled": data})
    (found,) = coarse(Config(DataConfig(), replace(model, padding=9.0)), {"labeled": data})
    assert found.text.startswith("coarse: 2 pairs of joints") and not found.problem
    assert found.ids == ("nose - ear: 0.9 cells", "ear - tail: 0.9 cells")
    assert not coarse(Config(DataConfig(), model), {"labeled": data.unlabeled()})


def test_a_method_without_what_it_needs_is_a_problem(data: PoseData) -> None:
    config = Config(DataConfig(), method=options("single"))
    assert [found.problem for found in needed(config, {"labeled": data, "val": data})] == [True]
    assert [found.problem for found in needed(config, {"labeled": data, "unlabeled": data})] == [False]
    assert not needed(replace(config, method=options("supervised")), {"labeled": data, "val": data})


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


def test_unlabelled_images_of_a_data_yaml_are_read_too(tmp_path: Path) -> None:
    plain_csv(tmp_path, frames=4)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "broken.png").write_bytes(b"")
    (tmp_path / "own.yaml").write_text(json.dumps({"labeled": "labels.csv", "unlabeled": "more"}))
    report = check_yaml(tmp_path / "own.yaml", progress=False)
    assert not report.ok and "unlabeled: image" in report.text() and "broken.png" in report.text()
    assert "labeled: labels, 4 samples" in report.text()
