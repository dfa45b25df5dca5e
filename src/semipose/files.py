"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from semipose.errors import UserError


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
