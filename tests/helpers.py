"""What several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SEMIPOSE_SHARED", Path(__file__).resolve().parents[2] / "shared" / "data"))


def shared_data(*parts: str) -> Path:
    """The path of a real data file; skips the test where the data is not beside the checkout."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data absent: {path} (set SEMIPOSE_SHARED to the folder that holds it)")
    return path
