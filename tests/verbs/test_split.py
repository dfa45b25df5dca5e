from __future__ import annotations

from pathlib import Path

import pytest

import semipose
from semipose.cli import main
from semipose.data.open import open_labeled
from semipose.data.split import Split

PEOPLE = "synth:studio?count=20"


def test_python_and_the_shell_write_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "python.json"
    made = semipose.split(PEOPLE, labeled=5, val=4, seed=3, keep_labeled=True, out=file)
    assert (len(made.labeled), len(made.val), len(made.unlabeled)) == (5, 4, 16) and Split.load(file) == made
    words = ["split", PEOPLE, "--labeled", "5", "--val=4", "--seed", "3", "--keep-labeled"]
    assert main([*words, "--out", str(tmp_path / "shell.json")]) == 0
    assert (tmp_path / "shell.json").read_text() == file.read_text()
    assert f"5 labelled, 16 unlabelled, 4 for validation, hash {made.hash[:12]}" in capsys.readouterr().out
    assert semipose.split(open_labeled(PEOPLE), labeled=5, val=4, seed=3, keep_labeled=True, out=file) == made


def test_how_many_are_labelled_has_to_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["split", PEOPLE]) == 2
    assert "--labeled" in capsys.readouterr().err


def test_another_split_is_replaced_only_when_that_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "split.json"
    words = ["split", PEOPLE, "--val=4", "--out", str(file), "--labeled"]
    assert main([*words, "5"]) == main([*words, "5"]) == 0
    before = file.read_text()
    assert main([*words, "6"]) == 1 and file.read_text() == before
    said = "holds another split; name another file with --out, or replace it with --overwrite"
    assert said in capsys.readouterr().err
    assert main([*words, "6", "--overwrite"]) == 0 and len(Split.load(file).labeled) == 6
