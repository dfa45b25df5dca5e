"""What the drivers share: they read a job, do it in a peer's environment, and write what came of it. No semipose here.

A job is a JSON file beside which `result.json` is written. Without it the caller takes the last line that the driver
printed to stderr as the reason why there is none.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FILE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("job.json")


def job() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def finish(result: dict[str, Any]) -> None:
    FILE.with_name("result.json").write_text(json.dumps(result, indent=1))


def reason(error: BaseException) -> str:
    """The type and the first line of an error; of one without a message, of its cause."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def affordable(minutes: float, epoch_seconds: float, default: int) -> int:
    """Epochs that fit into the minutes: the tool's own number where there is time, at least one."""
    return max(1, min(default, int(60 * minutes / epoch_seconds)))


def scaled(marks: Sequence[int], epochs: int, default: int) -> list[int]:
    """Epochs of a schedule at the same parts of a shorter training."""
    return [max(1, round(mark * epochs / default)) for mark in marks]


def median_px(predicted: Sequence[Sequence[float]], labelled: Sequence[Sequence[float]]) -> float:
    """The median distance of points (x, y), without those whose label is missing (NaN)."""
    pairs = [(p, t) for p, t in zip(predicted, labelled, strict=True) if not any(map(math.isnan, t))]
    distances = sorted(math.dist(p, t) if all(map(math.isfinite, p)) else math.inf for p, t in pairs)
    if not distances:
        return math.nan
    half = len(distances) // 2
    return distances[half] if len(distances) % 2 else (distances[half - 1] + distances[half]) / 2


def trained(curve: list[tuple[int, float, float]], steps: int, seconds: float, batch: float) -> dict[str, Any]:
    """A training's figures. `curve` has step, seconds of training until then, and median validation error in px;
    `batch` is the labelled images of a step, on average."""
    return {
        "steps": steps,
        "seconds": round(seconds, 2),
        "step_seconds": round(seconds / steps, 4),
        "labelled_images_per_second": round(steps * batch / seconds, 3),
        "batch": round(batch, 2),
        "errors": [(step, round(at, 2), round(px, 3)) for step, at, px in curve],
    }
