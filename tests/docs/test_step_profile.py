"""benchmarks/step_profile.py counts each moment for one part of a step."""

from __future__ import annotations

import runpy
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """With a clock that goes on by a second whenever it is read."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    script = runpy.run_path(str(ROOT / "benchmarks" / "step_profile.py"))
    clock = count()
    monkeypatch.setattr(time, "process_time", lambda: float(next(clock)))
    return script["Parts"]()


def test_a_part_within_another_is_not_the_other_s(parts: Any) -> None:
    inner = parts.of("inner", lambda: None)
    parts.of("outer", lambda: (inner(), inner()))()
    taken = parts.take()
    assert taken == {"other": 2.0, "outer": 3.0, "inner": 2.0} and not parts.take().get("inner")


def test_a_part_ends_with_an_error_too(parts: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        parts.of("broken", lambda: 1 / 0)()
    parts.take()
    assert set(parts.take()) == {"other"}


def test_the_way_back_is_told_apart(parts: Any) -> None:
    weight = torch.ones(1, requires_grad=True)
    network = parts.of_gradient("networks", lambda x: x * weight)
    loss = parts.of_gradient("losses", lambda y: (y**2).sum())
    result = loss(network(torch.ones(1)))
    parts.take()
    parts.of("losses", result.backward)()
    assert set(parts.take()) == {"other", "losses", "networks"}
