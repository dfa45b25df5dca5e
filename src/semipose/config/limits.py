"""What the numbers of a configuration can be: the one place for ranges that hold whatever the method and the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from semipose.config import Config, peer_of
from semipose.errors import UsageError

Range = tuple[Callable[[Any], bool], str]


def _least(lowest: float, what: str) -> Range:
    return lambda value: lowest <= value < math.inf, what


def _above_zero(what: str) -> Range:
    return lambda value: 0 < value < math.inf, what


def _each(one: Range, count: int | None = None) -> Range:
    return lambda values: all(map(one[0], values)) and count in (None, len(values)), one[1]


POSITIVE = _above_zero("it is above 0")
RANGES: dict[str, Range] = {
    "seed": _least(0, "it can be 0 or more"),
    "eval_every": _least(0, "it is a number of steps, or 0 to evaluate at the end only"),
    "log_every": _least(0, "it is a number of steps, or 0 for one row, at the end"),
    "save_every": _least(0, "it is a number of steps, or 0 to save at the end only"),
    "threshold": _above_zero("it is a part of what is measured by, above 0, usually 0.1"),
    "pseudo": _least(0, "it is a number of images, 0 for none"),
    "workers": _least(0, "it is a number of processes, 0 to load in the training's own"),
    "threads": _least(0, "it is a number of threads, or 0 for torch's choice"),
    "data.reach": _least(0, "it is an angle in degrees, 0 or more"),
    "optim.lr": _least(0, "it can be 0 or more, usually about 1e-3"),
    "optim.gamma": POSITIVE,
    "optim.batch": _least(1, "it can be 1 or more"),
    "optim.unlabeled_batch": _least(0, "it can be 1 or more, or 0 for optim.batch"),
    "model.sigma": _above_zero("it is a width in cells, above 0, usually 2"),
    "model.padding": _above_zero("it is a factor above 0, usually 1.25"),
    "model.size": _each(_least(1, "it is a height and a width in pixels, as [256, 192]"), 2),
}


def check_ranges(config: Config) -> None:
    """Raises UsageError where a number is outside its range."""
    for key, (fits, what) in RANGES.items():
        section, _, name = key.rpartition(".")
        values = {key: getattr(getattr(config, section) if section else config, name)}
        if section == "model" and name in config.peer:
            values[f"peer.{name}"] = getattr(peer_of(config), name)
        for where, value in values.items():
            if value is None or not fits(value):
                raise UsageError(f"{where} is {'null' if value is None else value}; {what}")
