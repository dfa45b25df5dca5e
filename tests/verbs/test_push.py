"""A run goes to a hub and another begins from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import semipose
from semipose.cli import main
from tests.fixtures.hub import StubHub
from tests.fixtures.runs import untrained

pytest.importorskip("huggingface_hub")


def finished(folder: Path) -> Path:
    run = untrained(folder, "supervised")
    facts = {"method": "supervised", "steps": 1, "seed": 0, "labels": 12, "unlabeled": 0, "val_images": 0}
    facts |= {"commit": "none", "machine": "one", "parameters": [10], "warnings": [], "val": None}
    (run / "summary.json").write_text(json.dumps(facts))
    return run


def test_what_is_pushed_is_where_a_training_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = StubHub().near(monkeypatch, tmp_path / "cache")
    run = finished(tmp_path / "run")
    assert main(["push", str(run), "owner/name", "--dry"]) == 0
    assert "# owner/name" in capsys.readouterr().out and not hub.asked
    assert main(["push", str(run), "owner/name"]) == 0
    assert f"sent {run} to {hub.address}" in capsys.readouterr().out
    assert {name.rpartition("/")[2] for name in hub.files} == {"README.md", "model.json", "model.safetensors"}
    config = semipose.train(recipe="supervised", from_="hf://owner/name", print_config=True).config
    assert config.model.deconv == [8, 8, 8] and config.model.weights == "none" and config.model.options["channels"]
    assert config.model.size == [256, 192], "the data's own"
    assert main(["train", "--from", "hf://owner/name", "--init-from", str(run)]) == 2
    assert "give one of the two" in capsys.readouterr().err
    hub.close()


def test_a_run_whose_weights_are_damaged_is_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished(tmp_path / "run")
    (run / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes()[:-1] + b"x")
    assert main(["push", str(run), "owner/name"]) == 1
    assert "damaged" in capsys.readouterr().err
