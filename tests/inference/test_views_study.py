"""The study of decoding runs from a run's folder to its figures."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.runs import untrained

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "decoding.py"


@pytest.mark.slow
def test_three_medians_of_one_run(tmp_path: Path) -> None:
    run = untrained(tmp_path / "run", "supervised")
    words = [sys.executable, str(SCRIPT), str(run), "--views", "flip+turn90", "--try"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    figures = ast.literal_eval(said.splitlines()[-1])
    assert list(figures) == ["px_quarter", "px_dark", "px_views"]
    assert all(0 < value < 256 for value in figures.values()) and len(set(figures.values())) == 3
