"""What `begin` makes of a folder: tests/verbs/test_init.py has the many kinds of folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from semipose.data.project import begin
from semipose.errors import UserError
from tests.fixtures.projects import picture, plain_csv


def test_files_and_lines_of_a_small_folder(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    picture(tmp_path / "more" / "new.png", 99)
    project = begin(tmp_path)
    assert [file.name for file in project.files] == ["data.yaml", "split.json", "unlabeled.json"]
    assert "joints: nose, left_ear, right_ear, tail" in project.lines
    assert "left and right: left_ear - right_ear" in project.lines
    assert "unlabelled: 1 images and 0 videos" in project.lines
    rows = json.loads((tmp_path / "unlabeled.json").read_text())["images"]
    assert rows == [{"file_name": "more/new.png"}]
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content["data"]["labeled"] == "labels.csv" and content["data"]["split"] == "split.json"
    assert content["method"]["name"] == "guarded"
    assert content["data"]["skeleton"]["pairs"] == [["left_ear", "right_ear"]]
    split = json.loads((tmp_path / "split.json").read_text())
    assert not set(split["labeled"]) & set(split["val"]) and len(split["val"]) == 1


def test_another_name_names_all_its_files_and_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    plain_csv(tmp_path)
    names = [file.name for file in begin(tmp_path, tmp_path / "mice.yaml").files]
    assert names == ["mice.yaml", "mice-split.json"]
    with pytest.raises(UserError, match=r"mice\.yaml exists; --overwrite replaces it"):
        begin(tmp_path, tmp_path / "mice.yaml")
    assert [file.name for file in begin(tmp_path, tmp_path / "mice.yaml", overwrite=True).files] == names
    with pytest.raises(UserError, match="gone does not exist"):
        begin(tmp_path / "gone")
