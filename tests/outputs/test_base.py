from __future__ import annotations

import sys
from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.outputs.base import check_packages
from tests.fixtures.predictions import job


def test_a_place_is_free_but_where_an_input_or_another_s_file_is(tmp_path: Path) -> None:
    own, foreign, given = tmp_path / "own.json", tmp_path / "foreign.json", tmp_path / "given.json"
    own.write_text("[]")
    foreign.write_text("{}")
    given.write_text("[]")
    work = job(tmp_path, 1, given)
    assert work.free("new.json", rb"^\[") == tmp_path / "new.json" and work.free("own.json", rb"^\[") == own
    assert work.free("foreign.json") == foreign, "where nothing says how ours begin"
    for path in (foreign, given):
        with pytest.raises(UserError, match="is there and no prediction of an earlier run"):
            work.free(path.name, rb"^\[")
    own.write_bytes(b"")
    assert work.free("own.json", rb"^\[") == own, "an empty one is nobody's"


@pytest.mark.parametrize(("form", "package"), [("dlc", "tables"), ("dlc", "pandas"), ("sleap", "sleap_io")])
def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, form: str, package: str) -> None:
    check_packages("csv")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"format {form} needs .*{package}.*pip install 'semipose\[{form}\]'"):
        check_packages(form)
