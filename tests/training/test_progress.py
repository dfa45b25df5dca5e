from __future__ import annotations

import pytest

from semipose.training.progress import Progress


def test_without_a_terminal_it_prints_a_line_now_and_then_and_the_last(capsys) -> None:
    with Progress(True, 3, every=1e9) as bar:
        bar.start(0)
        bar.advance(1, {})
        bar.advance(2, {"val/pck": 0.5})
        bar.advance(3, {"loss/supervised": 1.0})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("step 3/3") and line.endswith("PCK 50.0 %") and " 0 s left" in line


def test_the_rate_counts_from_where_a_run_was_resumed(capsys, monkeypatch) -> None:
    clock = iter([0.0, 0.0, 100.0, 102.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    with Progress(True, 20, every=0) as bar:
        bar.start(10)
        bar.advance(14, {})
    assert "step 14/20, 2.00 steps/s, 3 s left" in capsys.readouterr().err


@pytest.mark.parametrize("steps", [1, 5])
def test_it_can_be_quiet(capsys, steps) -> None:
    with Progress(False, steps, every=0) as bar:
        bar.start(0)
        bar.advance(steps, {})
    assert capsys.readouterr().err == ""
