"""What networks say of images that nobody labelled, and how sure they are of it: what `semipose audit` lists, worst
first, and what `semipose pick` chooses by.

The plain view of each image, and a few easy ones of it, go through every network. Of a joint this tells:

* confidence: the peak of network a's heatmap in the plain view, the joint's score in `predict`.
* doubt: the highest standard deviation of a heatmap's cell over the views that see it, each brought back into the plain
  one (Yu et al., WACV 2024, supplement, Algorithm 1, lines 19 to 22); the mean of the networks. Heatmaps are about 0 to
  1, so it is 1/2 at most.
* disagreement: how far from the prediction, on average, the networks put the joint in the views that see it, in parts
  of the box's longer side.

A joint's trouble is the mean of 1 - confidence, 2 doubt and disagreement / `FAR`, each cut to 0 to 1; the score of an
image is the mean of its joints' trouble: 0 where all is sure and agreed upon, 1 where nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from semipose.augment import Policy, parse
from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.config.schema import FINDER
from semipose.data.crops.build import Crops
from semipose.data.datasets import Sets, cut, open_sets
from semipose.data.open import WHOLE, is_pictures, open_unlabeled
from semipose.data.sample import PoseData
from semipose.data.split import Split
from semipose.data.video import FRAMES
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, central, move
from semipose.heatmap import Refine, decode, decoder, peaks
from semipose.inference.boxes import finder_in, finder_of
from semipose.inference.evaluate import read_networks
from semipose.inference.evaluation import evaluating
from semipose.inference.predictor import device_of
from semipose.methods.teachers import Itself
from semipose.methods.views import deviation, gathered
from semipose.models.fold import fold
from semipose.skeleton import Skeleton

FAR = 0.1
"""Of the box's longer side: points that lie so far apart count as wholly at odds; PCK's usual threshold."""
VIEWS = 4
"""Easy views beside the plain one."""
BATCH = 32
EASY = "affine30"
"""Of a model without a run; a run's own easy view is used, which mirrors only where mirrored pictures may occur."""
FORMULA = (
    f"trouble = mean of (1 - confidence, 2 doubt, disagreement / {FAR:g}), each cut to 0 to 1; the score of an image is"
    " the mean over its joints"
)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What networks say of N samples, K joints each.

    Attributes:
        crops: of the samples; those of unreadable images are left out.
        pred: network -> (N, K, 3) x, y in image pixels and peak; network "a"'s is the prediction.
        doubt, disagreement: (N, K), see the top of this file.
    """

    crops: Crops
    skeleton: Skeleton
    pred: Mapping[str, np.ndarray]
    doubt: np.ndarray
    disagreement: np.ndarray

    @property
    def data(self) -> PoseData:
        return self.crops.data

    @property
    def points(self) -> np.ndarray:
        """(N, K, 3), the prediction."""
        return next(iter(self.pred.values()))

    @cached_property
    def trouble(self) -> np.ndarray:
        """(N, K), 0 to 1."""
        parts = [1 - self.points[..., 2], 2 * self.doubt, self.disagreement / FAR]
        return np.mean([part.clip(0, 1) for part in parts], 0)

    @cached_property
    def score(self) -> np.ndarray:
        """(N,), 0 to 1."""
        return self.trouble.mean(1)


class Inputs(NamedTuple):
    """A model, which can only predict, and what it is asked about. `known`: the labelled sets, to learn from and for
    validation, as far as they are told; `remark`: why not."""

    networks: dict[str, nn.Module]
    skeleton: Skeleton
    config: Config
    unlabeled: PoseData
    known: list[PoseData]
    remark: str = ""


def open_both(model: str | Path, data: str | Path | None, frames: str | None, boxes: str | None) -> Inputs:
    """The networks of `model`, and the unlabelled images of a data.yaml, a source, or the run's own.

    Raises:
        UserError: there are none, or something cannot be read.
    """
    loaded, config, of_run = read_networks(Path(model))
    run = Path(model) if Path(model).is_dir() else Path(model).parent
    if not of_run:
        config = replace(config, method=replace(config.method, easy=EASY))
    networks: dict[str, nn.Module] = {name: fold(each.network.eval()) for name, each in loaded.items()}
    about = (networks, next(iter(loaded.values())).skeleton)
    if data is None and not of_run:
        raise UserError(f"{model} is no run and has no unlabelled images of its own; name a folder, video or data.yaml")
    if data is None or Path(data).suffix.lower() in (".yaml", ".yml"):
        own = config.data if data is None else resolve(Config(), read_yaml(Path(data), "data")).data
        if not own.unlabeled and not (own.split and Split.load(Path(own.split)).unlabeled):
            where = "the run was trained" if data is None else f"{data} is"
            raise UserError(f"{where} without unlabelled images; set data.unlabeled, or name a folder or video instead")
        # Crops as those of the run's training are in its cache.
        same = {key: getattr(config.data, key) for key in ("reach", "cache", "store")}
        own = replace(own, frames=frames or own.frames, unlabeled_boxes=boxes or own.unlabeled_boxes, **same)
        if own.unlabeled_boxes == FINDER and of_run and not (run / FINDER).is_dir() and data is not None:
            raise UserError(f"{data} takes boxes of a finder, and {run} has none: name others, as by --boxes whole")
        sets = open_sets(own, True, finder_in(run), checked=False)
        assert sets.unlabeled is not None
        return Inputs(*about, replace(config, data=own), sets.unlabeled, _labeled(sets))
    boxes = boxes or (str(run / FINDER) if (run / FINDER).is_dir() and is_pictures(data) else WHOLE)
    unlabeled = open_unlabeled(data, frames=frames or FRAMES, boxes=boxes, cache=config.data.cache, finder_of=finder_of)
    if not len(unlabeled):
        raise UserError(f"{data} holds no image to look at")
    if not of_run:
        return Inputs(*about, config, unlabeled, [], f"{model} does not tell which images are labelled")
    try:
        known = _labeled(open_sets(config.data, False, finder_in(run), checked=False))
    except UserError as error:
        return Inputs(*about, config, unlabeled, [], f"the run's labelled data cannot be read: {error}")
    return Inputs(*about, config, unlabeled, known)


def unfound_in(unlabeled: PoseData) -> str:
    """What to know of images in which the finder finds nothing; empty where there are none."""
    names = unlabeled.unfound
    if not names:
        return ""
    total = len(names) + len(unlabeled.images)
    first = ", ".join(names[:3]) + ", ..." * (len(names) > 3)
    return f"no body was found in {len(names):,} of {total:,} images, which are not among these: {first}"


def _labeled(sets: Sets) -> list[PoseData]:
    return [each for each in (sets.labeled, sets.val) if each is not None]


def judge(opened: Inputs, device: str = "auto", seed: int = 0, progress: bool = True) -> Judgement:
    """Ask the networks about all unlabelled samples, whose crops are kept in the cache."""
    crops = cut(opened.unlabeled, opened.config, train=True, progress=progress)
    assert crops is not None
    where = on_device(opened.networks, device)
    easy, refine = parse(opened.config.method.easy), decoder(opened.config.decode, opened.config.model.sigma)
    return judge_crops(opened.networks, crops, opened.skeleton, easy, refine, where, seed, progress=progress)


def on_device(networks: Mapping[str, nn.Module], device: str) -> torch.device:
    """Moves the networks to a device, `auto` being a GPU where there is one."""
    where = device_of(device)
    for network in networks.values():
        network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return where


@torch.inference_mode()
def judge_crops(
    networks: Mapping[str, nn.Module],
    crops: Crops,
    skeleton: Skeleton,
    easy: Policy,
    refine: Refine | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
    views: int = VIEWS,
    progress: bool = False,
    batch: int = BATCH,
) -> Judgement:
    """What networks, on `device`, say of crops, in batches; memory grows with the numbers that are kept alone."""
    size = crops.spec.size
    flip = torch.tensor(skeleton.flip, device=device)
    back = np.linalg.inv(crops.matrices) @ np.linalg.inv(central(crops.spec.cover, size).double().numpy())
    lengths = crops.data.samples.boxes[:, 2:].max(1) * crops.matrices[:, 0, 0]
    found: dict[str, list[np.ndarray]] = {name: [] for name in (*networks, "doubt", "disagreement")}
    starts = range(0, len(crops), batch)
    bar = track(starts, "looking", console=Console(stderr=True), disable=not progress or len(starts) < 3)
    with evaluating(*networks.values()):
        for start in bar:
            rows = np.arange(start, min(start + batch, len(crops)))
            plain = View.of(torch.from_numpy(crops.images(rows)).to(device), size)
            shown = [plain, *(easy(plain, Draws(seed, start, n, device=device)) for n in range(views))]
            doubts, points = [], []
            sight = torch.empty(0)
            for name, network in networks.items():
                maps, seen = gathered(Itself(network), shown, flip)
                sight = sight if len(sight) else _sight(maps[0], seen)
                doubts.append(deviation(maps, seen))
                stride = size[0] / maps.shape[-2]
                xy, peak = decode(maps.flatten(0, 1), stride, refine, getattr(network, "first_cell", None))
                xy, peak = xy.unflatten(0, maps.shape[:2]), peak.unflatten(0, maps.shape[:2])
                points.append(xy)
                there = move(torch.from_numpy(back[rows]), xy[0].cpu().double())
                found[name].append(torch.cat([there, peak[0].cpu().double()[..., None]], -1).numpy())
            found["doubt"].append(torch.stack(doubts).mean(0).cpu().double().numpy())
            apart = _apart(torch.stack(points), sight).cpu().double().numpy()
            found["disagreement"].append(apart / lengths[rows, None])
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    pred = {name: whole[name] for name in networks}
    return Judgement(crops, skeleton, pred, whole["doubt"], whole["disagreement"])


def _sight(heatmaps: Tensor, seen: Tensor) -> Tensor:
    """(V, B, K) bool: which views see the places where heatmaps (B, K, h, w) have their peaks; seen (V, B, 1, h, w)."""
    cells, _ = peaks(heatmaps)
    place = (cells[..., 1] * heatmaps.shape[-1] + cells[..., 0]).long()
    return seen.flatten(2).gather(-1, place.expand(len(seen), *place.shape))


def _apart(points: Tensor, sight: Tensor) -> Tensor:
    """(B, K): the mean distance of points (M, V, B, K, 2), of M networks in V views, from those of the first in the
    first, over the views in which the joint is seen (V, B, K)."""
    distance = (points - points[0, 0]).norm(dim=-1) * sight
    others = len(points) * sight.sum(0) - 1
    return distance.sum((0, 1)) / others.clamp_min(1)
