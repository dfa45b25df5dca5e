"""What is in a folder of one's own: labels, images, videos, and what tools made of them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np

from semipose import limits
from semipose.data.crops.store import MARKER
from semipose.data.marks import is_own
from semipose.data.open import holds_labels, open_labeled
from semipose.data.pictures import EXTENSIONS, OTHERS, not_read
from semipose.data.predicted import NAME as MARK
from semipose.data.predicted import TODO, is_predicted, refuse_predicted
from semipose.data.readers.cvat import is_cvat, parted, subsets
from semipose.data.readers.deeplabcut import is_deeplabcut
from semipose.data.readers.deeplabcut import left_out as unread
from semipose.data.readers.lightning_pose import is_lightning_pose
from semipose.data.readers.lightning_pose import tables as lp_tables
from semipose.data.readers.yolo import KINDS, is_yolo, named_parts, part_images
from semipose.data.refs import parse, split_frame
from semipose.data.sample import PoseData
from semipose.data.video import VIDEOS, is_video
from semipose.errors import UserError
from semipose.files import below, read_json, read_mapping

SUFFIXES = (".slp", ".csv", ".json", ".mat", *KINDS, ".xml", ".nwb")
"""Of files that may hold labels, in order of preference; those of the first kind found are used."""

VALIDATION = {"val", "valid", "validation", "test", "testing", "eval", "holdout", "heldout"}
TRAINING = {"train", "training"}
PLAIN = {"images", "image", "labels", "annotations", "data", "set", "split", "coco", "frames"}
"""Words of a folder's name that leave it one of validation: val_images; test_mouse is a mouse's."""
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""A word of a file's name; labelsTest and person_keypoints_val2017 are of validation, labels_latest is not."""
JOINED = re.compile("({1})*({0})({1})*".format(*("|".join(sorted(each)) for each in (VALIDATION | TRAINING, PLAIN))))
"""Words written as one: testset, traindata, valimages."""

NO_NAME = r"\\/\"<>\x00-\x1f\ufffd"
"""What the name of a picture has none of, for a regular expression."""

PASSED_OVER = {"training-datasets", "@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX", "site-packages", "node_modules"}
"""Folders that are nobody's data: DeepLabCut's copies of its labels, thumbnails, bins, packages of programs."""
ULTRALYTICS = re.compile(r"(^|/)runs/(pose|detect|segment|classify|obb)/(train|val|predict|track)-?\d*(/|$)")
"""In a folder's path: where it writes what it trained and predicted, with pictures of batches and of bodies."""

PREDICTIONS = f"predictions that nobody has corrected; {TODO}"

DRAWN = re.compile(r"_labell?ed$|_semipose$|DLC_|^plot-poses$|^doctor$")
"""In the name of a folder or file, without its ending, of pictures and videos on which a tool drew poses."""


@dataclass(frozen=True)
class Inside:
    """What is in a folder: labelled sources with the image folder each needs, the same for validation (one or none),
    those for testing beside it, the real paths of images that labels for validation or testing name, all images and
    videos, which of them tools made, which files are pictures or films that are not read, and remarks."""

    root: Path
    labeled: list[tuple[Path, Path | None]]
    val: list[tuple[Path, Path | None]]
    apart: set[str]
    images: list[Path]
    videos: list[Path]
    made: set[Path]
    remarks: list[str]
    strange: list[Path] = field(default_factory=list)
    tests: list[tuple[Path, Path | None]] = field(default_factory=list)


class _Held(NamedTuple):
    """Labels for validation or testing that are not used: what they are called, the real paths of their images, and
    whether these are all."""

    name: str
    images: set[str]
    complete: bool = True


def look(root: Path, category: str | None = None, outside: bool = False) -> Inside:
    """
    Args:
        category, outside: as `open_labeled`.

    Raises:
        UserError: no labels are found, or none can be read.
    """
    base = root if root.is_dir() else root.parent
    below_it = below(base)
    closed = {str(p.parent) for p in below_it if p.name in (MARKER, "pyvenv.cfg")} - {str(base)}  # runs and crops
    every = [p for p in below_it if not any(_is_passed_over(part) for part in p.relative_to(base).parts)]
    every = [p for p in every if not any(str(folder) in closed for folder in p.parents)] if closed else every
    seen = [p for p in every if p.suffix.lower() in (*EXTENSIONS, *VIDEOS)]
    made = _made_by_tools(every, base)
    images = [p for p in seen if p.suffix.lower() in EXTENSIONS]
    videos = [p for p in seen if p.suffix.lower() in VIDEOS]
    remarks: list[str] = []
    strange = [p for p in every if p.suffix.lower() in OTHERS]
    inside = Inside(base, [(root, None)], [], set(), images, videos, made, remarks, strange)
    if root.is_file() and is_yolo(str(root)):
        return _yolo(inside, category, outside)
    wanted = _parts([root] if root.is_file() else [p for p in every if p.suffix.lower() in SUFFIXES])
    if wanted == [root] or is_deeplabcut(root) or is_lightning_pose(root):
        if is_deeplabcut(root):
            parts = ", ".join(unread(base))
            remarks += [f"left out: {parts}, of no animal (uniquebodyparts)"] if parts else []
            videos += _named_videos(base, videos, remarks)
            if not is_predicted(root):
                tables = sorted(base.glob("labeled-data/*/CollectedData_*.csv"))
                remarks += [f"left out: {p}, {PREDICTIONS}" for p in tables if is_predicted(p)]
        elif root.is_dir():
            remarks += [f"left out: {path}, beside {lp_tables(root)[0].name}" for path in lp_tables(root)[1:]]
        refuse_predicted(root)
        if not is_deeplabcut(root):
            held = [_held_in(path, (*images, *videos)) for path in lp_tables(root)[1:]] if root.is_dir() else []
            return _without_held(inside, open_labeled(root, None, category, None, outside).images, held)
        return inside
    wanted = [p for p in wanted if p.name not in ("split.json", "unlabeled.json", MARK)]
    projects = [p.parent for p in every if p.name == "config.yaml" and p.parent != base and is_deeplabcut(p.parent)]
    inner = {p for p in wanted if any(p.is_relative_to(folder) for folder in projects)}
    wanted = [p for p in wanted if p not in inner]
    wanted = sorted(filter(holds_labels, wanted), key=lambda p: SUFFIXES.index(_kind(p)))
    sources, faults, broken = [], [], []
    files: dict[Path, set[str]] = {}
    frames: dict[Path, dict[str, str]] = {}
    read: dict[Path, PoseData] = {}
    for path in wanted:
        try:
            refuse_predicted(path)
            images_of, data = _images_of(path, base, category, outside)
            sources.append((path, images_of))
            read[path] = data
            files[path] = {os.path.realpath(image) for image in data.images}
            if path.suffix.lower() == ".slp":
                frames[path] = {os.path.realpath(sample.image): str(sample.image_id) for sample in data}
        except UserError as fault:
            faults.append(fault)
            broken.append(path)
            remarks.append(f"left out: {fault}")
    remarks += [f"left out: {folder}, a project of DeepLabCut; name it by itself" for folder in projects if inner]
    if not sources:
        if inner:  # their tables alone would name joints otherwise, and their copies count twice
            raise UserError(
                f"{base} holds a project of DeepLabCut and is none itself; name {' or '.join(map(str, projects))}"
            )
        if pointer := next((p for p in every if p.suffix.lower() in (*SUFFIXES, ".h5") and limits.is_pointer(p)), None):
            raise UserError(f"{pointer} is {limits.FETCHED}")
        if faults:
            predictions = (fault for fault, path in zip(faults, broken, strict=True) if is_predicted(path))
            raise next(predictions, faults[0])
        raise UserError(
            f"{root} holds no labels, {len(images)} images and {len(videos)} videos; needed is a project of DeepLabCut"
            " or Lightning Pose, a .slp, a COCO JSON, YOLO-pose, an export of CVAT or Label Studio, or a CSV of image,"
            f" joint, x, y{'; ' if strange else ''}{not_read(strange)}"
        )
    named = _unpacked(files, frames)
    kind = _kind(sources[0][0])
    strangers = [p for p, _ in sources if _kind(p) != kind]
    remarks += [f"left out: {p}, labels of another kind" for p in strangers]
    sources = [source for source in sources if _kind(source[0]) == kind]
    held = [_Held(str(p), files[p]) for p in strangers if VALIDATION & _said(p, base)]
    held += [_named_in(p, (*images, *videos)) for p in broken if VALIDATION & _said(p, base)]
    if kind in KINDS:
        remarks += [f"left out: {path}, beside {sources[0][0].name}" for path, _ in sources[1:]]
        return _yolo(replace(inside, labeled=sources[:1]), category, outside, held)
    words = {path: _said(path, base) for path, _ in sources}
    val = sorted((s for s in sources if VALIDATION & words[s[0]]), key=lambda s: "test" in words[s[0]])
    labeled = [source for source in sources if source not in val]
    apart = set[str]().union(*(named[path] for path, _ in val))
    if not labeled and (lost := [i for i, p in enumerate(broken) if not VALIDATION & _said(p, base)]):
        raise faults[lost[0]]  # validation alone can be read
    if all(named[path] <= apart for path, _ in labeled):  # of itself, nothing would be left to train on
        labeled, val, apart = sources, [], set()
    labeled = _without_doubles(_without_all(labeled, named, apart, remarks), named, read, remarks)
    for path, _ in val[1:]:
        first = val[0][0] if val[0][0].name == path.name else val[0][0].name
        remarks.append(f"left out: {path}, beside {first}; its images are not learned from")
    tests = [source for source in val[1:] if words[source[0]] & {"test", "testing"}]
    held_out = apart.union(*(files[path] for path, _ in val))
    inside = replace(inside, labeled=labeled, val=val[:1], apart=held_out, tests=tests)
    return _without_held(inside, [image for path, _ in labeled for image in read[path].images], held)


def _is_passed_over(part: str) -> bool:
    """Whether a folder or file of this name, and what is in it, is no data."""
    return part.startswith(".") or part in PASSED_OVER


def _parts(paths: Iterable[Path]) -> list[Path]:
    """With each subset of a project of CVAT by itself, where some are for validation or testing."""
    found: list[Path] = []
    for path in paths:
        names = list(subsets(path)) if is_cvat(str(path)) else []
        held = any(VALIDATION & _words(name) for name in names) and all(name and "/" not in name for name in names)
        found += [Path(f"{path}#{name}") for name in names] if held else [path]
    return found


def _kind(path: Path) -> str:
    """The ending of a file's name, in small letters, of a part of it too."""
    return parted(path)[0].suffix.lower()


def _unpacked(files: Mapping[Path, set[str]], frames: Mapping[Path, Mapping[str, str]]) -> dict[Path, set[str]]:
    """Of each file of labels the real paths of its images. A frame that is packed in SLEAP's .pkg.slp has a picture of
    its own: it is the one of that name in another file, where there is one.

    Args:
        files: real paths as they are; frames: these and the images' names.
    """
    known: dict[str, set[str]] = {}
    for path, names in frames.items():
        for image, name in {} if _packs(path) else names.items():
            known.setdefault(name, set()).add(image)
    found = dict(files)
    for path in filter(_packs, frames):
        same = {image: known.get(name, set()) for image, name in frames[path].items()}
        found[path] = {min(same[image]) if len(same[image]) == 1 else image for image in files[path]}
    return found


def _packs(path: Path) -> bool:
    return path.name.lower().endswith(".pkg.slp")


def _without_held(inside: Inside, labeled: Sequence[str], held: Sequence[_Held] = ()) -> Inside:
    """Without the images and videos of `held`, and without those in folders for validation and testing where labels, or
    images that they name, are in a folder for training; what is labelled stays.

    Args:
        labeled: the images that labels name.
    """
    base, remarks = inside.root, list(inside.remarks)
    known = inside.apart | {os.path.realpath(image) for image in labeled}
    files = {p: os.path.realpath(p) for p in (*inside.images, *inside.videos)}
    rest = [p for p in files if files[p] not in known]
    folders = {Path(os.path.dirname(parse(image).file or "")) for image in labeled}
    said = [*(_said(p, base) for p, _ in inside.labeled), *(parts_of(folder / "image", base) for folder in folders)]
    parted = any(TRAINING & words for words in said)
    away = {p for p in rest if parted and VALIDATION & parts_of(p, base)}
    if away:
        first = next(p for p in rest if p in away)
        remarks.append(f"left out: {len(away)} images and videos in folders of validation and test, first {first}")
    for source in held:
        some = [p for p in rest if files[p] in source.images and p not in away]
        remarks += [f"left out: {len(some)} images and videos of {source.name}, first {some[0]}"] if some else []
        away |= set(some)
    unsure = [source.name for source in held if not source.complete] if len(away) < len(rest) else []
    remarks += [
        f"not known: which images {name} holds out; some may be among the unlabelled ones until it is mended"
        for name in unsure
    ]
    images, videos = ([p for p in some if p not in away] for some in (inside.images, inside.videos))
    return replace(inside, images=images, videos=videos, remarks=remarks)


def _said(path: Path, base: Path) -> set[str]:
    """The words of a file of labels that may say of which part it is: of its name, and `parts_of`."""
    return _words(path.stem) | _words(parted(path)[1]) | parts_of(path, base)


def parts_of(path: Path, base: Path) -> set[str]:
    """Of which part of a data set's own split a file is, as its folders below `base` say: train, valid2017, val_images,
    images/test."""
    found: set[str] = set()
    full = Path(os.path.abspath(path))
    places = (of(base) for of in (os.path.abspath, os.path.realpath))
    place = next((place for place in places if full.is_relative_to(place)), None)
    for part in full.relative_to(place).parent.parts if place is not None else ():
        said = _words(part)
        if said & (VALIDATION | TRAINING) and said <= VALIDATION | TRAINING | PLAIN:
            found |= said & (VALIDATION | TRAINING)
    return found


def _words(name: str) -> set[str]:
    found: set[str] = set()
    for letters in re.findall("[A-Za-z]+", name):
        one = JOINED.fullmatch(letters.lower())
        found |= {one[2]} if one else {word.lower() for word in WORD.findall(letters)}
    return found


def _named_videos(base: Path, seen: Sequence[Path], remarks: list[str]) -> list[Path]:
    """Videos outside a DeepLabCut project that its configuration names and that are there; the others are remarked
    on."""
    sets = read_mapping(base / "config.yaml").get("video_sets")
    names = [str(name) for name in sets] if isinstance(sets, dict) else []
    places = {name: _place(name, base) for name in names if name.strip() and "WILL BE AUTOMATICALLY" not in name}
    inside = {os.path.realpath(video) for video in seen}
    films = {video.name for video in seen}
    gone = [name for name, place in places.items() if place is None and _last(name) not in films]
    if gone:
        remarks.append(
            f"missing: {len(gone)} of {len(places)} videos that config.yaml names in video_sets do not exist, first"
            f" {gone[0]}; copy them to {base / 'videos'} to learn from their frames"
        )
    there = [p for p in places.values() if p is not None and is_video(p) and os.path.realpath(p) not in inside]
    if there:
        remarks.append(f"of video_sets: {len(there)} videos outside the project are used, first {there[0]}")
    return there


def _place(name: str, base: Path) -> Path | None:
    """Where a video is, by its name on the machine that the project was made on."""
    places = (Path(name), base / name, base / "videos" / _last(name))
    return next((place for place in places if os.path.isfile(place)), None)


def _last(name: str) -> str:
    return PureWindowsPath(name).name


def _yolo(inside: Inside, category: str | None, outside: bool, held: Sequence[_Held] = ()) -> Inside:
    """What a YOLO-pose data set, which `inside` names, says itself: what to validate on, and images that are held out.

    Raises:
        UserError: what to train on cannot be read.
    """
    path, images = inside.labeled[0]
    labeled = open_labeled(path, images, category, None, outside).images
    train, every = ({os.path.realpath(image) for image in some} for some in (labeled, part_images(path, images)))
    named: dict[str, set[str]] = {}
    held, remarks = list(held), list(inside.remarks)
    for part in named_parts(path)[1:]:  # after train
        source = f"{path}#{part}"
        try:
            data = open_labeled(source, images, category, None, outside)
            named[part] = {os.path.realpath(image) for image in data.images} - train
        except UserError as fault:
            remarks.append(f"left out: {part} of {path.name}: {fault}")
        try:
            held.append(_Held(source, {os.path.realpath(image) for image in part_images(source, images)} - every))
        except UserError:  # it names none that are there
            held.append(_Held(source, set(), False))
    val = [(Path(f"{path}#{part}"), images) for part, files in named.items() if files][:1]
    inside = replace(inside, val=val, apart=set[str]().union(*named.values()), remarks=remarks)
    return _without_held(inside, labeled, held)


def _held_in(path: Path, pictures: Iterable[Path]) -> _Held:
    """The images of a table that is left out."""
    try:
        return _Held(str(path), {os.path.realpath(image) for image in open_labeled(path).images})
    except UserError:
        return _named_in(path, pictures)


def _named_in(path: Path, pictures: Iterable[Path]) -> _Held:
    """Those of some pictures and videos whose names are anywhere in a file of labels that cannot be read."""
    file, subset = parted(path)
    if subset:  # of a project of CVAT, whose other images are none of these
        own = {PureWindowsPath(name).name.casefold() for name in subsets(file)[subset]}
        return _Held(str(path), {os.path.realpath(p) for p in pictures if p.name.casefold() in own})
    is_json = path.suffix.lower() == ".json"
    text, whole = "", not is_json
    with suppress(UserError):
        text = limits.content(path, limits.CSV, "labels").decode("utf-8", "replace")
    with suppress(UserError, RecursionError):
        text, whole = (json.dumps(read_json(path), ensure_ascii=False), True) if is_json else (text, whole)
    parts = re.split(f"[{NO_NAME}{',;|' if path.suffix.lower() == '.csv' else ''}]+", text)
    names = {(split_frame(part) or (part, 0))[0].strip().casefold() for part in parts}
    found = {os.path.realpath(p) for p in pictures if p.name.casefold() in names}
    return _Held(str(path), found, whole and any(name.endswith((*EXTENSIONS, *VIDEOS)) for name in names))


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
    sources: list[tuple[Path, Path | None]],
    named: Mapping[Path, set[str]],
    read: Mapping[Path, PoseData],
    remarks: list[str],
) -> list[tuple[Path, Path | None]]:
    """Those whose images no other labels: of a file and its backup or its next version the one with more images, then
    with more labelled joints, then that was written later, by minutes, then with the shorter name.

    Raises:
        UserError: two label some of the same images, and others: a body would count twice.
    """
    kept: list[tuple[Path, Path | None]] = []
    later = sorted(sources, key=lambda source: source[0].name, reverse=True)
    for source in sorted(later, key=lambda source: _worth(source[0], named[source[0]], read[source[0]])):
        path = source[0]
        double = next((other for other, _ in kept if named[path] <= named[other]), None)
        if double is None:
            kept.append(source)
        else:
            wrong = "" if _marks(read[path]) <= _marks(read[double]) else f" otherwise than {double}, which is used"
            remarks.append(f"left out: {path}, labels the same images{wrong}")
    for (one, _), (other, _) in combinations(kept, 2):
        if both := named[one] & named[other]:
            first, second = sorted((one, other))
            raise UserError(
                f"{first} and {second} both label {len(both)} images, first {min(both)}, and a body would count twice:"
                " keep one of the two files here, or, where they are of different bodies, name both in data.labeled"
            )
    return sorted(kept, key=sources.index)


def _worth(path: Path, images: set[str], data: PoseData) -> tuple[int, int, int, int]:
    """What tells two versions of labels apart; the one to use is the smaller."""
    joints = sum(int((sample.keypoints[:, 2] > 0).sum()) for sample in data if sample.keypoints is not None)
    try:
        minute = int(os.path.getmtime(parted(path)[0]) // 60)
    except OSError:
        minute = 0
    return -len(images), -joints, -minute, len(path.name)


def _marks(data: PoseData) -> Counter[bytes]:
    """What each body's labels are, to a pixel, and of how many."""
    points = [sample.keypoints[sample.keypoints[:, 2] > 0, :2] for sample in data if sample.keypoints is not None]
    return Counter(np.sort(each.round(), 0).tobytes() for each in points)


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
            or ULTRALYTICS.search(p.relative_to(base).parent.as_posix())
            or (any(folder in outputs for folder in p.parents) and is_own(p))
        )
    }


def _is_prediction(path: Path) -> bool:
    """Whether a file is one that `semipose predict` writes."""
    if path.name in ("keypoints.csv", "keypoints.json"):
        try:
            with limits.opened(path) as file:
                return file.read(32).startswith((b"[", b"image,person,joint,x,y,score"))
        except OSError:
            return False
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
