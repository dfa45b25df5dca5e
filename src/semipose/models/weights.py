"""Weights on disk: `model.safetensors` beside `model.json`, enough to predict without the run they come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import save
from torch import nn

from semipose.errors import UserError
from semipose.files import read_mapping, write_atomically
from semipose.heatmap import DECODERS
from semipose.models.build import build_model
from semipose.models.config import ModelConfig
from semipose.models.pose import SimpleBaseline
from semipose.models.tensors import description_of, load_weights
from semipose.skeleton import Skeleton


def save_model(
    stem: Path,
    network: nn.Module,
    config: ModelConfig,
    skeleton: Skeleton,
    first_cell: float | None = None,
    decode: str | None = None,
) -> None:
    """Write `<stem>.safetensors` and `<stem>.json`: model, skeleton, the weights' SHA-256, the first cell's pixel where
    that is not the package's own (see `SimpleBaseline`), and how the run that trained it decodes."""
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
    write_atomically(stem.with_name(f"{stem.name}.safetensors"), data)
    write_atomically(stem.with_name(f"{stem.name}.json"), (json.dumps(content, indent=1) + "\n").encode())


class TrainedModel(NamedTuple):
    """A trained network, ready to predict, and what it was trained as. `decode`: that of its run."""

    network: SimpleBaseline
    skeleton: Skeleton
    config: ModelConfig
    decode: str = "quarter"


def load_model(path: Path) -> TrainedModel:
    """The network and its skeleton from a `model.safetensors`, or from the run folder that holds one."""
    if not path.exists():
        raise UserError(f"{path} does not exist; name a run's folder or a model.safetensors")
    path = path / "model.safetensors" if path.is_dir() else path
    description = description_of(path)
    try:
        skeleton = Skeleton.from_dict(description["skeleton"])
        config = ModelConfig(**{**description["model"], "weights": "none"})  # the file's own are loaded below
        network = build_model(config, len(skeleton))
        network.first_cell = float(description.get("first_cell", network.first_cell))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path.with_suffix('.json')} does not describe a model of this version ({error!r})") from None
    load_weights(network, path)
    run = path.with_name("config.yaml")
    decode = description.get("decode") or (read_mapping(run).get("decode") if run.exists() else None)
    return TrainedModel(network.eval(), skeleton, config, decode if decode in DECODERS else "quarter")
