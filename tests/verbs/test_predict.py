from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import semipose
from semipose.cli import main
from tests.fixtures.runs import untrained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("predict") / "run", "single")


def test_python_and_the_shell_write_the_same(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    how = {"formats": ("coco", "csv"), "overlay": False, "device": "cpu", "progress": False, "decode": "dark"}
    result = semipose.predict(run, tmp_path / "a.png", out=tmp_path / "python", **how)  # type: ignore[arg-type]
    assert result.frames == 1 and not result.damaged and not capsys.readouterr().out
    words = ["--formats", "coco", "csv", "--no-overlay", "--device", "cpu", "--decode", "dark"]
    assert main(["predict", str(run), str(tmp_path / "a.png"), *words, "--out", str(tmp_path / "shell")]) == 0
    said = capsys.readouterr().out
    for file in result.files:
        assert (tmp_path / "shell" / file.name).read_bytes() == file.read_bytes()
        assert str(tmp_path / "shell" / file.name) in said
    assert len(json.loads((tmp_path / "shell" / "keypoints.json").read_text())) == 1


def test_views_are_said_in_python_and_in_the_shell(run: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    how = {"overlay": False, "device": "cpu", "progress": False}
    plain, none, several = (
        semipose.predict(run, tmp_path / "a.png", out=tmp_path / name, **more, **how).files[0].read_bytes()  # type: ignore[arg-type]
        for name, more in (("plain", {}), ("none", {"views": "none"}), ("several", {"views": "flip+turn15"}))
    )
    assert plain == none != several
    words = ["--no-overlay", "--device", "cpu", "--views", "flip+turn15", "--out", str(tmp_path / "shell")]
    assert main(["predict", str(run), str(tmp_path / "a.png"), *words]) == 0
    assert (tmp_path / "shell" / "keypoints.json").read_bytes() == several


def test_a_run_trained_on_boxes_asks_for_them(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxed = tmp_path / "run"
    boxed.mkdir()
    for name in ("model.safetensors", "model.json"):
        (boxed / name).write_bytes((run / name).read_bytes())
    (boxed / "config.yaml").write_text("data: {boxes: labels}")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 80, 3), np.uint8))
    words = ["predict", str(boxed), str(tmp_path / "a.png"), "--no-overlay", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert "semipose predict: " in (said := capsys.readouterr()).err and "1 images and frames" in said.out


def test_a_format_without_its_package_is_refused_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tables", None)
    words = ["predict", str(tmp_path / "no run"), str(tmp_path / "no video.mp4"), "--formats", "csv", "dlc"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 1
    assert "pip install 'semipose[dlc]'; or its CSV, dlc-csv" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_picture_has_a_legend_unless_it_is_not_wanted(run: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    for words, high in (([], False), (["--no-legend", "--names", "--colors", "side"], True)):
        more = ["--device", "cpu", "--out", str(tmp_path / "out"), *words]
        assert main(["predict", str(run), str(tmp_path / "a.png"), *more]) == 0
        assert (cv2.imread(str(tmp_path / "out" / "a.jpg")).shape[0] == 60) == high
