"""Work that goes on when the server is closed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from semipose.browser import jobs as module
from semipose.browser.jobs import DONE, FAILED, RUNNING, STOPPED, WAITING, Jobs, as_row
from semipose.errors import UserError

CHILD = """import json, pathlib, signal, sys, time
record, how = sys.argv[1:3]
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(3))
print("step 1\\rstep 2 of <script>", flush=True)
until = time.time() + (60 if how == "long" else 0)
while time.time() < until and not ended:
    time.sleep(0.01)
code = ended[0] if ended else int(how == "bad")
pathlib.Path(record).write_text(json.dumps({"code": code}))
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Whose children are small programs."""
    (tmp_path / "child.py").write_text(CHILD)
    real = module.subprocess.Popen

    def popen(words: list[str], **how: object) -> object:
        return real([words[0], str(tmp_path / "child.py"), *words[3:]], **how)  # type: ignore[call-overload]

    monkeypatch.setattr(module.subprocess, "Popen", popen)
    return Jobs(tmp_path, tmp_path / "home")


def wait(jobs: Jobs, number: int, *states: str) -> str:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        state = {job.number: job.state for job in jobs.every()}[number]
        if state in states:
            return state
        time.sleep(0.02)
    raise AssertionError(f"job {number} is still {state}")


def test_one_at_a_time_and_how_each_ends(jobs: Jobs) -> None:
    first, second, third = (jobs.add("train", [how], run="r") for how in ("long", "good", "bad"))
    assert first.state == RUNNING and second.state == WAITING and jobs.training("r")
    until = time.monotonic() + 30
    while "step 2" not in jobs.tail(first) and time.monotonic() < until:
        time.sleep(0.02)
    assert jobs.tail(first).splitlines() == ["step 1", "step 2 of <script>"]
    jobs.stop(1)
    assert wait(jobs, 1, STOPPED) and wait(jobs, 2, DONE) and wait(jobs, 3, FAILED)
    assert not jobs.training("r") and as_row(jobs, third)["tail"] and "step 1" in jobs.text(second)
    with pytest.raises(UserError, match="no job 9"):
        jobs.get(9)


def test_another_server_finds_what_runs_and_stops_it(jobs: Jobs) -> None:
    job = jobs.add("train", ["long"])
    until = time.monotonic() + 30
    while "step 2" not in jobs.tail(job) and time.monotonic() < until:
        time.sleep(0.02)
    later = Jobs(jobs.root, jobs.folder.parent)
    assert [each.state for each in later.every()] == [RUNNING]
    assert later.add("audit", ["good"]).state == WAITING
    later.stop(1)
    jobs._children[1].wait(30)
    assert wait(later, 1, STOPPED) == STOPPED and wait(later, 2, DONE) == DONE


def test_a_killed_job_has_failed_and_a_waiting_one_is_dropped(jobs: Jobs) -> None:
    job, waiting = jobs.add("train", ["long"]), jobs.add("train", ["good"])
    assert jobs.stop(waiting.number).state == STOPPED
    os.kill(job.pid, signal.SIGKILL)
    assert wait(jobs, 1, FAILED, STOPPED) == FAILED and [each.state for each in jobs.every()] == [STOPPED, FAILED]


def test_asked_twice_it_ends_at_once(jobs: Jobs) -> None:
    job = jobs.add("train", ["long"])
    jobs.stop(1)
    if job.state == RUNNING:
        jobs.stop(1)
    assert wait(jobs, 1, STOPPED) == STOPPED


def test_a_damaged_record_is_passed_over(jobs: Jobs) -> None:
    jobs.folder.mkdir(parents=True, exist_ok=True)
    (jobs.folder / "00007.job").write_text("{")
    (jobs.folder / "00008.job").write_text('{"number": 8}')
    assert Jobs(jobs.root, jobs.folder.parent).every() == []
