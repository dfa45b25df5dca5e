"""Checkpoints that are written whole or not at all, and read only when every byte is as it was written.

A file is one header line, `semipose-checkpoint 1 <sha256 of the rest>`, then torch's zip of tensors and plain values.
It is never unpickled beyond those.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from semipose import limits
from semipose.errors import UserError
from semipose.files import sweep, write_atomically

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
    sweep(path)
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
        with limits.opened(path) as file:
            header, _, data = file.read().partition(b"\n")
    except OSError as error:
        raise UserError(f"checkpoint {path} cannot be read ({error.strerror or error})") from None
    if not header.startswith(MAGIC):
        raise UserError(f"{path} is not a semipose checkpoint")
    if hashlib.sha256(data).hexdigest().encode() != header[len(MAGIC) :]:
        raise UserError(f"checkpoint {path} is damaged: its checksum does not match its content")
    try:
        refuse_bomb(path, data)
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        limits.refuse_large(path, _bytes_of(state), len(data))
    except UserError:
        raise
    except Exception as error:  # whatever its bytes made torch raise, they were not ours
        raise UserError(f"checkpoint {path} holds what is not plain tensors and values; refused") from error
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise UserError(f"checkpoint {path} holds {type(state).__name__}, not the parts of a run; refused")
    return state


def refuse_bomb(path: Path, data: bytes) -> None:
    """
    Raises:
        UserError: what torch saved as a zip says that it holds more than `limits.refuse_large` allows.
    """
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            limits.refuse_large(path, sum(entry.file_size for entry in file.infolist()), len(data))


def _bytes_of(value: Any) -> int:
    """Of all tensors in plain values; one that repeats a number takes little in the file.

    Raises:
        ValueError: a list or mapping is there twice, which none of ours is, and could be read out without end.
    """
    seen: set[int] = set()

    def count(value: Any) -> int:
        if isinstance(value, torch.Tensor):
            return value.numel() * value.element_size()
        if not isinstance(value, dict | list | tuple):
            return 0
        if value and id(value) in seen:
            raise ValueError("a part is there twice")
        seen.add(id(value))
        return sum(map(count, value.values() if isinstance(value, dict) else value))

    return count(value)


def refuse_unlike(saved: Any, now: Any, where: str) -> None:
    """That what was saved has the form of what it is to replace: no other keys, tensors of the same shapes, and plain
    values of the same kinds. What is empty or null now can have been anything.

    Raises:
        UserError: it has not; `where` names the first place.
    """
    number = isinstance(now, int | float) and not isinstance(now, bool)
    if isinstance(now, torch.Tensor):
        alike = isinstance(saved, torch.Tensor) and saved.shape == now.shape
    elif number:
        alike = isinstance(saved, int | float) and not isinstance(saved, bool) and math.isfinite(saved)
        alike = alike and (isinstance(now, float) or float(saved).is_integer())
    else:
        alike = isinstance(saved, dict if isinstance(now, dict) else type(now)) or now is None
    if alike and isinstance(now, dict) and now:
        alike = saved.keys() <= now.keys()
    if alike and isinstance(now, list) and now:
        alike = len(saved) == len(now)
    if not alike:
        raise UserError(f"{where} does not fit this run; it was edited, or is of another version")
    if isinstance(now, dict):
        for key in now.keys() & saved.keys():
            refuse_unlike(saved[key], now[key], f"{where}.{key}")
    if isinstance(now, list):
        for i, (old, new) in enumerate(zip(saved, now, strict=False)):
            refuse_unlike(old, new, f"{where}[{i}]")
