"""Images a second on one core for the embedded people: python benchmarks/people_speed.py [count]"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import cv2

from semipose.data import people


def rate(draw: Callable[[int], object], count: int, repeats: int = 6) -> float:
    """Calls a second of this process's own CPU time, each call's time its best of `repeats`: others on the machine only
    slow it."""
    best = [float("inf")] * count
    for _ in range(repeats):
        for index in range(count):
            start = time.process_time()
            draw(index)
            best[index] = min(best[index], time.process_time() - start)
    return round(count / sum(best))


def speeds(domain: str, count: int) -> dict[str, float]:
    people.render(0, 0, domain)
    height, width = people.READ_SIZE
    return {
        "render 128x96": rate(lambda i: people.render(1, i, domain), count),
        f"read {height}x{width}": rate(lambda i: people.read(f"synth:{domain}/1/{i}"), count),
        "labels only": rate(lambda i: people.dataset(domain, 1, seed=1, start=i), count),
    }


if __name__ == "__main__":
    cv2.setNumThreads(1)
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print(json.dumps({domain: speeds(domain, images) for domain in people.DOMAINS}, indent=2))
