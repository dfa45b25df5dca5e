"""Trainings and other long work, each a process of its own that goes on when the page or the server is closed.

A job is a file in the project, so that a server that starts later finds it. One runs at a time; the next one starts
when it has ended, while a server is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from semipose.errors import UserError, plain_line
from semipose.files import read_json, write_atomically
from semipose.signals import EXIT_STOPPED

PATHS = (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", ""))
"""Where a job finds the same package as its server, whatever folder it runs in."""
WAITING, RUNNING, DONE, STOPPED, FAILED = "waiting", "running", "done", "stopped", "failed"
TAIL = 4000
"""Bytes of a log's end."""
LAST = 40
"""Jobs that are listed."""


@dataclass
class Job:
    """One job. `words`: of `semipose.browser.work`; `run`: the run that it makes or reads, its name; `out`: what it
    writes, relative to the project."""

    number: int
    kind: str
    words: list[str]
    run: str = ""
    out: str = ""
    state: str = WAITING
    pid: int = 0
    began: float = 0.0
    ended: float = 0.0
    line: str = ""
    asked: int = field(default=0)
    """How often it was asked to stop."""


class Jobs:
    """The jobs of a project.

    Args:
        root: the project, where they run.
        home: the folder of their files.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.folder = root, home / "jobs"
        self._lock = threading.RLock()
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._jobs = {job.number: job for job in self._load()}

    def _load(self) -> list[Job]:
        jobs = []
        for path in sorted(self.folder.glob("*.job")):
            with contextlib.suppress(UserError, TypeError):
                jobs.append(Job(**read_json(path)))
        return jobs[-LAST:]

    def _file(self, job: Job, ending: str) -> Path:
        return self.folder / f"{job.number:05d}.{ending}"

    def _save(self, job: Job) -> None:
        write_atomically(self._file(job, "job"), json.dumps(asdict(job)).encode())

    def add(self, kind: str, words: Sequence[str], run: str = "", out: str = "") -> Job:
        """A new job, which starts when none runs."""
        with self._lock:
            job = Job(1 + max(self._jobs, default=0), kind, list(words), run, out)
            self._jobs[job.number] = job
            self._save(job)
            self.turn()
            return job

    def every(self) -> list[Job]:
        """The last ones, newest first, as they are now."""
        with self._lock:
            self.turn()
            return sorted(self._jobs.values(), key=lambda job: -job.number)[:LAST]

    def training(self, run: str) -> bool:
        """Whether a training of this run waits or runs."""
        return any(job.run == run and job.kind == "train" and job.state in (WAITING, RUNNING) for job in self.every())

    def turn(self) -> None:
        """See which have ended, and start the next."""
        with self._lock:
            for job in self._jobs.values():
                if job.state == RUNNING and not self._alive(job):
                    self._end(job)
            if not any(job.state == RUNNING for job in self._jobs.values()):
                waiting = [
                    job for job in sorted(self._jobs.values(), key=lambda job: job.number) if job.state == WAITING
                ]
                if waiting:
                    self._start(waiting[0])

    def _start(self, job: Job) -> None:
        words = [sys.executable, "-m", "semipose.browser.work", str(self._file(job, "code")), *job.words]
        with self._file(job, "log").open("wb") as log:
            child = subprocess.Popen(
                words,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(filter(None, PATHS))},
            )
        self._children[job.number] = child
        job.state, job.pid, job.began = RUNNING, child.pid, time.time()
        self._save(job)

    def _alive(self, job: Job) -> bool:
        child = self._children.get(job.number)
        if child is not None:
            return child.poll() is None
        if self._file(job, "code").exists():
            return False
        try:
            words = Path(f"/proc/{job.pid}/cmdline").read_bytes()
            return str(self._file(job, "code")).encode() in words
        except OSError:
            pass
        if Path("/proc/self").exists():
            return False
        try:
            os.kill(job.pid, 0)
        except OSError:
            return False
        return True

    def _end(self, job: Job) -> None:
        self._children.pop(job.number, None)
        code = -1
        with contextlib.suppress(UserError, KeyError, TypeError, ValueError):
            code = int(read_json(self._file(job, "code"))["code"])
        states = {0: DONE, EXIT_STOPPED: STOPPED}
        job.state = states.get(code, STOPPED if job.asked else FAILED)
        # `check` says by 1 that it found something.
        job.state = DONE if job.kind == "check" and code == 1 else job.state
        job.ended = time.time()
        job.line = self.tail(job, 1)
        self._save(job)

    def tail(self, job: Job, lines: int = 8) -> str:
        """The last lines that a job printed."""
        try:
            with self._file(job, "log").open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        rows = [plain_line(line) for line in text.replace("\r", "\n").splitlines() if line.strip()]
        return "\n".join(rows[-lines:])

    def text(self, job: Job) -> str:
        """All that a job printed, as far as it is short."""
        try:
            return self._file(job, "log").read_bytes()[: 1 << 18].decode("utf-8", "replace")
        except OSError:
            return ""

    def get(self, number: int) -> Job:
        """
        Raises:
            UserError: there is none of this number.
        """
        job = self._jobs.get(number)
        if job is None:
            raise UserError(f"there is no job {number}; reload the page")
        return job

    def stop(self, number: int) -> Job:
        """Ask a job to save and end; asked again, it is ended at once."""
        with self._lock:
            self.turn()
            job = self.get(number)
            if job.state == WAITING:
                job.state, job.ended = STOPPED, time.time()
            elif job.state == RUNNING:
                job.asked += 1
                with contextlib.suppress(OSError):
                    if job.asked == 1:
                        os.kill(job.pid, signal.SIGTERM)
                    else:
                        os.killpg(job.pid, signal.SIGKILL)
            self._save(job)
            return job


def as_row(jobs: Jobs, job: Job) -> dict[str, Any]:
    """A job as a browser gets it."""
    keys = ("number", "kind", "run", "state", "began", "ended", "asked")
    row = {key: getattr(job, key) for key in keys}
    return {**row, "tail": jobs.tail(job) if job.state in (RUNNING, FAILED) else job.line}
