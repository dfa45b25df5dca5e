"""Checkpoints that are written whole or not at all, and read only when every byte is as it was written.

A file is one header line, `semipose-checkpoint 1 <sha256 of the rest>`, then torch's zip of tensors and plain values.
It is never unpickled beyond those.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import torch

from semipose.errors import UserError
from semipose.files import write_atomically

MAGIC = b"semipose-checkpoint 1 "


def save(path: Path, state: dict[str, Any]) -> None:
    """Save tensors and plain values; a last.ckpt that stood there is kept as `previous.ckpt` beside it."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    header = MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n"
    if path.name == "last.ckpt" and path.exists():
        spare = path.with_name("previous.ckpt")
        with contextlib.suppress(OSError):
            spare.unlink(missing_ok=True)
            os.link(path, spare)
    write_atomically(path, header, data)


def load(path: Path) -> dict[str, Any]:
    """What `save` was given.

    Raises:
        UserError: the file is missing, cut short, changed, or no checkpoint of ours; names the previous one where that
            is whole.
    """
    try:
        return _read(path)
    except UserError as error:
        spare = path.with_name("previous.ckpt")
        if path.name == "last.ckpt" and _whole(spare):
            raise UserError(f"{error}; {spare} is whole: resume from it with --resume {spare}") from None
        raise


def _whole(path: Path) -> bool:
    try:
        _read(path)
    except UserError:
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        header, _, data = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise UserError(f"checkpoint {path} cannot be read ({error.strerror or error})") from None
    if not header.startswith(MAGIC):
        raise UserError(f"{path} is not a semipose checkpoint")
    if hashlib.sha256(data).hexdigest().encode() != header[len(MAGIC) :]:
        raise UserError(f"checkpoint {path} is damaged: its checksum does not match its content")
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever its bytes made torch raise, they were not ours
        raise UserError(f"checkpoint {path} holds what is not plain tensors and values; refused") from error
