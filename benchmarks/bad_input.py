"""How many malformed inputs end in one clear line: python benchmarks/bad_input.py

Each case of malformed.py is run as a command of its own kind, in this process: it has to fail with one line that says
what is wrong and where, or, where one can train with it, to say so in a line.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from common import write
from malformed import CASES, line_of
from semipose.cli import main as semipose


def run(words: list[str]) -> tuple[int, str, str]:
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = semipose(words)
    return code, out.getvalue(), error.getvalue()


def main() -> None:
    lines: dict[str, str] = {}
    clear = 0
    with tempfile.TemporaryDirectory() as folder:
        for i, case in enumerate(CASES):
            try:
                lines[case.name] = line_of(case, Path(folder) / str(i), run).replace(f"{folder}/{i}/", "")
                clear += 1
            except AssertionError as fault:
                lines[case.name] = f"NOT CLEAR: {fault}"
    write("bad_input", {"cases": len(CASES), "clear_errors": clear}, lines)


if __name__ == "__main__":
    main()
