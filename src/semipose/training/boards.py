"""TensorBoard, where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class Boards:
    """The rows of metrics.csv as TensorBoard scalars in `<run>/tensorboard`; without the package, nothing."""

    def __init__(self, run: Path, after: int) -> None:
        self._writer: Any = None
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(run / "tensorboard"), purge_step=after + 1)

    def add(self, row: Mapping[str, float]) -> None:
        """One row; its `step` is the abscissa."""
        if self._writer is None:
            return
        for name, value in row.items():
            if name not in ("step", "seconds"):
                self._writer.add_scalar(name, value, int(row["step"]))
        self._writer.flush()
