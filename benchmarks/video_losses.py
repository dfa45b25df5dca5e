"""What time and shape teach without a teacher: two losses on unlabelled video, alone and beside a method.

    python benchmarks/video_losses.py --data openfield --source ../shared/data/openfield/project --seeds 0 1 2
    python benchmarks/video_losses.py --data mirror --source ../shared/data/mirror_mouse --seeds 0 1 2
    python benchmarks/video_losses.py --collect

As `semipose init` sets the data up, with 20 labels drawn by each seed, all other labelled frames for validation, steps
of 4 labelled and 8 unlabelled images, these as windows of two frames: 600 steps in the open field, 400 of the mirror
mouse, whose whole frames are seen at 160x160. Rows: `supervised`; with `temporal`, with
`shape`, `with` both; `guarded`, the method that init chooses, and `guarded_with` both. In the open field a finder is
trained once a seed, and all rows see the boxes that it finds.

`px` is the median error on validation in the labels' boxes, `found_px` from the frame to the pose. `jumps` are how many
times a minute of the unlabelled video a joint goes further than a tenth of the body (the median of the labels' longer
side; of the mirror mouse's two views half of that) from one frame to the next, raw and smoothed. The losses' weights
(`--temporal`, `--shape`) were tried on seed 0 of the open field, in runs of 120 and 160 steps. A run that was
interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from common import begun, write
from semipose import evaluate, predict
from semipose.config import Config
from semipose.config.schema import FINDER, FindConfig, LossesConfig
from semipose.data.datasets import open_pool
from semipose.data.video import probe
from semipose.methods import switched
from semipose.methods.video import body_side
from semipose.outputs.kalman import jumps
from semipose.training.find import find_first
from semipose.training.once import train_once
from semipose.training.rundir import RunDir
from smoothing import PART, table

BATCH, UNLABELED, WINDOW, FRAMES, LABELS = 4, 8, 2, "uniform500", 20
STEPS = {"openfield": 600, "mirror": 400}
WHOLE = [160, 160]
"""Height and width of the network's input where it sees whole frames."""
WEIGHTS = {"temporal": 0.1, "shape": 0.03}
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "supervised": ("supervised", ()),
    "temporal": ("supervised", ("temporal",)),
    "shape": ("supervised", ("shape",)),
    "with": ("supervised", ("temporal", "shape")),
    "guarded": ("guarded", ()),
    "guarded_with": ("guarded", ("temporal", "shape")),
}
JUMP = {"openfield": PART, "mirror": PART / 2}
"""Parts of the labels' longer side that are a jump; the mirror mouse's labels are of two views."""
PREFIX = {"openfield": "", "mirror": "mirror_"}
"""Of the summary's numbers."""


def base(seed: int, asked: argparse.Namespace) -> Config:
    """What init writes, with the seed's labels and the study's sizes."""
    file, split = asked.root / f"{asked.data}.yaml", asked.root / f"{asked.data}-{seed}.json"
    config = begun(asked.source, file, split, LABELS, seed)
    return replace(
        config,
        data=replace(config.data, frames=FRAMES, window=WINDOW),
        optim=replace(config.optim, batch=BATCH, unlabeled_batch=UNLABELED),
        model=config.model if config.find.steps else replace(config.model, size=WHOLE),
        steps=asked.steps or STEPS[asked.data],
        seed=seed,
        eval_every=0,
        save_every=200,
        threads=asked.threads,
    )


def found(config: Config, seed: int, asked: argparse.Namespace) -> Config:
    """The same with the boxes of a finder that all rows of a seed share, where init asks for one."""
    if not config.find.steps:
        return config
    first = RunDir(asked.root / f"{asked.data}-finder-{seed}")
    first.path.mkdir(exist_ok=True)
    short = replace(config, find=replace(config.find, steps=min(config.find.steps, asked.find_steps)))
    find_first(short, first)
    data = replace(config.data, unlabeled_boxes=str(first.path / FINDER))
    return replace(config, data=data, find=FindConfig())


def row_of(config: Config, row: str, asked: argparse.Namespace) -> Config:
    """A row's method and losses."""
    method, losses = ROWS[row]
    weights = {name: getattr(asked, name) for name in losses}
    losses_of = LossesConfig(**weights, after=asked.after, jump=JUMP[asked.data]) if losses else LossesConfig()
    return replace(config, method=switched(config.method, method), losses=losses_of)


def moves(run: Path, video: Path, tolerance: float) -> dict[str, float]:
    """Jumps a minute of a video, raw and smoothed."""
    with tempfile.TemporaryDirectory() as folder:
        done = predict(run, video, out=folder, formats=("coco", "smoothed"), overlay=False)
        poses = json.loads((Path(folder) / "keypoints.json").read_text())
        raw, smooth = table(Path(folder) / "keypoints_smoothed.csv", len(poses[0]["keypoints"]) // 3)
    times, minutes = np.arange(len(raw)), len(raw) / probe(video).rate / 60
    shown = {"jumps": raw, "jumps_smoothed": smooth}
    counts = {name: jumps(xy, times, tolerance) / minutes for name, xy in shown.items()}
    return {**counts, "frames": len(raw), "unfound": len(done.unfound)}


def record(row: str, seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """A run's errors and jumps; trained where it is not there."""
    whole = found(base(seed, asked), seed, asked)
    folder, _ = train_once(asked.root / f"{asked.data}-{row}-{seed}", row_of(whole, row, asked))
    kept = folder / "video_losses.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    boxes = whole.data.unlabeled_boxes
    if Path(boxes).is_dir() and not (folder / FINDER).exists():
        shutil.copytree(boxes, folder / FINDER)
    scores, summary = evaluate(folder), json.loads((folder / "summary.json").read_text())
    pool = open_pool(whole.data)
    tolerance = JUMP[asked.data] * body_side(np.stack([s.keypoints for s in pool if s.keypoints is not None]))
    about = {key: summary[key] for key in ("video_losses", "guard", "seconds", "commit") if key in summary}
    told = {"px": scores["mean"]["median_error_px"], "pck": scores["mean"]["pck"], "tolerance_px": tolerance}
    if "found" in scores:
        told["found_px"] = scores["found"]["median_error_px"]
    told |= {**moves(folder, Path(str(whole.data.unlabeled)), tolerance), **about}
    kept.write_text(json.dumps(told))
    return told


def summary_of(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Means over seeds."""
    numbers: dict[str, float] = {}
    for data, prefix in PREFIX.items():
        for row in ROWS:
            of_row = [run for name, run in runs.items() if name.rpartition("-")[0] == f"{data}-{row}"]
            for key in ("px", "found_px", "jumps", "jumps_smoothed"):
                if values := [run[key] for run in of_row if key in run]:
                    numbers[f"{prefix}{key.replace('jumps_smoothed', 'smoothed_jumps')}_{row}"] = statistics.mean(
                        values
                    )
            if of_row:
                numbers[f"{prefix}seeds"] = max(len(of_row), numbers.get(f"{prefix}seeds", 0))
                numbers[f"{prefix}seeds_{row}"] = len(of_row)
    return {name: round(value, 3) for name, value in numbers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=[*PREFIX], default="openfield")
    parser.add_argument("--source", type=Path, default=Path("../shared/data/openfield/project"))
    parser.add_argument("--root", type=Path, default=Path("runs/video_losses"))
    parser.add_argument("--row", action="append", choices=[*ROWS])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=0, help="another length")
    parser.add_argument("--find_steps", type=int, default=400)
    parser.add_argument("--temporal", type=float, default=WEIGHTS["temporal"])
    parser.add_argument("--shape", type=float, default=WEIGHTS["shape"])
    parser.add_argument("--after", type=float, default=LossesConfig().after)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--collect", action="store_true", help="write the record of what is finished")
    asked = parser.parse_args()
    asked.root = asked.root.resolve()
    if asked.collect:
        files = sorted(asked.root.glob("*/video_losses.json"))
        runs = {file.parent.name: json.loads(file.read_text()) for file in files}
        write("video_losses", summary_of(runs), runs)
        return
    for seed in asked.seeds:
        for row in asked.row or ROWS:
            run = record(row, seed, asked)
            print(f"{asked.data}-{row}-{seed}", json.dumps(run), flush=True)


if __name__ == "__main__":
    main()
