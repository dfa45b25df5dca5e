"""SIGINT and SIGTERM: finish what is begun, save, and say so."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

EXIT_STOPPED = 3
"""Exit code of what was asked to stop and saved what it had."""


class Stopped(Exception):
    """A run or a prediction was asked to stop, and what it had is on disk."""

    def __init__(self, step: int, path: Path, then: str | None = None, after: str = "") -> None:
        """
        Args:
            then: how to go on, where it is not by resuming the checkpoint `path`.
            after: how far it came, where it is not counted in steps.
        """
        self.step, self.path = step, path
        how = then or f"go on with --resume {path}"
        super().__init__(f"stopped after {after or f'step {step}'}, saved to {path}; {how}")


def stop_if_late(step: int, path: Path, then: str) -> None:
    """After a run that ended, before what comes next.

    Raises:
        Stopped: a signal came too late to stop the run.
    """
    late, Interruption.late = Interruption.late, False
    if late:
        raise Stopped(step, path, then)


class Interruption:
    """Within the `with`, the first signal is remembered for the loop; a second one interrupts at once.

    Attributes:
        late: of all: a signal came when the last run had made its last step, so what comes after it is not begun.
    """

    late = False

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # not the main thread: the caller keeps its signals
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
