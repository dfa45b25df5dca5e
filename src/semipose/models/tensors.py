"""Tensors in files of weights, and networks that start from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import nn

from semipose import limits
from semipose.errors import UserError, boundary, reason_of
from semipose.files import read_json
from semipose.models import checkpoint
from semipose.skeleton import Skeleton, likened

HEAD = ("head.weight", "head.bias")
"""The tensors with a row a joint."""


def load_weights(network: nn.Module, path: Path, skeleton: Skeleton | None = None, head: bool = True) -> str:
    """Start `network` from a `model.safetensors`, a run folder, or a checkpoint (its first network).

    Args:
        skeleton: the network's joints. Where the file says that it is for others, the head takes those of the same
            name, or of one that means the same (`semipose.skeleton.SYNONYMS`), from it and keeps what it has drawn
            for the rest, which may be all.
        head: from the file too; without, the network keeps what it has drawn for all joints.

    Returns:
        which joint of the head began as which of the file's, in a line; "" where all are the file's own.

    Raises:
        UserError: names or shapes of the tensors do not fit, or the file says that its network sees the other channel
            first.
    """
    path = path / "model.safetensors" if path.is_dir() else path
    state, joints, bgr = _checkpointed(path) if path.suffix == ".ckpt" else tensors_of(path)
    if bgr is not None and bgr != getattr(network, "bgr", bgr):
        raise UserError(
            f"{path} sees {'blue' if bgr else 'red'} first, this network does not; set model.bgr={str(bgr).lower()}"
        )
    mine, said = network.state_dict(), ""
    if not head:
        state |= {key: mine[key] for key in HEAD}
    elif skeleton is not None and joints is not None and tuple(joints) != tuple(skeleton.joints):
        found = likened(Skeleton("weights", tuple(joints)), skeleton)
        said = _mapping(joints, found, skeleton)
        ours = [k for k, at in enumerate(found) if at is not None]
        for key in HEAD:
            if key in state and state[key].shape[1:] == mine[key].shape[1:]:
                begun = mine[key].clone()
                begun[ours] = state[key][[at for at in found if at is not None]].to(begun)
                state[key] = begun
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise UserError(
            f"{path} has {len(broken)} tensors with values that are not finite, first {broken[0]}; it is damaged, or"
            " its training diverged: take another"
        )
    wrong = [key for key in mine if key not in state or state[key].shape != mine[key].shape]
    if wrong or len(state) != len(mine):
        raise UserError(
            f"{path} does not fit this network: {len(wrong)} of {len(mine)} tensors are missing or of another shape"
            f"{', first ' + wrong[0] if wrong else ''}; it needs the same backbone, deconvolutions and number of joints"
        )
    network.load_state_dict(state)
    return said


def _mapping(theirs: Sequence[str], found: Sequence[int | None], skeleton: Skeleton) -> str:
    if all(at is None for at in found):
        ours = _list(skeleton.joints)
        return f"none of its joints ({_list(theirs)}) is one of the data's ({ours}): the head begins anew"
    pairs = [(joint, None if at is None else theirs[at]) for joint, at in zip(skeleton.joints, found, strict=True)]
    taken = [joint if joint == other else f"{joint} (as {other})" for joint, other in pairs if other is not None]
    fresh = [joint for joint, other in pairs if other is None]
    end = f"; begin anew: {', '.join(fresh)}" if fresh else ""
    return f"joints that begin from the weights: {', '.join(taken)}{end}"


def _list(joints: Sequence[str]) -> str:
    return f"{len(joints)}: {', '.join(joints[:3])}{', ...' * (len(joints) > 3)}"


def description_of(path: Path) -> dict[str, Any]:
    """What stands beside a file of weights: the model, its skeleton and the checksum."""
    beside = path.with_suffix(".json")
    if not beside.exists():
        raise UserError(f"{beside} cannot be read: it does not exist; it belongs beside {path.name}")
    content = read_json(beside, once=True)
    if not isinstance(content, dict):
        raise UserError(f"{beside} does not describe a model; it was edited or damaged")
    return content


def _checkpointed(path: Path) -> tuple[dict[str, torch.Tensor], list[str] | None, bool | None]:
    saved = checkpoint.load(path)
    kept, prefix = ("average", "each.0.net.") if "average" in saved else ("method", "students.0.")
    with boundary(path, "a checkpoint of a run"):
        parts: dict[str, torch.Tensor] = saved[kept]
        if not isinstance(parts, dict) or not all(isinstance(value, torch.Tensor) for value in parts.values()):
            raise ValueError("its weights are not all tensors")
        state = {key.removeprefix(prefix): value for key, value in parts.items() if key.startswith(prefix)}
        return state, _names(saved["skeleton"]["joints"]), saved.get("config", {}).get("model", {}).get("bgr")


def _names(joints: Any) -> list[str] | None:
    """Of the joints that a file of weights is for, where it says."""
    if joints is not None and not (isinstance(joints, list) and joints and all(isinstance(j, str) for j in joints)):
        raise ValueError("its joints are no names")
    return joints


def tensors_of(path: Path) -> tuple[dict[str, torch.Tensor], list[str] | None, bool | None]:
    """The tensors; where a description stands beside them, the joints they are for and whether they see blue first."""
    try:
        with limits.opened(path) as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"weights {path} cannot be read ({error.strerror or error})") from None
    description = description_of(path) if path.with_suffix(".json").exists() else {}
    if description and hashlib.sha256(data).hexdigest() != description.get("sha256"):
        raise UserError(f"weights {path} are damaged: their checksum is not the one in {path.stem}.json")
    with boundary(path.with_suffix(".json"), "the description of a model"):
        joints = _names(description.get("skeleton", {}).get("joints"))
        blue = description.get("model", {}).get("bgr")
    try:
        return load(data), joints, blue if isinstance(blue, bool) else None
    except Exception as error:  # safetensors and torch raise several kinds
        raise UserError(f"{path} is not a safetensors file ({reason_of(error)}); copy it again") from error
