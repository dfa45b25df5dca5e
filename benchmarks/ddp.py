"""How far two processes come to other weights than one.

    python benchmarks/ddp.py
    python benchmarks/ddp.py --methods multiaugs sspcm    # these alone; the rest stays as it is recorded

Every method trains some steps in one process and in two, with the same global batches. Where nothing but rounding
differs, they differ as much as one process does whose first weights are moved by a rounding. Then the commands of
docs/train.md are run: by --devices=2, torchrun, and two launchers as two nodes on this machine; and of two processes
one is killed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).parents[1]))
import torch
import yaml
from tests.fixtures.ranks import free_port, two
from tests.fixtures.runs import child, exit_code, metrics, tiny

from common import write
from records import load
from semipose.config import Config, to_dict
from semipose.methods import METHODS, needs
from semipose.models import checkpoint
from semipose.training import loop
from semipose.training.loop import run_training
from semipose.training.networks import build_networks
from semipose.training.rundir import RunDir

STEPS = 4
SEEDS = (1, 2)
"""Of MultiAugs, beside 0."""
TORCHRUN = (sys.executable, "-m", "torch.distributed.run")


def of(method: str, cache: Path) -> Config:
    """A run of a method that divides over two processes."""
    groups = {"unlabeled_batch": 8} if method in ("mum", "pose_mum", "pose_mum_plus", "guarded") else {}
    return tiny(cache, method, steps=STEPS, log_every=1, eval_every=0, pseudo=0, optim=groups)


def trains(rank: int, config: Config, path: Path, change: Callable[[], None] = lambda: None) -> None:
    """What a process does."""
    change()
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    run_training(config, RunDir.create(path), progress=False)
    os._exit(0)


def apart() -> None:
    """Batch norm by each process's own part, as it is without `over_ranks`."""
    loop.over_ranks = lambda world: contextlib.nullcontext()


def rounded() -> None:
    """All first weights are moved by the smallest step that their numbers have."""

    def build(*arguments: Any) -> Any:
        networks = build_networks(*arguments)
        with torch.no_grad():
            for each in (p for network in networks for p in network.parameters()):
                each.copy_(torch.nextafter(each, torch.full_like(each, torch.inf)))
        return networks

    loop.build_networks = build


def difference(one: Path, other: Path) -> float:
    """The largest of weights and batch norm's statistics, in parts of the largest number of each tensor, or of 1."""
    a, b = (checkpoint.load(path / "checkpoints" / "last.ckpt")["method"] for path in (one, other))
    pairs = [(value.double(), b[name].double()) for name, value in a.items() if isinstance(value, torch.Tensor)]
    return max(float((x - y).abs().max() / max(1.0, x.abs().max())) for x, y in pairs)


def losses(one: Path, other: Path) -> list[float]:
    """The largest difference of a loss in each step, in parts of the step's largest."""
    found = []
    for a, b in zip(*(metrics(RunDir(path)) for path in (one, other)), strict=True):
        names = [name for name in a if name.startswith("loss/") and a[name]]
        found.append(max(abs(float(a[name]) - float(b[name])) for name in names) / max(float(a[n]) for n in names))
    return found


def study(method: str, cache: Path, root: Path) -> dict[str, Any]:
    """One process beside two, beside itself after a rounding, and beside two whose batch norm sees its own part."""
    config = of(method, cache)
    several = of(method, cache)
    several.strategy, several.devices = "ddp", 2
    ended = [exit_code(child(trains, 0, config, root / "one"), 120)]
    ended += [exit_code(child(trains, 0, config, root / "rounded", rounded), 120)]
    for name, change in (("two", lambda: None), ("apart", apart)):
        ended += [exit_code(each, 120) for each in two(trains, several, root / name, change)]
    assert ended == [0] * 6, ended
    row = {name: difference(root / "one", root / name) for name in ("two", "rounded", "apart")}
    of_steps = losses(root / "one", root / "two")
    return {**row, "first_loss": of_steps[0], "largest_loss": max(of_steps)}


def with_seed(seed: int, cache: Path, root: Path) -> float:
    """How far two processes come from one with MultiAugs, which pastes patches at places that a network finds."""
    config = of("multiaugs", cache)
    config.seed = seed
    several = replace(config, strategy="ddp", devices=2)
    ended = [exit_code(child(trains, 0, config, root / "one"), 120)]
    ended += [exit_code(each, 120) for each in two(trains, several, root / "two", lambda: None)]
    assert ended == [0] * 3, ended
    return difference(root / "one", root / "two")


def words(config: Path, out: Path, *more: str) -> list[str]:
    """Of the command."""
    return ["-m", "semipose", "train", "--config", str(config), "--out", str(out), "--strategy=ddp", *more]


def commands(config: Path, root: Path) -> dict[str, list[list[str]]]:
    """The ways to start two processes that docs/train.md has: a launcher a node."""
    node = ["--nnodes=2", "--nproc_per_node=1", "--master_addr=127.0.0.1", f"--master_port={free_port()}"]
    alone = [*TORCHRUN, "--nproc_per_node=2", f"--master_port={free_port()}"]
    nodes = [[*TORCHRUN, *node, f"--node_rank={rank}", *words(config, root / "nodes")] for rank in (0, 1)]
    return {
        "devices": [[sys.executable, *words(config, root / "devices", "--devices=2")]],
        "torchrun": [[*alone, *words(config, root / "torchrun", "--devices=2")]],
        "nodes": [[*line, "--devices=1", "--num_nodes=2"] for line in nodes],
    }


def run(lines: Sequence[Sequence[str]], root: Path) -> list[int]:
    """Exit codes of commands that run at once."""
    with (root / "said").open("w") as said:
        started = [subprocess.Popen(line, stdout=said, stderr=said) for line in lines]
        return [each.wait(300) for each in started]


def killed(config: Path, root: Path) -> tuple[float, str]:
    """The second of two processes is killed while they train: the seconds until the first ended, and what it said."""
    with (root / "said").open("w") as said:
        first = subprocess.Popen(
            [sys.executable, *words(config, root / "killed", "--devices=2", "--steps=100000")], stdout=said, stderr=said
        )
    try:
        last, until = root / "killed" / "checkpoints" / "last.ckpt", time.monotonic() + 120
        while not last.exists() and time.monotonic() < until:
            time.sleep(0.1)
        (second,) = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        began = time.monotonic()
        os.kill(int(second), signal.SIGKILL)
        code = first.wait(60)
        seconds = time.monotonic() - began
    finally:
        first.kill()
    (line,) = (each for each in (root / "said").read_text().splitlines() if each.startswith("semipose train: "))
    assert code == 1 and "Traceback" not in (root / "said").read_text()
    return seconds, line.replace(str(root), "")


def main() -> None:
    known = [name for name in METHODS if not needs(name).teacher]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=known, help="these alone")
    some = parser.parse_args().methods
    recorded = load("ddp") if some else {"runs": {}}
    runs: dict[str, Any] = dict(recorded["runs"])
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder), Path(folder) / "cache"
        for method in some or known:
            runs[method] = study(method, cache, root / method)
            print(method, runs[method], flush=True)
        for seed in SEEDS if "multiaugs" in (some or known) else ():
            runs[f"multiaugs, seed {seed}"] = with_seed(seed, cache, root / f"seed{seed}")
        seconds, said = (recorded["summary"]["seconds_to_end"], recorded["said"]) if some else started(runs, root)

    alike = [row for name, row in runs.items() if name in METHODS]
    summary = {
        "largest_difference": max(row["two"] for row in alike),
        "median_difference": statistics.median(row["two"] for row in alike),
        "largest_of_a_rounding": max(row["rounded"] for row in alike),
        "largest_apart": max(row["apart"] for row in alike),
        "first_loss": max([row.pop("first_loss") for row in alike if "first_loss" in row]),
        "largest_loss": max(row["largest_loss"] for row in alike),
        "methods": len(alike),
        "steps": STEPS,
        "seconds_to_end": round(seconds, 1),
    }
    if some:
        summary["first_loss"] = max(summary["first_loss"], recorded["summary"]["first_loss"])
    write("ddp", summary, runs, said=said)


def started(runs: dict[str, Any], root: Path) -> tuple[float, str]:
    """The commands, beside what "single" came to in one process; and of two processes one is killed, see `killed`."""
    config = of("single", root / "cache")
    config.save_every = 1
    path = root / "c.yaml"
    path.write_text(yaml.safe_dump(to_dict(config)))
    for name, lines in commands(path, root).items():
        assert set(run(lines, root)) == {0}, (root / "said").read_text()
        runs[f"started by {name}"] = difference(root / "single" / "one", root / name)
        print(name, runs[f"started by {name}"], flush=True)
    return killed(path, root)


if __name__ == "__main__":
    main()
