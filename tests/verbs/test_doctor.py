from __future__ import annotations

from pathlib import Path

import pytest

from semipose.cli import main
from tests.fixtures.projects import deeplabcut, plain_csv


def test_the_verb_takes_data_and_a_data_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = deeplabcut(tmp_path / "project")
    out = ["--out", str(tmp_path / "doctor.jpg")]
    assert main(["doctor", str(project / "config.yaml"), *out]) == 0
    assert "left_ear - right_ear" in capsys.readouterr().out and (tmp_path / "doctor.jpg").exists()
    plain_csv(tmp_path)
    (tmp_path / "data.yaml").write_text("labeled: labels.csv\nskeleton: {pairs: [[nose, tail]]}\n")
    assert main(["doctor", str(tmp_path / "data.yaml"), *out]) == 0
    assert "nose - tail" in capsys.readouterr().out


def test_unclear_names_are_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = plain_csv(tmp_path, joints=("nose", "left_ear", "L_ear", "right_ear"))
    assert main(["doctor", str(path), "--out", str(tmp_path / "doctor.jpg")]) == 1
    assert "not clearly one pair" in capsys.readouterr().out
    file = tmp_path / "data.yaml"
    for skeleton, code in (("{}", 1), ("{pairs: []}", 0), ("{pairs: [[L_ear, right_ear]]}", 0)):
        file.write_text(f"labeled: labels.csv\nskeleton: {skeleton}\n")
        assert main(["doctor", str(file), "--out", str(tmp_path / "doctor.jpg")]) == code
        capsys.readouterr()
        assert main(["check", str(file)]) == 0
        assert ("leave left and right unclear" in capsys.readouterr().out) == bool(code)
