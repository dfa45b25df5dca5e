"""A progress bar with rate and time left; without a terminal, a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Steps of a run."""

    def __init__(self, show: bool, steps: int, every: float = 30.0) -> None:
        self._show, self._steps, self._every = show, steps, every
        console = Console(stderr=True)
        columns = [TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}")]
        self._bar = Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not show)
        self._live = show and console.is_terminal
        self._note, self._said, self._first, self._began = "", time.perf_counter(), 0, time.perf_counter()

    def __enter__(self) -> Progress:
        if self._live:
            self._bar.start()
            self._task = self._bar.add_task("", total=self._steps, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def start(self, step: int) -> None:
        """Begin at a step, from which the rate is measured."""
        self._first, self._began = step, time.perf_counter()

    def advance(self, step: int, row: Mapping[str, float]) -> None:
        """After a step; `row` holds what was measured at it."""
        if "val/pck" in row:
            self._note = f"PCK {100 * row['val/pck']:.1f} %"
        now = time.perf_counter()
        rate = (step - self._first) / max(now - self._began, 1e-9)
        if self._live:
            self._bar.update(self._task, completed=step, note=f"{rate:.1f} steps/s {self._note}")
        elif self._show and (now - self._said > self._every or step == self._steps):
            self._said = now
            left = (self._steps - step) / max(rate, 1e-9)
            line = f"step {step}/{self._steps}, {rate:.2f} steps/s, {left:.0f} s left {self._note}"
            print(line.rstrip(), file=sys.stderr, flush=True)
