"""Files that are written whole or not at all, and YAML that holds plain values."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import yaml

from semipose.errors import UserError


def ready(path: Path) -> Path:
    """A file that is to be written later: makes its folder.

    Raises:
        UserError: it is a folder itself, or its folder cannot be made or written; better said before the work.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent} cannot be made ({error.strerror or error}); name another file") from None
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path.parent} cannot be written; name a file elsewhere")
    return path


def below(folder: Path) -> list[Path]:
    """All files in a folder and the folders below it, sorted. Folders that are links are entered too, each folder once,
    by its own path where it has one; one that leads back up is not."""
    found: list[Path] = []
    seen, waiting = set(map(str, folder.resolve().parents)), [str(folder)]
    while waiting:
        for here, folders, files in os.walk(waiting.pop(0)):
            real = os.path.realpath(here)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            waiting += [path for path in (os.path.join(here, name) for name in sorted(folders)) if os.path.islink(path)]
            found += [Path(here, name) for name in files]
    return sorted(found)


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write, flush to disk, then rename: the old file stays until the new one is complete.

    One process writes a file at a time; a `.part` that a killed one left is overwritten by the next.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file is as it was.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{path} could not be written ({reason}); what was there before is intact") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


ALIASES, YAML_BYTES = 20, 1 << 24
"""What a YAML file may hold: repeated aliases of aliases would grow without end when they are read out."""


class _Plain(yaml.SafeLoader):
    """Plain values, and few aliases."""

    aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.aliases += self.check_event(yaml.AliasEvent)
        if self.aliases > ALIASES:
            raise yaml.YAMLError(f"more than {ALIASES} aliases")
        return super().compose_node(parent, index)


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file's keys and plain values.

    Raises:
        UserError: it cannot be read, is not YAML or larger than `YAML_BYTES`, has many aliases, or holds no mapping.
    """
    try:
        if path.stat().st_size > YAML_BYTES:
            raise UserError(f"{path} is larger than {YAML_BYTES >> 20} MB; is it YAML?")
        content = yaml.load(path.read_text(encoding="utf-8"), _Plain) or {}
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check the path") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not YAML ({' '.join(str(error).split())[:160]}); mend it") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds {type(content).__name__}, not a mapping of keys to values")
    return content
