"""CVAT's own XML ("CVAT for images 1.1" and "for video 1.1"): skeletons, or points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

from semipose import limits
from semipose.data import readers
from semipose.data.extent import Box
from semipose.data.readers import of_tool
from semipose.data.readers.instances import Instance, Mark, Pool, apart, numbers
from semipose.data.readers.json_files import ImageFolder, image_folder, refuse_twice, size_of
from semipose.data.readers.xml_files import read_xml
from semipose.data.sample import NEAR, PoseData
from semipose.data.video import is_video
from semipose.errors import UserError, reads
from semipose.skeleton import named_skeleton


def parted(source: str | Path) -> tuple[Path, str]:
    """ "annotations.xml#Test" as the file and the subset; "" where none is named."""
    return readers.parted(source, [".xml"])


def subsets(path: Path) -> dict[str, list[str]]:
    """Those that a project's images are in, and the images' names; none where the file cannot be read."""
    found: dict[str, list[str]] = {}
    with suppress(UserError):  # which is said when it is read
        for image in read_xml(path).findall("image"):
            found.setdefault(image.get("subset") or "", []).append(image.get("name") or "")
    return found


def is_cvat(source: str) -> bool:
    """Whether a file starts as CVAT's XML, with or without the subset that is meant."""
    path, _ = parted(source)
    try:
        with limits.opened(path) as file:
            return path.suffix.lower() == ".xml" and b"<annotations" in file.read(4096).replace(b"\0", b"")
    except (OSError, ValueError):
        return False


@reads("CVAT's XML")
def read_cvat(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    outside: bool = False,
) -> PoseData:
    """Read a subset of a project's images, "annotations.xml#Test", or all, "annotations.xml".

    What is read are skeletons, or points: those of one group, or all of an image, are an animal's. A point that is
    outside is unlabelled, one that is occluded has v 1. Of a track in a video, key frames are read, those between them
    being interpolated. The order of joints is that of the task's labels. The box is CVAT's where the group has one,
    else see `Pool.data`.

    Args:
        images: the folder of the images or videos; by default as of a COCO file.
        category: the label of the skeletons to read, needed where they have other joints.
        outside: whether images outside the folder are read.
    """
    path, subset = parted(source)
    root = read_xml(path)
    if root.tag != "annotations":
        raise UserError(f"{path} is XML of another kind than CVAT's: it begins with {root.tag[:40]!r}")
    for other in root.findall("image") if subset else ():
        if other.get("subset") != subset:
            root.remove(other)
    refuse_twice((image.get("name") for image in root.findall("image")), f"{path}: image")
    shapes = [*_of_images(root, path), *_of_tracks(root, path)]
    by_name: dict[str, list[tuple[Element, str]]] = {}
    for name, shape, where in shapes:
        by_name.setdefault(name, []).append((shape, where))
    names = list(by_name)
    kinds = {shape.get("label", "") for _, shape, _ in shapes if shape.tag == "skeleton"}
    if category is not None and kinds:
        kinds &= {str(category)}
        if not kinds:
            raise UserError(f"{path} has no skeleton with the label {category!r}; see the task's labels")
    order = {kind: _sublabels(root, kind) for kind in kinds}
    if len({tuple(labels) for labels in order.values()}) > 1:
        raise UserError(
            f"{path}: the joints of {', '.join(sorted(kinds))} differ; choose one, as in data.category="
            f"{sorted(kinds)[0]} (--category of semipose init, check and split)"
        )
    if not names:
        raise UserError(f"{path} has no skeleton and no points; label some images first")
    if not kinds:
        _refuse_other_counts(shapes, path)
    folder = image_folder(path, images, names[0])
    files = ImageFolder(folder, names, path.parent, outside)
    pool = Pool(path)
    alone = 0
    sizes, film = _sizes(root)
    for name, mine in by_name.items():
        image, size = files.path(name, str(path)), sizes.get(name, film)
        of_skeletons = [(s, where) for s, where in mine if s.tag == "skeleton" and s.get("label", "") in kinds]
        for shape, where in of_skeletons:
            marks = _marks(shape.findall("points"), where)
            pool.instances.append(Instance(name, image, marks, None, where, size))
        if kinds:
            alone += sum(shape.tag == "points" for shape, _ in mine)
        else:
            pool.instances += (replace(one, size=size) for one in _groups(name, image, mine, path))
    if not pool.instances:
        raise UserError(f"{path} has no points of joints; label some images first")
    if alone:
        pool.remarks.append(f"{path}: {alone} points that are in no skeleton are left out; the others are in skeletons")
    told = next(iter(order.values()), []) or _labels(root)
    seen = pool.joints
    joints = [*(joint for joint in told if kinds or joint in seen), *(joint for joint in seen if joint not in told)]
    title = next(iter(sorted(kinds)), path.resolve().parent.name)
    return pool.data(named_skeleton(title, joints, path))


Size = tuple[int, int]


def _sizes(root: Element) -> tuple[dict[str, Size | None], Size | None]:
    """(height, width) of images by name, and of the video, as CVAT saw them."""

    def size(sides: Sequence[str | None]) -> Size | None:
        high, wide = (int(side) if side and side.isdecimal() and len(side) < 10 else None for side in sides)
        return size_of({"height": high, "width": wide})

    images = {one.get("name") or "": size((one.get("height"), one.get("width"))) for one in root.findall("image")}
    films = {size((one.findtext("height"), one.findtext("width"))) for one in root.findall("meta//original_size")}
    return images, films.pop() if len(films) == 1 else None


Shape = tuple[str, Element, str]
"""Name of the image, the shape, and what errors call it."""


def _refuse_other_counts(shapes: Sequence[Shape], path: Path) -> None:
    """
    Raises:
        UserError: shapes of several points with one label have other numbers of them: which is missing, nothing says.
    """
    first: dict[str, tuple[int, str]] = {}
    for name, shape, _ in shapes:
        if shape.tag == "points":
            label, count = shape.get("label", ""), len([p for p in shape.get("points", "").split(";") if p])
            other, there = first.setdefault(label, (count, name))
            if other != count:
                raise UserError(
                    f"{path}: {label!r} has {other} points in {there} and {count} in {name}, and nothing says which"
                    " joint each is; use a skeleton, or one label for each joint"
                )


def _of_images(root: Element, path: Path) -> Iterator[Shape]:
    for image in root.findall("image"):
        name = image.get("name") or ""
        for n, shape in enumerate(image):
            yield name, shape, f"{path}: image {name}, shape {n}"


def _of_tracks(root: Element, path: Path) -> Iterator[Shape]:
    """Shapes of key frames, the track's label with each."""
    tracks = root.findall("track")
    if not tracks:
        return
    film = (root.findtext("meta/source") or root.findtext("meta/task/source") or "").strip()
    if not is_video(film):
        raise UserError(f"{path} has tracks and names no video as its source; export it as CVAT for images")
    for track in tracks:
        # Points of a frame without a group are one animal's, as of an image; a shape of several is one by itself.
        several = any(";" in shape.get("points", "") for shape in track.findall("points"))
        own = track.get("group_id") or (f"track {track.get('id')}" if several else "")
        for shape in track:
            frame = shape.get("frame", "")
            if frame.isdecimal() and shape.get("keyframe") == "1" and shape.get("outside") != "1":
                shape.set("label", track.get("label", ""))
                shape.set("group_id", own if shape.tag != "skeleton" else "")
                yield f"{film}#{int(frame)}", shape, f"{path}: track {track.get('id')}, frame {frame}"


def _marks(points: Sequence[Element], where: str) -> dict[str, Mark]:
    """Points by label; of several in one shape, by label and number."""
    marks: dict[str, Mark] = {}
    for point in points:
        label = point.get("label", "")
        pairs = [pair for pair in (point.get("points") or "").split(";") if pair]
        v = 0.0 if point.get("outside") == "1" else 1.0 if point.get("occluded") == "1" else 2.0
        for n, pair in enumerate(pairs, 1):
            x, y = numbers(pair, 2, f"{where}, {label}")
            name = label if len(pairs) == 1 else f"{label}_{n}"
            if name in marks:
                raise UserError(f"{where} has {name!r} twice; keep one of them")
            marks[name] = (x, y, v)
    return marks


def _groups(name: str, image: str, shapes: Sequence[tuple[Element, str]], path: Path) -> Iterator[Instance]:
    """Animals of an image without skeletons: points and a box of one group."""
    groups: dict[str, list[Element]] = {}
    for shape, _ in shapes:
        if shape.tag in ("points", "box"):
            groups.setdefault(shape.get("group_id") or "", []).append(shape)
    for group, members in groups.items():
        points = [shape for shape in members if shape.tag == "points"]
        boxes = [shape for shape in members if shape.tag == "box"]
        where = f"{path}: image {name}" + (f", group {group}" if group else "")
        if points and not apart([point.get("label", "") for point in points]):
            raise UserError(
                f"{where} has points of one label twice, and nothing says whose they are; group those of each animal"
                " in CVAT, or use a skeleton"
            )
        if points:
            box = _box(boxes[0], where) if len(boxes) == 1 else None
            yield Instance(name, image, _marks(points, where), box, where)


def _box(shape: Element, where: str) -> Box | None:
    """None where it is a line or a point."""
    sides = {}
    for side in ("xtl", "ytl", "xbr", "ybr"):
        if side not in shape.attrib:
            raise UserError(f"{where} has a box without {side}; draw it again")
        (sides[side],) = numbers(shape.attrib[side], 1, f"{where}, {side} of its box")
    x, y, right, bottom = sides.values()
    if right < x or bottom < y:
        raise UserError(
            f"{where} has a box whose corners are exchanged, {x:g} {y:g} {right:g} {bottom:g}; draw it again"
        )
    return (x, y, right - x, bottom - y) if min(right - x, bottom - y) >= NEAR else None


def _labels(root: Element) -> list[str]:
    return [name for label in root.iter("label") if (name := (label.findtext("name") or "").strip())]


def _sublabels(root: Element, kind: str) -> list[str]:
    """The points of a skeleton, as the task lists them; as they come where it does not."""
    told = [
        (label.findtext("name") or "").strip()
        for label in root.iter("label")
        if (label.findtext("parent") or "").strip() == kind
    ]
    shapes = (shape for shape in root.iter("skeleton") if shape.get("label") == kind)
    seen = dict.fromkeys(point.get("label", "") for shape in shapes for point in shape.findall("points"))
    return [*dict.fromkeys(told), *(label for label in seen if label not in told)]


FORMAT = of_tool("CVAT (its .xml)", is_cvat, read_cvat)
