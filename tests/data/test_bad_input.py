"""Each malformed input ends in one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.malformed import CASES, Case, line_of

from semipose.cli import main


def test_the_table_is_of_different_cases() -> None:
    assert len({case.name for case in CASES}) == len({case.build for case in CASES}) == len(CASES) >= 30


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_malformed_input(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "SLEAP" in case.name:
        pytest.importorskip("sleap_io")
    if "H5" in case.name:
        pytest.importorskip("tables")

    def run(words: list[str]) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        return code, *capsys.readouterr()

    line_of(case, tmp_path / "data", run)
