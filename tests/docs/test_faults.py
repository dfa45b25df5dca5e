"""benchmarks/faults.py: each fault, provoked for real."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.faults import FAULTS, Place

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops and a run to compare with, for all."""
    return tmp_path_factory.mktemp("shared")


@pytest.mark.slow
@pytest.mark.parametrize("number", FAULTS, ids=[f"{number}-{each[0].__name__}" for number, each in FAULTS.items()])
def test_a_fault_does_what_is_expected(
    number: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(BENCHMARKS)])  # last: a script there has a library's name
    provoked, expected = FAULTS[number]
    assert provoked(Place(tmp_path, shared)) and expected and provoked.__doc__


def test_all_faults_are_provoked() -> None:
    assert [*FAULTS] == [str(number) for number in range(1, 27)]
    assert len({each[0] for each in FAULTS.values()}) == 26
