"""How often a joint jumps from one frame of a video to the next, before and after smoothing.

    python benchmarks/smoothing.py runs/mouse clip.mp4

A jump is further than a tenth of the body's longer side (the median box of the poses). A minute is one of the video.
Writes results/smoothing.json; `moved_px` is how far smoothing moves a joint, in the median.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path

import numpy as np

from common import write
from semipose import predict
from semipose.data.video import probe
from semipose.outputs.kalman import jumps

PART = 0.1


def table(file: Path, joints: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, K, 2) raw and smoothed places."""
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    columns = ("x", "y", "x_smoothed", "y_smoothed")
    values = np.array([[float(row[name] or "nan") for name in columns] for row in rows]).reshape(-1, joints, 4)
    return values[..., :2], values[..., 2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", default="all")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        how = {"out": folder, "formats": ("coco", "smoothed"), "overlay": False, "frames": asked.frames}
        found = predict(asked.run, asked.video, **how)  # type: ignore[arg-type]
        poses = json.loads((Path(folder) / "keypoints.json").read_text())
        raw, smooth = table(Path(folder) / "keypoints_smoothed.csv", len(poses[0]["keypoints"]) // 3)
    tolerance = PART * float(np.median([max(pose["bbox"][2:]) for pose in poses]))
    times, minutes = np.arange(len(raw)), len(raw) / probe(asked.video).rate / 60
    summary = {
        "jumps_a_minute_raw": jumps(raw, times, tolerance) / minutes,
        "jumps_a_minute_smoothed": jumps(smooth, times, tolerance) / minutes,
        "tolerance_px": tolerance,
        "moved_px": float(np.nanmedian(np.linalg.norm(raw - smooth, axis=-1))),
        "frames": len(raw),
        "unfound": len(found.unfound),
        "frames_a_second": found.frames / found.seconds,
    }
    runs = {asked.video.name: {"run": "/".join(asked.run.parts[-2:]), "joints": raw.shape[1]}}
    write("smoothing", {name: round(value, 3) for name, value in summary.items()}, runs)


if __name__ == "__main__":
    main()
