"""A speed run: how many seconds of two cores until validation reaches what today's default reaches.

    python benchmarks/speedrun.py mouse --setting muon --steps 300 --eval-every 25 --seed 0
    python benchmarks/speedrun.py mouse --setting muon --optim.lr=0.03 --steps 300

Supervised training on three tasks, and on one with all labels. `people`: synthetic people from scratch, the mini
protocol. `mouse`: mice from above (UBPL and MDSs, 2023), EfficientNet-Lite0 from ImageNet weights at 96x96, views that
turn by any angle, 10 labels, or 500 in `mouse500`. `lspet`: photographs (Johnson and Everingham, CVPR 2011), the same
network at 128x96, 500 labels. A seed draws the labels (of `lspet` and `mouse` the validation images too) and what is
random in training.

A run adds one line to results/speedrun.json: step, seconds of training (without evaluations and checkpoints) and
validation PCK in %, at each evaluation, and the machine's load at its end: seconds mean little where it is much above
the number of threads. Then, for each task, `summary` says how many times fewer steps and seconds than `adam` the
fastest setting takes until its curve, the mean over seeds, is at the mean last score of the longest `adam` (0 where it
never is); over the seeds of both. Any setting can be changed further by words as `semipose train` takes, which
become part of its name. To beat a setting, write one into `SETTINGS`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock
from torch import nn

from records import RESULTS, layout
from semipose.config import Config, DataConfig, ModelConfig, OptimConfig
from semipose.config.resolve import read_overrides, resolve
from semipose.data.open import open_labeled
from semipose.data.split import make_split
from semipose.methods import options
from semipose.papers import mini
from semipose.provenance import commit, machine
from semipose.training.launch import launch
from semipose.training.loop import Training
from semipose.training.rundir import RunDir

FILE = RESULTS / "speedrun.json"
OLD = "adam"
SIZES = {"mouse": (64, 64), "mouse500": (64, 64)}
"""Height and width of the first half, where resolution grows: what divides by the backbone's stride."""


def people(seed: int, data: Path, root: Path) -> Config:
    """From scratch; PCK@0.1."""
    config = mini.base(options("supervised"), seed)
    return replace(config, data=replace(config.data, unlabeled=None))


def mouse(seed: int, data: Path, root: Path, labels: int = 10) -> Config:
    """PCK@0.05 of a body that fills the crop, in any direction."""
    source = data / "mouse_topview" / "keypoints.json"
    return Config(
        data=DataConfig(labeled=str(source), split=split_of(source, labels, 400, seed, root), reach=35.0),
        model=ModelConfig(backbone="tf_efficientnet_lite0", size=[96, 96], padding=1.0),
        method=options("supervised", easy="rotate180+scale25+flip50"),
        optim=OptimConfig(batch=8),
        steps=1200,
        threshold=0.05,
    )


def mouse500(seed: int, data: Path, root: Path) -> Config:
    """With every label: what there is to reach."""
    return mouse(seed, data, root, 500)


def lspet(seed: int, data: Path, root: Path) -> Config:
    """PCK@0.1 of photographs."""
    source = data / "lspet"
    return Config(
        data=DataConfig(labeled=str(source), split=split_of(source, 500, 1000, seed, root)),
        model=ModelConfig(backbone="tf_efficientnet_lite0", size=[128, 96], deconv=[128, 128, 128], padding=1.0),
        method=options("supervised"),
        optim=OptimConfig(batch=16),
        steps=1600,
    )


TASKS = {"people": people, "mouse": mouse, "mouse500": mouse500, "lspet": lspet}


def split_of(source: Path, labels: int, val: int, seed: int, root: Path) -> str:
    """The path of a split, which is made where it is missing."""
    path = root / f"{source.parent.name if source.suffix else source.name}-{labels}-seed{seed}.json"
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        make_split(open_labeled(str(source)), labels, val, seed=seed).save(path)
    return str(path.resolve())


class Setting(NamedTuple):
    """What a run has otherwise than its task: settings, a factor of the batch, and what is done to it at its start."""

    settings: dict[str, Any]
    batch: float = 1
    prepare: Callable[[Training], None] = lambda run: None


def frozen_norm(run: Training) -> None:
    """Batch norm of the backbone's first half keeps its statistics, scales and shifts."""
    for module in first_half(run):
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(False)
            module.train = lambda mode=True, module=module: module  # type: ignore[method-assign]


def first_half(run: Training) -> Iterable[nn.Module]:
    """The modules of the first of the backbone's stages."""
    stages = list(run.networks[0].backbone.stages.values())  # type: ignore[union-attr]
    return [module for stage in stages[: len(stages) // 2] for module in stage.modules()]


def each_step(run: Training, action: Callable[[float], None]) -> None:
    """Call `action` before the first step and after each, with the part of the training that is done."""

    def after_step() -> None:
        action((run.state.step + 1) / run.steps)

    action(0.0)
    run.method.after_step = after_step  # type: ignore[method-assign]


def shrinking_sigma(run: Training) -> None:
    """The targets' Gaussians shrink from one and a half times their width to three quarters."""
    whole = run.config.model.sigma
    each_step(run, lambda done: setattr(run.method, "_sigma", whole * (1.5 - 0.75 * done)))


def growing_size(run: Training) -> None:
    """Smaller images in the first half."""
    of_crops: Any = run.wrapped.module
    whole, small = of_crops.size, SIZES[run.run.path.name.split(" ")[0]]
    each_step(run, lambda done: setattr(of_crops, "size", small if done < 0.5 else whole))


MUON: dict[str, Any] = {"name": "muon", "lr": 0.02, "lr_rest": 4e-3, "schedule": "cosine"}
STAGES = ["stem", "layer1", "layer2", "layer3"]
FPN: dict[str, Any] = {"decoder": "fpn", "deconv": None, "freeze": STAGES[:3], "sigma": 1.5}
COARSE: dict[str, Any] = {"decoder": "deconv", "deconv": [128, 128, 128], "freeze": [], "sigma": 2.0}
ADAM: dict[str, Any] = {"name": "adam", "lr": 1e-3, "schedule": "cosine"}


def init(optim: dict[str, Any] = {}, model: dict[str, Any] = {}, **further: Any) -> dict[str, Any]:  # noqa: B006
    """As `semipose init` has network, targets and decoding, and recipe `auto` the optimiser, with changes."""
    return {"optim": {**MUON, **optim}, "decode": "dark", "model": {**FPN, **model}, **further}


SETTINGS = {
    OLD: Setting({}),
    "muon": Setting({"optim": MUON}),
    "muon-0.05": Setting({"optim": {**MUON, "lr": 0.05}}),
    "muon-dark-narrow": Setting(init(model=COARSE)),
    "muon-dark-narrow-frozen": Setting(init(model={**COARSE, "freeze": STAGES[:3]})),
    "init": Setting(init()),
    "init-adam": Setting(init(ADAM)),
    "init-adam-4e-3": Setting(init({**ADAM, "lr": 4e-3, "warmup": 0.1})),
    "init-adamw": Setting(init({"name": "adamw", "lr": 4e-3, "weight_decay": 0.05, "warmup": 0.1})),
    "init-0.01": Setting(init({"lr": 0.01})),
    "init-0.03": Setting(init({"lr": 0.03})),
    "init-0.05": Setting(init({"lr": 0.05})),
    "init-rest-1e-3": Setting(init({"lr_rest": 1e-3})),
    "init-rest-1e-2": Setting(init({"lr_rest": 1e-2})),
    "init-5-iterations": Setting(init({"newton_schulz": 5})),
    "init-momentum-0.9": Setting(init({"momentum": 0.9})),
    "init-decay": Setting(init({"weight_decay": 0.05})),
    "init-warmup": Setting(init({"warmup": 0.1})),
    "init-wsd": Setting(init({"schedule": "wsd", "decay": 0.3})),
    "init-step": Setting(init({"schedule": "step"})),
    "init-half-batch": Setting(init(), batch=0.5),
    "init-double-batch": Setting(init(), batch=2),
    "init-sigma-0.75": Setting(init(model={"sigma": 0.75})),
    "init-sigma-1": Setting(init(model={"sigma": 1.0})),
    "init-sigma-2": Setting(init(model={"sigma": 2.0})),
    "init-sigma-shrinks": Setting(init(), prepare=shrinking_sigma),
    "init-size-grows": Setting(init(), prepare=growing_size),
    "init-bf16": Setting(init(precision="bf16-mixed")),
    "init-nothing-frozen": Setting(init(model={"freeze": []})),
    "init-norm-frozen": Setting(init(model={"freeze": []}), prepare=frozen_norm),
    "init-4-frozen": Setting(init(model={"freeze": STAGES})),
    "init-slow-backbone": Setting(init({"backbone_rate": 0.3})),
    "init-pixel-shuffle": Setting(init(model={"decoder": "lightning_pose"})),
    "init-bilinear": Setting(init(model={"decoder": "light"})),
    "init-narrow": Setting(init(model={"deconv": [64, 64, 32, 32]})),
    "init-wide": Setting(init(model={"deconv": [256, 256, 128, 128]})),
    "init-lite1": Setting(init(model={"backbone": "tf_efficientnet_lite1"})),
    "init-lite2": Setting(init(model={"backbone": "tf_efficientnet_lite2"})),
}
"""Name -> what is otherwise than in the task as it is, which is the papers' Adam."""


class Timed(Training):
    """A run that counts the seconds of what is no training."""

    aside = 0.0
    curve: tuple[tuple[int, float, float], ...] = ()

    def _evaluate(self) -> dict[str, float]:
        began = time.perf_counter()
        row = super()._evaluate()
        seconds = self.state.seconds - self.aside
        self.curve += ((self.state.step, round(seconds, 2), round(100 * row["val/pck"], 2)),)
        print(*self.curve[-1], flush=True)
        self.aside += time.perf_counter() - began
        return row

    def _save(self, best: bool) -> None:
        began = time.perf_counter()
        super()._save(best)
        self.aside += time.perf_counter() - began


def record(name: str, setting: Setting, config: Config, folder: Path) -> dict[str, Any]:
    """Train, and what came of it."""
    run = Timed(config, RunDir.create(folder / name, overwrite=True), launch(config), progress=False)
    setting.prepare(run)
    run.begin()
    run.train(None)
    step, seconds, pck = run.curve[-1]
    where = {"commit": commit(), "machine": machine(run.fabric.device), "load": round(os.getloadavg()[1], 1)}
    return {"steps": step, "batch": config.optim.batch, "seconds": seconds, "pck": pck, **where, "curve": run.curve}


def mean_curve(runs: Sequence[dict[str, Any]]) -> list[tuple[float, ...]]:
    """Step, seconds and PCK in the mean over runs that were evaluated at the same steps."""
    curves = zip(*(run["curve"] for run in runs), strict=True)
    return [tuple(map(statistics.mean, zip(*points, strict=True))) for points in curves]


def ratios(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """How many times fewer steps and seconds until the new runs' mean curve is at the old ones' mean last score; 0
    where it never is."""
    steps, seconds, target = mean_curve(old)[-1]
    at = next((point for point in mean_curve(new) if point[2] >= target), None)
    return (round(steps / at[0], 2), round(seconds / at[1], 2)) if at else (0.0, 0.0)


def summarize(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """task -> the fastest setting and its ratios, over the seeds that it and the old default have in common: of the
    settings with most seeds, the one that takes fewest seconds."""
    by: dict[str, dict[tuple[str, str], dict[str, dict[str, Any]]]] = {}
    for name, run in runs.items():
        task, setting, steps, seed = name.split(" | ")
        by.setdefault(task, {}).setdefault((setting, steps), {})[seed] = run
    summary = {}
    for task, settings in by.items():
        olds = [length for length in settings if length[0] == OLD]
        if not olds:
            continue
        old = settings[max(olds, key=lambda length: int(length[1].split()[0]))]
        found = {}
        for (setting, steps), new in settings.items():
            if setting != OLD and (seeds := sorted(old.keys() & new.keys())):
                pair = ratios([old[seed] for seed in seeds], [new[seed] for seed in seeds])
                found[f"{setting}, {steps}"] = (len(seeds), *pair)
        if found:
            best = max(found, key=lambda key: (found[key][0], found[key][2]))
            keys = ("seeds", "steps_ratio", "seconds_ratio")
            summary[task] = {"setting": best, **dict(zip(keys, found[best], strict=True))}
    return summary


def add(name: str, run: dict[str, Any], file: Path = FILE) -> None:
    """One more line in the results, which several processes may write to."""
    file.parent.mkdir(exist_ok=True)
    with FileLock(Path(tempfile.gettempdir()) / "semipose-speedrun.lock"):
        before = json.loads(file.read_text()) if file.exists() else {"runs": {}}
        common = {key: before.get(key) for key in ("commit", "machine")}  # what a run does not say
        runs = {each: {**common, **said} for each, said in before["runs"].items()}
        runs = dict(sorted({**runs, name: run}.items()))
        tasks = summarize(runs)
        ratios = ("steps_ratio", "seconds_ratio", "seeds")
        summary = {f"{task}_{key}": found[key] for task, found in tasks.items() for key in ratios}
        about = {
            "commit": run["commit"],
            "machine": run["machine"],
            "fastest": {t: f["setting"] for t, f in tasks.items()},
        }
        own = {
            each: {key: value for key, value in said.items() if about.get(key) != value} for each, said in runs.items()
        }
        file.write_text(layout({"summary": summary, **about, "runs": own}))
    print(json.dumps(summary), f"-> {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.allow_abbrev = False  # words of a setting are not ours
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--setting", choices=SETTINGS, default=OLD)
    parser.add_argument("--steps", type=int, default=0, help="the task's own where it is 0")
    parser.add_argument("--eval-every", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--root", type=Path, default=Path("runs/speedrun"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=FILE, help="where the line is added")
    asked, words = parser.parse_known_args()
    setting = SETTINGS[asked.setting]
    base = TASKS[asked.task](asked.seed, asked.data, asked.root)
    base = replace(
        base,
        data=replace(base.data, cache=str(asked.root / "cache")),
        optim=replace(base.optim, batch=round(base.optim.batch * setting.batch)),
        steps=asked.steps or base.steps,
        eval_every=asked.eval_every,
        save_every=0,
        log_every=asked.eval_every,
        seed=asked.seed,
        threads=asked.threads,
        accelerator="cpu",
    )
    config = resolve(base, setting.settings, read_overrides(words))
    named = " ".join([asked.setting, *words])
    name = " | ".join((asked.task, named, f"{config.steps} steps", f"seed {asked.seed}"))
    folder = name.replace(" | ", " ").replace("/", "_")
    add(name, record(folder, setting, config, asked.root), asked.out)


if __name__ == "__main__":
    main()
