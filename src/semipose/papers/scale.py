"""A method at the papers' own scale: their data, ResNet18 at 256x192 and their length, unless a row says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from semipose.config.schema import Config, DataConfig
from semipose.methods import options
from semipose.models.config import ModelConfig
from semipose.papers.tables import Make

LABELS = {"1k": 1_000, "5k": 5_000, "10k": 10_000}
OF_RUN = ("decode", "peer", "measure", "threshold")
"""Settings outside the sections."""
Data = Callable[[Path | None], DataConfig]


def paper(data: Data, method: Mapping[str, Any], **model: Any) -> Make:
    """The paper's setting: ResNet18 at 256x192 unless `model` says otherwise; what is in `OF_RUN` is the run's."""
    of_run = {key: model.pop(key) for key in OF_RUN if key in model}
    return lambda seed, root: Config(data(root), ModelConfig(**model), options(**method), seed=seed, **of_run)
