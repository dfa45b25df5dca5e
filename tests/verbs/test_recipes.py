from __future__ import annotations

import pytest
import yaml

import semipose
from semipose.cli import main
from semipose.errors import UsageError, UserError
from semipose.papers.find import recipes


def test_the_shell_prints_what_python_gets(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("xie2021/table1",), ("show", "dual")):
        assert main(["recipes", *words]) == 0
        assert capsys.readouterr().out == f"{semipose.recipes(*words)}\n"
    assert all(name in semipose.recipes() for name in recipes())
    assert yaml.safe_load(semipose.recipes("show", "dual"))["method"]["name"] == "dual"


def test_other_words_are_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("show",), ("show", "dual", "single"), ("dual", "single")):
        with pytest.raises(UsageError, match="recipes show NAME"):
            semipose.recipes(*words)
        assert main(["recipes", *words]) == 2
    with pytest.raises(UserError, match="no paper 'dual'"):
        semipose.recipes("dual")
