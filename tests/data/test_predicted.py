"""Predictions do not become labels by themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from semipose.config import DataConfig
from semipose.data.datasets import open_sets
from semipose.data.open import open_labeled
from semipose.data.predicted import NAME, is_predicted, mark_corrected, mark_predicted, refuse_predicted
from semipose.errors import UserError
from semipose.verbs.init import init
from semipose.verbs.pick import pick
from tests.fixtures.films import film
from tests.fixtures.projects import deeplabcut, picture, plain_csv
from tests.fixtures.runs import untrained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("predicted") / "run", "single")


def picked(run: Path, out: Path, form: str) -> Path:
    clip = film(out.parent / "clip.mp4", 6, step=24)
    how = {"frames": "all", "confidence": -9.0, "device": "cpu", "progress": False}
    pick(run, clip, count=2, format=form, out=out, **how)  # type: ignore[arg-type]
    clip.unlink()
    return out


def test_what_is_picked_is_no_label_until_someone_says_so(run: Path, tmp_path: Path) -> None:
    plain_csv(tmp_path)
    out = picked(run, tmp_path / "next", "coco")
    labels = out / "annotations.json"
    assert (out / NAME).exists() and is_predicted(labels) and len(open_labeled(labels)) == 2, "it can be read"
    found = init(tmp_path)
    assert any(f"left out: {labels} holds predictions of semipose" in line for line in found.lines)
    assert "labelled: " in found.lines[0] and "3 instances" in found.lines[0]
    with pytest.raises(UserError, match="nobody has corrected, no labels; correct them in a tool"):
        open_sets(DataConfig(labeled=str(labels)), False, None)
    moved = tmp_path / "elsewhere" / "mine.json"
    moved.parent.mkdir()
    shutil.copy(labels, moved)
    assert is_predicted(moved), "its own mark goes with it"
    document = json.loads(moved.read_text())
    document["annotations"][0]["keypoints"][0] += 1
    moved.write_text(json.dumps(document))
    assert not is_predicted(moved), "a person has moved a joint"
    with pytest.raises(UserError, match="holds predictions"):
        init(out)
    assert "2 instances" in init(out, corrected=True).lines[0] and not is_predicted(labels)
    sets = open_sets(DataConfig(labeled=str(labels), coordinates="file"), False, None)
    assert len(sets.labeled) == 2


def test_a_picked_project_of_deeplabcut(run: Path, tmp_path: Path) -> None:
    out = picked(run, tmp_path / "next", "dlc")
    with pytest.raises(UserError, match="holds predictions of semipose"):
        init(out)
    project = deeplabcut(tmp_path / "project", joints=tuple(open_labeled(out).skeleton.joints))  # type: ignore
    shutil.copytree(out / "labeled-data" / "clip", project / "labeled-data" / "clip")
    found = init(project)
    assert "6 instances in 6 images of 2 videos" in found.lines[0]
    assert any("clip" in line and "nobody has corrected" in line for line in found.lines)
    table = project / "labeled-data" / "clip" / "CollectedData_semipose.csv"
    text = table.read_text().splitlines()
    table.write_text("\n".join([*text[:-1], text[-1].rsplit(",", 1)[0] + ",9.5"]) + "\n")
    (project / "data.yaml").unlink()
    assert not is_predicted(table) and not is_predicted(table.with_suffix(".h5")), "saved in either"
    assert "8 instances in 8 images of 3 videos" in init(project, overwrite=True).lines[0]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"files": [1]}', b'{"files": {"a.csv": "0"}}', b"\xff"])
def test_a_damaged_mark_marks_nothing(tmp_path: Path, content: bytes) -> None:
    path = plain_csv(tmp_path, name="a.csv")
    (tmp_path / NAME).write_bytes(content)
    assert not is_predicted(path)
    refuse_predicted(path)


def test_marks_are_one_a_folder_and_are_settled_together(tmp_path: Path) -> None:
    files = [picture(tmp_path / name) for name in ("a/1.png", "a/2.png", "b/1.png")]
    assert mark_predicted(files) == [tmp_path / "a" / NAME, tmp_path / "b" / NAME]
    assert all(map(is_predicted, files)) and not is_predicted(tmp_path / "a" / "3.png")
    assert mark_corrected(tmp_path) == [tmp_path / "a" / NAME, tmp_path / "b" / NAME]
    assert not any(map(is_predicted, files))
    assert not is_predicted("synth:wild?count=3")
