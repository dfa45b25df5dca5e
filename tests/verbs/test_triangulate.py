from __future__ import annotations

from pathlib import Path

import pytest

from semipose.cli import main
from semipose.verbs.triangulate import triangulate
from tests.fixtures.rig import NAMES, staged


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(staged(tmp_path))
    views = [f"{name}={name}.json" for name in NAMES]
    assert main(["triangulate", "cameras.json", *views, "--truth", "truth.json"]) == 0
    text = capsys.readouterr().out
    assert "12 of 12 joints of 3 people" in text and "absolute      0.0 mm" in text and "wrote points.json" in text
    assert main(["triangulate", "cameras.json", "left.json", "right=right.json"]) == 2
    assert main(["triangulate", "cameras.json", "left=left.json", "left=right.json"]) == 2
    assert "NAME=FILE" in capsys.readouterr().err
    assert main(["triangulate", "cameras.json", *views, "--tolerance", "-1"]) == 1
    assert main(["triangulate", "cameras.json", "left=left.json", "rihgt=right.json"]) == 1
    assert "no camera 'rihgt'; it has left, right, top" in capsys.readouterr().err


def test_videos_of_one_name_are_matched_by_number(tmp_path: Path):
    staged(tmp_path)
    for name in (*NAMES, "truth"):
        path = tmp_path / f"{name}.json"
        path.write_text(path.read_text().replace('"7.jpg"', '"clip.mp4#0"').replace('"8.jpg"', '"clip.mp4#1"'))
    views = {name: tmp_path / name / "keypoints.json" for name in NAMES}
    for name, file in views.items():
        file.parent.mkdir()
        (tmp_path / f"{name}.json").rename(file)
    truth, out = tmp_path / "truth.json", tmp_path / "points.json"
    for _ in range(2):  # as predict names frames, then by numbers
        found = triangulate(tmp_path / "cameras.json", views, truth=truth, out=out)
        assert {person["image_id"] for person in found["people"]} == {0, 1}
        assert found["mpjpe"]["absolute"]["mean"] < 1e-3
        truth.write_text(truth.read_text().replace('"clip.mp4#0"', "0").replace('"clip.mp4#1"', "1"))
