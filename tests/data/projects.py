"""Small projects of other tools, written to a folder: what tests of readers, of `init` and of faults begin with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml

JOINTS = ("nose", "left_ear", "right_ear", "tail")
SIZE = (48, 64)


def picture(path: Path, seed: int = 0, size: tuple[int, int] = SIZE) -> Path:
    """A file of noise, which differs from seed to seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, noise)[1].tobytes())
    return path


def xy(i: int, k: int) -> tuple[float, float]:
    """Where joint k of image i is labelled."""
    return 5.5 + i + 7 * k, 8.25 + 2 * i + k * (3 - k)


def csv_text(images: Sequence[str], joints: Sequence[str] = JOINTS, columns: int = 1, scorer: str = "me") -> str:
    """DeepLabCut's table, the image's path in one index column or in three; the last joint of the first image is
    missing."""
    pad = "," * (columns - 1)
    twice = [joint for joint in joints for _ in "xy"]
    rows = [
        f"scorer{pad}," + ",".join([scorer] * len(twice)),
        f"bodyparts{pad}," + ",".join(twice),
        f"coords{pad}," + ",".join("xy" * len(joints)),
    ]
    for i, image in enumerate(images):
        cells = [str(v) for k in range(len(joints)) for v in xy(i, k)]
        if i == 0:
            cells[-2:] = ["", ""]
        rows.append(",".join([image.replace("/", ",") if columns == 3 else image, *cells]))
    return "\n".join(rows) + "\n"


def deeplabcut(
    folder: Path, videos: Sequence[str] = ("a", "b"), frames: int = 3, columns: int = 1, joints: Sequence[str] = JOINTS
) -> Path:
    """A project with `frames` labelled frames of each video."""
    for v, video in enumerate(videos):
        names = [f"labeled-data/{video}/img{i:03d}.png" for i in range(frames)]
        for i, name in enumerate(names):
            picture(folder / name, 100 * v + i)
        text = csv_text(names, joints, columns)
        (folder / "labeled-data" / video / "CollectedData_me.csv").write_text(text, encoding="utf-8")
    links = [["nose", "tail"], ["tail", "wing"]]
    config = {"Task": "mice", "scorer": "me", "bodyparts": list(joints), "skeleton": links}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def lightning_pose(folder: Path, frames: int = 3) -> Path:
    names = [f"labeled-data/img{i:03d}.png" for i in range(frames)]
    for i, name in enumerate(names):
        picture(folder / name, i)
    (folder / "CollectedData.csv").write_text(csv_text(names))
    return folder


def plain_csv(folder: Path, frames: int = 3, joints: Sequence[str] = JOINTS, name: str = "labels.csv") -> Path:
    """labels.csv; the last joint of the first image has no row."""
    rows = ["image,joint,x,y"]
    for i in range(frames):
        picture(folder / "frames" / f"{i}.png", i)
        rows += [f"frames/{i}.png,{joint},{xy(i, k)[0]},{xy(i, k)[1]}" for k, joint in enumerate(joints)]
    del rows[len(joints)]
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
