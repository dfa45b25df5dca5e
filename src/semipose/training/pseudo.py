"""What a method teaches with, measured while it trains, on unlabelled images whose labels were held back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from semipose.data.crops.build import Crops
from semipose.data.sample import PoseData
from semipose.draws import Draws, permutation
from semipose.geometry import View, inside, invert, move, swap_sides
from semipose.heatmap import Refine, decode, quarter
from semipose.methods.base import Method
from semipose.metrics.pck import box_norm, normalized_distance
from semipose.metrics.pseudo import pseudo_scores
from semipose.skeleton import Skeleton
from semipose.target import Target

AT_ONCE = 32
"""Images that a finished teacher sees in one batch."""
STREAM = 3
"""Of the random choice of images; `stream.py` has 1 and 2."""


@dataclass(frozen=True)
class HeldBack:
    """Unlabelled crops to measure on.

    Attributes:
        rows: (n,) which of `crops`, in batches of `batch`.
        truth: (n, K, 3) their labels, x and y in source-crop pixels.
        told: what a finished teacher said of them, as in `View`.
    """

    crops: Crops
    skeleton: Skeleton
    rows: np.ndarray
    truth: np.ndarray
    batch: int
    seed: int
    told: np.ndarray | None = None


def hold_back(crops: Crops | None, held: PoseData | None, count: int, batch: int, seed: int) -> HeldBack | None:
    """At most `count` random ones of the unlabelled crops that are labelled after all, in whole batches of a training
    step's size where there are as many; None where there is nothing to measure."""
    if crops is None or held is None or held.skeleton is None or count < 1:
        return None
    labels = {sample.id: sample.keypoints for sample in held if sample.keypoints is not None}
    rows = [i for i in permutation(len(crops), seed, STREAM).tolist() if crops.data[i].id in labels][:count]
    rows = rows[: len(rows) // batch * batch] or rows
    if not rows:
        return None
    truth = np.stack([labels[crops.data[i].id] for i in rows]).astype(np.float64)
    to_crop = crops.matrices[rows]
    truth[..., :2] = truth[..., :2] @ to_crop[:, :2, :2].transpose(0, 2, 1) + to_crop[:, None, :2, 2]
    return HeldBack(crops, held.skeleton, np.array(rows), truth, batch, seed)


@torch.no_grad()
def measure(method: Method, held: HeldBack, device: torch.device | str, threshold: float) -> dict[str, Any] | None:
    """`pseudo_scores` of the targets that the method would teach with now, at every call in the same views. A joint
    that its own view does not show is not scored. None of a method that teaches with nothing.

    Networks run in the mode they are in, as when they teach; what their passes change of batch norm's statistics, and
    of torch's random numbers, is undone.
    """
    found: list[dict[str, np.ndarray]] = []
    with leaving_no_trace(method, device):
        for start in range(0, len(held.rows), held.batch):
            rows = slice(start, start + held.batch)
            view = View.of(torch.from_numpy(held.crops.images(held.rows[rows])).to(device), held.crops.spec.size)
            if held.told is not None:
                view = replace(view, told=torch.from_numpy(held.told[rows]).to(device))
            truth = torch.from_numpy(held.truth[rows, :, :2]).to(view.matrix)
            targets = method.pseudo(view, Draws(held.seed, start, device=device).again("pseudo"))
            if not targets:
                return None
            said = [told(target, view, truth, method.codec.flip) for target in targets]
            found.append({name: torch.stack([each[name] for each in said]).cpu().numpy() for name in said[0]})
    whole = {name: np.concatenate([part[name] for part in found], 1) for name in found[0]}
    norm = box_norm(held.truth)
    distance = np.stack([normalized_distance(xy, held.truth, norm) for xy in whole["xy"]])
    distance[~whole["shown"]] = np.nan
    return pseudo_scores(distance, whole["taught"], whole["confidence"], whole.get("doubt"), held.skeleton, threshold)


@torch.no_grad()
def told_once(
    method: Method,
    crops: Crops,
    device: torch.device | str,
    seed: int,
    refine: Refine | None = quarter,
    stop: Callable[[], bool] = bool,
) -> np.ndarray | None:
    """(N, K, 3 or 4) float32, `View.told` of all unlabelled crops: what `method.once` says of each one's plain view.
    None where it was to `stop` after a batch."""
    assert method.once is not None
    parts = []
    for rows in np.split(np.arange(len(crops)), range(AT_ONCE, len(crops), AT_ONCE)):
        view = View.of(torch.from_numpy(crops.images(rows)).to(device), crops.spec.size)
        target = method.once(view, Draws(seed, int(rows[0]), device=device).again("once"))
        xy, _ = decode(target.heatmaps, view.size[0] / target.heatmaps.shape[-2], refine)
        sure = [target.confidence] if target.doubt is None else [target.confidence, target.doubt]
        parts.append(torch.cat([move(invert(view.base), xy), torch.stack(sure, -1)], -1).float().cpu().numpy())
        if stop():
            return None
    return np.concatenate(parts)


def told(target: Target, plain: View, truth: Tensor, flip: Tensor) -> dict[str, Tensor]:
    """What a target says of each joint, (B, K): where it lies and whether its view shows it, in source-crop pixels as
    `truth` (B, K, 2), whether it teaches, and how sure its teacher is."""
    xy, _ = decode(target.heatmaps, target.frame.size[0] / target.heatmaps.shape[-2], quarter)
    said = {
        "xy": move(invert(target.frame.matrix), xy),
        "taught": target.weight.amax((-2, -1)) > 0,
        "confidence": target.confidence,
    }
    if target.doubt is not None:
        said["doubt"] = target.doubt
    moved = {name: swap_sides(value, target.frame, plain, flip) for name, value in said.items()}
    return {**moved, "shown": inside(move(target.frame.matrix, truth), target.frame.size)}


@contextlib.contextmanager
def leaving_no_trace(method: Method, device: torch.device | str) -> Iterator[None]:
    """The method's buffers and torch's random numbers as before, afterwards."""
    before = [buffer.clone() for buffer in method.buffers()]
    devices = [device] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
    for buffer, value in zip(method.buffers(), before, strict=True):
        buffer.copy_(value)
