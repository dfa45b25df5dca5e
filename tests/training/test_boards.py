from __future__ import annotations

from pathlib import Path

import pytest

from semipose.training import boards
from semipose.training.boards import Boards


def test_rows_become_scalars(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    writer = Boards(tmp_path, 0)
    writer.add({"step": 2, "seconds": 1.5, "val/pck": 0.25})
    writer.add({"step": 4, "seconds": 3.0, "val/pck": 0.5, "lr": 0.1})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("val/pck")] == [(2, 0.25), (4, 0.5)]
    assert set(events.Tags()["scalars"]) == {"val/pck", "lr"}


def test_without_the_package_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "find_spec", lambda name: None)
    Boards(tmp_path, 0).add({"step": 1, "val/pck": 0.5})
    assert not list(tmp_path.iterdir())
