"""What `precision: auto` takes on this machine, how fast that is, and whether accuracy is the same.

    python benchmarks/precision.py
    python benchmarks/precision.py --networks resnet18 --batch 2 --steps 3 --train-steps 0 --out tiny   # a try

Time: for each network whole steps of Single at 128x96 with random weights, in 32 bits, in bf16, and as `auto` chose
before the first of them, in turn, so that a change of the machine's speed meets all three; medians. Accuracy:
supervised training of the mini protocol's synthetic people by Muon, in 32 bits and in bf16; PCK in %, mean of the
seeds. Writes results/precision.json: `auto_over_fp32_NETWORK` and `bf16_over_fp32_NETWORK` are ratios of times,
`pck_fp32` and `pck_bf16` the scores.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from common import pck_percent, run_once, write
from semipose.config import Config, DataConfig, ModelConfig, OptimConfig
from semipose.methods import options
from semipose.models.precision import BF16, FP32
from semipose.papers import mini
from semipose.papers.ours import FAST
from semipose.signals import Interruption
from semipose.training.launch import launch
from semipose.training.loop import Training
from semipose.training.precision import Precision
from semipose.training.progress import Progress
from semipose.training.rundir import RunDir
from semipose.training.stream import loading

NETWORKS = {
    "tf_efficientnet_lite0": [128, 128, 128],
    "resnet18": None,
    "hrnet_w32": None,
}
"""Backbone -> channels of the deconvolutions."""
SHORT = {FP32: "fp32", BF16: "bf16"}


def training(backbone: str, batch: int, turns: int, threads: int, folder: Path) -> Training:
    """A run of Single that is ready to start, of three steps a turn."""
    people = "synth:studio?count={}&start={}"
    config = Config(
        data=DataConfig(people.format(64, 0), unlabeled=people.format(64, 1000), cache=str(folder / "cache")),
        model=ModelConfig(backbone, weights="none", size=[128, 96], deconv=NETWORKS[backbone]),
        method=options("single"),
        optim=OptimConfig(batch=batch),
        steps=3 * turns + 1,  # the last step saves, which is not timed
        log_every=0,
        save_every=0,
        pseudo=0,
        precision="auto",
        threads=threads,
    )
    return Training(config, RunDir.create(folder / backbone), launch(config), progress=False)


def in_turn(
    run: Training, incoming: Iterable[Any], precisions: dict[str, Precision], seconds: dict[str, list[float]]
) -> Iterator[Any]:
    """The batches, each step in the next precision; what it took is appended."""
    names = list(precisions)
    for step, batch in enumerate(incoming):
        name = names[step % len(names)]
        run.precision = precisions[name]
        began = time.perf_counter()
        yield batch
        seconds[name].append(time.perf_counter() - began)


def timed(run: Training) -> dict[str, Any]:
    """Median seconds of a step in each precision, the first turn left out, and what `auto` chose."""
    run.begin()
    chosen = run.precision
    precisions = {"fp32": Precision.of(FP32), "bf16": Precision.of(BF16), "auto": chosen}
    seconds: dict[str, list[float]] = {name: [] for name in precisions}
    with (
        Interruption() as interruption,
        Progress(False, run.steps) as bar,
        loading(run.batches, 0, run.steps, 0, False) as incoming,
    ):
        run._loop(in_turn(run, incoming, precisions, seconds), run.steps, interruption, bar)
    turns = (run.steps - 1) // 3
    medians = {name: round(statistics.median(times[1:turns]), 4) for name, times in seconds.items()}
    return {"step_seconds": medians, "chosen": asdict(chosen)}


def accuracy(precision: str, steps: int, seeds: int, threads: int, root: Path) -> list[dict[str, Any]]:
    """Records of supervised runs, one a seed."""
    runs = []
    for seed in range(seeds):
        config = mini.base(options("supervised"), seed)
        config = replace(
            config,
            data=replace(config.data, unlabeled=None),
            optim=FAST,
            steps=steps,
            eval_every=0,
            precision=precision,
            threads=threads,
        )
        runs.append(run_once(f"people-{SHORT[precision]}-{steps}-seed{seed}", config, root))
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batch", type=int, default=16, help="labelled and unlabelled images each")
    parser.add_argument("--steps", type=int, default=8, help="steps in each precision; the first is not timed")
    parser.add_argument(
        "--train-steps", type=int, default=400, help="of the runs whose accuracy is compared, 0 for none"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="0 leaves torch's choice")
    parser.add_argument("--root", type=Path, default=Path("runs/precision"), help="where those runs are kept")
    parser.add_argument("--out", default="precision", help="the record's name")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    summary: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.networks:
            found[name] = timed(training(name, asked.batch, asked.steps, asked.threads, Path(folder)))
            print(name, found[name], flush=True)
            seconds = found[name]["step_seconds"]
            summary |= {
                f"{each}_over_fp32_{name}": round(seconds[each] / seconds["fp32"], 3) for each in ("auto", "bf16")
            }
    for precision, name in SHORT.items() if asked.train_steps else ():
        runs = accuracy(precision, asked.train_steps, asked.seeds, asked.threads, asked.root)
        found |= {f"people_{name}_seed{seed}": run for seed, run in enumerate(runs)}
        summary[f"pck_{name}"] = round(statistics.mean(pck_percent(run) for run in runs), 2)
    write(asked.out, summary, found)


if __name__ == "__main__":
    main()
