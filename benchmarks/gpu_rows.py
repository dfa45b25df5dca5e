"""The rows of gpu_study.py: which, in which order, side by side, and their records."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import records
import semipose
from promise import ORACLE, PROTOCOLS, START, Protocol, row_means, score, strongest, summary
from semipose.errors import UserError
from semipose.provenance import commit
from semipose.signals import EXIT_STOPPED, Stopped

CONTROL = "supervised"
THEN = ("single_jo4", "mum", "multiaugs", "longer", "mixed")
"""Rows after those that the comparison needs."""
GRACE = 30.0
"""Seconds before the end at which trainings are stopped: to save them and to write the records."""
EVERY = 30.0
"""Seconds between records."""


@dataclass(frozen=True)
class Study:
    """A protocol at its length, and its numbers of labelled images, the most important one first."""

    protocol: Protocol
    labels: tuple[int, ...]

    @property
    def compared(self) -> tuple[str, ...]:
        """Rows that the comparison needs."""
        return CONTROL, self.protocol.best, ORACLE


class Place(NamedTuple):
    """Folders: of images and labels, of runs, of records."""

    data: Path
    root: Path
    out: Path


class Task(NamedTuple):
    """One training. The labels of an oracle, and of its start, are all of the training images."""

    protocol: str
    labels: int
    draw: int
    row: str

    @property
    def start(self) -> Task:
        return self._replace(row=START)

    def __str__(self) -> str:
        return f"{self.protocol} {self.row} {self.labels} {self.draw}"

    def finished(self, root: Path) -> bool:
        return (root / self.protocol / f"draw{self.draw}" / f"{self.row}-{self.labels}" / "summary.json").exists()


def studies(protocols: Sequence[str] | None = None, labels: Sequence[int] | None = None) -> dict[str, Study]:
    """What is trained, all of it or the parts asked for.

    Raises:
        UserError: nothing has as many labels as asked for.
    """
    whole = {
        "people": Study(PROTOCOLS["people_turned"].of_length(2000, 4000), (100, 200, 500)),
        "mouse": Study(PROTOCOLS["mouse"].of_length(1000, 2000), (10, 5, 30)),
    }
    chosen = {
        name: Study(study.protocol, tuple(n for n in study.labels if labels is None or n in labels))
        for name, study in whole.items()
        if protocols is None or name in protocols
    }
    chosen = {name: study for name, study in chosen.items() if study.labels}
    if not chosen:
        counts = "; ".join(f"{name} {', '.join(map(str, study.labels))}" for name, study in whole.items())
        raise UserError(f"no protocol has these --labels; there are {counts}")
    return chosen


def plan(studies: Mapping[str, Study], draws: Sequence[int]) -> list[Task]:
    """All trainings, the most important first, each after its start: what the comparison needs, then the other rows,
    first with the number of labels that matters most."""
    tasks: dict[Task, None] = {}
    for first, needed in ((True, True), (True, False), (False, True), (False, False)):
        for draw in draws:
            for name, study in studies.items():
                for labels in study.labels[:1] if first else study.labels[1:]:
                    for row in study.compared if needed else THEN:
                        task = Task(name, study.protocol.train if row == ORACLE else labels, draw, row)
                        tasks |= dict.fromkeys((task.start, task))
    return list(tasks)


def side_by_side(
    tasks: Sequence[Task],
    launch: Callable[[Task], BaseProcess],
    jobs: int,
    until: float,
    after: Callable[[Task, int], None],
) -> list[Task]:
    """Run tasks in their order, at most `jobs` at once, a row after its start; stop at `until` (of time.monotonic).

    Args:
        launch: starts the process of a task.
        after: hears of a task that ended by itself, and its exit code.

    Returns:
        Those that did not end well: not begun, stopped or failed. The rows of a start that failed are not begun.
    """
    waiting, left = list(tasks), list(tasks)
    running: dict[Task, BaseProcess] = {}
    failed: set[Task] = set()
    try:
        while (waiting or running) and time.monotonic() < until:
            for task, process in list(running.items()):
                if process.is_alive():
                    continue
                del running[task]
                code = process.exitcode or 0
                left.remove(task) if code == 0 else failed.add(task)
                after(task, code)
            waiting = [task for task in waiting if task.start not in failed]
            held = {*waiting, *running}
            ready = [task for task in waiting if task.row == START or task.start not in held]
            for task in ready[: jobs - len(running)]:
                waiting.remove(task)
                running[task] = launch(task)
            time.sleep(0.05)
    finally:
        stop(list(running.values()))
    return left


def stop(processes: Sequence[BaseProcess], grace: float = GRACE / 2) -> None:
    """Ask processes to save and end; kill those that have not after `grace` seconds."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + grace
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def train(protocol: Protocol, task: Task, asked: argparse.Namespace, log: Path) -> None:
    """In a process of its own: one training; what it says goes to `log`."""
    file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        protocol.run(task.row, task.draw, asked)
    except Stopped as stopped:
        print(stopped, flush=True)
        sys.exit(EXIT_STOPPED)
    except UserError as error:
        print(error, flush=True)
        sys.exit(1)


def asked_for(task: Task, place: Place, threads: int = 1) -> argparse.Namespace:
    """The words of promise.py for a training."""
    words = {"protocol": task.protocol, "labels": task.labels, "tune": False, "threads": threads}
    return argparse.Namespace(**words, data=place.data, root=place.root)


class Report:
    """The records of what is finished. A training that is finished is read once."""

    def __init__(
        self, studies: Mapping[str, Study], tasks: Sequence[Task], place: Place, about: dict[str, Any]
    ) -> None:
        self.studies, self.tasks, self.place, self.about = studies, tasks, place, about
        self.runs: dict[Task, dict[str, Any]] = {}
        self.last = 0.0

    def write(self, seconds: float) -> None:
        """gpu_<protocol>.json of each protocol that has a finished row."""
        self.last = time.monotonic()
        for task in self.tasks:
            if task not in self.runs and task.finished(self.place.root):
                found = self.studies[task.protocol].protocol.run(task.row, task.draw, asked_for(task, self.place))
                self.runs[task] = {**found, "commit": self.about["commit"], **score(found)}
        for name, study in self.studies.items():
            runs = {task: run for task, run in self.runs.items() if task.protocol == name}
            if runs:
                content = {
                    "summary": summary_of(study, runs),
                    "machine": next(iter(runs.values()))["machine"],
                    **self.about,
                    "seconds": round(seconds, 1),
                    "missing": [str(task) for task in self.tasks if task.protocol == name and task not in runs],
                    "runs": {f"{task.row} {task.labels} {task.draw}": run for task, run in runs.items()},
                }
                records.save(f"gpu_{name}", content, self.place.out)


def summary_of(study: Study, runs: Mapping[Task, Mapping[str, float]]) -> dict[str, float]:
    """The summary of promise.py for each number of labels, its keys followed by that number."""
    whole: dict[str, float] = {}
    for labels in study.labels:
        scores: dict[str, dict[int, Any]] = {}
        for task, run in runs.items():
            if task.labels == (study.protocol.train if task.row == ORACLE else labels):
                scores.setdefault(task.row, {})[task.draw] = run
        compared = [scores.get(row, {}).keys() for row in study.compared]
        values = row_means(scores)
        if set.intersection(*map(set, compared)):
            with contextlib.suppress(ZeroDivisionError):  # an oracle that is no better, or errors of none
                values = summary(scores, strongest(scores, study.protocol.best), study.protocol.best)
        whole |= {f"{key}_{labels}": value for key, value in values.items()}
    return whole


def run(
    studies: Mapping[str, Study],
    draws: Sequence[int],
    place: Place,
    jobs: int,
    began: float,
    end: float,
    manifest: Mapping[str, Any],
) -> int:
    """Train what is missing until shortly before `end` (as `began` of time.monotonic), and write the records; the exit
    code, 1 where a training failed."""
    (place.root / "logs").mkdir(parents=True, exist_ok=True)
    tasks = plan(studies, draws)
    git = commit() != semipose.__version__
    about = {"commit": commit() if git else manifest["commit"], "quality": manifest["quality"]}
    report = Report(studies, tasks, place, about)
    context = get_context("forkserver")  # imports torch once
    context.set_forkserver_preload(["gpu_rows"])
    threads = max(1, (os.cpu_count() or 1) // jobs)
    failed = []

    def launch(task: Task) -> BaseProcess:
        log = place.root / "logs" / f"{str(task).replace(' ', '-')}.log"
        words = (studies[task.protocol].protocol, task, asked_for(task, place, threads), log)
        process = context.Process(target=train, args=words, daemon=True)
        process.start()
        return process

    def after(task: Task, code: int) -> None:
        if code:
            failed.append(task)
            log = place.root / "logs" / f"{str(task).replace(' ', '-')}.log"
            last = (log.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"])[-1]
            print(f"{task} failed, exit code {code}: {last[:300]}", flush=True)
            return
        if time.monotonic() > report.last + EVERY:
            report.write(time.monotonic() - began)
        print(f"{time.monotonic() - began:5.0f} s: {task}", flush=True)

    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_STOPPED))
    missing = [task for task in tasks if not task.finished(place.root)]
    left = side_by_side(missing, launch, jobs, end - min(GRACE, (end - began) / 4), after)
    report.write(time.monotonic() - began)
    done = f"{len(tasks) - len(left)} of {len(tasks)} trainings are finished"
    print(f"{time.monotonic() - began:5.0f} s: {done}, {len(failed)} failed -> {place.out}", flush=True)
    return 1 if failed else 0
