"""How many damaged inputs end well: python benchmarks/fuzz.py --mutants 20000 --seconds 180

Each mutant of fuzzed.py is read by a forked process with a limit of memory. It ends well where it is refused in one
clear line, or read and what was read can be. Goes on where it stopped, with the same --state.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import resource
import select
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).parents[1]))
os.environ["HF_HUB_OFFLINE"] = "1"  # a setting that is taken away may mean weights from a hub
from benchmarks.fuzzed import APART, TARGETS, h5, nonsense

from semipose.errors import UserError

SLOW, LARGE = 20, 2 << 30
AT_ONCE = 100
"""Mutants of one process: threads and caches of libraries take its room with time."""
PARTS = 4
"""Mutants of a kind that starts no process, for one of a kind that does."""
RAW = re.compile(
    r"\b(NoneType|unhashable|has no attribute|not subscriptable|not iterable|positional argument|invalid literal|codec"
    r"|object is|argument must be|out of range|too large to convert|Traceback|debug shows where|truth value)\b"
)
"""Words of Python's own, which tell a user nothing."""
KINDS = ("refused", "read", "unclear", "nonsense", "crash", "slow", "large")


def verdict(target: str, path: Path, root: Path) -> tuple[str, str]:
    """How one mutant ended, and what was said."""
    out, error = io.StringIO(), io.StringIO()
    said, code = "", 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = TARGETS[target].run(path)
        if isinstance(result, int):
            code = result
            said = "\n".join(
                line for line in (out.getvalue() + error.getvalue()).splitlines() if code or RAW.search(line)
            )
        bad = nonsense(result)
        if bad:
            return "nonsense", bad
        if not said:
            return "read", ""
    except UserError as refused:
        said = str(refused)
        if "\n" in said or not _names(said, path, root):
            return "unclear", said
    except MemoryError as full:
        return "large", repr(full)
    except AssertionError as wrong:
        return "nonsense", repr(wrong)
    except BaseException as raw:
        return "unclear", f"{type(raw).__name__}: {str(raw)[:300]}"
    clear = not RAW.search(said) and said.strip() and len(max(said.splitlines(), key=len)) < 2500
    return ("refused" if clear else "unclear"), said[:1500]


def _names(said: str, path: Path, root: Path) -> bool:
    """Whether a sentence names the file, or one beside it."""
    return str(root) in said or path.stem in said


def worker(jobs: Sequence[tuple[int, str]], pipe: int) -> None:
    """Runs mutants and reports each as a line; a process of its own, which may die."""
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0
    )
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + LARGE, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1), os.dup2(devnull, 2)
    for seed, target in jobs:
        os.write(pipe, f"{json.dumps(['begin', seed, target])}\n".encode())
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        began = time.monotonic()
        try:
            path = TARGETS[target].build(folder)
            what = TARGETS[target].mutate(path, random.Random(f"{seed} {target}"))
            before = time.monotonic()
            kind, said = verdict(target, path, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
        kind = "large" if max(peak - BASE, child) > LARGE else kind
        kind = "slow" if time.monotonic() - before > SLOW else kind
        row = ["end", seed, target, kind, what, said.replace(str(folder), "")[:400], round(time.monotonic() - began, 2)]
        os.write(pipe, f"{json.dumps(row)}\n".encode())
    os._exit(0)


BASE = 0


def run(jobs: Sequence[tuple[int, str]], until: float) -> Iterator[list[Any]]:
    """[seed, target, kind, what, said, seconds] of each, until a time."""
    waiting = list(jobs)
    while waiting and time.monotonic() < until:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                worker(waiting[:AT_ONCE], writing)
            finally:
                os._exit(1)
        os.close(writing)
        now: list[Any] | None = None
        rest = b""
        while time.monotonic() < until:
            ready, _, _ = select.select([reading], [], [], 6 * SLOW)
            block = os.read(reading, 1 << 16) if ready else b""
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                row = json.loads(line)
                if row[0] == "begin":
                    now = row[1:]
                else:
                    now = None
                    waiting.pop(0)
                    yield row[1:]
            if not block:
                break
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, 9)
        _, status = os.waitpid(child, 0)
        os.close(reading)
        if now is not None and time.monotonic() < until:
            waiting.pop(0)
            yield [*now, "crash" if not ready or os.WIFSIGNALED(status) else "unclear", "", f"status {status}", 0.0]


def jobs_of(count: int, start: int = 0, names: Sequence[str] = tuple(TARGETS)) -> list[tuple[int, str]]:
    """Seeds and targets in turn."""
    quick = [name for name in names if name not in APART]
    turn = [*quick * PARTS, *(name for name in names if name in APART)]
    return [(seed, turn[seed % len(turn)]) for seed in range(start, start + count)]


def counts(rows: Sequence[Sequence[Any]]) -> dict[str, int]:
    """The summary of a record."""
    found = Counter(row[2] for row in rows)
    return {
        "mutants": len(rows),
        "refused": found["refused"],
        "unclear": found["unclear"],
        "nonsense": found["nonsense"],
        "crashes": found["crash"],
        "over_20_s": found["slow"],
        "over_2_gb": found["large"],
    }


def warm() -> None:
    """Imports what the workers need, once."""
    global BASE
    h5(Path(tempfile.mkdtemp()))
    for name, target in TARGETS.items():
        if name in APART:
            continue
        quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
        with tempfile.TemporaryDirectory() as folder, quiet[0], quiet[1]:
            target.run(target.build(Path(folder)))
    BASE = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--state", type=Path, default=Path(tempfile.gettempdir()) / "semipose-fuzz.jsonl")
    parser.add_argument("--target", nargs="*", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--first", type=int, default=0, help="the first seed, where there is no state")
    parser.add_argument("--dry", action="store_true", help="no record, and no state: shows what did not end well")
    options = parser.parse_args()
    rows: list[list[Any]] = []
    if not options.dry and options.state.exists():
        rows = [json.loads(line) for line in options.state.read_text().splitlines()]
    warm()
    until = time.monotonic() + options.seconds
    start = max((row[0] for row in rows), default=options.first - 1) + 1
    with open(os.devnull if options.dry else options.state, "a") as state:
        for row in run(jobs_of(options.mutants - len(rows), start, options.target), until):
            rows.append(row)
            state.write(json.dumps(row) + "\n")
            state.flush()
            if row[2] not in ("refused", "read"):
                print(*row, flush=True)
    print(counts(rows))
    if not options.dry and len(rows) >= options.mutants:
        from common import write

        runs = {name: dict(Counter(row[2] for row in rows if row[1] == name)) for name in TARGETS}
        bad = [f"{row[1]}, seed {row[0]}, {row[3]}: {row[2]}" for row in rows if row[2] not in ("refused", "read")]
        write("fuzz", counts(rows), runs, not_well=bad[:50])


if __name__ == "__main__":
    main()
