"""Accuracy under perturbations, against networks whose accuracy is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semipose.cli import main
from semipose.errors import UserError
from semipose.papers.configure import read_pair
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from semipose.verbs.gap import gap
from tests.fixtures.runs import tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gap")
    run_training(tiny(folder / "cache", "supervised", steps=1), RunDir.create(folder / "run"), progress=False)
    return folder / "run"


def test_the_verb_writes_what_train_takes_as_its_pair(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = trained.parent / "gap.json"
    assert main(["gap", str(trained), "--views", "affine30", "jc2", "--draws", "2", "--out", str(out)]) == 0
    text, result = capsys.readouterr().out, json.loads(out.read_text())
    assert "affine30" in text and str(out) in text
    assert set(result["views"]) == {"none", "affine30", "jc2"} and result["images"] == 4
    means = [each["pck"] for each in result["views"].values()]
    assert means == sorted(means, reverse=True)
    out.write_text(json.dumps({**result, "method": {"easy": "affine20", "hard": "affine70+jc2"}}))
    assert main(["train", "--recipe", "single", "--pair", str(out), "--print-config", "--method.weight=0.5"]) == 0
    printed = capsys.readouterr().out
    assert "easy: affine20" in printed and "hard: affine70+jc2" in printed and "weight: 0.5" in printed


def test_what_cannot_be_measured_is_refused_in_a_line(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two draws"):
        gap(trained, draws=1)
    with pytest.raises(UserError, match="is a folder"):
        gap(trained, out=tmp_path)
    with pytest.raises(UserError, match="'warp9' is not understood"):
        gap(tmp_path / "nowhere", views=["warp9"])
    with pytest.raises(UserError, match="--val"):
        alone = tmp_path / "model.safetensors"
        for suffix in (".safetensors", ".json"):
            alone.with_suffix(suffix).write_bytes((trained / "model").with_suffix(suffix).read_bytes())
        gap(alone, draws=2)
    (tmp_path / "gap.json").write_text('{"method": {}}')
    with pytest.raises(UserError, match="no pair"):
        read_pair(tmp_path / "gap.json")
    (tmp_path / "gap.json").write_text("[]")
    with pytest.raises(UserError, match="not a result"):
        read_pair(tmp_path / "gap.json")
