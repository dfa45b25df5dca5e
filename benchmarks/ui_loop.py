"""The loop of `semipose ui`, driven by a browser on DeepLabCut's open field: 20 labels, a training, the 20 frames that
the queue names corrected, a training that goes on; beside it the same with 20 frames drawn at random.

    python benchmarks/ui_loop.py --data ../shared/data/openfield/project --seeds 0 1 2

A person's hand is the labels that the data set has: each joint is clicked where they have it. 40 frames that nobody is
shown are the measure: the median error of all joints in pixels of the video, from the whole frame where the run finds
the body. Both second trainings start from the first run's weights and have as many steps. A seed that was interrupted
begins again.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from common import write
from semipose import evaluate
from semipose.data.readers.tables import read_cells, read_table

FILM = "m4s1"
HELD = 40
STEPS = 800
"""What init writes."""


def tables(data: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """The table of labels, and the joints of each picture by its name."""
    path = next((data / "labeled-data" / FILM).glob("CollectedData_*.csv"))
    table = read_table(path)
    return path, {Path(name).name: points[0] for name, points in zip(table.images, table.points, strict=True)}


def project(data: Path, root: Path, names: Sequence[str], labels: bool) -> Path:
    """A project of some of the pictures, with their labels or without."""
    folder = root / "labeled-data" / FILM
    folder.mkdir(parents=True)
    shutil.copy(data / "config.yaml", root / "config.yaml")
    for name in names:
        shutil.copy(data / "labeled-data" / FILM / name, folder / name)
    if labels:
        path, _ = tables(data)
        rows = [row for _, row in read_cells(path)]
        kept = [row for row in rows[3:] if Path(row[0].replace("\\", "/")).name in set(names)]
        (folder / path.name).write_text("\n".join(",".join(row) for row in [*rows[:3], *kept]) + "\n")
    return root


@contextmanager
def served(root: Path, page: Page) -> Iterator[tuple[str, int]]:
    """The server of a project, entered: its address and its process."""
    command = [sys.executable, "-m", "semipose", "ui", str(root), "--no-browser", "--port=0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        page.goto(address)
        yield address.partition("?")[0], server.pid
    finally:
        server.terminate()
        server.wait(30)


def place(page: Page, points: np.ndarray) -> None:
    """Click each joint where it is, and wait until it is saved."""
    for k, (x, y, v) in enumerate(points.tolist()):
        page.keyboard.press(str(k + 1))
        page.keyboard.press("v")
        if v:
            page.mouse.click(*page.evaluate("([x, y]) => document.getElementById('main').where(x, y)", [x, y]))
    page.wait_for_timeout(400)
    page.wait_for_function("() => document.getElementById('saved').textContent === 'Saved'")


def label(page: Page, base: str, root: Path, names: Sequence[str], truth: dict[str, np.ndarray]) -> None:
    """Label pictures by name."""
    every = sorted(path.name for path in (root / "labeled-data" / FILM).glob("*.png"))
    for name in names:
        page.goto("about:blank")
        page.goto(f"{base}#label/0/{every.index(name)}")
        page.wait_for_function("(n) => document.getElementById('frame-name')?.textContent.endsWith(n)", arg=name)
        place(page, truth[name])


def train(page: Page, base: str, root: Path, name: str, asked: argparse.Namespace, start: str = "") -> Path:
    """Train through the page, until the run is done."""
    page.goto("about:blank")
    page.goto(f"{base}#train")
    page.locator("#name-run").fill(name)
    page.locator("#way").select_option(asked.way)
    if asked.steps:
        page.locator("#steps").fill(str(asked.steps))
    if start:
        page.locator("#from").select_option(start)
    page.locator("#start-training").click()
    page.locator(".job").first.wait_for()
    done = root / "runs" / name / "summary.json"
    while not done.exists():
        page.wait_for_timeout(1000)
        failed = page.locator("pre.alarm")
        if failed.count():
            raise RuntimeError(failed.first.inner_text())
    page.wait_for_function("() => !document.querySelector('.job')", timeout=600_000)
    return root / "runs" / name


def queue(page: Page, base: str, truth: dict[str, np.ndarray], count: int) -> list[str]:
    """Choose frames to label next and correct each; their names."""
    page.goto("about:blank")
    page.goto(f"{base}#next")
    page.locator("#queue-count").fill(str(count))
    page.locator("#choose").click()
    page.locator("#item-0").wait_for(timeout=3_600_000)
    names = []
    for n in range(count):
        page.locator(f"#item-{n}").click()
        page.wait_for_function("(n) => document.querySelector(`#item-${n}[aria-selected=true]`)", arg=n)
        page.wait_for_timeout(300)
        names.append(Path(page.locator("#frame-name").inner_text()).name)
        if page.locator("#take").count():
            page.locator("#take").click()
            page.locator(".stage").focus()
        place(page, truth[names[-1]])
    return names


def shorten(page: Page, file: Path, steps: int) -> None:
    """Have data.yaml written, then give the first network other steps; with none it is left out."""
    headers = "{'content-type': 'application/json'}"
    page.evaluate(f"fetch('/api/prepare', {{method: 'POST', headers: {headers}, body: '{{}}'}})")
    while not file.exists():
        page.wait_for_timeout(200)
    page.wait_for_timeout(500)
    text = re.sub(r"steps: 400", f"steps: {steps}", file.read_text())
    if not steps:
        text = text.replace("boxes: labels", "boxes: own").replace("unlabeled_boxes: finder", "unlabeled_boxes: whole")
    file.write_text(text)


def errors(which: str, run: Path, held: Path) -> dict[str, Any]:
    """The median error (None where nothing is found), and how many bodies are not found, which it is not of."""
    scores = evaluate(run, data=held)
    found = scores.get("found", scores["mean"])
    return {f"px_{which}": found["median_error_px"], f"missed_{which}": found.get("missed", 0)}


def one(seed: int, asked: argparse.Namespace, page: Page) -> dict[str, Any]:
    """A seed's errors."""
    _, truth = tables(asked.data)
    order = [sorted(truth)[i] for i in np.random.default_rng(seed).permutation(len(truth))]
    held, first, rest = order[:HELD], order[HELD : HELD + asked.labels], order[HELD + asked.labels :]
    root = asked.root / f"seed{seed}"
    shutil.rmtree(root, ignore_errors=True)
    test = project(asked.data, root / "held", held, True)
    picked = project(asked.data, root / "picked", [*first, *rest], False)
    began = time.monotonic()
    with served(picked, page) as (base, _):
        label(page, base, picked, first, truth)
        if asked.find is not None:
            shorten(page, picked / "data.yaml", asked.find)
        before = train(page, base, picked, "before", asked)
        shutil.copytree(picked, root / "random")
        names = queue(page, base, truth, asked.count)
        after = train(page, base, picked, "after", asked, "runs/before")
    other = root / "random"
    chosen = rest[: asked.count]
    with served(other, page) as (base, _):
        label(page, base, other, chosen, truth)
        drawn = train(page, base, other, "after", asked, "runs/before")
    return {
        **errors("before", before, test),
        **errors("after_picked", after, test),
        **errors("after_random", drawn, test),
        "way": asked.way,
        "picked": names,
        "random": chosen,
        "seconds": round(time.monotonic() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/openfield/project"))
    parser.add_argument("--root", type=Path, default=Path("runs/ui_loop"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--way", default="data", choices=("data", "supervised"), help="as init writes, or labels alone")
    parser.add_argument("--steps", type=int, help="of each training; what init writes by default")
    parser.add_argument("--find", type=int, help="steps of the first network, 0 for none; what init writes by default")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser, where Playwright has none")
    parser.add_argument("--try", dest="trial", action="store_true", help="print the figures and write no record")
    asked = parser.parse_args()
    asked.root, runs = asked.root.resolve(), dict[str, Any]()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=asked.chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        for seed in asked.seeds:
            runs[f"seed{seed}"] = one(seed, asked, page)
            print(f"seed{seed}", json.dumps(runs[f"seed{seed}"]), flush=True)
            if not asked.trial:  # of those that are done, where the rest is not waited for
                record(asked, runs)
        browser.close()


def record(asked: argparse.Namespace, runs: dict[str, Any]) -> None:
    keys = ("px_before", "px_after_picked", "px_after_random")
    whole = [run for run in runs.values() if None not in [run[key] for key in keys]]
    summary = {key: round(statistics.mean(run[key] for run in whole), 3) if whole else None for key in keys}
    how = {"steps": asked.steps or STEPS, "labels": asked.labels, "count": asked.count}
    write("ui_loop", {**summary, "seeds": len(whole), **how}, runs)


if __name__ == "__main__":
    main()
