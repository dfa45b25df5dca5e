"""Which augmentation is easier for a trained network, and which pairs are easy-hard (Xie et al. 2021, section 4.1).

"T_e is regarded as an easier augmentation than T_h only when the network obtains better average accuracy on a dataset
under perturbation T_e than under T_h" (section 3.3; their Figure 5). Here each perturbation's PCK on labelled images:

* Accuracy is measured in the perturbed view: the truth is moved into it, with left and right exchanged where it is
  mirrored, and "near" is a part of the person's size in that view.
* Every perturbation is scored on the same joints. In each draw these are the labelled joints that all of the views
  show; the same random numbers are drawn for all, so that `affine60` turns as `affine30` does, twice as far.
* Joint Cutout masks what the network itself finds in the plain view, as in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from semipose.augment import POLICIES, parse, parts
from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.data.crops.build import Crops
from semipose.data.datasets import cut, open_alike, open_sets
from semipose.data.sample import PoseData
from semipose.data.split import Split
from semipose.draws import Draws, permutation
from semipose.errors import UserError
from semipose.geometry import View, determinant, inside, move, swap_sides
from semipose.heatmap import Refine, decode, decoder, quarter
from semipose.inference.boxes import finder_in
from semipose.inference.evaluation import evaluating, skeleton_of
from semipose.inference.predictor import device_of
from semipose.metrics.pck import box_norm
from semipose.models.weights import load_model
from semipose.options import check_limits
from semipose.provenance import commit, machine
from semipose.target import Target

PLAIN = "none"
PERTURBATIONS = (
    PLAIN,
    "flip50",
    *(f"affine{degrees}" for degrees in (10, 20, 30, 45, 60, 75, 90)),
    *(f"ra{magnitude}" for magnitude in (10, 20, 30)),
    *(f"jc{count}" for count in (1, 3, 5)),
    "affine60+ra20",
    "affine60+jc5",
)
"""What is measured where nothing else is asked for: Figure 5's kinds, the mirror that every recipe adds, and the hard
views of Table 1."""

EASY_KEEPS, HARD_KEEPS, BEYOND_NOISE = 0.9, 0.5, 2.0
"""Ours: what `find_pairs` asks for."""


@dataclass(frozen=True)
class Accuracy:
    """PCK of each view and draw, on the same joints.

    Attributes:
        pck: view -> (D,) fractions, one a draw.
        scored: (D,) joints that were scored.
        labeled: labelled joints there are.
    """

    pck: Mapping[str, np.ndarray]
    scored: np.ndarray
    labeled: int


@dataclass(frozen=True)
class Pair:
    """An easy and a hard view, as settings; `gap` and `noise` are the mean and the standard deviation over draws of how
    much more accurate the network is on the easy one (fractions)."""

    easy: str
    hard: str
    gap: float
    noise: float

    @property
    def arguments(self) -> str:
        """Ready to paste after `semipose train`."""
        return f"--method.easy={self.easy} --method.hard={self.hard}"


@torch.inference_mode()
def measure(
    network: nn.Module,
    crops: Crops,
    views: Sequence[str] = PERTURBATIONS,
    draws: int = 5,
    seed: int = 0,
    threshold: float = 0.1,
    refine: Refine | None = quarter,
    device: torch.device | str = "cpu",
    progress: bool = False,
    batch: int = 64,
) -> Accuracy:
    """A network's PCK under each view's perturbation; see the top of this file.

    Args:
        network: from images (B, 3, H, W) to heatmaps (B, K, h, w), on `device`.
        crops: labelled samples, cut with room for the views (`cut(..., train=True)`).
        views: policies by name, as in `method.hard`.
        threshold: a part of the longer side of the box around the labelled joints, times the view's magnification.

    Raises:
        UserError: a view is not understood, or no labelled joint stays in sight of all.
    """
    policies = {name: parse(name) for name in views}
    flip = torch.tensor(skeleton_of(crops).flip, device=device)
    right = torch.zeros(draws, len(policies), dtype=torch.long, device=device)
    scored = torch.zeros(draws, dtype=torch.long, device=device)
    labeled = 0
    starts = range(0, len(crops), batch)
    bar = track(starts, "perturbing", console=Console(stderr=True), disable=not progress)
    with evaluating(network):
        for start in bar:
            rows = np.arange(start, min(start + batch, len(crops)))
            keypoints, norm = _truth(crops, rows, device)
            labeled += int((keypoints[..., 2] > 0).sum())
            plain = View.of(torch.from_numpy(crops.images(rows)).to(device), crops.spec.size)
            found = network(plain.image).float()
            target = Target(found, torch.ones_like(found[..., :1, :1]), plain)
            for draw in range(draws):
                near, seen = [], (keypoints[..., 2] > 0) & (norm > 0)[:, None]
                for policy in policies.values():
                    view = policy(plain, Draws(seed, draw, start, device=device), target)
                    xy = move(view.matrix, keypoints[..., :2])
                    seen &= inside(xy, view.size)
                    near.append(_distance(network, view, plain, xy, flip, refine) <= threshold * norm[:, None])
                right[draw] += (torch.stack(near) & seen).sum((1, 2))
                scored[draw] += seen.sum()
    counts = scored.cpu().numpy()
    if not counts.all():
        raise UserError("no labelled joint stays in sight of every perturbation; leave out the widest with --views")
    shares = right.cpu().numpy().T / counts
    return Accuracy(dict(zip(policies, shares, strict=True)), counts, labeled)


def _truth(crops: Crops, rows: np.ndarray, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Keypoints (B, K, 3) in source-crop pixels, and each person's length (B,) there, 0 where there is none."""
    keypoints = crops.keypoints(rows)
    norm = torch.from_numpy(np.nan_to_num(box_norm(keypoints))).float()
    return torch.from_numpy(keypoints).to(device), norm.to(device)


def _distance(
    network: nn.Module, view: View, plain: View, truth: Tensor, flip: Tensor, refine: Refine | None
) -> Tensor:
    """(B, K): from the truth to the prediction, in pixels of the view over its magnification."""
    heatmaps = network(view.image).float()
    xy, _ = decode(heatmaps, view.size[0] / heatmaps.shape[-2], refine, getattr(network, "first_cell", None))
    xy = swap_sides(xy, plain, view, flip)  # in a mirrored view the left wrist is called the right one
    return (xy - truth).norm(dim=-1) / determinant(view.matrix).abs().sqrt()[:, None]


def find_pairs(pck: Mapping[str, np.ndarray]) -> list[Pair]:
    """The views that qualify as easy and hard, by the accuracies (D,) of each draw; `pck` holds "none" too.

    The easy view only moves the image, by more than a mirror, since the labels are learnt in it too, and keeps 90 % of
    the accuracy without perturbation. The hard view is less accurate by more than twice the standard deviation of that
    gap over draws. First comes the strongest easy view, with the strongest hard view that keeps half of the accuracy;
    hard views that keep less come last. A mirror of one half, which the recipes have in both, is added.
    """
    means = {name: float(each.mean()) for name, each in pck.items()}
    found = []
    for easy in (name for name in pck if _only_moves(name) and means[name] >= EASY_KEEPS * means[PLAIN]):
        for hard in pck:
            gaps = pck[easy] - pck[hard]
            gap, noise = float(gaps.mean()), float(gaps.std(ddof=1))
            if gap > BEYOND_NOISE * noise and gap > 0:
                found.append((easy, hard, gap, noise))
    found.sort(key=lambda p: (means[p[1]] < HARD_KEEPS * means[PLAIN], means[p[0]], means[p[1]]))
    return [Pair(_mirrored(easy), _mirrored(hard), gap, noise) for easy, hard, gap, noise in found]


def _only_moves(view: str) -> bool:
    names = {name for name, _ in parts(view)}
    return all(POLICIES[name].moves for name in names) and names != {"flip"}


def _mirrored(view: str) -> str:
    return view if any(POLICIES[name].mirrors for name, _ in parts(view)) else f"{view}+flip50"


def perturbed(
    model: str | Path,
    val: str | Path | None = None,
    images: str | Path | None = None,
    split: str | Path | None = None,
    *,
    views: Sequence[str] | None = None,
    draws: int = 5,
    count: int = 0,
    seed: int = 0,
    threshold: float = 0.1,
    decode: str = "quarter",
    device: str = "auto",
    progress: bool = True,
) -> dict[str, Any]:
    """A trained model's accuracy under each perturbation, and the pairs that qualify as easy-hard.

    Args:
        model: a run's folder or a model.safetensors.
        val: labelled data; a run's own validation set by default.
        images: the image folder of a JSON.
        split: a manifest of `semipose split`, whose validation samples of `val` are used.
        views: policies by name, `PERTURBATIONS` by default; "none" is measured in any case.
        draws: how often each is drawn; two at least.
        count: how many samples, drawn at random; 0 is all.

    Returns: plain values for JSON: {"views": {name: {"pck", "draws"}}, from easy to hard, "pairs": [{"easy", "hard",
        "gap", "noise", "arguments"}], best first, "method": the first pair as settings, or {} where none qualifies,
        "scored": the share of labelled joints that is in sight of every view, ...}; fractions.

    Raises:
        UserError: data and model have other joints, a view is not understood, or fewer than two draws are asked for.
    """
    if draws < 2:
        raise UserError(f"gap needs two draws or more to know how much they differ, got {draws}; raise --draws")
    check_limits(Config(threshold=threshold))
    views = PERTURBATIONS if views is None else views
    for view in views:
        parse(view)
    loaded = load_model(Path(model))
    config, data = _validation(Path(model), val, images, split)
    if data.skeleton is None or data.skeleton.joints != loaded.skeleton.joints:
        raise UserError(f"{val or data.name} has other joints than {model}; name data of its skeleton with --val")
    if 0 < count < len(data):
        data = data.subset(sorted(permutation(len(data), seed)[:count].tolist()))
    crops = cut(data, replace(config, model=loaded.config), train=True, progress=progress)
    assert crops is not None
    where = device_of(device)
    network = loaded.network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    names = list(dict.fromkeys([PLAIN, *views]))
    measured = measure(
        network, crops, names, draws, seed, threshold, decoder(decode, loaded.config.sigma), where, progress
    )
    pairs = find_pairs(measured.pck)
    order = sorted(names, key=lambda name: -measured.pck[name].mean())
    return {
        "data": data.name,
        "images": len(crops),
        "draws": draws,
        "seed": seed,
        "threshold": threshold,
        "scored": round(float(measured.scored.mean()) / measured.labeled, 4),
        "views": {n: {"pck": float(measured.pck[n].mean()), "draws": measured.pck[n].tolist()} for n in order},
        "pairs": [{**vars(pair), "arguments": pair.arguments} for pair in pairs],
        "method": {"easy": pairs[0].easy, "hard": pairs[0].hard} if pairs else {},
        "commit": commit(),
        "machine": machine(where),
    }


def _validation(
    model: Path, val: str | Path | None, images: str | Path | None, split: str | Path | None
) -> tuple[Config, PoseData]:
    file = (model if model.is_dir() else model.parent) / "config.yaml"
    config = resolve(Config(), read_yaml(file)) if file.exists() else Config()
    if val is not None:
        data, _ = open_alike(config.data, val, images)
        return Config(), data.subset(Split.load(Path(split)).val).labeled() if split else data
    own = open_sets(config.data, False, finder_in(file.parent)).val if file.exists() else None
    if own is None:
        raise UserError(f"{model} names no validation data of its own; name some with --val")
    return config, own
