from __future__ import annotations

from pathlib import Path

import pytest

from semipose.cli import main
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
