"""Which networks are opened. Their scores: tests/inference/test_evaluation.py and tests/verbs/test_evaluate.py."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from semipose.config import Config
from semipose.errors import UserError
from semipose.inference import evaluate as evaluation
from semipose.inference.evaluate import _detected, read_networks
from semipose.models.weights import load_model
from tests.fixtures.runs import untrained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("evaluate") / "run")


def test_the_networks_of_a_run_or_of_a_file(run: Path, tmp_path: Path) -> None:
    networks, config, of_run = read_networks(run)
    assert list(networks) == ["a", "b"] and of_run and config.method.name == "dual" and config.optim.batch == 4
    for name in ("model-b.safetensors", "model-b.json"):
        shutil.copy(run / name, tmp_path / name)
    networks, config, of_run = read_networks(tmp_path / "model-b.safetensors")
    assert list(networks) == ["b"] and not of_run and config.optim == Config().optim
    assert config.model == networks["b"].config and config.model.size == [64, 48]


def test_networks_of_other_joints_are_of_another_run(run: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.json", "model-b.safetensors"):
        shutil.copy(run / name, tmp_path / name)
    about = json.loads((run / "model-b.json").read_text())
    about["skeleton"]["joints"][0] = "another"
    (tmp_path / "model-b.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"holds weights of other joints than model.safetensors, model-b"):
        read_networks(tmp_path)


def test_what_has_no_networks_says_what_to_do(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is neither a model\.safetensors nor a run folder: it has no config.yaml"):
        read_networks(tmp_path)
    shutil.copy(run / "config.yaml", tmp_path)
    with pytest.raises(UserError, match=r"its training has not finished; semipose train --resume .* goes on"):
        read_networks(tmp_path)


def test_a_run_that_ended_before_its_networks_is_called_so_everywhere(tmp_path: Path) -> None:
    """Not `model.json cannot be read`."""
    with pytest.raises(UserError, match=r"is neither a model\.safetensors nor a run folder"):
        load_model(tmp_path)
    (tmp_path / "data.yaml").write_text("")
    with pytest.raises(UserError, match=r"data.yaml is no model\.safetensors; name a run's folder"):
        read_networks(tmp_path / "data.yaml")
    (tmp_path / "finder").mkdir()
    for read in (load_model, read_networks):
        with pytest.raises(UserError, match=re.escape(f"not finished; semipose train --resume {tmp_path} goes on")):
            read(tmp_path)


def test_a_place_that_is_taken_is_said_before_anything_is_scored(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "predict_crops", lambda *_, **__: pytest.fail("that takes long"))
    (run / "evaluation.json").write_text("of another program")
    with pytest.raises(UserError, match=r"evaluation\.json is there and semipose did not write it"):
        evaluation.evaluate_run(run)
    (run / "evaluation.json").unlink()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "which .* is not"),
        ({"annotations": [], "categories": [{"id": 1}]}, "has 0 categories with keypoints"),
        ({"annotations": [], "categories": [{"id": n, "keypoints": ["a"]} for n in (1, 2)]}, "has 2 categories"),
    ],
)
def test_detected_boxes_need_a_coco_file_of_one_category(tmp_path: Path, content: object, says: str) -> None:
    (tmp_path / "val.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=says):
        _detected(tmp_path / "boxes.json", str(tmp_path / "val.json"), None)
    with pytest.raises(UserError, match="which synth:wild is not"):
        _detected(tmp_path / "boxes.json", "synth:wild", None)
