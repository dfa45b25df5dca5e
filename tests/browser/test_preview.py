"""What draws a training's progress."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from semipose.browser import preview
from semipose.config import to_dict
from semipose.errors import UserError
from semipose.models import checkpoint
from semipose.skeleton import LSP
from semipose.training.networks import build_networks
from tests.fixtures.projects import picture
from tests.fixtures.runs import tiny, untrained


def training(folder: Path, step: int = 40) -> Path:
    """A run that goes on, with a checkpoint."""
    config = tiny(folder / "cache")
    state = build_networks(config, LSP)[0].state_dict()
    saved = {"config": to_dict(config), "skeleton": LSP.to_dict(), "progress": {"step": step}}
    saved["method"] = {f"students.0.{name}": value for name, value in state.items()}
    checkpoint.save(folder / "run" / "checkpoints" / "last.ckpt", saved)
    return folder / "run"


def asked(folder: Path) -> tuple[Path, list[str]]:
    """Where it writes, and the frames: a picture, and one that is gone."""
    refs = [str(picture(folder / "a.png", size=(96, 128))), str(folder / "gone.png")]
    (folder / "previews" / "runs+run").mkdir(parents=True)
    (folder / "previews" / preview.FRAMES).write_text(json.dumps(refs))
    return folder / "previews" / "runs+run", refs


def test_lines_are_answered_with_a_low_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(preview.os, "nice", done.append)
    monkeypatch.setattr(preview, "draw", lambda *asked: done.append(asked))
    monkeypatch.setattr(preview.threading.Timer, "start", lambda self: done.append(self.interval))
    preview.main(['["a", "b", "c"]', '["d", "e", "f"]'])
    assert done == [5, (Path("a"), Path("b"), "c"), 60, (Path("d"), Path("e"), "f"), 60]


def test_frames_are_predicted_by_the_newest_checkpoint(tmp_path: Path) -> None:
    run, (out, refs) = training(tmp_path), asked(tmp_path)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert preview.draw(run, out, "one")
    content, key = json.loads((out / "000000040.json").read_text()), preview.key_of(refs[0])
    assert content["step"] == 40 and content["joints"] == list(LSP.joints) and list(content["frames"]) == [key]
    assert content["frames"][key]["size"] == [128, 96] and len(content["frames"][key]["bodies"][0]) == len(LSP)
    assert (out.parent / f"{key}.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert json.loads((out / preview.TOLD).read_text()) == {"stamp": "one", "line": ""}
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert torch.get_num_threads() == 1


def test_a_run_that_has_ended_gives_its_model(tmp_path: Path) -> None:
    untrained(tmp_path / "run")
    (tmp_path / "run" / "summary.json").write_text(json.dumps({"steps": 8}))
    step, predictor = preview.newest(tmp_path / "run")
    assert step == 8 and predictor.skeleton.joints == LSP.joints and predictor.device.type == "cpu"


def test_a_checkpoint_that_is_not_whole_is_a_line(tmp_path: Path) -> None:
    run, (out, _) = training(tmp_path), asked(tmp_path)
    path = run / "checkpoints" / "last.ckpt"
    path.write_bytes(path.read_bytes()[:-100])
    assert not preview.draw(run, out, "two")
    told = json.loads((out / preview.TOLD).read_text())
    assert told["stamp"] == "two" and "damaged" in told["line"] and list(out.glob("*0.json")) == []
    path.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        preview.newest(run)
