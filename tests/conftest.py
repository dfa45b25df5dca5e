"""For every test: one CPU thread (small tensors run slower on more), and no deadline a busy machine could miss."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("semipose", deadline=None)
settings.load_profile("semipose")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of crops for all tests of a process."""
    return tmp_path_factory.mktemp("cache")
