from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import semipose
from semipose.cli import main
from semipose.errors import UsageError, UserError
from semipose.verbs.evaluate import _print
from tests.fixtures.runs import untrained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("evaluate") / "run")


def test_scores_are_returned_written_and_printed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = semipose.evaluate(run, measure="pck", flip_test="plain", decode="dark")
    assert not capsys.readouterr().out and json.loads((run / "evaluation.json").read_text()) == scores
    assert scores["data"] == "validation of the run"
    assert main(["evaluate", str(run), "--measure", "pck", "--decode", "dark", "--flip-test"]) == 0
    text = capsys.readouterr().out
    assert json.loads((run / "evaluation.json").read_text()) == scores
    assert f"wrote {run}/evaluation.json" in text and "PCK@0.1" in text
    assert [line[:10].strip() for line in text.splitlines()[1:5]] == ["network a", "network b", "mean", "ensemble"]
    bars = [line.partition(",")[0] for line in text.splitlines() if ", error bars: " in line]
    assert bars == ["network a", "network b"], "as in the table"


@pytest.mark.slow
def test_views_of_both_networks_and_their_ensemble(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, none = semipose.evaluate(run), semipose.evaluate(run, views="none")
    several = semipose.evaluate(run, views="flip+turn15+scale10", flip_test="plain")
    assert plain == none and set(several) == set(plain) and list(several["networks"]) == ["a", "b"]
    for name in ("a", "b"):
        assert several["networks"][name]["median_error_px"] != plain["networks"][name]["median_error_px"]
    assert several["ensemble"]["median_error_px"] != plain["ensemble"]["median_error_px"]
    assert main(["evaluate", str(run), "--views", "flip+turn15+scale10", "--flip-test"]) == 0
    assert json.loads((run / "evaluation.json").read_text()) == several
    capsys.readouterr()
    assert main(["evaluate", str(run), "--views", "turn200"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "view 'turn200' is impossible; turn takes a turn in degrees" in error


def test_faults_in_one_line(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither a model\.safetensors nor a run folder"):
        semipose.evaluate(tmp_path)
    with pytest.raises(UserError, match="name labelled data with --data"):
        (tmp_path / "own").mkdir()
        for name in ("model.safetensors", "model.json"):
            (tmp_path / "own" / name).write_bytes((run / name).read_bytes())
        semipose.evaluate(tmp_path / "own")
    with pytest.raises(UsageError, match="threshold is -1"):
        semipose.evaluate(run, threshold=-1)


def test_images_that_taught_the_run_are_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labeled = yaml.safe_load((run / "config.yaml").read_text())["data"]["labeled"]
    data = labeled[0] if isinstance(labeled, list) else labeled
    scores = semipose.evaluate(run, data=data)
    assert scores["taught"] == {"images": 12, "of": 12}
    assert main(["evaluate", str(run), "--data", data]) == 0
    said = "12 of these 12 images taught the run with their labels: the scores are better than on new ones"
    assert said in capsys.readouterr().out
    semipose.evaluate(run)
    assert "taught" not in json.loads((run / "evaluation.json").read_text())


def test_a_score_that_cannot_be_is_explained(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = semipose.evaluate(run)
    asked = SimpleNamespace(run=run)
    _print(scores, asked)
    assert "per joint: " in capsys.readouterr().out
    joints = dict.fromkeys(scores["mean"]["per_joint"])
    _print({**scores, "mean": {**scores["mean"], "pck": None, "per_joint": joints}}, asked)
    assert "no PCK@0.1: no sample shows the size" in capsys.readouterr().out
