"""The three data sets of a run, opened, checked against each other, and cut into crops."""

from __future__ import annotations

import hashlib
import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np

from semipose.config import Config, DataConfig
from semipose.data.checks.frame import refuse_certain
from semipose.data.coordinates import in_pixels
from semipose.data.crops.build import Crops, CropSpec, build_crops
from semipose.data.extent import boxed_by_corners, boxed_by_labels, whole_boxes
from semipose.data.open import FinderOf, open_all, open_labeled, open_unlabeled
from semipose.data.predicted import refuse_predicted
from semipose.data.refs import Frame, is_frame, parse
from semipose.data.sample import PoseData, Sample, join
from semipose.data.split import Split, check_overlap
from semipose.data.video import cut_short, windowed
from semipose.errors import UserError
from semipose.geometry import Size
from semipose.skeleton import Skeleton, described, joint_map

BOXED = {"labels": boxed_by_labels, "corners": boxed_by_corners, "whole": whole_boxes}
"""What becomes of the boxes of labelled samples."""


@dataclass(frozen=True)
class Sets:
    """Labelled samples to learn from, unlabelled ones, and validation samples; `held` are those of the unlabelled ones
    that are labelled after all: never learnt from, nor part of what a run is recorded by."""

    labeled: PoseData
    unlabeled: PoseData | None
    val: PoseData | None
    held: PoseData | None = None

    @property
    def skeleton(self) -> Skeleton:
        assert self.labeled.skeleton is not None
        return self.labeled.skeleton

    @property
    def hash(self) -> str:
        """Of which samples are in which set, with their boxes and labels."""
        digest = hashlib.sha256()
        for part in (self.labeled, self.unlabeled, self.val):
            digest.update(f"{len(part) if part else 0} samples".encode())
            for sample in part or ():
                digest.update(repr((sample.id, [float(v) for v in sample.box])).encode())
                digest.update(b"" if sample.keypoints is None else sample.keypoints.tobytes())
        return digest.hexdigest()

    def manifest(self) -> dict:
        """The content of a run's split.json."""
        parts = {"labeled": self.labeled, "unlabeled": self.unlabeled, "val": self.val}
        ids = {name: list(part.ids) if part else [] for name, part in parts.items()}
        return {**ids, "hash": self.hash}


def open_sets(config: DataConfig, needs_unlabeled: bool, finder_of: FinderOf | None, checked: bool = True) -> Sets:
    """Open what the configuration names; not `checked`, without looking for leakage.

    Args:
        finder_of: what finds the boxes of unlabelled images (`open_unlabeled`); None where they are in a file.

    Raises:
        UserError: nothing labelled, nothing unlabelled where the method needs it, a validation set that shares no
            joint, or samples or images of validation among the others.
    """
    if not config.labeled:
        raise UserError("no labelled data: set data.labeled to a COCO JSON, an LSP folder or synth:wild?count=300")
    pool = open_pool(config)
    whole = None
    if config.unlabeled:
        frames = windowed(config.frames, config.window)
        how = (config.unlabeled_images, frames, config.unlabeled_boxes, config.cache)
        whole = open_unlabeled(config.unlabeled, *how, labels=True, finder_of=finder_of, outside=config.outside)
        _warn_of_short(whole)
    val = _alike(opened(config.val, config.val_images, config), config) if config.val else None
    for part in (pool, val) if checked else ():
        if part is not None:
            refuse_certain(part, config.coordinates, config.boxes)
    labeled = pool
    if needs_unlabeled and config.window > 1 and whole is None:
        raise UserError(
            f"data.window is {config.window}, and single images of {config.labeled} are no neighbouring frames; set"
            " data.unlabeled to a video or a folder of its frames, or data.window: 1"
        )
    if config.split:
        split = Split.load(Path(config.split))
        labeled = pool.subset(split.labeled)
        known = {*split.labeled, *split.unlabeled, *split.val}
        more = sum(name not in known for name in pool.samples.ids.take(pool.labeled_rows()))
        if more:
            remark = (
                f"{more:,} labelled samples are in no part of {config.split} and are not learnt from; semipose init"
            )
            labeled = replace(labeled, remarks=(*labeled.remarks, f"{remark} --overwrite makes the split again"))
        whole = whole or pool.subset(split.unlabeled)
        val = val or (pool.subset(split.val) if split.val else None)
    labeled = labeled if config.occluded else _visible(labeled)
    labeled, unlabeled = labeled.labeled(), whole.unlabeled() if whole else None
    val = val.onto(labeled.skeleton).labeled() if val and labeled.skeleton else None
    unlabeled = _without_frames(unlabeled, val) if unlabeled is not None and val is not None else unlabeled
    if not len(labeled):
        raise UserError(f"{config.labeled} holds no labelled sample: every joint of every sample is unlabelled")
    if needs_unlabeled and not (unlabeled and len(unlabeled)):
        raise UserError(f"the method learns from unlabelled images and there are none: {UNLABELED}")
    if val is not None and not len(val):
        raise UserError(f"{config.val or config.split} labels none of the joints of {config.labeled}; nothing to score")
    if val is not None and checked:
        check_overlap(labeled, unlabeled, val)
    assert labeled.skeleton is not None
    return (
        Sets(labeled, unlabeled, val, held_back(whole, labeled.skeleton))
        if needs_unlabeled
        else Sets(labeled, None, val)
    )


def _warn_of_short(unlabeled: PoseData) -> None:
    """Of videos that end early."""
    films = dict.fromkeys(ref.file for image in unlabeled.images if isinstance(ref := parse(image), Frame))
    for line in filter(None, map(cut_short, films)):
        warnings.warn(f"{line}; those that are there are learnt from", stacklevel=3)


def _without_frames(unlabeled: PoseData, val: PoseData) -> PoseData:
    """Without frames of validation, where they are some of a video's, which nobody chose one by one."""
    held = {image for image in val.images if is_frame(image)}
    if not held:
        return unlabeled
    kept = [row for row, image in enumerate(unlabeled.samples.images) if image not in held]
    return unlabeled.subset(np.array(kept, np.int64))


def held_back(data: PoseData | None, skeleton: Skeleton) -> PoseData | None:
    """The samples of an unlabelled set that are labelled after all, on the joints it shares with `skeleton`; None where
    there are none."""
    if data is None or data.skeleton is None or all(i is None for i in joint_map(data.skeleton, skeleton)):
        return None
    return data.onto(skeleton).labeled() or None


UNLABELED = (
    "name images or videos with data.unlabeled, let semipose split keep some labelled images back (data.split), or"
    " train with --method.name=supervised"
)
"""What to do where a method learns from unlabelled images and there are none."""


def open_pool(config: DataConfig) -> PoseData:
    """The labelled data, before any split, joined by joint name where several sources are named, with the skeleton and
    the boxes that the configuration asks for."""
    pool = join([opened(source, images, config) for source, images in _labeled(config)])
    if config.skeleton and pool.skeleton is not None:
        pool = pool.onto(described(pool.skeleton, config.skeleton))
    return _boxed(pool, config)


def opened(source: str, images: str | None, config: DataConfig) -> PoseData:
    """Labelled data in pixels of its images; UserError where it is predictions that nobody has corrected."""
    refuse_predicted(source)
    return in_pixels(open_labeled(source, images, *_which(config)), config.coordinates)


def open_alike(config: DataConfig, source: str | Path, images: str | Path | None) -> tuple[PoseData, DataConfig]:
    """Other labelled data, read as a run reads its own: the category, where it is there, what coordinates count, boxes,
    and whether paths may lead out. With the configuration that says so, of which it is the validation set.

    Raises:
        UserError: it cannot be read, or its labels or boxes are certainly something else than they are taken for.
    """
    where = replace(config, val=str(source), val_images=None if images is None else str(images), split=None)
    try:
        data = opened(str(where.val), where.val_images, where)
    except UserError:
        if where.category is None:
            raise
        where = replace(where, category=None)
        data = opened(str(where.val), where.val_images, where)
    data = _alike(data, where)
    refuse_certain(data, where.coordinates, where.boxes)
    return data, where


def _alike(data: PoseData, config: DataConfig) -> PoseData:
    """In boxes as those of the labelled data: where these are around labels, and `skeleton` names the joints, around
    the labels of such joints alone."""
    joints = (config.skeleton or {}).get("joints")
    chosen = data.onto(Skeleton(data.name, tuple(map(str, joints)))) if joints and data.skeleton is not None else data
    return _boxed(chosen, config)


def _labeled(config: DataConfig) -> list[tuple[str, str | None]]:
    """Each labelled source with its images."""
    sources = config.labeled if isinstance(config.labeled, list) else [config.labeled]
    images = (
        config.labeled_images if isinstance(config.labeled_images, list) else [config.labeled_images] * len(sources)
    )
    if len(images) != len(sources):
        raise UserError(f"data.labeled names {len(sources)} sources and data.labeled_images {len(images)}; pair them")
    return [(s, i) for s, i in zip(sources, images, strict=True) if s is not None]


def others_in(data: PoseData, config: DataConfig) -> list[Sample]:
    """Who else is in the images of a run's validation set, or without `val` of its labelled one: people without labels,
    crowds, and whom a split left out. COCO's evaluation counts a pose on one of them for nothing, and a finder is not
    taught that nobody is there. Only JSON files may have the first two."""
    sources = [(config.val, config.val_images)] if config.val else _labeled(config)
    if not config.split and not any(str(source).lower().endswith(".json") for source, _ in sources):
        return []
    pools = [in_pixels(open_all(s, i, *_which(config)), config.coordinates) for s, i in sources]
    whole = join(pools)
    shown, own = set(data.images), set(data.ids)
    others = whole.subset([n for n, s in enumerate(whole) if s.image in shown and s.id not in own])
    return [replace(s, keypoints=None) for s in (others if config.boxes == "whole" else _boxed(others, config))]


def _visible(data: PoseData) -> PoseData:
    """The same samples, their occluded joints unlabelled."""

    def seen(points: np.ndarray) -> np.ndarray:
        return np.where(points[:, 2:] == 2, points, 0).astype(np.float32)

    points = (None if s.keypoints is None else seen(s.keypoints) for s in data)
    samples = (replace(s, keypoints=p) for s, p in zip(data, points, strict=True))
    return PoseData(data.name, data.skeleton, samples, data.remarks)


def _which(config: DataConfig) -> tuple[str | None, None, bool]:
    """What readers are told beyond a source and its images: the category, no skeleton, and whether paths may lead
    out."""
    return config.category, None, config.outside


def _boxed(data: PoseData, config: DataConfig) -> PoseData:
    return BOXED[config.boxes](data) if config.boxes in BOXED else data


def cover(size: Size, degrees: float) -> Size:
    """The crop that every view of `affine<degrees>` finds pixels in: scale down to 1 - degrees/120, any turn up to
    `degrees`; rounded up to a multiple of 4. Up to sides of 4:3, 30 degrees suffice for any turn with scales
    down to 0.82, and 35 with scales down to 0.75, as of `rotate180+scale25`."""
    turn, scale = math.radians(min(degrees, 90)), 1 - min(degrees, 90) / 120

    def extent(along: int, across: int) -> int:
        worst = min(turn, math.atan2(across, along))  # the diagonal is the longest extent
        return 4 * math.ceil((along * math.cos(worst) + across * math.sin(worst)) / scale / 4)

    return extent(size[0], size[1]), extent(size[1], size[0])


def cut(data: PoseData | None, config: Config, train: bool, progress: bool, room: Size | None = None) -> Crops | None:
    """Crops of one set: with room for augmentation for training; for validation the plain view, or `room` (Hs, Ws)
    about its centre."""
    if data is None:
        return None
    size = (config.model.size[0], config.model.size[1])
    store = cast(Literal["raw", "jpeg"], config.data.store)
    spec = CropSpec(size, cover(size, config.data.reach) if train else room or size, config.model.padding, store)
    return build_crops(data, spec, Path(config.data.cache).expanduser(), progress=progress, workers=2)
