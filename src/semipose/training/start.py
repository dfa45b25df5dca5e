"""Starting a run, or going on with one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.errors import UserError
from semipose.signals import Stopped
from semipose.training import loop
from semipose.training.find import asked_for, begun_from, check_found, find_first
from semipose.training.networks import check_networks
from semipose.training.rundir import BEFORE, RunDir, is_run


class Run(NamedTuple):
    """A run on disk, the content of its summary.json (empty where it has not finished), and its configuration."""

    path: Path
    summary: dict[str, Any]
    config: Config


def start(
    config: Config,
    out: str | Path,
    overwrite: bool = False,
    init_from: Sequence[str | Path] | str | Path = (),
    progress: bool = True,
) -> Run:
    """Train as `config` says.

    Args:
        out: the run's folder; a name that is taken gets `-2`, unless `overwrite`.
        init_from: a run folder, checkpoint or model.safetensors to start from; several, one for each network.

    Raises:
        UserError, Stopped: as `run_training`. What was to be overwritten is there again where the run does not begin.
    """
    check_found(config)
    check_networks(config)
    initial = [Path(p) for p in ([init_from] if isinstance(init_from, str | Path) else init_from)]
    if overwrite and is_run(Path(out)):
        refuse_own(config, initial, Path(out))
    run = RunDir.create(Path(out), overwrite)
    with run.restored(Stopped):
        find_first(config, run, progress, initial)
        return Run(run.path, loop.run_training(config, run, None, initial, progress), config)


def refuse_own(config: Config, initial: Sequence[Path], out: Path) -> None:
    """
    Raises:
        UserError: a run begins with what it is to overwrite.
    """
    data, teacher = config.data, getattr(config.method, "teacher", None)
    named = [each for each in (teacher, data.split, data.unlabeled_boxes, config.model.weights) if each]
    for path in (*initial, *map(Path, named)):
        if path.exists() and path.resolve().is_relative_to(out.resolve()):
            raise UserError(f"{path} is in {out}, which --overwrite would remove first; name another folder with --out")


def go_on(resume: str | Path, settings: Mapping[str, Any] | None = None, progress: bool = True) -> Run:
    """Continue a run exactly, from its folder or one of its checkpoints.

    Args:
        settings: laid over the run's own configuration; what no number depends on may differ (`FREE`).

    Raises:
        UserError: there is no checkpoint, another setting differs, or as `run_training`.
    """
    path = Path(resume)
    if (path / BEFORE).is_dir() and not (path / "config.yaml").exists() and asked_for(path) is None:
        old = RunDir(path)
        with old.lock():
            old.restore()  # what was to overwrite it was stopped before it began
    if path.is_dir() and not (path / "config.yaml").exists() and (asked := asked_for(path)) is not None:
        config = resolve(asked, settings or {})
        check_found(config)
        check_networks(config)
        initial = begun_from(path)
        find_first(config, RunDir(path), progress, initial)
        return Run(path, loop.run_training(config, RunDir(path), None, initial, progress), config)
    checkpoint = path / "checkpoints" / "last.ckpt" if path.is_dir() else Path(os.path.abspath(path))
    run = RunDir(checkpoint.parent.parent)
    if not (checkpoint.exists() and (run.path / "config.yaml").exists()):
        raise UserError(f"{path} is neither a run folder with a checkpoint nor a checkpoint of one; nothing to resume")
    config = resolve(Config(), read_yaml(run.path / "config.yaml"), settings or {})
    return Run(run.path, loop.run_training(config, run, checkpoint, progress=progress), config)
