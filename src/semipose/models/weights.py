"""Weights on disk: `model.safetensors` beside `model.json`, enough to predict without the run they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from semipose.config import ModelConfig
from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.heatmap import DECODERS
from semipose.models.pose import SimpleBaseline
from semipose.settings import read_yaml
from semipose.skeleton import Skeleton, joint_map


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


class Loaded(NamedTuple):
    """A trained network, ready to predict, and what it was trained as. `decode`: that of its run."""

    network: SimpleBaseline
    skeleton: Skeleton
    config: ModelConfig
    decode: str = "quarter"


def load_model(path: Path) -> Loaded:
    """The network and its skeleton from a `model.safetensors`, or from the run folder that holds one."""
    from semipose.models import build_model

    if not path.exists():
        raise UserError(f"{path} does not exist; name a run's folder or a model.safetensors")
    path = path / "model.safetensors" if path.is_dir() else path
    description = _description(path)
    try:
        skeleton = Skeleton.from_dict(description["skeleton"])
        config = ModelConfig(**{**description["model"], "weights": "none"})  # the file's own are loaded below
        network = build_model(config, len(skeleton))
        network.first_cell = float(description.get("first_cell", network.first_cell))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path.with_suffix('.json')} does not describe a model of this version ({error!r})") from None
    load_weights(network, path)
    run = path.with_name("config.yaml")
    decode = description.get("decode") or (read_yaml(run).get("decode") if run.exists() else None)
    return Loaded(network.eval(), skeleton, config, decode if decode in DECODERS else "quarter")


def load_weights(network: nn.Module, path: Path, skeleton: Skeleton | None = None) -> None:
    """Start `network` from a `model.safetensors`, a run folder, or a checkpoint (its first network).

    Args:
        skeleton: the network's joints. Where the file says that it is for others, the head takes those of the same
            name from it and keeps what it has drawn for the rest.

    Raises:
        UserError: names or shapes of the tensors do not fit, no joint is the same, or the file says that its network
            sees the other channel first.
    """
    path = path / "model.safetensors" if path.is_dir() else path
    state, joints, bgr = _checkpointed(path) if path.suffix == ".ckpt" else _tensors(path)
    if bgr is not None and bgr != getattr(network, "bgr", bgr):
        raise UserError(
            f"{path} sees {'blue' if bgr else 'red'} first, this network does not; set model.bgr={str(bgr).lower()}"
        )
    mine = network.state_dict()
    if skeleton is not None and joints is not None and tuple(joints) != tuple(skeleton.joints):
        found = joint_map(Skeleton("weights", tuple(joints)), skeleton)
        ours = [k for k, at in enumerate(found) if at is not None]
        if not ours:
            raise UserError(f"{path} is for other joints ({_list(joints)}) than the data ({_list(skeleton.joints)})")
        for key in ("head.weight", "head.bias"):
            if key in state and state[key].shape[1:] == mine[key].shape[1:]:
                head = mine[key].clone()
                head[ours] = state[key][[at for at in found if at is not None]].to(head)
                state[key] = head
    wrong = [key for key in mine if key not in state or state[key].shape != mine[key].shape]
    if wrong or len(state) != len(mine):
        raise UserError(
            f"{path} does not fit this network: {len(wrong)} of {len(mine)} tensors are missing or of another shape"
            f"{', first ' + wrong[0] if wrong else ''}; it needs the same backbone, deconvolutions and number of joints"
        )
    network.load_state_dict(state)


def _list(joints: Sequence[str]) -> str:
    return f"{len(joints)}: {', '.join(joints[:3])}, ..."


def _description(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    try:
        content = json.loads(beside.read_text())
    except OSError as error:
        raise UserError(f"{beside} cannot be read ({error.strerror}); it belongs beside {path.name}") from None
    except ValueError:
        raise UserError(f"{beside} is not JSON; it was edited or damaged") from None
    if not isinstance(content, dict):
        raise UserError(f"{beside} does not describe a model; it was edited or damaged")
    return content


def _checkpointed(path: Path) -> tuple[dict[str, torch.Tensor], list[str], bool | None]:
    from semipose.engine import checkpoint

    prefix = "students.0."
    saved = checkpoint.load(path)
    state = {key.removeprefix(prefix): value for key, value in saved["method"].items() if key.startswith(prefix)}
    return state, saved["skeleton"]["joints"], saved.get("config", {}).get("model", {}).get("bgr")


def _tensors(path: Path) -> tuple[dict[str, torch.Tensor], list[str] | None, bool | None]:
    """The tensors; where a description stands beside them, the joints they are for and whether they see blue first."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"weights {path} cannot be read ({error.strerror or error})") from None
    description = _description(path) if path.with_suffix(".json").exists() else {}
    if description and hashlib.sha256(data).hexdigest() != description.get("sha256"):
        raise UserError(f"weights {path} are damaged: their checksum is not the one in {path.stem}.json")
    try:
        return load(data), description.get("skeleton", {}).get("joints"), description.get("model", {}).get("bgr")
    except SafetensorError as error:
        raise UserError(f"{path} is not a safetensors file ({error})") from None
