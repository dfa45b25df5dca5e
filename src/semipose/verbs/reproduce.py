"""`semipose reproduce`: a paper's tables, row by row, beside the paper's numbers.

Knows no paper: what a table is made of is data (`recipes/tables.py`), one file a paper. A run that is recorded with the
same configuration is reused, an interrupted one goes on where it was saved, and what a row builds on is trained first.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from semipose.config.resolve import read_yaml, resolve
from semipose.config.schema import FREE, Config, differences, to_dict
from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.papers.find import find
from semipose.papers.results import write_table
from semipose.papers.tables import SCALES, Paper, Plan, Table


@dataclass(frozen=True)
class Setting:
    """What one call of `reproduce` asks for, beside the tables."""

    scale: str
    out: Path
    root: Path | None
    overrides: Mapping[str, Any]
    dry_run: int
    progress: bool
    train: bool = True


class Unfinished(Exception):
    """A run that is not recorded, where nothing is to be trained."""


def reproduce(
    target: str,
    scale: str = "mini",
    seeds: Sequence[int] = (0,),
    out: str | Path | None = None,
    root: str | Path | None = None,
    dry_run: int = 0,
    progress: bool = True,
    train: bool = True,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Train what a table's rows need, and write the table beside the paper's numbers.

    Args:
        target: such as "xie2021/table1", "xie2021" for all of a paper's, or "xie2021/dual-jc-1k" for the rows of one
            plan.
        scale: "mini" or "paper".
        seeds: each row is trained with each; the table has the mean and the standard deviation.
        out: where runs, one JSON a run, and the tables go; reproduce/<paper>/<scale> by default.
        root: at paper scale, the folder that holds coco, mpii, aic and h36m; without it `settings` name the data.
        dry_run: train as many steps only, on whatever data there is; validation samples, where none are named, are
            split off.
        train: False leaves out the rows that have no finished run.
        settings: sections or keys of the configuration, laid over every row's.

    Returns: the tables, as written: {"table", "title", "scale", "seeds", "rows": [{"label", "paper", "metric", "mean",
        "spread", "scores": {seed: score}, "parts": {column: {"paper", "mean"}}, "labeled", "student", "measured",
        "runs"}], ...}. A row that has no run has no scores.

    Raises:
        UserError: no such target or scale, a seed among the settings, a root at mini scale, or a run failed.
        Stopped: a signal stopped a run, with its checkpoint saved; the same call goes on.
    """
    if scale not in SCALES:
        raise UserError(f"there is no scale {scale!r}; it can be {', '.join(SCALES)}")
    if not seeds or "seed" in settings:
        raise UserError("reproduce needs a seed or more, of every run: --seeds 0 1 2")
    if root and scale == "mini":
        raise UserError("mini scale draws its own people; --data ROOT goes with --scale paper")
    paper, tables = find(target)
    name = target.partition("/")[0]
    folder = Path(out) if out else Path("reproduce") / name / (f"{scale}-dry" if dry_run else scale)
    asked = Setting(scale, folder, Path(root) if root else None, settings, dry_run, progress, train)
    jobs = [(plan, seed) for plan in needed(paper, tables.values(), scale) for seed in seeds]
    clock = Clock([_cost(paper.plans[plan], asked, seed) for plan, seed in jobs], progress)
    records: dict[tuple[str, int], dict[str, Any]] = {}
    written: list[dict[str, Any]] = []
    for plan, seed in jobs:
        clock.begin(f"{plan}, seed {seed}")
        try:
            records[plan, seed] = run_plan(paper, plan, seed, asked)
        except Unfinished:
            continue
        clock.end(records[plan, seed]["reused"])
        written = [write_table(key, table, records, asked, seeds) for key, table in tables.items()]
    return written or [write_table(key, table, records, asked, seeds) for key, table in tables.items()]


def needed(paper: Paper, tables: Iterable[Table], scale: str) -> list[str]:
    """The plans that tables need at a scale, each once and after what it builds on."""
    order: dict[str, None] = {}

    def add(name: str) -> None:
        plan = paper.plans[name]
        for before in (plan.start, plan.teacher):
            if before:
                add(before)
        order[name] = None

    for table in tables:
        for row in table.rows:
            if scale in paper.plans[row.plan].scales and row.plan not in order:
                add(row.plan)
    return list(order)


def run_plan(paper: Paper, name: str, seed: int, asked: Setting) -> dict[str, Any]:
    """The record of one run: read where it is there, trained where it is not. Also written as <out>/<run>.json."""
    plan = paper.plans[name]
    start, teacher = (
        asked.out / run_plan(paper, each, seed, asked)["run"] if each else None for each in (plan.start, plan.teacher)
    )
    config = configured(plan, seed, asked, teacher)
    folder, reused = train_once(asked.out / f"{name}-seed{seed}", config, start, asked.train, asked.progress)
    done = json.loads((folder / "summary.json").read_text())
    file = asked.out / f"{folder.name}.json"
    known = json.loads(file.read_text()).get("scores", {}) if file.exists() and reused else {}
    record = {"run": folder.name, "plan": name, "seed": seed, "scale": asked.scale, "start": start and start.name}
    record |= {"scores": known, "summary": done, "config": to_dict(config), "curves": _curves(folder)}
    write_atomically(file, (json.dumps(record, indent=1) + "\n").encode())
    return {**record, "reused": reused}


def train_once(
    folder: Path, config: Config, start: Path | None = None, train: bool = True, progress: bool = True
) -> tuple[Path, bool]:
    """Where the run of this configuration is, and whether it was there, finished, before. One that was interrupted goes
    on; `folder` becomes NAME-2, ... where another configuration has that name.

    Args:
        start: the run whose weights it starts from.
        train: False raises `Unfinished` where it is not there.
    """
    from semipose.training.loop import run_training
    from semipose.training.rundir import RunDir

    folder = _place(folder, config, start)
    last = folder / "checkpoints" / "last.ckpt"
    reused = (folder / "summary.json").exists()
    if not reused and not train:
        raise Unfinished
    if reused:
        return folder, True
    run, resume = (RunDir(folder), last) if last.exists() else (RunDir.create(folder, overwrite=True), None)
    initial = sorted(start.glob("model*.safetensors"), key=lambda file: file.stem) if start and not resume else []
    run_training(config, run, resume=resume, init_from=initial, progress=progress)
    return run.path, False


def configured(plan: Plan, seed: int, asked: Setting, teacher: Path | None = None) -> Config:
    """A plan's configuration for one seed, with the data split as it says."""
    config = resolve(plan.scales[asked.scale](seed, asked.root), asked.overrides)
    if config.data.labeled is None:
        raise UserError("at paper scale, name the data: --data ROOT, or --data.labeled=..., --data.val=...")
    if teacher:
        config = resolve(config, {"method": {"teacher": str(teacher)}})
    if asked.dry_run:
        group = getattr(config.method, "mix_group", 0)
        optim = replace(config.optim, batch=min(config.optim.batch, 2), unlabeled_batch=group)
        config = replace(config, optim=optim, steps=asked.dry_run, eval_every=0, log_every=1)
    if asked.scale == "paper" and config.data.split is None:
        split = _split(config, plan, seed, asked)
        config = replace(config, data=replace(config.data, split=split))
    return config


def _split(config: Config, plan: Plan, seed: int, asked: Setting) -> str | None:
    """The manifest that picks a plan's labels, and in a dry run what validation lacks; made where it is not there."""
    from semipose.data.datasets import open_pool
    from semipose.data.split import make_split

    lacking = asked.dry_run and config.data.val is None
    if plan.labels is None and not lacking:
        return None
    data = open_pool(config.data)
    usable = len(data.images) if plan.by_image else len(data)
    val = 1 if lacking else 0
    count = min(plan.labels or usable, max(1, (usable - val) // 2)) if asked.dry_run else plan.labels or usable
    file = asked.out / "splits" / f"{data.name}-{count}{'-images' if plan.by_image else ''}-seed{seed}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        make_split(data, count, val, seed=seed, protocol="images" if plan.by_image else "random").save(file)
    return str(file)


def _place(folder: Path, config: Config, start: Path | None) -> Path:
    """The folder of a run: where it is recorded with this configuration, else the first of NAME, NAME-2, ... that
    no other configuration has."""
    for number in count(1):
        place = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        if not (place / "config.yaml").exists() or _recorded_as(place, config, start):
            return place
    raise AssertionError


def _recorded_as(place: Path, config: Config, start: Path | None) -> bool:
    try:
        there = resolve(Config(), read_yaml(place / "config.yaml"))  # what it lacks had today's default
    except UserError:
        return False
    record = place.with_name(f"{place.name}.json")
    if record.exists() and json.loads(record.read_text())["start"] != (start and start.name):
        return False
    changed = (d.split(":")[0] for d in differences(_plain(there), _plain(config)))
    return all(key in FREE for key in changed)


def _plain(config: Config) -> dict[str, Any]:
    """With a teacher by its folder's name: the whole may have moved."""
    values = to_dict(config)
    teacher = values["method"].get("teacher")
    return {**values, "method": {**values["method"], **({"teacher": Path(teacher).name} if teacher else {})}}


def _curves(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = ("step", "seconds", "val/", "response/", "pseudo/")
    return [{k: float(v) for k, v in row.items() if v and k.startswith(kept)} for row in rows]


def _cost(plan: Plan, asked: Setting, seed: int) -> float:
    """What a run takes, in passes of one network a step: with unlabelled images, two with gradient and one without, or
    one a view."""
    from semipose.methods import needs

    method = plan.scales[asked.scale](seed, asked.root).method
    views, wants = getattr(method, "views", 1), needs(method.name)
    return wants.networks * (2 + 0.3 * views if wants.unlabeled else 1)


class Clock:
    """Says which run is under way, and how long the rest may take by what was trained so far."""

    def __init__(self, costs: Sequence[float], show: bool) -> None:
        self._costs, self._show = list(costs), show
        self._done, self._seconds, self._spent, self._began = 0, 0.0, 0.0, 0.0

    def begin(self, what: str) -> None:
        """A run begins."""
        self._began = time.perf_counter()
        left = sum(self._costs[self._done :]) * self._seconds / self._spent if self._spent else None
        about = "" if left is None else f", at most {left / 60:.0f} min left" if left >= 60 else ", a minute left"
        if self._show:
            print(f"[{self._done + 1}/{len(self._costs)}] {what}{about}", file=sys.stderr, flush=True)

    def end(self, reused: bool) -> None:
        """It is done."""
        if not reused:
            self._seconds += time.perf_counter() - self._began
            self._spent += self._costs[self._done]
        self._done += 1
