"""The first of two networks: it finds the body in whole images, so that the second one sees it large."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from semipose.config import Config, to_dict
from semipose.config.resolve import read_yaml, resolve
from semipose.config.schema import FINDER, FindConfig, LossesConfig
from semipose.data.datasets import open_sets
from semipose.data.images import image_size
from semipose.errors import UserError
from semipose.inference.boxes import SIDE, around, usual_side
from semipose.methods import options
from semipose.models.build import build_model
from semipose.options import check_limits
from semipose.outputs.pose import Pose
from semipose.training import loop
from semipose.training.launch import check_batches
from semipose.training.rundir import RunDir
from semipose.training.signals import Stopped

FOR = "for.yaml"
"""In the finder's folder: the configuration of the run that it is for, until that one has begun."""
ALIKE = 2.5
APART = 0.1
"""Of the longer side of a body's labels: where a found box leaves labels out by more, the find is false."""


class Finds(NamedTuple):
    """Of a finder's validation images: how many, how many without a find, and in how many it is somewhere else."""

    images: int
    missed: int
    false: int


def find_first(config: Config, run: RunDir, progress: bool = True) -> None:
    """Train the finder of a run, into its folder, where it asks for one and none is there; one that was interrupted
    goes on.

    Raises:
        UserError: it finds nothing on validation, an image has several bodies, or as `run_training`.
        Stopped: a signal stopped it, with its checkpoint saved.
    """
    if not config.find.steps:
        return
    folder = run.path / FINDER
    last = folder / "checkpoints" / "last.ckpt"
    if not (folder / "summary.json").exists():
        begun = last.exists()
        inner = RunDir(folder) if begun else RunDir.create(folder, overwrite=True)
        if not begun:
            inner.write_yaml(FOR, to_dict(config))
        inner.write_json(SIDE, {"side": side_of(config)})
        try:
            loop.run_training(of_finder(config), inner, last if begun else None, progress=progress)
        except Stopped as stopped:
            raise Stopped(stopped.step, stopped.path, f"go on with --resume {run.path}") from None
    finds = finds_of(folder)
    if finds is not None and finds.missed == finds.images:
        raise UserError(
            f"the finder found no body in any of {finds.images} validation images, so there are no boxes to train in;"
            " give it longer (find.steps) or larger images (find.size), or leave it out: find.steps: 0, boxes: own"
        )


def check_found(config: Config) -> None:
    """That a run with a finder trains in boxes, and will not be refused after it, by its batches or tiles; and that one
    without asks for none.

    Raises:
        UserError: else.
    """
    asks, has = config.data.unlabeled_boxes == FINDER, config.find.steps > 0
    if asks and not has:
        raise UserError("data.unlabeled_boxes is finder, and there is none: set find.steps, usually 400")
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
        _check_tiles(config)


def _check_tiles(config: Config) -> None:
    method = deepcopy(config.method)  # which chooses its tiles where it is asked
    if getattr(method, "mix_group", 1) > 1:
        with torch.device("meta"):
            network = build_model(replace(config.model, weights="none"), 1)
        method.mixing(network)  # type: ignore[attr-defined]


def side_of(config: Config) -> float:
    """The usual longer side of a labelled body's box over that of its image: the median, or, where bodies differ by
    more than `ALIKE` in size, what nine in ten have."""
    labeled = open_sets(replace(config.data, unlabeled=None), False, None, checked=False).labeled
    sizes = {image: max(image_size(image)) for image in labeled.images}
    low, middle, high = np.quantile([max(s.box[2:]) / sizes[s.image] for s in labeled], (0.1, 0.5, 0.9))
    return float(min(1.0, middle if high <= ALIKE * low else low))


def of_finder(config: Config) -> Config:
    """The finder's configuration: joints of whole images, from labels alone."""
    easy = config.method.labeled or config.method.easy
    return replace(
        config,
        data=replace(config.data, boxes="whole", unlabeled=None, unlabeled_boxes="whole"),
        model=replace(config.model, size=list(config.find.size), padding=1.0),
        method=options("supervised", easy=easy),
        optim=replace(config.optim, restart=0.0),
        peer={},
        find=FindConfig(),
        losses=LossesConfig(),
        steps=config.find.steps,
        eval_every=0,
        norm_batches=0,
        stop_on_collapse=False,
    )


def asked_for(folder: Path) -> Config | None:
    """The configuration of a run whose finder was interrupted; None where there is none."""
    file = folder / FINDER / FOR
    return resolve(Config(), read_yaml(file)) if file.exists() else None


def finds_of(folder: Path) -> Finds | None:
    """How a finder does on its validation images; None where it has none."""
    file = folder / "predictions" / "val.json"
    if not file.exists():
        return None
    samples, side = json.loads(file.read_text())["samples"], usual_side(folder / "model.safetensors")
    verdicts = [_find(sample, side) for sample in samples]
    return Finds(len(verdicts), verdicts.count(None), verdicts.count(False))


def _find(sample: Mapping[str, Any], side: float) -> bool | None:
    """Whether a found box holds the labels; None where there is no find. A finder's box is its whole image."""
    truth, found = np.array(sample["truth"]), np.array(sample["pred"]["a"])
    x, y, w, h = sample["box"]
    box = around(Pose(found[:, :2], found[:, 2], (x, y, w, h)), (round(y + h), round(x + w)), side)
    if box is None:
        return None
    x, y, w, h = box
    known = truth[truth[:, 2] > 0, :2]
    room = APART * np.ptp(known, 0).max()
    return bool(((known >= (x - room, y - room)) & (known <= (x + w + room, y + h + room))).all())
