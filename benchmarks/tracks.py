"""Several bodies through a video: drawn people who walk and cross.

    python benchmarks/tracks.py
    python benchmarks/tracks.py --seeds 0 1 2 --picture crossing.png

A run with a finder learns from single frames of videos (`synth:walk`), with the network that `semipose init` writes and
Muon, and predicts videos of other people frame by frame, from the image to the tracks. Switches, fragments, missed
bodies and false tracks are counted against the drawn truth (`semipose.metrics.tracks`). `tracker_*` are the same counts
where the tracker is given the true poses, each joint off by `NOISE` pixels and each body left out of one frame in
`LEFT_OUT`: what is left are the tracker's own errors. A run that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from common import write
from promise import FINE, MUON
from semipose import evaluate
from semipose.config import Config, DataConfig, ModelConfig
from semipose.config.schema import FINDER, FindConfig
from semipose.data import refs
from semipose.data.synthetic import walk
from semipose.drawing.poses import contact_sheet, draw_pose
from semipose.inference.boxes import finder_file
from semipose.inference.found import Found
from semipose.inference.predictor import Predictor
from semipose.inference.tracking import Tracker
from semipose.methods import options
from semipose.metrics.tracks import Counts, Poses, count_tracks
from semipose.outputs.pose import Pose
from semipose.skeleton import LSP
from semipose.training.once import train_once

FRAMES, STRIDE, VAL_FRAMES = 240, 10, 60
"""Labelled frames, of each video each tenth, and those of validation."""
TRAIN, VAL, HELD_OUT = 0, 1, 900
"""Seeds of the people."""
STEPS, FIND_STEPS, BATCH, FIND_SIZE, SIZE = 500, 400, 8, [192, 256], [96, 64]
NEAR = 0.3
"""Body sizes: a track that is farther from a body is on another."""
NOISE, LEFT_OUT = 3.0, 20


def config(seed: int, asked: argparse.Namespace) -> Config:
    """A finder and a network in boxes, from labels alone."""
    data = DataConfig(
        labeled=str(refs.People(walk.DOMAIN, FRAMES, 10 * seed + TRAIN, 0, STRIDE)),
        val=str(refs.People(walk.DOMAIN, VAL_FRAMES, 10 * seed + VAL, 0, STRIDE)),
        boxes="labels",
        cache=str(asked.root / "cache"),
    )
    return Config(
        data,
        ModelConfig("tf_efficientnet_lite0", size=SIZE, sigma=1.5, **FINE),
        options("supervised", easy="affine30+flip50"),
        replace(MUON, batch=BATCH),
        find=FindConfig(FIND_STEPS, FIND_SIZE),
        steps=STEPS,
        seed=seed,
        eval_every=0,
        decode="dark",
        threads=asked.threads,
        accelerator="cpu",
    )


def frames(video: int) -> list[int]:
    """Of one video, their indices."""
    return [*range(video * walk.LENGTH, (video + 1) * walk.LENGTH)]


def truth(index: int) -> Poses:
    """Track -> keypoints."""
    return {track: keypoints for track, keypoints, _ in walk.labels(HELD_OUT, index)}


def apart(body: np.ndarray, track: np.ndarray) -> float:
    """The mean distance of labelled joints over the body's longer side."""
    known = body[:, 2] > 0
    size = np.ptp(body[known, :2], 0).max()
    return float(np.linalg.norm(body[known, :2] - track[known, :2], axis=1).mean() / size)


def count(tracked: list[list[Pose]], video: int) -> Counts:
    """Of one video."""
    shown = [
        (truth(index), {pose.track: pose.xy for pose in poses if pose.track is not None})
        for index, poses in zip(frames(video), tracked, strict=True)
    ]
    return count_tracks(shown, apart, NEAR)


def predicted(whole: Found, video: int) -> list[list[Pose]]:
    """Tracked poses of each frame."""
    images = ((walk.read(refs.Person(walk.DOMAIN, HELD_OUT, index)), None) for index in frames(video))
    tracker = Tracker(whole.most)
    return [tracker(number, poses) for number, poses in enumerate(whole.pairs(images))]


def perturbed(video: int, most: int) -> list[list[Pose]]:
    """The true poses, not quite, tracked."""
    rng, tracker = np.random.default_rng(video), Tracker(most)
    tracked = []
    for number, index in enumerate(frames(video)):
        poses = []
        for _, keypoints, box in walk.labels(HELD_OUT, index):
            xy = keypoints[:, :2] + rng.normal(0, NOISE, (len(keypoints), 2))
            if rng.integers(LEFT_OUT):
                poses.append(Pose(xy, np.ones(len(xy)), box))
        tracked.append(tracker(number, poses))
    return tracked


def record(seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """The counts of one seed's networks, and how well they do otherwise."""
    began = time.perf_counter()
    folder, _ = train_once(asked.root / f"seed{seed}", config(seed, asked), progress=asked.progress)
    finder = finder_file(folder)
    assert finder is not None
    whole = Found.load(finder, Predictor.load(folder, "cpu"), "cpu")
    counts, alone = Counts(), Counts()
    began = time.perf_counter()
    for video in range(asked.videos):
        tracked = predicted(whole, video)
        counts += count(tracked, video)
        alone += count(perturbed(video, whole.most), video)
        if asked.picture and video == 0:
            picture(tracked, video, asked.picture)
    scores, summary = evaluate(folder), json.loads((folder / "summary.json").read_text())
    brief = {
        name: {key: row[key] for key in ("pck", "median_error_px", "missed", "false", "bodies") if key in row}
        for name, row in (("own", scores["mean"]), ("found", scores["found"]))
    }
    find = json.loads((folder / FINDER / "find.json").read_text())
    seconds = {
        "seconds": summary["seconds"],
        "finder_seconds": json.loads((folder / FINDER / "summary.json").read_text())["seconds"],
        "predict_seconds": round(time.perf_counter() - began, 1),
    }
    both = {"counts": vars(counts), "tracker": vars(alone)}
    return {**both, **brief, "find": find, **seconds, "commit": summary["commit"]}


def picture(tracked: list[list[Pose]], video: int, path: Path) -> None:
    """Some frames with boxes and poses in the colours of their tracks."""
    from semipose.data.marks import encoded

    tiles = []
    for number in range(25, 85, 5):
        image = walk.read(refs.Person(walk.DOMAIN, HELD_OUT, frames(video)[number]))
        for pose in tracked[number]:
            image = draw_pose(image, pose.keypoints, LSP, track=pose.track)
        tiles.append(image)
    path.write_bytes(encoded(contact_sheet(tiles, 4), ".png"))


def summary(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Errors in a thousand frames over all seeds; other numbers are means."""

    def rates(name: str) -> Iterator[tuple[str, float]]:
        total = sum((Counts(**run[name]) for run in runs.values()), Counts())
        return ((f"{key}_per_1000", value) for key, value in total.per_1000().items())

    def mean(part: str, key: str) -> float:
        return statistics.mean(run[part][key] for run in runs.values())

    numbers = dict(rates("counts")) | {f"tracker_{key}": value for key, value in rates("tracker")}
    numbers |= {
        "frames": sum(run["counts"]["frames"] for run in runs.values()),
        "bodies": sum(run["counts"]["bodies"] for run in runs.values()),
        "seeds": len(runs),
        "found_px": mean("found", "median_error_px"),
        "own_boxes_px": mean("own", "median_error_px"),
        "found_pck": 100 * mean("found", "pck"),
        "own_boxes_pck": 100 * mean("own", "pck"),
        "val_bodies": sum(run["found"]["bodies"] for run in runs.values()),
        "val_missed": sum(run["found"]["missed"] for run in runs.values()),
        "val_false": sum(run["found"]["false"] for run in runs.values()),
        "minutes": statistics.mean(run["seconds"] + run["finder_seconds"] for run in runs.values()) / 60,
    }
    return {name: round(value, 3) for name, value in numbers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("runs/tracks"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--videos", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--picture", type=Path, help="a PNG of frames with tracks")
    parser.add_argument("--progress", action="store_true")
    parser.add_argument("--dry", action="store_true", help="write no record")
    asked = parser.parse_args()
    asked.root = asked.root.resolve()
    runs = {}
    for seed in asked.seeds:
        runs[f"seed{seed}"] = record(seed, asked)
        print(f"seed{seed}", json.dumps(runs[f"seed{seed}"]), flush=True)
    print(json.dumps(summary(runs)))
    if not asked.dry:
        write("tracks", summary(runs), runs)


if __name__ == "__main__":
    main()
