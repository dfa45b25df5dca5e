from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from semipose.cli import main
from semipose.papers import ours
from tests.fixtures.runs import tiny


def test_both_are_trained_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ours, "config", lambda name, seed: replace(tiny(tmp_path, name), seed=seed))
    assert main(["demo", "--out", str(tmp_path / "demo"), "--seed", "3", "--steps", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["method", "supervised", "dual", "gain", "wrote"]
    assert lines[-1] == f"wrote {tmp_path}/demo/report.html" and "in 0.0 minutes" in lines[-2]
    for name in ("supervised", "dual", "."):
        assert "<html" in (tmp_path / "demo" / name / "report.html").read_text()
    supervised, dual, gain = (float(line.split()[1].rstrip("%")) for line in lines[1:4])
    assert gain == pytest.approx(dual - supervised, abs=0.11)
