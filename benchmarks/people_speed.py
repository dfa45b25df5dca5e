"""Images a second of one core's CPU time for the synthetic people: python benchmarks/people_speed.py [count]"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import cv2

from common import write
from semipose.data import people

REPEATS = 6


def rate(draw: Callable[[int], object], count: int) -> float:
    """Calls a second of this process's own CPU time, each call's time its best of `REPEATS`: others on the machine only
    slow it."""
    draw(0)
    best = [float("inf")] * count
    for _ in range(REPEATS):
        for index in range(count):
            start = time.process_time()
            draw(index)
            best[index] = min(best[index], time.process_time() - start)
    return round(count / sum(best), 1)


def speeds(domain: str, count: int) -> dict[str, float]:
    height, width = people.READ_SIZE
    return {
        "render 128x96": rate(lambda i: people.render(1, i, domain), count),
        f"read {height}x{width}": rate(lambda i: people.read(f"synth:{domain}/1/{i}"), count),
        "labels only": rate(lambda i: people.dataset(domain, 1, seed=1, start=i), count),
    }


if __name__ == "__main__":
    cv2.setNumThreads(1)
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    rates = {domain: speeds(domain, images) for domain in people.DOMAINS}
    summary = {}
    for domain in reversed(people.DOMAINS):
        summary[domain], summary[f"read_{domain}"], _ = rates[domain].values()
    write(
        "people_speed",
        summary,
        rates,
        unit="images a second of CPU time (time.process_time) on one thread",
        images=images,
        repeats=f"each image's time is its best of {REPEATS}",
    )
