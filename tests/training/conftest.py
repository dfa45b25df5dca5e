"""One uninterrupted run to compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from tests.fixtures.runs import tiny


@pytest.fixture(scope="session")
def reference(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """`tiny(cache)`, from the first step to the last without a pause."""
    run = RunDir.create(tmp_path_factory.mktemp("reference") / "run")
    run_training(tiny(cache), run, progress=False)
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path / "run")
