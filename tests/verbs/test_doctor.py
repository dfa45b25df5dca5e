from __future__ import annotations

import json
from pathlib import Path

import pytest

import semipose
from semipose.cli import main
from tests.fixtures.projects import deeplabcut, picture, plain_csv


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


def test_which_kind_of_thing_where_there_are_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {"mouse": ["nose", "left_ear", "right_ear"], "cup": ["rim", "left_handle", "right_handle"]}
    categories = [{"id": n, "name": name, "keypoints": joints} for n, (name, joints) in enumerate(kinds.items())]
    images = [{"id": n, "file_name": picture(tmp_path / f"{n}.png", n).name} for n in range(4)]
    rows = [
        {
            "id": n,
            "image_id": n,
            "category_id": n % 2,
            "bbox": [5, 5, 30, 30],
            "keypoints": [9, 9, 2, 20, 9, 2, 9, 20, 2],
        }
        for n in range(4)
    ]
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}))
    out = ["--out", str(tmp_path / "doctor.jpg")]
    for kind in kinds:
        main(["doctor", str(file), "--category", kind, *out])
        assert f"left_{'ear' if kind == 'mouse' else 'handle'} - right" in capsys.readouterr().out
        made = semipose.split(file, labeled=1, category=kind, out=tmp_path / f"{kind}.json")
        assert len(made.labeled) + len(made.unlabeled) == 2
    assert main(["doctor", str(file), *out]) == 1 and "mouse" in capsys.readouterr().err
