"""Weights on disk: `model.safetensors` beside `model.json`, enough to predict without the run they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save
from torch import nn

from semipose.errors import UserError, reason_of
from semipose.files import read_mapping, sweep, write_atomically
from semipose.heatmap import DECODERS
from semipose.models.build import build_model
from semipose.models.config import ModelConfig
from semipose.models.error_bars import ErrorBars
from semipose.models.pose import SimpleBaseline
from semipose.models.tensors import description_of, load_weights, tensors_of
from semipose.options import check_limits
from semipose.skeleton import Skeleton


def save_model(
    stem: Path,
    network: nn.Module,
    config: ModelConfig,
    skeleton: Skeleton,
    first_cell: float | None = None,
    decode: str | None = None,
    error_bars: ErrorBars | None = None,
) -> None:
    """Write `<stem>.safetensors` and `<stem>.json`: model, skeleton, the weights' SHA-256, the first cell's pixel where
    that is not the package's own (see `SimpleBaseline`), how the run that trained it decodes, and its error bars."""
    data = save({key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()})
    content: dict[str, Any] = {
        "model": {**asdict(config), "weights": "none"},
        "skeleton": skeleton.to_dict(),
        "input": "RGB in [0, 1]; the network normalises",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    if first_cell is not None:
        content["first_cell"] = first_cell
    if decode is not None:
        content["decode"] = decode
    if error_bars is not None:
        content["error_bars"] = error_bars.to_dict()
    for suffix, written in ((".safetensors", data), (".json", (json.dumps(content, indent=1) + "\n").encode())):
        sweep(place := stem.with_name(f"{stem.name}{suffix}"))
        write_atomically(place, written)


class TrainedModel(NamedTuple):
    """A trained network, ready to predict, and what it was trained as. `decode`: that of its run. `error_bars`: from
    its validation, where it had one."""

    network: SimpleBaseline
    skeleton: Skeleton
    config: ModelConfig
    decode: str = "quarter"
    error_bars: ErrorBars | None = None


def load_model(path: Path) -> TrainedModel:
    """The network and its skeleton from a `model.safetensors`, or from the run folder that holds one."""
    if not path.exists():
        raise UserError(f"{path} does not exist; name a run's folder or a model.safetensors")
    if path.is_dir() and not (path / "model.safetensors").exists():
        raise UserError(without_weights(path))
    path = path / "model.safetensors" if path.is_dir() else path
    if path.suffix != ".safetensors":
        raise UserError(f"{path} is no model.safetensors; name a run's folder, or the file of its weights")
    description, beside = description_of(path), path.with_suffix(".json")
    skeleton, config, error_bars, decode = described(description, beside)
    with _describing(beside):
        _check_size(config, len(skeleton), path)
        network = build_model(config, len(skeleton))
        network.first_cell = float(description.get("first_cell", network.first_cell))
        if not abs(network.first_cell) <= network.stride:
            raise ValueError(f"first_cell is {network.first_cell:g}")
    load_weights(network, path)
    return TrainedModel(network.eval(), skeleton, config, decode or _of_run(beside) or "quarter", error_bars)


def described(content: Mapping[str, Any], where: Path) -> tuple[Skeleton, ModelConfig, ErrorBars | None, str | None]:
    """The skeleton, the network, its error bars and how its run decodes, by a description.

    Raises:
        UserError: it describes none.
    """
    with _describing(where):
        skeleton = Skeleton.from_dict(content["skeleton"])
        config = ModelConfig(**{**content["model"], "weights": "none"})  # the file's own are loaded
        check_limits(config, "model.")
        error_bars = ErrorBars.from_dict(content["error_bars"]) if "error_bars" in content else None
        if error_bars is not None and len(error_bars.joints) != len(skeleton):
            raise ValueError(f"error_bars are of {len(error_bars.joints)} joints")
    return skeleton, config, error_bars, _known(content.get("decode"), where)


@contextmanager
def _describing(where: Path) -> Iterator[None]:
    """Around what reads a description: whatever stands in its place becomes a `UserError`."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where} does not describe a model of this version: {error}") from error
    except Exception as error:
        raise UserError(
            f"{where} does not describe a model of this version ({reason_of(error)}); it was edited or damaged"
        ) from error


def _of_run(beside: Path) -> str | None:
    """How a model's run decodes, by the configuration in its folder."""
    run = beside.with_name("config.yaml")
    return _known(read_mapping(run).get("decode"), run) if run.exists() else None


def _known(decode: Any, where: Path) -> str | None:
    """
    Raises:
        UserError: it decodes by what nobody knows.
    """
    if decode is not None and decode not in DECODERS:
        raise UserError(f"{where}: decode is {str(decode)[:60]!r}; it can be {', '.join(DECODERS)}")
    return decode


def without_weights(folder: Path) -> str:
    """What a folder is that has no model.safetensors: a run that has not finished, or none."""
    if any((folder / name).exists() for name in ("config.yaml", "finder")):
        todo = f"semipose train --resume {folder} goes on"
        return f"{folder} has no model.safetensors: its training has not finished; {todo}"
    return f"{folder} is neither a model.safetensors nor a run folder: it has no config.yaml"


def _check_size(config: ModelConfig, joints: int, path: Path) -> None:
    """That a description's network fits the file of its weights, before there is memory for it.

    Raises:
        UserError: it does not.
    """
    with torch.device("meta"):
        network = build_model(config, joints)
        needed = sum(value.numel() * value.element_size() for value in network.state_dict().values())
        if needed > path.stat().st_size:
            tensors_of(path)  # which says where it was cut short
            raise UserError(f"its network has {needed >> 20} MB of weights, {path.name} has fewer; was one exchanged?")
