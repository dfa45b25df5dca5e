"""What is said of unlabelled images, and that the worst come first."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch import nn

from semipose.cli import main
from semipose.errors import UserError
from semipose.inference.uncertainty import open_both
from semipose.verbs.audit import audit
from tests.fixtures.runs import untrained
from tests.fixtures.several import TWO, two_or_none


def picture(path: Path, left: tuple[int, int], right: tuple[int, int], weak: float = 1.0) -> Path:
    image = np.zeros((96, 128, 3), np.uint8)
    cv2.circle(image, left, 5, (0, 0, 255 * weak), -1)
    cv2.circle(image, right, 5, (0, 255 * weak, 0), -1)
    cv2.imwrite(str(path), cv2.GaussianBlur(image, (0, 0), 2))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("audit") / "run")


def test_from_the_command_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "audit"
    assert main(["audit", str(run), "--count", "3", "--device", "cpu", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    found = json.loads((out / "audit.json").read_text())
    assert found["sentence"] in said and f"wrote {out}/audit.html" in said
    scores = [sample["score"] for sample in found["samples"]]
    assert len(scores) == 12 and scores == sorted(scores, reverse=True) and found["networks"] == ["a", "b"]
    rows = list(csv.DictReader((out / "audit.csv").open()))
    assert len(rows) == 12 * 14 and rows[0]["sample"] == found["samples"][0]["id"]
    assert float(rows[0]["x"]) == found["samples"][0]["keypoints"][0][0]
    html = (out / "audit.html").read_text()
    figures = re.findall(r"<figure>.*?</figure>", html, re.DOTALL)
    assert len(figures) == 3 and all(1 <= each.count("data:image/jpeg") <= 2 for each in figures), "cut out, and whole"
    assert found["formula"] in html and "http" not in html
    places = [html.index(sample["id"]) for sample in found["samples"][:3]]
    assert places == sorted(places) and found["samples"][3]["id"] not in html
    assert "the second network" in html and sum(row["worst"] for row in found["joints"].values()) == pytest.approx(
        1, abs=1e-2
    )


def test_one_model_and_a_folder(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    picture(folder / "a.png", (40, 40), (70, 60))
    opened = open_both(run / "model.safetensors", folder, None, None)
    assert list(opened.networks) == ["a"] and opened.unlabeled.ids == ("a.png",)
    kinds = {type(part) for part in opened.networks["a"].modules()}
    assert nn.Conv2d in kinds and nn.BatchNorm2d not in kinds, "folded, as in predict"
    assert len(open_both(run, folder, None, None).known) == 2, "the run's labelled and validation data"


def test_each_body_is_looked_at_and_images_without_one_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, photos = two_or_none(tmp_path, monkeypatch)
    out = tmp_path / "audit"
    assert main(["audit", str(run), str(photos), "--device", "cpu", "--out", str(out)]) == 0
    said = "o body was found in 2 of 5 images, which are not among these: 1.png, 3.png"
    assert said in capsys.readouterr().out and said in (out / "audit.html").read_text()
    found = json.loads((out / "audit.json").read_text())
    assert found["unfound"] == ["1.png", "3.png"] and found["sentence"].startswith("Of 6 predictions")
    assert sorted(sample["id"] for sample in found["samples"]) == [f"{n}.png@{k}" for n in (0, 2, 4) for k in (0, 1)]
    for sample in found["samples"]:
        assert sample["box"] == TWO[int(sample["id"][-1])][:4]
    audit(run, photos, boxes="whole", out=out, device="cpu", progress=False)
    found = json.loads((out / "audit.json").read_text())
    assert len(found["samples"]) == 5 and not found["unfound"]


def test_faults_in_one_line(run: Path, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("labeled: synth:studio?count=2\n")
    with pytest.raises(UserError, match="without unlabelled images; set data"):
        audit(run, tmp_path / "data.yaml", out=tmp_path / "out", progress=False)
    weights = tmp_path / "weights"
    weights.mkdir()
    for kind in ("safetensors", "json"):
        (weights / f"model.{kind}").write_bytes((run / f"model.{kind}").read_bytes())
    with pytest.raises(UserError, match="no unlabelled images of its own"):
        audit(weights, out=tmp_path / "out", progress=False)
    with pytest.raises(UserError, match="nowhere"):
        audit(tmp_path / "nowhere", out=tmp_path / "out", progress=False)
    with pytest.raises(UserError, match="--count"):
        audit(run, count=0, out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
