"""Images a second on one core for the embedded people: python benchmarks/people_speed.py [count]"""

from __future__ import annotations

import json
import sys
import time

import cv2

from semipose.data import people


def rate(draw, count: int, repeats: int = 3) -> float:
    """The best of `repeats` runs, in calls a second of this process's own CPU time."""
    best = 0.0
    for _ in range(repeats):
        start = time.process_time()
        for index in range(count):
            draw(index)
        best = max(best, count / (time.process_time() - start))
    return best


def main(count: int) -> None:
    cv2.setNumThreads(1)
    out = {}
    for domain in people.DOMAINS:
        people.render(0, 0, domain)
        out[domain] = {
            "render 128x96": round(rate(lambda i: people.render(1, i, domain), count)),
            f"read {people.READ_SIZE[0]}x{people.READ_SIZE[1]}": round(
                rate(lambda i: people.read(f"synth:{domain}/1/{i}"), count)
            ),
            "labels only": round(rate(lambda i: people.dataset(domain, 1, seed=1, start=i), count)),
        }
    print(json.dumps(out, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
