"""Files that a C library parses: read in a process of its own, which may crash on a damaged one, or be ended where it
takes too much memory or time.

The program of such a process is a module with `copy`, a function from a path and words to arrays; it refuses a file by
`Refused`. Nothing but arrays of numbers and texts comes back.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from semipose import limits
from semipose.errors import UserError, reason_of

REFUSED = 3
"""Exit code of a program that says why it does not read a file."""
MEMORY = 3 << 30
"""Bytes that such a process may ask for, where the system has such a limit; its libraries take some 600 MB of them."""
SECONDS, SECONDS_A_MB = 120, 5
SAVE = "save it again, or as another format that is read"

START = "import sys; sys.path.append(sys.argv[1]); from {0} import copy; from {1} import serve; serve(copy)"


class Refused(Exception):
    """Why a file is not read: what follows its name in a sentence."""


def arrays(program: str, path: Path, *words: str, parser: str, todo: str = SAVE) -> dict[str, np.ndarray]:
    """What `copy` of a module gives for a file.

    Args:
        program: the module's name.
        words: for `copy`, after the path.
        parser: the library, as a user may know it.
        todo: about a file that is damaged.

    Raises:
        UserError: the file cannot be read, is refused, or the process died of it.
    """
    if not os.access(path, os.R_OK):
        raise UserError(f"{path} cannot be read; check the path")
    if not path.is_file():
        raise UserError(f"{path} is no plain file; name one")
    root = str(Path(__file__).parents[1])
    command = [sys.executable, "-P", "-c", START.format(program, __name__), root, os.path.abspath(path), *words]
    # An empty list of plugins: no file names a library of HDF5 to load.
    env = {**os.environ, "HDF5_PLUGIN_PRELOAD": "::", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    seconds = SECONDS + SECONDS_A_MB * (path.stat().st_size >> 20)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, env=env)
    except subprocess.TimeoutExpired:
        raise UserError(f"{path} is not read within {seconds} seconds; is it damaged? {todo}") from None
    if done.returncode == REFUSED:
        raise UserError(f"{path} {done.stdout.decode(errors='replace')}")
    try:
        with np.load(io.BytesIO(done.stdout), allow_pickle=False) as file:
            return {name.removeprefix("/"): file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        last = done.stderr.decode(errors="replace").strip()[-2000:]
        cause = RuntimeError(f"exit code {done.returncode}: {last}")
        cause.__cause__ = error
        raise UserError(f"{path} is damaged: {parser} stops on it; {todo}") from cause


def serve(copy: Callable[..., Mapping[str, np.ndarray]]) -> None:
    """The other side: ends this process with the arrays, or why there are none, on standard output."""
    _bounded()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no array
    code = 0
    try:
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{f"/{name}": value for name, value in copy(*sys.argv[2:]).items()})
        out.write(buffer.getbuffer())
    except Refused as why:
        out.write(str(why).encode(errors="replace"))
        code = REFUSED
    except MemoryError:
        out.write(b"asks for more memory than labels need; is it damaged? save it again")
        code = REFUSED
    out.flush()
    os._exit(code)  # a library may crash once more on what it holds of a damaged file


def refuse_more(decoded: int, size: int) -> None:
    """
    Raises:
        Refused: a file of `size` bytes would take more memory than `limits.refuse_large` allows.
    """
    try:
        limits.refuse_large("", decoded, size)
    except UserError as error:
        raise Refused(str(error).strip()) from None


def refused(error: Exception, what: str) -> Refused:
    """Of what a parser raised."""
    return Refused(f"is not {what} ({reason_of(error)}); was it damaged? save it again")


def _bounded() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        pass
