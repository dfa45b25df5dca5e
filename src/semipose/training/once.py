"""Trainings that are done once: a finished run of the same configuration is reused, an interrupted one goes on."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from semipose.config import Config, differences, to_dict
from semipose.config.resolve import read_yaml, resolve
from semipose.config.schema import FREE
from semipose.errors import UserError
from semipose.signals import Stopped, stop_if_late
from semipose.training import loop
from semipose.training.find import asked_for
from semipose.training.rundir import RunDir
from semipose.training.start import go_on, start


class Unfinished(Exception):
    """A run that is not recorded, where nothing is to be trained."""


def train_once(
    folder: Path, config: Config, begin: Path | None = None, train: bool = True, progress: bool = True
) -> tuple[Path, bool]:
    """Where the run of this configuration is, and whether it was there, finished, before. One that was interrupted goes
    on; `folder` becomes NAME-2, ... where another configuration has that name.

    Args:
        begin: the run whose weights it starts from.
        train: False raises `Unfinished` where it is not there.

    Raises:
        Stopped: a signal stopped it, with its checkpoint saved; the same call goes on.
    """
    folder = _place(folder, config, begin)
    if (folder / "summary.json").exists():
        return folder, True
    if not train:
        raise Unfinished
    try:
        _train(folder, config, begin, progress)
        stop_if_late(config.steps or 0, folder, GOES_ON)
    except Stopped as stopped:
        raise Stopped(stopped.step, stopped.path, GOES_ON) from None
    return folder, False


GOES_ON = "the same command goes on"


def _train(folder: Path, config: Config, begin: Path | None, progress: bool) -> None:
    """From its last checkpoint, from its finder, or from the start."""
    last = folder / "checkpoints" / "last.ckpt"
    if last.exists():
        loop.run_training(config, RunDir(folder), last, progress=progress)
        return
    asked = None if (folder / "config.yaml").exists() else asked_for(folder)
    if asked is not None and _is_same(asked, config):
        go_on(folder, progress=progress)
    else:
        initial = sorted(begin.glob("model*.safetensors"), key=lambda file: file.stem) if begin else []
        start(config, folder, True, initial, progress)


def _place(folder: Path, config: Config, start: Path | None) -> Path:
    """The folder of a run: where it is recorded with this configuration, else the first of NAME, NAME-2, ... that
    no other configuration has."""
    for number in count(1):
        place = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        if not (place / "config.yaml").exists() or _recorded_as(place, config, start):
            return place
    raise AssertionError


def _recorded_as(place: Path, config: Config, start: Path | None) -> bool:
    try:
        there = resolve(Config(), read_yaml(place / "config.yaml"))  # what it lacks had today's default
    except UserError:
        return False
    record = place.with_name(f"{place.name}.json")
    if record.exists() and json.loads(record.read_text())["start"] != (start and start.name):
        return False
    return _is_same(there, config)


def _is_same(there: Config, config: Config) -> bool:
    changed = (d.split(":")[0] for d in differences(_plain(there), _plain(config)))
    return all(key in FREE for key in changed)


def _plain(config: Config) -> dict[str, Any]:
    """With a teacher by its folder's name: the whole may have moved."""
    values = to_dict(config)
    teacher = values["method"].get("teacher")
    return {**values, "method": {**values["method"], **({"teacher": Path(teacher).name} if teacher else {})}}


class Clock:
    """Says which run is under way, and how long the rest may take by what was trained so far."""

    def __init__(self, costs: Sequence[float], show: bool) -> None:
        self._costs, self._show = list(costs), show
        self._done, self._seconds, self._spent, self._began = 0, 0.0, 0.0, 0.0

    def begin(self, what: str) -> None:
        """A run begins."""
        self._began = time.perf_counter()
        left = sum(self._costs[self._done :]) * self._seconds / self._spent if self._spent else None
        about = "" if left is None else f", at most {left / 60:.0f} min left" if left >= 60 else ", a minute left"
        if self._show:
            print(f"[{self._done + 1}/{len(self._costs)}] {what}{about}", file=sys.stderr, flush=True)

    def end(self, reused: bool) -> None:
        """It is done."""
        if not reused:
            self._seconds += time.perf_counter() - self._began
            self._spent += self._costs[self._done]
        self._done += 1
