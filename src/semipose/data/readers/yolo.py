"""YOLO-pose (Ultralytics): a YAML of images, and a text file an image with shares of its width and height."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from semipose import limits
from semipose.data import readers
from semipose.data.images import image_size
from semipose.data.pictures import list_images
from semipose.data.readers import of_tool
from semipose.data.readers.instances import Instance, Pool, numbers
from semipose.data.readers.json_files import ImageFolder, shown
from semipose.data.readers.tables import missing, said_unseen
from semipose.data.sample import MARKS, PoseData
from semipose.errors import UserError, reads
from semipose.files import bears, read_mapping
from semipose.skeleton import COCO, Skeleton, infer_pairs, stated_pairs

KINDS = (".yaml", ".yml")
PARTS = ("train", "val", "test")
PEOPLE = {"person", "people", "human", "humans", "pedestrian"}
"""Classes whose 17 points are COCO's where nothing says what they are."""
NAMELESS = "point_{}"
ROUND = 1e-3
"""Shares of an image are between 0 and 1, but for rounding."""


def is_yolo(source: str) -> bool:
    """Whether this is such a YAML, with or without the part that is meant."""
    path, _ = parted(source)
    if path.suffix.lower() not in KINDS or not path.is_file():
        return False
    try:
        return "kpt_shape" in read_mapping(path)
    except UserError:  # which is said when it is read
        return bears(path, b"kpt_shape|" + "kpt_shape".encode("utf-16-le")[:-1])


def parted(source: str | Path) -> tuple[Path, str]:
    """ "data.yaml#val" as the file and the part; train where none is named."""
    return readers.parted(source, KINDS, PARTS[0])


def named_parts(path: Path) -> list[str]:
    """Of train, val and test, those that a YAML names; Roboflow may write valid for val."""
    return [part for part in PARTS if read_mapping(path).get(part)]


@reads("a YOLO-pose data set")
def part_images(source: str | Path, images: str | Path | None = None) -> list[str]:
    """The images of a part, with labels or without, wherever they are.

    Raises:
        UserError: it names none that are there.
    """
    path, part = parted(source)
    return [image for _, image in _images(read_mapping(path), path, part, images, outside=True)]


@reads("a YOLO-pose data set")
def read_yolo(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    outside: bool = False,
) -> PoseData:
    """Read a part of a data set: "data.yaml" is its train, "data.yaml#val" its val.

    A part is a folder of images, a .txt of paths, or a list of these, relative to `path` of the YAML, or to the YAML's
    own folder; a leading "../" that leads nowhere, as Roboflow writes it, is passed over. Labels lie where `images` in
    an image's path is replaced by `labels`, or beside it. Of an image without a label file nothing is known. Points are
    shares of width and height; with two numbers a point, (0, 0) is an unlabelled one. Names are `kpt_names`, or
    `node_names` as sleap-io writes them, COCO's for 17 points of people or with its `flip_idx`, else point_1 and so on.
    `flip_idx` says which are left and right, the names where it exchanges nothing.

    Args:
        images: in place of the YAML's `path`.
        category: a class, by its name or number; all are read otherwise.
        outside: whether images outside the YAML's folder are read.

    Raises:
        UserError: the part is missing, holds no image, or a label is none, naming its file and line.
    """
    path, part = parted(source)
    config = read_mapping(path)
    count, values = _shape(config, path)
    classes = _classes(config, path)
    wanted = {key for key, name in classes.items() if category is None or str(category) in (str(key), name)}
    if not wanted:
        raise UserError(f"{path} has no class {category!r}; it has {', '.join(classes.values()) or 'none'}")
    kinds = {key: classes[key] for key in sorted(wanted)}
    joints = _names(config, count, kinds, path)
    pool = Pool(path)
    bare, of = 0, dict[Path, list[str]]()
    found = _images(config, path, part, images, outside)
    gone, lost = missing([image for _, image in found], path)
    for name, image in found:
        if image in gone:
            continue
        labels = _labels(Path(image))
        bare += labels is None
        if labels is not None:
            of.setdefault(labels, []).append(name)
        pool.instances += [] if labels is None else _instances(labels, name, image, joints, values, classes, wanted)
    if not pool.instances:
        raise UserError(f"{path}: no image of {part} has a label of {count} points; are the labels in labels/?")
    pool.remarks += lost
    placed = (v == 0 and x > 0 and y > 0 for one in pool.instances for x, y, v in one.joints.values())
    pool.remarks += said_unseen(sum(placed), path)
    if count == len(COCO) and joints[0] == NAMELESS.format(1) and not config.get("flip_idx"):
        who = ", ".join(kinds.values())[:60]
        pool.remarks.append(f"{path}: nothing says that the 17 points of {who} are COCO's; kpt_names names them")
    if shared := [names for names in of.values() if len(names) > 1]:
        some = " and ".join(shared[0][:2])
        pool.remarks.append(
            f"{path}: {len(shared)} label files are of several images, as of {some}: see that these show the same"
        )
    if bare:
        pool.remarks.append(f"{path}: {bare} images of {part} have no label file; nothing is learned of them")
    return pool.data(_skeleton(config, joints, [*kinds.values()], path), f"{path.stem}-{part}")


def _shape(config: Mapping[str, Any], path: Path) -> tuple[int, int]:
    shape = config.get("kpt_shape")
    fits = isinstance(shape, list) and len(shape) == 2 and all(type(n) is int for n in shape)
    if not fits or shape[1] not in (2, 3) or not 0 < shape[0] <= limits.JOINTS:  # type: ignore[index]
        raise UserError(f"{path}: kpt_shape is {shown(shape)}; it has to be [points, 2 or 3]")
    return shape[0], shape[1]  # type: ignore[index]


def _classes(config: Mapping[str, Any], path: Path) -> dict[int, str]:
    names = config.get("names") or {0: "animal"}
    if isinstance(names, list):
        names = dict(enumerate(names))
    if isinstance(names, dict):
        names = {int(key) if str(key).isdecimal() and len(str(key)) < 8 else key: name for key, name in names.items()}
    if not isinstance(names, dict) or not all(type(key) is int for key in names):
        raise UserError(f"{path}: names is {shown(names)}; it has to list the classes")
    return {key: str(name) for key, name in names.items()}


def _names(config: Mapping[str, Any], count: int, kinds: Mapping[int, str], path: Path) -> tuple[str, ...]:
    """Of the points of some classes."""
    names = config.get("kpt_names") or config.get("node_names")
    if isinstance(names, dict) and names:
        lists = [names[key] for key in kinds if key in names] or [*names.values()]
        if any(each != lists[0] for each in lists):
            raise UserError(
                f"{path}: kpt_names differ from class to class; choose one of {', '.join(kinds.values())} with"
                " data.category (--category of semipose init, check and split)"
            )
        names = lists[0]
    if names is not None:
        if not isinstance(names, list) or len(names) != count:
            raise UserError(f"{path}: kpt_names is {shown(names)}; it has to name {count} points")
        return tuple(map(str, names))
    flip, people = config.get("flip_idx"), {name.strip().lower() for name in kinds.values()} <= PEOPLE
    if count == len(COCO) and (flip == list(COCO.flip) or (not flip and (people or not config.get("names")))):
        return COCO.joints
    return tuple(NAMELESS.format(k + 1) for k in range(count))


def _skeleton(config: Mapping[str, Any], joints: tuple[str, ...], names: Sequence[str], path: Path) -> Skeleton:
    name = names[0] if len(names) == 1 else path.resolve().parent.name
    flip = config.get("flip_idx") or None  # an empty one is none
    if joints == COCO.joints and flip in (None, list(COCO.flip)):
        return COCO
    pairs = infer_pairs(joints)
    if flip is not None:
        numbered = isinstance(flip, list) and all(type(k) is int for k in flip)
        if not numbered or sorted(flip) != [*range(len(joints))]:
            count = len(joints)
            raise UserError(
                f"{path}: flip_idx is {shown(flip)}; it has to be an order of {count} points, each number from 0 to"
                f" {count - 1} once"
            )
        if any(flip[flip[k]] != k for k in range(len(joints))):
            raise UserError(f"{path}: flip_idx {shown(flip)} does not exchange points in pairs; mend it")
        stated = stated_pairs(joints, [(a, b) for a, b in enumerate(flip) if a < b])
        pairs = stated or pairs
    try:
        return Skeleton(name, joints, pairs, _limbs(config.get("skeleton"), len(joints)))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _limbs(edges: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of points to draw; what is none is left out, they are for looks alone."""
    rows = [edge for edge in edges if isinstance(edge, list) and len(edge) == 2] if isinstance(edges, list) else []
    return tuple((a, b) for a, b in rows if a != b and all(type(end) is int and 0 <= end < count for end in (a, b)))


def _images(
    config: Mapping[str, Any], path: Path, part: str, images: str | Path | None, outside: bool
) -> list[tuple[str, str]]:
    """Name and file of each image of a part."""
    entries = config.get(part)
    if not entries:
        raise UserError(f"{path} has no {part}; it has {', '.join(named_parts(path)) or 'no images'}")
    home = Path(os.path.abspath(path)).parent
    base = config.get("path")
    roots = [Path(images)] if images is not None else [home / str(base), home] if base else [home]
    found: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        place = _place(str(entry), roots, home, outside or images is not None, f"{path}: {part}")
        if place.is_dir():
            some = [str(image) for image in list_images(place)]
        else:
            text = limits.text(place, limits.TEXT, "a list of images")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            files = ImageFolder(roots[0] if roots[0].is_dir() else home, lines, place.parent, outside)
            some = [files.path(line.removeprefix("./"), str(place)) for line in lines]
        found |= {_shown_name(image, home): image for image in some}
    return list(found.items())


def _shown_name(image: str, home: Path) -> str:
    full = Path(image)
    return (full.relative_to(home) if full.is_relative_to(home) else full).as_posix()


def _place(entry: str, roots: Sequence[Path], home: Path, outside: bool, where: str) -> Path:
    """The folder or list that an entry names; a path of another machine by its last folders, as many as are there."""
    plain, theirs = PurePosixPath(entry.replace("\\", "/")), PureWindowsPath(entry)
    parts = [part for part in theirs.parts if part not in ("..", theirs.anchor)]
    inner = [PurePosixPath(*parts[n:]) for n in range(len(parts) if theirs.anchor else min(1, len(parts)))]
    places = [Path(os.path.normpath(root / path)) for path in (plain, *inner) for root in (*roots, home)]
    there = [place for place in dict.fromkeys(places) if place.exists()]
    place = next((place for place in there if outside or place.resolve().is_relative_to(home.resolve())), None)
    if place is None and there:
        raise UserError(
            f"{where} is {entry!r}, outside the folder of the file; name the folder as the images, or set"
            " data.outside=true (--outside of semipose init, check and split)"
        )
    if place is None:
        raise UserError(f"{where} is {entry!r}, which is not in {roots[0]}; name the folder that has it as the images")
    return place


def _labels(image: Path) -> Path | None:
    """The label file of an image."""
    parts = list(image.parts)
    at = max((i for i, part in enumerate(parts[:-1]) if part.lower() == "images"), default=None)
    places = [image.with_suffix(".txt")]
    if at is not None:
        places.insert(0, Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt"))
    return next((place for place in places if place.is_file()), None)


def _instances(
    labels: Path,
    name: str,
    image: str,
    joints: Sequence[str],
    values: int,
    classes: Collection[int],
    wanted: set[int],
) -> list[Instance]:
    high, wide = image_size(image)
    made = []
    for line, row in enumerate(limits.text(labels, limits.TEXT, "labels").splitlines(), 1):
        if not row.strip():
            continue
        where = f"{labels}, line {line}"
        kind, *rest = numbers(row, 5 + len(joints) * values, where)
        if kind not in classes:
            raise UserError(f"{where} is of class {kind:g}, and the .yaml names {len(classes)}; mend one of them")
        if kind not in wanted:
            continue
        if not all(-ROUND <= value <= 1 + ROUND for value in rest[:4]):
            raise UserError(f"{where}: its box {shown(rest[:4])} is no share of the image, 0 to 1; is it in pixels?")
        x, y, w, h = rest[0] * wide, rest[1] * high, rest[2] * wide, rest[3] * high
        points = [rest[4 + values * k : 4 + values * (k + 1)] for k in range(len(joints))]
        marks = {
            joint: (px * wide, py * high, v[0] if v else 2.0 * bool(px or py))
            for joint, (px, py, *v) in zip(joints, points, strict=True)
        }
        odd = next((v for _, _, v in marks.values() if v not in MARKS), None)
        if odd is not None:
            raise UserError(f"{where} has a point of visibility {odd:g}; it can be 0 unlabelled, 1 occluded, 2 visible")
        box = (x - w / 2, y - h / 2, w, h) if w > 0 and h > 0 else None
        made.append(Instance(name, image, marks, box, where))
    return made


FORMAT = of_tool("YOLO-pose (its .yaml, with #val for another part)", is_yolo, read_yolo)
