"""A paper's tables, trained row by row, beside the paper's numbers: what `semipose reproduce` does.

Knows no paper: what a table is made of is data (`papers/tables.py`), a folder a paper. A run that is recorded with the
same configuration is reused, an interrupted one goes on where it was saved, and what a row builds on is trained first.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from semipose.config import Config, to_dict
from semipose.config.resolve import resolve
from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.methods import needs
from semipose.papers.find import find
from semipose.papers.results import Setting, write_table
from semipose.papers.tables import SCALES, Paper, Plan, Table
from semipose.training.once import Clock, Unfinished, train_once


def run_tables(target: str, asked: Setting, seeds: Sequence[int] = (0,)) -> list[dict[str, Any]]:
    """Train what the rows of a paper's tables need, and write each table beside the paper's numbers.

    Args:
        target: such as "xie2021/table1", "xie2021" for all of a paper's, or "xie2021/dual-jc-1k" for the rows of one
            plan.
        seeds: each row is trained with each.

    Returns: as `semipose.reproduce`.

    Raises:
        UserError: no such target or scale, or a run failed.
        Stopped: a signal stopped a run, with its checkpoint saved; the same call goes on.
    """
    if asked.scale not in SCALES:
        raise UserError(f"there is no scale {asked.scale!r}; it can be {', '.join(SCALES)}")
    paper, tables = find(target)
    jobs = [(plan, seed) for plan in needed(paper, tables.values(), asked.scale) for seed in seeds]
    clock = Clock([cost(paper.plans[plan], asked, seed) for plan, seed in jobs], asked.progress)
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


def configured(plan: Plan, seed: int, asked: Setting, teacher: Path | None = None) -> Config:
    """A plan's configuration for one seed, with the data split as it says."""
    config = resolve(plan.scales[asked.scale](seed, asked.root), asked.overrides)
    if config.data.labeled is None:
        raise UserError("at paper scale, name the data: --data ROOT, or --data.labeled=..., --data.val=...")
    if teacher:
        config = resolve(config, {"method": {"teacher": str(teacher)}})
    if asked.dry_run:
        group = getattr(config.method, "group", 1)
        whole = group if group > 1 else 0  # as many as labelled ones
        optim = replace(config.optim, batch=min(config.optim.batch, 2), unlabeled_batch=whole)
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


def _curves(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = ("step", "seconds", "val/", "response/", "pseudo/")
    return [{k: float(v) for k, v in row.items() if v and k.startswith(kept)} for row in rows]


def cost(plan: Plan, asked: Setting, seed: int) -> float:
    """What a run takes, in passes of one network a step: with unlabelled images, two with gradient and one without, or
    one a view."""
    method = plan.scales[asked.scale](seed, asked.root).method
    views, wants, paths = getattr(method, "views", 1), needs(method.name), len(getattr(method, "paths", [""]))
    return wants.networks * (1 + paths + 0.3 * views if wants.unlabeled else 1)
