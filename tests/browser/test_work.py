"""What a job runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semipose.browser import work


def test_a_verb_leaves_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "code"
    for words, code in ((["--version"], 0), (["report", str(tmp_path / "none")], 1), (["no-such-verb"], 2)):
        assert work.main([str(record), *words]) == code
        assert json.loads(record.read_text()) == {"code": code}
    assert "no command" in capsys.readouterr().err


def test_a_queue_says_which_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from semipose.inference import files, next_labels

    def choose(count: int, run: str, data: str, form: str, out: Path, progress: bool) -> Any:
        out.mkdir(parents=True)
        rows = {"images": [{"file_name": "images/v-img00002.png"}, {"file_name": "images/a.png"}]}
        (out / "annotations.json").write_text(json.dumps(rows))
        (out / "picked.csv").write_text("file,sample,score,distance,worst_joint\nx,y,0.5,1,tail\nx,z,0.25,1,nose\n")
        return next_labels.Choice([], ["video:/v.mp4#2", "/a.png"])

    monkeypatch.setattr(next_labels, "choose_images", choose)
    monkeypatch.setattr(files, "predict_files", lambda *words, **more: None)
    assert work.main([str(tmp_path / "code"), "queue", "runs/one", "data.yaml", "2", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / work.QUEUE).read_text()) == {
        "run": "runs/one",
        "items": [
            {"ref": "video:/v.mp4#2", "file": "v-img00002.png", "score": 0.5, "joint": "tail"},
            {"ref": "/a.png", "file": "a.png", "score": 0.25, "joint": "nose"},
        ],
    }
