from __future__ import annotations

from pathlib import Path

import pytest

from semipose.cli import main
from semipose.data.images import read_image
from semipose.verbs.doctor import doctor
from tests.data.checks.test_swapped import animals, exchanged
from tests.fixtures.projects import deeplabcut, plain_csv


def test_a_picture_of_an_example_its_mirror_image_and_the_suspects(tmp_path: Path) -> None:
    good = doctor(animals(), out=tmp_path / "good.png")
    assert good.ok and "pair: left_ear - right_ear: no sample looks swapped" in good.lines
    assert "without a pair: nose, tail" in good.lines
    bad = doctor(exchanged(animals(), {"3": [0, 2, 1, 3, 4, 5]}), out=tmp_path / "bad.png")
    assert not bad.ok and "    3: left_ear - right_ear" in bad.lines
    first, more = (read_image(each.picture).shape for each in (good, bad))
    assert first[1] == more[1] and more[0] > 1.5 * first[0]


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
