"""Of a training, before it: what its method lacks, what will be slow, and what its heatmaps cannot tell apart."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from semipose.config import Config
from semipose.config.schema import learns_unlabeled
from semipose.data.checks.check import Finding, Source
from semipose.data.crops.build import MAX_BYTES
from semipose.data.crops.cropping import CropSpec, crop_matrices
from semipose.data.datasets import UNLABELED, cover
from semipose.data.refs import Frame, parse
from semipose.data.sample import PoseData
from semipose.methods import needs

CROPS_GB, FRAMES, HOURS = 4.0, 20_000, 2.0
"""What is worth a word: crops on disk, frames of video to decode, a training on this machine's CPU."""

COARSE = 1000
"""Labelled samples that tell how far joints lie apart."""

PER_THREAD = 7e9
"""Multiply-adds a second and thread in training, roughly: EfficientNet-Lite0 at 128x96 on a CPU of 2024."""


def needed(config: Config, sets: Mapping[str, Source]) -> list[Finding]:
    """What the method lacks."""
    found = []
    if learns_unlabeled(config) and not sets.get("unlabeled"):
        who = f"method {config.method.name} learns" if needs(config.method.name).unlabeled else "losses learn"
        what = f"{who} from unlabelled images and there are none"
        found.append(Finding(True, what, todo=UNLABELED))
    if not sets.get("val"):
        todo = "semipose init or semipose split hold some out"
        found.append(
            Finding(False, "there is no validation data, so nothing will say how good the model is", todo=todo)
        )
    return found


def slow(config: Config, sets: Mapping[str, PoseData]) -> list[Finding]:
    """What will take its time, or more room than training grants."""
    found = []
    high, wide = config.model.size[0], config.model.size[1]
    inside, around = high * wide, math.prod(cover((high, wide), config.data.reach))
    counts = {use: len(data) for use, data in sets.items()}
    sizes = {use: 3 * n * (inside if use == "val" else around) for use, n in counts.items()}
    semi = learns_unlabeled(config)
    for use in ("labeled", "val", *(["unlabeled"] if semi else [])) if config.data.store == "raw" else ():
        if sizes.get(use, 0) > MAX_BYTES:
            gb = f"{sizes[use] / 1e9:.0f} GB, and no more than {MAX_BYTES / 1e9:.0f} are written for a set"
            todo = "set data.store=jpeg (a tenth of the size), or a smaller data.reach, model.size or data.frames"
            found.append(Finding(True, f"{use}: the crops of its {counts[use]} samples need {gb}", todo=todo))
    crops = sum(sizes.values()) / 2**30
    if crops > CROPS_GB and config.data.store == "raw" and not found:
        what = f"slow: the crops of all samples take {crops:.0f} GB on disk, and are read anew where memory is less"
        found.append(Finding(False, what, todo="set data.store=jpeg, a smaller model.size, or fewer frames"))
    last: dict[Path, int] = {}
    for ref in (parse(image) for data in sets.values() for image in data.images):
        if isinstance(ref, Frame):
            last[ref.file] = max(last.get(ref.file, 0), ref.number + 1)
    if sum(last.values()) > FRAMES:
        what = f"slow: {sum(last.values()):,} frames of {len(last)} videos are decoded to reach those wanted, once"
        found.append(Finding(False, what, todo="shorter videos, or the first part of them"))
    hours = _hours(config, sets)
    if hours > HOURS and not torch.cuda.is_available():
        what = f"slow: training takes some {hours:,.0f} hours on this machine, which has no GPU"
        found.append(Finding(False, what, todo="a smaller model.size, a lighter backbone or model.deconv, fewer steps"))
    return found


def coarse(config: Config, sets: Mapping[str, PoseData]) -> list[Finding]:
    """Pairs of joints that the heatmaps hardly tell apart: their median distance is less than a cell. Of the first
    labelled samples."""
    from semipose.models.build import build_model

    data = sets.get("labeled")
    samples = [s for s in data if s.labeled][:COARSE] if data is not None else []
    if not samples or data is None or data.skeleton is None:
        return []
    size = (config.model.size[0], config.model.size[1])
    with torch.device("meta"):
        stride = build_model(replace(config.model, weights="none"), len(data.skeleton)).stride
    cells = (
        crop_matrices(np.array([s.box for s in samples]), CropSpec(size, size, config.model.padding))[:, 0, 0] / stride
    )
    points = np.stack([s.keypoints for s in samples]).astype(np.float64)  # type: ignore[misc]
    xy = np.where(points[..., 2:] > 0, points[..., :2], np.nan) * cells[:, None, None]
    near = {}
    for i, j in combinations(range(len(data.skeleton)), 2):
        apart = np.linalg.norm(xy[:, i] - xy[:, j], axis=1)
        if not np.isnan(apart).all() and (median := float(np.nanmedian(apart))) < 1:
            near[f"{data.skeleton.joints[i]} - {data.skeleton.joints[j]}"] = median
    ids = tuple(f"{pair}: {median:.1f} cells" for pair, median in sorted(near.items(), key=lambda each: each[1]))
    what = f"coarse: {len(near)} pairs of joints lie less than a cell of the heatmaps apart, which blurs them"
    todo = "a larger model.size, or a box around each instance: boxes: labels, and as unlabeled_boxes a first run"
    return [Finding(False, what, ids, todo)] if near else []


def _hours(config: Config, sets: Mapping[str, PoseData]) -> float:
    """Roughly, of training on the CPU; 0 where nothing is labelled."""
    from semipose.models.size import size

    data = sets.get("labeled")
    if data is None or data.skeleton is None or not len(data):
        return 0.0
    semi = needs(config.method.name).unlabeled and bool(sets.get("unlabeled"))
    batch, other = config.optim.batch, config.optim.unlabeled_batch or config.optim.batch
    n, each = (len(sets["unlabeled"]), other) if semi else (len(data), batch)
    steps = config.steps or -(-config.epochs * n // each)
    # Forward and backward take three forward passes; the teacher one.
    passes = needs(config.method.name).networks * (3 * batch + (4 * other if semi else 0))
    threads = config.threads or os.cpu_count() or 1
    return steps * passes * size(config.model, len(data.skeleton)).operations / PER_THREAD / threads / 3600
