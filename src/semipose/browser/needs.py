"""What the server needs beside the base install."""

from __future__ import annotations

from importlib.util import find_spec

from semipose.errors import UserError

NEEDED = ("starlette", "uvicorn")


def refuse_missing() -> None:
    """
    Raises:
        UserError: a package of the extra is not there.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UserError(f"semipose ui needs {' and '.join(missing)}, not installed here: pip install 'semipose[ui]'")
