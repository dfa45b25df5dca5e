"""`semipose ui` on a folder of many pictures: how long until the first is shown, and how much memory the server takes.

    python benchmarks/ui_scale.py --frames 100000

The pictures are hard links of one, a thousand in each folder. The time is from the start of the command until a browser
has painted the first picture with its list beside it; the memory is the most that the server took until then and while
the list was scrolled to ten places and twenty frames were opened.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

from common import write
from ui_loop import served

PLACES, OPENED = 10, 20


def pictures(root: Path, frames: int) -> None:
    """A picture of noise under many names, and labels that are begun."""
    from semipose.browser.coco import begin

    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    content = cv2.imencode(".jpg", cv2.resize(noise, (640, 480)))[1].tobytes()
    for n in range(frames):
        folder = root / f"{n // 1000:04d}"
        if n % 1000 == 0:  # file systems bound how many names a file has
            folder.mkdir()
            first = folder / f"img{n:07d}.jpg"
            first.write_bytes(content)
        else:
            os.link(first, folder / f"img{n:07d}.jpg")
    begin(root / "labels.json", ["nose", "left ear", "right ear", "tail"])


def megabytes(pid: int) -> float:
    """The most memory that a process has taken."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s*(\d+) kB", text)
    return int(found[1]) / 1024 if found else float("nan")


def shown(page: Page) -> None:
    """Until the frame's picture is there and the list beside it."""
    page.wait_for_function(
        "() => document.querySelector('.stage image')?.getAttribute('href') && document.querySelector('.frame img')"
        " && performance.getEntriesByType('resource').some((e) => e.name.includes('/picture/') && e.responseEnd)",
        timeout=300_000,
    )


def measured(root: Path, chromium: str | None) -> dict[str, float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        began = time.monotonic()
        with served(root, page) as (address, server):
            page.goto(f"{address}#label/0/0")
            shown(page)
            first = time.monotonic() - began
            before = megabytes(server)
            box = page.locator(".frames")
            for n in range(PLACES):
                box.evaluate(
                    "(e, part) => { e.scrollTop = part * (e.scrollHeight - e.clientHeight) }", n / (PLACES - 1)
                )
                page.wait_for_timeout(300)
            again = time.monotonic()
            for _ in range(OPENED):
                name = page.locator("#frame-name").inner_text()
                page.keyboard.press(".")
                page.wait_for_function("(n) => document.getElementById('frame-name').textContent !== n", arg=name)
            each = (time.monotonic() - again) / OPENED
            after = megabytes(server)
        browser.close()
    return {
        "first_picture_seconds": round(first, 2),
        "server_mb": round(after, 1),
        "server_mb_at_first": round(before, 1),
        "next_frame_seconds": round(each, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser, where Playwright has none")
    parser.add_argument("--try", dest="trial", action="store_true", help="print the figures and write no record")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures(Path(folder), asked.frames)
        figures = measured(Path(folder), asked.chromium)
    if asked.trial:
        print(figures)
    else:
        write("ui_scale", {**figures, "frames": asked.frames}, {str(asked.frames): figures})


if __name__ == "__main__":
    main()
