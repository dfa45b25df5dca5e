"""The package's structure in figures: arrows between rooms that point upwards, circles of imports, how fast the command
line answers, how long the README and how large the records are, and how many methods and recipes learn to the last bit
as they did before the code was laid out anew.

    python benchmarks/house.py

writes results/house.json. The last figure is of the machine that recorded tests/fixtures/losses.json; another one's
arithmetic differs in the last bits.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
import time
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.fixtures.first_steps import all_first_steps, recorded  # noqa: E402
from tests.test_arrows import FILES, LEVEL, MODULES, TREES, imports, room, when_imported  # noqa: E402

from common import write  # noqa: E402
from records import RESULTS  # noqa: E402
from semipose.verbs import names  # noqa: E402

RUNS = 5


def upward() -> int:
    """Imports of a later room, in functions and for type checkers too."""
    return sum(
        LEVEL[room(module)] > LEVEL[Path(file).parts[0].removesuffix(".py")]
        for file in FILES
        for node in ast.walk(TREES[file])
        for module in imports(node)
        if module != "semipose"
    )


def circles() -> int:
    """1 where files import each other in a circle, 0 where none does."""
    graph = {
        file: {MODULES[module] for node in when_imported(TREES[file]) for module in imports(node)} - {file}
        for file in FILES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return 1
    return 0


def seconds(*words: str) -> float:
    """The median time of a command from start to end."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "semipose", *words], capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    return round(statistics.median(times), 3)


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    helps = {name: seconds(name.replace("_", "-"), "--help") for name in names()}
    before, now = recorded(), all_first_steps()
    summary = {
        "upward_arrows": upward(),
        "circles": circles(),
        "help_seconds": seconds("--help"),
        "verb_help_seconds_most": max(helps.values()),
        "recipes_seconds": seconds("recipes"),
        "readme_lines": len((ROOT / "README.md").read_text().splitlines()),
        "results_kb": sum(file.stat().st_size for file in RESULTS.iterdir()) // 1024,
        "source_lines": sum(len((ROOT / "src" / "semipose" / file).read_text().splitlines()) for file in FILES),
        "identical_methods": sum(now[name] == rows for name, rows in before.items()),
        "methods": len(before),
    }
    write("house", summary, {"verb_help_seconds": helps})


if __name__ == "__main__":
    main()
