"""The first of two networks: it finds bodies in whole images, so that the second one sees each of them large."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from semipose.augment import moving, without_masks
from semipose.bodies import BODIES, decode_bodies, overlap
from semipose.config import Config, to_dict
from semipose.config.resolve import read_yaml, resolve
from semipose.config.schema import FINDER, FindConfig, LossesConfig, learns_unlabeled
from semipose.data.crops.build import Crops
from semipose.data.datasets import Sets, open_sets, others_in
from semipose.data.extent import CORNERS, pictures, whole_images
from semipose.data.images import image_size
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.files import read_json
from semipose.inference.bodies import (
    SEARCH,
    THRESHOLD,
    Search,
    body_box,
    boxes_by_image,
    in_image,
    on_another,
    search_of,
)
from semipose.inference.boxes import finder_file, finder_in
from semipose.inference.evaluation import evaluating
from semipose.limits import JOINTS
from semipose.methods import options
from semipose.methods.consistency import SingleOptions, hard_view
from semipose.methods.target import Codec
from semipose.models.build import build_model
from semipose.models.tensors import load_weights, tensors_of
from semipose.models.weights import save_model
from semipose.options import check_limits
from semipose.signals import Stopped, stop_if_late
from semipose.skeleton import Skeleton
from semipose.training import loop
from semipose.training.bodies import Bodies, SureFinds
from semipose.training.launch import check_batches
from semipose.training.rundir import RunDir

FOR = "for.yaml"
"""In the finder's folder: the configuration of the run that it is for, until that one has begun."""
FROM, START = "from.json", "start.safetensors"
"""Beside it: what that run is to start from; and a finder's first weights, where a network without one gave them."""
ALIKE = 2.5
SIGMA = 1.0
"""Of the Gaussians of centres, in cells: bodies that stand closer are told apart than by a joint's."""
ON = 0.3
"""A find that overlaps a body's labels by less is on another: the intersection over union of squares about both, since
which way a thin body lies matters little to who looks there next."""
AFTER = 0.5
"""Of a finder's steps: labels alone teach that long."""
COLOURS = "+ra10"
"""What the views of its own finds are changed by beside the run's turns and sizes."""
THRESHOLDS = tuple(n / 20 for n in range(1, 20))
"""Of which validation chooses."""


class Finds(NamedTuple):
    """Of a finder's validation: how many images, bodies in them, bodies without a find, and finds that are on none."""

    images: int
    bodies: int
    missed: int
    false: int


def find_first(config: Config, run: RunDir, progress: bool = True, init_from: Sequence[Path] = ()) -> None:
    """Train the finder of a run, into its folder, where it asks for one and none is there; one that was interrupted
    goes on.

    Args:
        init_from: what the run starts from; the finder starts from the first finder of these that fits, and a line says
            so where none does.

    Raises:
        UserError: it finds nothing on validation, or as `run_training`.
        Stopped: a signal stopped it, with its checkpoint saved.
    """
    if not config.find.steps:
        return
    folder = run.path / FINDER
    last = folder / "checkpoints" / "last.ckpt"
    if not (folder / "summary.json").exists():
        open_sets(config.data, learns_unlabeled(config), finder_in(None))  # what is wrong there is said first
        begun = last.exists()
        inner = RunDir(folder) if begun else RunDir.create(folder, overwrite=True)
        if not begun:
            inner.write_yaml(FOR, to_dict(config))
            inner.write_json(FROM, [str(path.absolute()) for path in init_from])
        own, initial = of_finder(config), [] if begun else _beginning(of_finder(config), init_from, folder / START)
        try:
            loop.run_training(own, inner, last if begun else None, initial, progress, kind=Finding)
        except Stopped as stopped:
            raise Stopped(stopped.step, stopped.path, f"go on with --resume {run.path}") from None
        stop_if_late(own.steps or 0, folder, f"go on with --resume {run.path}")
    finds = finds_of(folder)
    if finds is not None and finds.missed == finds.bodies:
        raise UserError(
            f"the finder found no body in any of {finds.images} validation images, so there are no boxes to train in;"
            " give it longer (find.steps) or larger images (find.size), or leave it out: find.steps: 0,"
            " data.boxes: own, data.unlabeled_boxes: whole"
        )


def _beginning(own: Config, init_from: Sequence[Path], start: Path) -> list[Path]:
    """The weights that a finder starts from: none, or one file. Where the run has the architecture of a network that it
    starts from, which has no finder that fits, these are that network's layers below the head, written to `start`."""
    if not init_from:
        return []
    network, why = build_model(replace(own.model, weights="none"), len(BODIES), 10 * own.seed), "it has none"
    for file in filter(None, map(finder_file, init_from)):
        try:
            load_weights(network, file, BODIES)
            return [file]
        except UserError as error:
            why = str(error)
    first = init_from[0]
    alike = own.model.weights == "none" and first.suffix != ".ckpt"
    if alike:
        _copy_layers(network, first)
        save_model(start.with_suffix(""), network, own.model, BODIES)
    how = "begins as that network does" if alike else "begins anew"
    print(f"semipose train: the finder does not start from one of {first}, it {how}: {why}", file=sys.stderr)
    return [start] if alike else []


def _copy_layers(network: torch.nn.Module, source: Path) -> None:
    """Those below the head, of a run's folder or file of weights, as far as they fit."""
    theirs, _, _ = tensors_of(source / "model.safetensors" if source.is_dir() else source)
    mine = network.state_dict()
    same = {key: value for key, value in theirs.items() if key in mine and value.shape == mine[key].shape}
    network.load_state_dict({**mine, **{key: value for key, value in same.items() if not key.startswith("head.")}})


def check_found(config: Config) -> None:
    """That a run with a finder trains in boxes, and will not be refused after it by its batches; and that one without
    asks for none.

    Raises:
        UserError: else.
    """
    asks, has = config.data.unlabeled_boxes == FINDER, config.find.steps > 0
    if asks and not has:
        raise UserError(
            "data.unlabeled_boxes is finder, and there is none: set find.steps, usually 400, or"
            " data.unlabeled_boxes: whole"
        )
    if has and config.data.boxes != "labels":
        raise UserError(
            f"find.steps is {config.find.steps} and data.boxes {config.data.boxes}: what a finder finds is a box around"
            " labels; set data.boxes: labels"
        )
    if has and config.data.unlabeled and not asks:
        raise UserError(
            f"find.steps is {config.find.steps} and data.unlabeled_boxes {config.data.unlabeled_boxes}; set"
            f" data.unlabeled_boxes: {FINDER}, or find.steps: 0"
        )
    if has:
        check_limits(config)
        check_batches(config)


def of_finder(config: Config) -> Config:
    """The finder's configuration: bodies in whole images, from labels alone, or with `find.unlabeled` from its own sure
    finds too, which are taught in the run's hard view, without masks and in other colours."""
    weight, easy = config.find.unlabeled, without_masks(config.method.labeled or config.method.easy)
    hard = moving(hard_view(config.method) or easy) + COLOURS
    more = {"hard": hard, "weight": weight, "burn_in": AFTER} if weight else {}
    return replace(
        config,
        data=replace(
            config.data,
            boxes="whole",
            unlabeled=config.data.unlabeled if weight else None,
            unlabeled_boxes="whole",
            window=1 if weight else config.data.window,
        ),
        model=replace(config.model, size=list(config.find.size), padding=1.0, sigma=SIGMA),
        method=options("single" if weight else "supervised", easy=easy, **more),
        optim=replace(config.optim, restart=0.0, average=0.0),
        peer={},
        find=FindConfig(),
        losses=LossesConfig(),
        steps=config.find.steps,
        eval_every=0,
        norm_batches=0,
        stop_on_collapse=False,
    )


class Finding(loop.Training):
    """The training of a finder. Its samples are whole images with the joints of all their bodies; what it predicts are
    `BODIES`. Who is in a labelled image without labels, but with a box, is not taught as background; who has no box
    is."""

    def _open(self) -> Sets:
        data = replace(self.config.data, boxes="labels")
        self.bodies = open_sets(data, learns_unlabeled(self.config), None)
        parts = [self.bodies.labeled, *([self.bodies.val] if self.bodies.val is not None else [])]
        self.most = max(max(Counter(part.samples.images).values()) for part in parts)
        self.taught = min(self.most, JOINTS // len(self.bodies.skeleton))
        beside = others_in(self.bodies.labeled, replace(data, val=None, val_images=None))
        self.others = others_in(self.bodies.val, data) if self.bodies.val is not None else []
        room = (JOINTS - self.taught * len(self.bodies.skeleton)) // CORNERS
        room = min(room, max(Counter(other.image for other in beside).values(), default=0))
        labeled = pictures(self.bodies.labeled, self.taught, beside, room)
        val = pictures(self.bodies.val, self.taught, (), room) if self.bodies.val is not None else None
        return Sets(labeled, whole_images(self.bodies.unlabeled) if self.bodies.unlabeled is not None else None, val)

    @property
    def skeleton(self) -> Skeleton:
        return BODIES

    def _method(self, codec: Codec) -> Bodies:
        given, each = self.config.method, len(self.bodies.skeleton)
        if isinstance(given, SingleOptions):
            return SureFinds(self.networks, codec, given, self.taught, each)
        return Bodies(self.networks, codec, given.easy, self.taught, each)

    def _evaluate(self) -> dict[str, float]:
        """At the end: choose how the finder is used, and count its finds on validation."""
        if (self.run.path / SEARCH).exists():
            return {}
        search = Search(round(side_of(self.bodies.labeled), 6), THRESHOLD, self.most)
        counts = {}
        if self.val is not None and self.bodies.val is not None:
            rows = surest(self.networks[0], self.val, self.most, self.fabric.device)
            search, finds = chosen(search, rows, self.bodies.val, self.others)
            counts = finds._asdict()
        self.run.write_json(SEARCH, {**search._asdict(), **counts})
        return {}


def asked_for(folder: Path) -> Config | None:
    """The configuration of a run whose finder was interrupted; None where there is none."""
    file = folder / FINDER / FOR
    return resolve(Config(), read_yaml(file)) if file.exists() else None


def begun_from(folder: Path) -> list[Path]:
    """What such a run was to start from."""
    file = folder / FINDER / FROM
    named = read_json(file) if file.exists() else []
    if not (isinstance(named, list) and all(isinstance(path, str) for path in named)):
        raise UserError(f"{file} is no list of files; it was edited or damaged: begin the run anew")
    return [Path(path) for path in named]


def side_of(labeled: PoseData) -> float:
    """The usual longer side of a labelled body's box over that of its image: the median, or, where bodies differ by
    more than `ALIKE` in size, what nine in ten have."""
    sizes = {image: max(image_size(image)) for image in labeled.images}
    low, middle, high = np.quantile([max(s.box[2:]) / sizes[s.image] for s in labeled], (0.1, 0.5, 0.9))
    return float(min(1.0, middle if high <= ALIKE * low else low))


@torch.inference_mode()
def surest(network: torch.nn.Module, crops: Crops, most: int, device: torch.device, batch: int = 64) -> list[Tensor]:
    """(most, 5) of each whole image: a body's centre and sides in image pixels, and its score."""
    found = []
    with evaluating(network):
        for rows in np.split(np.arange(len(crops)), range(batch, len(crops), batch)):
            images = torch.from_numpy(crops.images(rows)).to(device).permute(0, 3, 1, 2).float().div_(255)
            boxes, score = decode_bodies(network(images).float(), network.stride, most)  # type: ignore[arg-type]
            boxes = in_image(boxes.double().cpu(), torch.from_numpy(crops.matrices[rows]))
            found += [*torch.cat([boxes, score.double().cpu()[..., None]], -1)]
    return found


def chosen(
    search: Search, rows: Sequence[Tensor], bodies: PoseData, others: Sequence[Sample] = ()
) -> tuple[Search, Finds]:
    """With the threshold that has the fewest missed bodies and false finds, the middle one of several.

    Args:
        rows: of each image of `bodies`, as of `surest`.
        others: who else is in the images: a find there is not false.
    """
    labels, beside = boxes_by_image(bodies), boxes_by_image(others)
    counts = []
    found = [
        [(*body_box(row[:4], image_size(image), search.side), row[4]) for row in each.tolist() if row[4] > 0]
        for image, each in zip(labels, rows, strict=True)
    ]
    for threshold in THRESHOLDS:
        missed, false = 0, 0
        for (image, own), each in zip(labels.items(), found, strict=True):
            kept = [row[:4] for row in each if row[4] >= threshold]
            right = _on(own, kept)
            left = [row for i, row in enumerate(kept) if i not in right]
            missed += len(own) - len(right)
            false += len(left) - on_another(left, beside.get(image, ()))
        counts.append((missed + false, missed, false))
    least = min(counts)[0]
    best = [n for n, (wrong, _, _) in enumerate(counts) if wrong == least]
    middle = best[len(best) // 2]
    finds = Finds(len(labels), len(bodies), *counts[middle][1:])
    return search._replace(threshold=THRESHOLDS[middle]), finds


def _on(labels: Sequence[Sequence[float]], found: Sequence[Sequence[float]]) -> set[int]:
    """Which finds are on a body, each on one of its own."""
    if not labels or not found:
        return set()
    shared = overlap(*(_squares(boxes) for boxes in (labels, found))).numpy()
    pairs = linear_sum_assignment(np.where(shared >= ON, 1 + shared, 0), maximize=True)
    return set(pairs[1][shared[pairs] >= ON].tolist())


def _squares(boxes: Sequence[Sequence[float]]) -> Tensor:
    """(N, 4) centres and sides of squares about boxes x, y, w, h."""
    rows = torch.tensor([list(box) for box in boxes], dtype=torch.float64)
    return torch.cat([rows[:, :2] + rows[:, 2:] / 2, rows[:, 2:].amax(-1, keepdim=True).expand(-1, 2)], -1)


def finds_of(folder: Path) -> Finds | None:
    """How a finder does on its validation images; None where it has none."""
    search_of(folder / "model.safetensors")
    content = read_json(folder / SEARCH)
    counts = [content.get(name) for name in Finds._fields]
    return Finds(*counts) if all(isinstance(count, int) for count in counts) else None
