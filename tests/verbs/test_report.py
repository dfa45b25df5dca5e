from __future__ import annotations

from pathlib import Path

import pytest

import semipose
from semipose.cli import main
from semipose.errors import UserError
from tests.fixtures.runs import untrained


def test_one_run_or_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [untrained(tmp_path / name, "single") for name in ("one", "two")]
    assert semipose.report(runs[0]) == runs[0] / "report.html"
    assert semipose.report(runs) == tmp_path / "report.html"
    assert main(["report", *map(str, runs), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path}/page.html\n"
    assert "one" in (tmp_path / "page.html").read_text() and "two" in (tmp_path / "page.html").read_text()
    monkeypatch.chdir(tmp_path)
    assert main(["report", "one"]) == 0
    assert capsys.readouterr().out == "wrote one/report.html\n", "as it was named"
    with pytest.raises(UserError, match="nowhere"):
        semipose.report("nowhere")
