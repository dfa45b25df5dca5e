"""The papers' claims, each row at mini scale with three seeds: the scoreboard of `semipose reproduce --claims`.

    python benchmarks/claims.py --estimate        # what is missing, the cheapest claims first; trains nothing
    python benchmarks/claims.py --minutes 60      # trains what is missing for an hour, one run at a time
    python benchmarks/claims.py --collect         # trains nothing, writes what the finished runs and other records say

A finished run is reused and an interrupted one goes on. After each run results/claims.json is written, with the numbers
that claims compare, a column each a row, and its page. Seeds that records of the papers' tables have are not run again,
and a row that differs from another only in what is measured on the way (`ON_THE_WAY`) is trained once.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from common import write
from records import RESULTS, curve, load
from semipose import reproduce
from semipose.config import to_dict
from semipose.config.schema import FREE
from semipose.papers import PAPERS
from semipose.papers.claims import SEEDS, Claim
from semipose.papers.find import paper, rows_of
from semipose.papers.reproduction import cost, needed
from semipose.papers.results import Setting
from semipose.papers.scoreboard import (
    RECORD,
    Runs,
    board_of,
    keys_of,
    numbers_of,
    read_record,
    read_runs,
    row_of,
    totals,
)
from semipose.papers.tables import Table
from semipose.signals import Stopped

TABLES = {"xie2021": "xie2021", "pose_mum": "pose_mum", "yu2024": "denoise"}
"""Paper -> the record of its tables."""
ON_THE_WAY = {*FREE, "eval_every", "log_every", "pseudo"}
"""Settings that change what is measured while a run trains, and no number at its end."""
COLUMNS = ("seeds", "seconds", "commit")
"""Of a row in the record, beside its numbers."""


class Run(NamedTuple):
    """One row's training with one seed."""

    paper: str
    plan: str
    seed: int

    @property
    def row(self) -> str:
        """PAPER/PLAN"""
        return f"{self.paper}/{self.plan}"


class Notes(NamedTuple):
    """Of finished runs: what each took, and its commit."""

    seconds: dict[tuple[str, int], float]
    commits: dict[tuple[str, int], str]

    def add(self, key: tuple[str, int], summary: dict[str, Any]) -> None:
        """From a run's summary."""
        self.seconds[key] = round(summary["seconds"])
        self.commits[key] = summary.get("commit", "").split(" ")[-1][:7]


def wanted() -> dict[str, set[str]]:
    """PAPER/PLAN -> the keys of its numbers that claims compare."""
    found: dict[str, set[str]] = {}
    for name in PAPERS:
        for claim in paper(name).claims:
            for side in claim.sides:
                row = row_of(paper(name), side)
                found.setdefault(f"{name}/{row.plan}", set()).update(keys_of(row, side))
    return found


def collect(out: Path) -> tuple[Runs, Notes]:
    """What is there, with what claims compare alone: this record, over it those of the tables and finished runs."""
    runs: Runs = {}
    notes = Notes({}, {})
    if (RESULTS / RECORD.name).exists():
        runs |= read_record(RESULTS / RECORD.name)
        for row, columns in load(RECORD.stem)["runs"].items():
            for index, seed in enumerate(columns["seeds"]):
                notes.add((row, seed), {key: columns[key][index] for key in COLUMNS[1:]})
    for name, record in TABLES.items():
        content = load(record)
        for run in content["runs"].values():
            plan = paper(name).old.get(run["plan"], run["plan"])
            curves = [
                {key: curve(run, key)[1][-1]} for key in ("response/labeled", "response/student") if ends(run, key)
            ]
            key = f"{name}/{plan}", run["seed"]
            runs[key] = numbers_of({"curves": curves, "scores": run["scores"]})
            notes.add(key, {"commit": content["commit"], **run["summary"]})
    for name in PAPERS:
        folder = out / name / "mini"
        for key, values in read_runs(folder, name, "mini").items():
            runs[key] = values
            summary = folder / f"{key[0].partition('/')[2]}-seed{key[1]}" / "summary.json"
            if summary.exists():
                notes.add(key, json.loads(summary.read_text()))
    _share(runs, notes)
    keys = wanted()
    return {
        key: {k: run[k] for k in sorted(run) if k in keys[key[0]]} for key, run in runs.items() if key[0] in keys
    }, notes


def ends(run: dict[str, Any], column: str) -> bool:
    """Whether a run of a record has a column."""
    return bool(curve(run, column)[1])


def _share(runs: Runs, notes: Notes) -> None:
    """A run's numbers are those of its twins too."""
    for key in list(runs):
        for twin in twins().get(key[0], ()):
            runs[twin, key[1]] = {**runs[key], **runs.get((twin, key[1]), {})}
            notes.seconds.setdefault((twin, key[1]), notes.seconds.get(key, 0.0))
            notes.commits.setdefault((twin, key[1]), notes.commits.get(key, ""))


@cache
def twins() -> dict[str, list[str]]:
    """PAPER/PLAN -> the other rows of claims that are trained alike."""
    alike: dict[str, list[str]] = {}
    for row in wanted():
        name, _, plan = row.partition("/")
        one = paper(name).plans[plan]
        if one.start or one.teacher:
            continue
        config = to_dict(one.scales["mini"](0, None))
        config["data"].pop("cache")
        settings = {key: value for key, value in config.items() if key not in ON_THE_WAY}
        alike.setdefault(json.dumps(settings, sort_keys=True), []).append(row)
    return {row: [other for other in rows if other != row] for rows in alike.values() for row in rows}


class Costs:
    """Seconds of runs: as they were measured, or in proportion to their passes of a network."""

    def __init__(self, notes: Notes) -> None:
        self._seconds = {row: seconds for (row, _), seconds in sorted(notes.seconds.items())}
        self._pace = median(seconds / self._passes(*row.split("/")) for row, seconds in self._seconds.items())

    def of(self, run: Run) -> float:
        """As its last seed took, where one is there."""
        return self._seconds.get(run.row) or self._pace * self._passes(run.paper, run.plan)

    @staticmethod
    @cache
    def _passes(name: str, plan: str) -> float:
        return cost(paper(name).plans[plan], Setting("mini", Path(), None, {}, 0, False), 0)


def lacking(claim: Claim, name: str, runs: Runs, seeds: int, out: Path) -> list[Run]:
    """The runs that a claim lacks, each after what it builds on; of twins the first."""
    found: dict[Run, None] = {}
    keys = wanted()
    for plan in dict.fromkeys(row_of(paper(name), side).plan for side in claim.sides):
        row = f"{name}/{plan}"
        for seed in range(seeds):
            if keys[row] <= set(runs.get((row, seed), ())):
                continue
            of, _, there = trained_as(row).partition("/")
            before = [
                Run(of, each, seed) for each in needed(paper(of), [Table("", rows_of(paper(of), there)[:1])], "mini")
            ]
            found |= {run: None for run in before if run.plan == there or not finished(run, out)}
    return list(found)


def trained_as(row: str) -> str:
    """Of a row and its twins the one that has the most to measure, of those the first paper's, whose rows others build
    on."""
    keys = wanted()
    able = [each for each in (row, *twins().get(row, ())) if keys[row] <= keys[each]]
    return min(able, key=lambda each: (-len(keys[each]), PAPERS.index(each.partition("/")[0]), each))


def finished(run: Run, out: Path) -> bool:
    """Whether its folder is there, for runs that build on it."""
    return (out / run.paper / "mini" / f"{run.plan}-seed{run.seed}" / "summary.json").exists()


def order(runs: Runs, costs: Costs, seeds: int, out: Path) -> Iterator[tuple[str, list[Run], float]]:
    """Claims that lack runs, the cheapest first: its name, what it adds to the runs before it, and the seconds."""
    left = {
        f"{name}/{claim.name}": lacking(claim, name, runs, seeds, out)
        for name in PAPERS
        for claim in paper(name).claims
    }
    planned: set[Run] = set()
    while left:
        rest = {name: [run for run in each if run not in planned] for name, each in left.items()}
        seconds = {name: sum(costs.of(run) for run in each) for name, each in rest.items()}
        name = min(seconds, key=lambda each: seconds[each])
        if left.pop(name):
            yield name, rest[name], seconds[name]
        planned |= set(rest[name])


def estimate(runs: Runs, notes: Notes, seeds: int, out: Path) -> None:
    """Prints what is missing and what it takes."""
    costs, total, count = Costs(notes), 0.0, 0
    for name, missing, seconds in order(runs, costs, seeds, out):
        total, count = total + seconds, count + len(missing)
        what = ", ".join(dict.fromkeys(run.plan for run in missing)) or "nothing more"
        print(f"{total / 60:7.0f} min  {name:50s} +{seconds / 60:5.1f} min, {len(missing)} runs: {what}")
    print(f"{count} runs of {seeds} seeds, {total / 3600:.1f} h by the seconds of the runs that are there")


def save(runs: Runs, notes: Notes) -> None:
    """The record and its page."""
    rows: dict[str, dict[str, list[Any]]] = {}
    for row in sorted({row for row, _ in runs}):
        seeds = sorted(seed for of, seed in runs if of == row)
        keys = sorted({key for seed in seeds for key in runs[row, seed]})
        columns: dict[str, list[Any]] = {"seeds": seeds}
        columns["seconds"] = [notes.seconds.get((row, seed), 0) for seed in seeds]
        columns["commit"] = [notes.commits.get((row, seed), "") for seed in seeds]
        rows[row] = columns | {key: [runs[row, seed].get(key) for seed in seeds] for key in keys}
    write("claims", {name.replace(" ", "_"): count for name, count in totals(board_of(runs)).items()}, rows)


def train(runs: Runs, notes: Notes, options: argparse.Namespace) -> None:
    """What is missing, the cheapest claims first, as long as there is time for the next run."""
    settings = {"threads": options.threads, "data.cache": options.cache}
    costs, began, pace = Costs(notes), time.monotonic(), []
    jobs = [run for _, missing, _ in order(runs, costs, options.seeds, options.out) for run in missing]
    for number, run in enumerate(jobs, 1):
        expected = costs.of(run) * (median(pace) if pace else 1.0)
        spent = time.monotonic() - began
        if options.minutes and spent + expected > 60 * options.minutes:
            return print(
                f"stopped after {spent / 60:.0f} min: the next run, {run.row}, takes about {expected / 60:.0f}"
            )
        print(f"[{number}/{len(jobs)}] {run.row}, seed {run.seed}, about {expected / 60:.1f} min", flush=True)
        start, out = time.monotonic(), options.out / run.paper / "mini"
        try:
            reproduce(run.row, seeds=[run.seed], out=out, progress=False, **settings)
        except Stopped as stopped:
            return print(f"stopped at step {stopped.step} of {run.row}, seed {run.seed}; the same command goes on")
        pace.append((time.monotonic() - start) / costs.of(run))
        save(*collect(options.out))
    return None


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("reproduce"), help="where the runs are, OUT/PAPER/mini")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many of each row")
    parser.add_argument("--minutes", type=float, help="begin no run that would end later; no limit without it")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--cache", default="~/.cache/semipose")
    parser.add_argument("--estimate", action="store_true", help="print what is missing and what it takes")
    parser.add_argument("--collect", action="store_true", help="write what is there")
    options = parser.parse_args(words)
    runs, notes = collect(options.out)
    if options.estimate:
        estimate(runs, notes, options.seeds, options.out)
        return
    save(runs, notes)
    if not options.collect:
        train(runs, notes, options)


if __name__ == "__main__":
    main()
