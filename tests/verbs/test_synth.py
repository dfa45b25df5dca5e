from __future__ import annotations

import json
from pathlib import Path

import pytest

import semipose
from semipose.cli import main
from semipose.errors import UserError


def test_python_and_the_shell_write_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = semipose.synth(tmp_path / "python", count=2, domain="studio", seed=4, start=7)
    assert [file.name for file in files] == ["annotations.json", "contact_sheet.png", "images"]
    words = ["--count", "2", "--domain", "studio", "--seed", "4", "--start", "7"]
    assert main(["synth", str(tmp_path / "shell"), *words]) == 0
    assert capsys.readouterr().out.startswith(f"wrote {tmp_path}/shell/annotations.json, ")
    own, shell = (json.loads((tmp_path / name / "annotations.json").read_text()) for name in ("python", "shell"))
    assert own == shell and own["images"][0]["file_name"] == "studio-4-000007.png"
    for image in (tmp_path / "python" / "images").iterdir():
        assert image.read_bytes() == (tmp_path / "shell" / "images" / image.name).read_bytes()


def test_faults_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 1 person, not 0"):
        semipose.synth(tmp_path, count=0)
    with pytest.raises(UserError, match="at most 1,000,000 people"):
        semipose.synth(tmp_path, count=10**30)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="name another"):
        semipose.synth(tmp_path / "file")
