"""What is in a folder of one's own: labels, images, videos, and what tools made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from semipose.data.marks import is_own
from semipose.data.open import holds_labels, open_labeled
from semipose.data.pictures import EXTENSIONS
from semipose.data.readers.deeplabcut import is_deeplabcut
from semipose.data.readers.deeplabcut import left_out as unread
from semipose.data.readers.lightning_pose import is_lightning_pose, tables
from semipose.data.readers.yolo import KINDS, is_yolo, named_parts
from semipose.data.sample import PoseData
from semipose.data.video import VIDEOS
from semipose.errors import UserError
from semipose.files import below

SUFFIXES = (".slp", ".csv", ".json", ".mat", *KINDS, ".xml", ".nwb")
"""Of files that may hold labels, in order of preference; those of the first kind found are used."""

VALIDATION = {"val", "valid", "validation", "test"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""A word of a file's name; labelsTest and person_keypoints_val2017 are of validation, labels_latest is not."""

DRAWN = re.compile(r"_labell?ed$|_semipose$|DLC_|^plot-poses$|^doctor$")
"""In the name of a folder or file, without its ending, of pictures and videos on which a tool drew poses."""


@dataclass(frozen=True)
class Inside:
    """What is in a folder: labelled sources with the image folder each needs, the same for validation (one or none),
    the real paths of images that labels for validation or testing name, all images and videos, which of them tools
    made, and remarks."""

    root: Path
    labeled: list[tuple[Path, Path | None]]
    val: list[tuple[Path, Path | None]]
    apart: set[str]
    images: list[Path]
    videos: list[Path]
    made: set[Path]
    remarks: list[str]


def look(root: Path, category: str | None = None, outside: bool = False) -> Inside:
    """
    Args:
        category, outside: as `open_labeled`.

    Raises:
        UserError: no labels are found, or none can be read.
    """
    base = root if root.is_dir() else root.parent
    every = [p for p in below(base) if not any(part.startswith(".") for part in p.relative_to(base).parts)]
    seen = [p for p in every if p.suffix.lower() in (*EXTENSIONS, *VIDEOS)]
    made = _made_by_tools(every, base)
    images = [p for p in seen if p.suffix.lower() in EXTENSIONS]
    videos = [p for p in seen if p.suffix.lower() in VIDEOS]
    remarks: list[str] = []
    sets = [root] if root.is_file() and is_yolo(str(root)) else []
    if sets:
        return Inside(base, *_yolo(sets[0], None, category, outside), images, videos, made, remarks)
    if root.is_file() or is_deeplabcut(root) or is_lightning_pose(root):
        if is_deeplabcut(root):
            parts = ", ".join(unread(base))
            remarks += [f"left out: {parts}, of no animal (uniquebodyparts)"] if parts else []
        elif root.is_dir():
            remarks += [f"left out: {path}, beside {tables(root)[0].name}" for path in tables(root)[1:]]
        return Inside(base, [(root, None)], [], set(), images, videos, made, remarks)
    wanted = [p for p in every if p.suffix.lower() in SUFFIXES and p.name not in ("split.json", "unlabeled.json")]
    wanted = sorted(filter(holds_labels, wanted), key=lambda p: SUFFIXES.index(p.suffix.lower()))
    sources, faults = [], []
    named: dict[Path, set[str]] = {}
    for path in wanted:
        try:
            images_of, data = _images_of(path, base, category, outside)
            sources.append((path, images_of))
            named[path] = {os.path.realpath(image) for image in data.images}
        except UserError as fault:
            faults.append(fault)
            remarks.append(f"left out: {fault}")
    if not sources:
        if faults:
            raise faults[0]
        raise UserError(
            f"{root} holds no labels, {len(images)} images and {len(videos)} videos; needed is a project of DeepLabCut"
            " or Lightning Pose, a .slp, a COCO JSON, YOLO-pose, an export of CVAT or Label Studio, or a CSV of image,"
            " joint, x, y"
        )
    kind = sources[0][0].suffix.lower()
    remarks += [f"left out: {p}, labels of another kind" for p, _ in sources if p.suffix.lower() != kind]
    sources = [source for source in sources if source[0].suffix.lower() == kind]
    if kind in KINDS:
        remarks += [f"left out: {path}, beside {sources[0][0].name}" for path, _ in sources[1:]]
        return Inside(base, *_yolo(*sources[0], category, outside), images, videos, made, remarks)
    words = {path: {word.lower() for word in WORD.findall(path.stem)} for path, _ in sources}
    val = sorted((s for s in sources if VALIDATION & words[s[0]]), key=lambda s: "test" in words[s[0]])
    labeled = [source for source in sources if source not in val]
    apart = set[str]().union(*(named[path] for path, _ in val))
    if all(named[path] <= apart for path, _ in labeled):  # of itself, nothing would be left to train on
        labeled, val, apart = sources, [], set()
    labeled = _without_doubles(_without_all(labeled, named, apart, remarks), named, remarks)
    remarks += [f"left out: {path}, beside {val[0][0].name}; its images are not learned from" for path, _ in val[1:]]
    return Inside(base, labeled, val[:1], apart, images, videos, made, remarks)


def _yolo(
    path: Path, images: Path | None, category: str | None, outside: bool
) -> tuple[list[tuple[Path, Path | None]], list[tuple[Path, Path | None]], set[str]]:
    """What of `Inside` a YOLO-pose data set says itself: to train on, to validate on, and images that are held out."""
    named: dict[str, set[str]] = {}
    for part in named_parts(path):
        with suppress(UserError):  # of a part that is not there, which training does not need
            data = open_labeled(f"{path}#{part}", images, category, None, outside)
            named[part] = {os.path.realpath(image) for image in data.images}
    train = named.pop("train", set())
    held = {part: files - train for part, files in named.items() if files - train}
    val = next(iter(held), None)
    apart = set[str]().union(*held.values())
    return [(path, images)], [(Path(f"{path}#{val}"), images)] if val else [], apart


def _without_all(
    sources: Sequence[tuple[Path, Path | None]], named: Mapping[Path, set[str]], apart: set[str], remarks: list[str]
) -> list[tuple[Path, Path | None]]:
    """Without a file of all labels beside those of its parts, for training and for validation."""
    kept = list(sources)
    for source in sources:
        others = set[str]().union(*(named[path] for path, _ in kept if path != source[0]))
        if others - apart and named[source[0]] & apart and named[source[0]] <= others | apart:
            kept.remove(source)
            remarks.append(f"left out: {source[0]}, all its images are labelled for training or validation elsewhere")
    return kept


def _without_doubles(
    sources: list[tuple[Path, Path | None]], named: Mapping[Path, set[str]], remarks: list[str]
) -> list[tuple[Path, Path | None]]:
    """Those whose images no other labels: of a file and its backup the one with more images, then with the shorter
    name."""
    kept: list[tuple[Path, Path | None]] = []
    for source in sorted(sources, key=lambda source: (-len(named[source[0]]), len(source[0].name))):
        if any(named[source[0]] <= named[other] for other, _ in kept):
            remarks.append(f"left out: {source[0]}, labels the same images")
        else:
            kept.append(source)
    return sorted(kept, key=sources.index)


def _made_by_tools(every: Sequence[Path], base: Path) -> set[Path]:
    """Pictures and videos with poses drawn on them, by others or by `predict`, and all that lies with a trained
    model."""
    runs = {p.parent for p in every if p.name == "model.safetensors"} - {base}
    outputs = {p.parent for p in every if _is_prediction(p)}
    return {
        p
        for p in every
        if p.suffix.lower() in (*EXTENSIONS, *VIDEOS)
        and (
            any(DRAWN.search(part) for part in (*p.relative_to(base).parent.parts, p.stem))
            or any(folder in runs for folder in p.parents)
            or (any(folder in outputs for folder in p.parents) and is_own(p))
        )
    }


def _is_prediction(path: Path) -> bool:
    """Whether a file is one that `semipose predict` writes."""
    if path.name in ("keypoints.csv", "keypoints.json"):
        with path.open("rb") as file:
            return file.read(16).startswith((b"[", b"image,person,"))
    return path.stem.endswith("DLC_semipose")


def _images_of(path: Path, base: Path, category: str | None, outside: bool) -> tuple[Path | None, PoseData]:
    """The image folder that a file of labels needs, None where its reader finds the images by itself, and what is read
    with it."""
    first = None
    for images in (None, base / "images", base):
        try:
            return images, open_labeled(path, images, category, None, outside)
        except UserError as fault:
            first = first or fault
    assert first is not None
    raise first
