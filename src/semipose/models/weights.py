"""Weights on disk: `model.safetensors` beside `model.json`, enough to predict without the run they come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from semipose.config import ModelConfig
from semipose.engine.checkpoint import write_atomically
from semipose.errors import UserError
from semipose.models.pose import SimpleBaseline
from semipose.skeleton import Skeleton


def save_model(stem: Path, network: nn.Module, config: ModelConfig, skeleton: Skeleton) -> None:
    """Write `<stem>.safetensors` and `<stem>.json`: model, skeleton, and the weights' SHA-256."""
    data = save({key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()})
    content = {
        "model": {**asdict(config), "weights": "none"},
        "skeleton": skeleton.to_dict(),
        "input": "RGB in [0, 1]; the network normalises",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_atomically(stem.with_name(f"{stem.name}.safetensors"), data)
    write_atomically(stem.with_name(f"{stem.name}.json"), (json.dumps(content, indent=1) + "\n").encode())


def load_model(path: Path) -> tuple[SimpleBaseline, Skeleton]:
    """The network and its skeleton from a `model.safetensors`, or from the run folder that holds one."""
    from semipose.models import build_model

    path = path / "model.safetensors" if path.is_dir() else path
    description = _description(path)
    try:
        skeleton = Skeleton.from_dict(description["skeleton"])
        config = ModelConfig(**description["model"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path.with_suffix('.json')} does not describe a model ({error!r}); it was edited") from None
    network = build_model(config, len(skeleton))
    load_weights(network, path)
    return network.eval(), skeleton


def load_weights(network: nn.Module, path: Path) -> None:
    """Start `network` from a `model.safetensors`, a run folder, or a checkpoint (its first network).

    Raises:
        UserError: names or shapes of the tensors do not fit.
    """
    state = _tensors(path / "model.safetensors" if path.is_dir() else path)
    mine = network.state_dict()
    wrong = [key for key in mine if key not in state or state[key].shape != mine[key].shape]
    if wrong or len(state) != len(mine):
        raise UserError(
            f"{path} does not fit this network: {len(wrong)} of {len(mine)} tensors are missing or of another shape"
            f"{', first ' + wrong[0] if wrong else ''}; it needs the same backbone, deconvolutions and number of joints"
        )
    network.load_state_dict(state)


def _description(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    try:
        return json.loads(beside.read_text())
    except OSError as error:
        raise UserError(f"{beside} cannot be read ({error.strerror}); it belongs beside {path.name}") from None
    except ValueError:
        raise UserError(f"{beside} is not JSON; it was edited or damaged") from None


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".ckpt":
        from semipose.engine import checkpoint

        prefix = "students.0."
        state = checkpoint.load(path)["method"]
        return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"weights {path} cannot be read ({error.strerror or error})") from None
    beside = path.with_suffix(".json")
    if beside.exists() and hashlib.sha256(data).hexdigest() != _description(path).get("sha256"):
        raise UserError(f"weights {path} are damaged: their checksum is not the one in {beside.name}")
    try:
        return load(data)
    except SafetensorError as error:
        raise UserError(f"{path} is not a safetensors file ({error})") from None
