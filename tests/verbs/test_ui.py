"""`semipose ui`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import semipose
from semipose.browser import needs
from semipose.cli import main
from semipose.verbs.ui import _print


def test_the_address_is_printed_and_then_it_serves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("starlette")
    made = semipose.ui(tmp_path, port=0)
    served = []
    made.serve = served.append  # type: ignore[method-assign, assignment]
    _print(made, SimpleNamespace(host="127.0.0.1", browser=False))
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == made.address and served == [False] and said.err == ""
    _print(made, SimpleNamespace(host="0.0.0.0", browser=False))
    assert "other machines" in capsys.readouterr().err
    made._socket.close()


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    assert main(["ui", str(tmp_path)]) == 1
    assert "pip install 'semipose[ui]'" in capsys.readouterr().err
