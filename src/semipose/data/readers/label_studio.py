"""Label Studio's exports, JSON and JSON-MIN: points in percent of the image."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

from semipose.data.extent import Box
from semipose.data.images import image_size
from semipose.data.readers import of_tool
from semipose.data.readers.instances import Instance, Mark, Pool, apart
from semipose.data.readers.json_files import (
    ImageFolder,
    Json,
    ends,
    image_folder,
    load_json,
    names_in,
    numbers_of,
    refuse_twice,
    shown,
    starts,
)
from semipose.data.readers.xml_files import read_xml
from semipose.data.sample import NEAR, PoseData
from semipose.data.video import is_video
from semipose.errors import UserError, reads
from semipose.skeleton import named_skeleton

OWN = re.compile(r"(\d+)-")
"""How the ids of points begin that `pick` wrote: with the number of the animal."""
BESIDE = 0.25
"""How far from a rectangle, in its longer sides, a point may lie that is of the animal in it."""
QUARTERS = 4
"""What rectangles hold is compared in quarters of the points."""
HIDDEN = re.compile(r"(?<!not )(?<!not-)(?<!non )(?<!non-)(?<!un)(?<!no )(occlu|hidden|invisible)|not visible")
"""In a choice about a point: what says that it is labelled where it cannot be seen."""


def is_label_studio(source: str) -> bool:
    """Whether a JSON is a list that speaks of points as Label Studio does."""
    text = ends(source) if starts(source, "[") else ""
    return '"keypointlabels"' in text or ('"keypoint"' in text and '"labels"' in text)


@reads("an export of Label Studio")
def read_label_studio(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    outside: bool = False,
) -> PoseData:
    """Read the points that people placed; predictions are passed over, and of several annotations of a task the one
    that is marked as ground truth, else the last.

    Points of one animal have a rectangle in common, as its parts or by a relation, or lie in it; without rectangles
    all points of an image are one animal's. A point that a choice calls occluded or hidden has v 1. Images are found by
    the last folders of their address, or by the name that they had before they were uploaded. The order of joints is
    that of labels.xml beside the file, the labelling interface, where there is one.

    Args:
        images: the folder of the images; by default as of a COCO file.
        category: not looked at.
        outside: whether images outside the folder are read.
    """
    path = Path(source)
    rows = load_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: an export of Label Studio is a list of tasks")
    rows, several = _last_of_each(rows, path)
    tasks = [(f"{path}: task {row.get('id', n)}", row) for n, row in enumerate(rows)]
    pool = Pool(path)
    found: list[tuple[str, list[str], list[Json], bool]] = []
    for where, row in tasks:
        results, more = _results(row, where)
        _refuse_several(results, where)
        several += more
        if results:
            film = _film(row)
            found.append((where, film or names_in(_address(row, where)), results, bool(film)))
    if not found:
        guessed = any(row.get("predictions") for row in rows)
        why = "predictions that nobody has corrected yet" if guessed else "no point that a person placed"
        raise UserError(f"{path} has {why}; label some images in Label Studio, and export them as JSON")
    first = found[0][1]
    folder = image_folder(path, images, first[0])
    files = ImageFolder(folder, [names[-1] for _, names, *_ in found], path.parent, outside)
    addresses = [_address(row, where) for where, row in tasks if _results(row, where)[0] and not _film(row)]
    refuse_twice(addresses, f"{path}: the image")
    count, free = Counter(names[-1] for _, names, *_ in found), 0
    strange = _no_animals([results for _, _, results, _ in found])
    taken: dict[str, str] = {}
    for where, names, results, of_film in found:
        image = _image(names, files, where, alone=count[names[-1]] == 1)
        if not of_film and taken.setdefault(image, where) != where:
            raise UserError(
                f"{where} and task {taken[image].rpartition(' ')[2]} both find their picture at {image}; keep pictures"
                " of one name in folders of their own, and the folders in the export"
            )
        made, left_out = _instances(names[0], image, results, where, of_film, strange)
        pool.instances += made
        free += left_out
    if strange:
        pool.remarks.append(
            f"{path}: rectangles of {', '.join(sorted(map(shown, strange)))} are no animal's, and passed over"
        )
    if free:
        pool.remarks.append(f"{path}: {free} points that are in no animal's rectangle, or in several, are left out")
    if several:
        pool.remarks.append(f"{path}: {several} tasks have several annotations; of each the last is read")
    if not pool.instances:
        raise UserError(f"{path} has no point that a person placed; label some images first")
    told = _interface(path.with_name("labels.xml"))
    joints = [*told, *(joint for joint in pool.joints if joint not in told)]
    return pool.data(named_skeleton(path.resolve().parent.name, joints, path))


def _interface(path: Path) -> list[str]:
    """The points that a labelling interface beside the export names, in its order, those too that are in no image."""
    if not path.is_file():
        return []
    labels = read_xml(path).iterfind(".//KeyPointLabels/Label")
    return list(dict.fromkeys(name for label in labels if (name := label.get("value"))))


def _last_of_each(rows: list[Json], path: Path) -> tuple[list[Json], int]:
    """Of JSON-MIN, which has a row for each annotation, the last of each task that has points or rectangles; and how
    many tasks have several."""
    if any("annotations" in row or "completions" in row or "annotation_id" not in row for row in rows):
        return rows, 0
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(str(row.get("id")), []).append(row)
    full = [[row for row in same if _results(row, str(path))[0]] for same in found.values()]
    last = [(some or same)[-1] for some, same in zip(full, found.values(), strict=True)]
    return last, sum(len(some) > 1 for some in full)


def _results(row: Json, where: str) -> tuple[list[Json], bool]:
    """What is labelled in a task, and whether several people did. JSON-MIN has it under the names of the interface."""
    made = row.get("annotations", row.get("completions", [] if "predictions" in row else None))
    if made is None:
        lists = [value for value in row.values() if isinstance(value, list)]
        return _labelled([{"value": one} for value in lists for one in value if isinstance(one, dict)]), False
    if not isinstance(made, list) or not all(isinstance(one, dict) for one in made):
        raise UserError(f"{where} has annotations that are no list; export it again")
    kept = [one for one in made if not one.get("was_cancelled") and one.get("result")]
    kept = [one for one in kept if one.get("ground_truth")] or kept
    results = kept[-1]["result"] if kept else []
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise UserError(f"{where} has a result that is no list; export it again")
    return _labelled(results), len(kept) > 1


def _labelled(results: list[Json]) -> list[Json]:
    """With the names of an interface of KeyPoint, Rectangle and Labels, which come apart, as KeyPointLabels and
    RectangleLabels have them."""
    if any(_value(one).get("keypointlabels") for one in results):  # then Labels say something else
        return results
    named = [bool(value.get("labels")) and "x" in value and "radiusX" not in value for value in map(_value, results)]
    whose = {str(one.get("id")) for one, has in zip(results, named, strict=True) if has and "id" in one}
    made = []
    for one, has in zip(results, named, strict=True):
        value = _value(one)
        kind = "rectanglelabels" if "height" in value else "keypointlabels"
        if has:
            made.append({**one, "type": kind, "value": {**value, kind: value["labels"]}})
        elif str(one.get("id")) not in whose or one.get("type") not in ("keypoint", "rectangle"):
            made.append(one)
    return made


def _refuse_several(results: Sequence[Json], where: str) -> None:
    """
    Raises:
        UserError: a task has several pictures, with labels on more than one.
    """
    marks = [one for one in results if str(one.get("type", "")).startswith(("keypoint", "rectangle"))]
    shown = {f"{one.get('to_name', '')} {one.get('item_index') or ''}".strip() for one in marks}
    if len(shown) > 1:
        raise UserError(f"{where} has labels on several pictures ({', '.join(sorted(shown))}); make a task of each")


def _film(row: Json) -> list[str]:
    """A frame's name where sleap-io wrote the task, which says what video it is of; none otherwise."""
    meta = row.get("meta")
    video = meta.get("video") if isinstance(meta, dict) else None
    files, frame = (video.get("filename"), video.get("frame_idx")) if isinstance(video, dict) else (None, None)
    if isinstance(files, list) and type(frame) is int and 0 <= frame < len(files):
        return [str(files[frame])]
    return [f"{files}#{frame}"] if isinstance(files, str) and type(frame) is int and is_video(files) else []


def _address(row: Json, where: str) -> str:
    """Of the image: as `image`, or whichever text names a picture."""
    data = row.get("data") if isinstance(row.get("data"), dict) else row
    texts = [data.get("image"), data.get("img"), *data.values(), row.get("file_upload")]
    address = next((text for text in texts if isinstance(text, str) and names_in(text)), None)
    if address is None:
        raise UserError(f"{where} names no image; export it again")
    return address


def _image(names: Sequence[str], files: ImageFolder, where: str, alone: bool) -> str:
    for name in names if alone else names[:1]:
        image = files.path(name, where)
        if os.path.exists(image):
            return image
    return files.path(names[0], where)


class _Drawn(NamedTuple):
    """What is drawn in a task, in percent.

    Attributes:
        points: how many.
        most: how often the name is there that is there most often, so how many animals there are at least.
        held: label of a rectangle -> of each such rectangle its area, and how many points and names it holds.
        owning: labels of the rectangles that points name as theirs.
    """

    points: int
    most: int
    held: dict[str, list[tuple[float, int, int]]]
    owning: set[str]

    def holds(self, kind: str) -> float:
        """What part of the points of an animal the rectangles of a label hold, at most 1; of several animals, which of
        them hold some points, no name twice."""
        if self.most > 1:
            return mean(inside == names > 1 for _, inside, names in self.held[kind])
        return max(inside for _, inside, _ in self.held[kind]) / max(self.points, 1)


def _drawn(results: Sequence[Json]) -> _Drawn:
    kinds, owners = dict[str, str](), list[object]()
    points, boxes = list[tuple[str, float, float]](), list[tuple[str, Box]]()
    for one in results:
        value = _value(one)
        labels, sides = value.get("keypointlabels"), [value.get(side) for side in ("x", "y", "width", "height")]
        known = [float(side) for side in sides if isinstance(side, int | float)]
        if one.get("type") == "relation":
            owners += [one.get("from_id"), one.get("to_id")]
        elif labels and len(known) >= 2:
            points.append((str(labels), known[0], known[1]))
            owners.append(one.get("parentID") or one.get("parent_id"))
        elif len(known) == 4 and _is_rectangle(one):
            boxes.append((_kind(value), (known[0], known[1], known[2], known[3])))
            kinds |= {str(one["id"]): _kind(value)} if one.get("id") is not None else {}
    held: dict[str, list[tuple[float, int, int]]] = {}
    for kind, (left, top, w, h) in boxes:
        inside = [name for name, x, y in points if left <= x <= left + w and top <= y <= top + h]
        held.setdefault(kind, []).append((w * h, len(inside), len(set(inside))))
    most = max(Counter(name for name, *_ in points).values(), default=0)
    return _Drawn(len(points), most, held, {kinds[str(o)] for o in owners if o is not None and str(o) in kinds})


def _is_rectangle(one: Json) -> bool:
    return bool(_value(one).get("rectanglelabels")) or one.get("type") == "rectangle"


def _no_animals(tasks: Sequence[Sequence[Json]]) -> set[str]:
    """The labels of rectangles that are no animal's, such as of food or of the cage: in most images of several animals
    there are enough of other labels, and in most of one they hold less than half of the points, or another label's hold
    as much. What holds least is judged first, of such as hold alike the largest."""
    drawn = [_drawn(results) for results in tasks]
    of: dict[str, list[_Drawn]] = {}
    for task in drawn:
        for kind in task.held:
            of.setdefault(kind, []).append(task)

    def worth(kind: str) -> tuple[int, float]:
        areas = [area for task in of[kind] for area, *_ in task.held[kind]]
        return round(QUARTERS * mean(task.holds(kind) for task in of[kind])), -median(areas)

    strange = set[str]()
    for kind in sorted(of, key=worth):
        votes = []
        for task in of[kind]:
            others = [other for other in task.held if other != kind and other not in strange]
            if task.most > 1:
                votes.append(sum(len(task.held[other]) for other in others) < task.most)
            elif task.holds(kind):
                votes.append(task.holds(kind) >= 0.5 and not any(task.holds(other) >= 0.5 for other in others))
        if 2 * sum(votes) < len(votes) and not any(kind in task.owning for task in drawn):
            strange.add(kind)
    return strange


def _kind(value: Mapping[str, Any]) -> str:
    """The label of a rectangle, "" of one that has none."""
    labels = value.get("rectanglelabels")
    return str(labels[0]) if isinstance(labels, list) and labels else ""


def _instances(
    name: str, image: str, results: Sequence[Json], where: str, of_film: bool, strange: Collection[str] = ()
) -> tuple[list[Instance], int]:
    """The animals of a task, and how many points are of none; rectangles of `strange` labels are passed over."""
    there = os.path.exists(image)
    choices: dict[str, list[str]] = {}
    for one in results:
        said = _value(one).get("choices")
        choices.setdefault(str(one.get("id")), []).extend(map(str, said if isinstance(said, list) else ()))
    # sleap-io means the middles of pixels, and writes rectangles in pixels for percent: they tell owners, no places.
    middle = 0.0 if of_film else 0.5
    points: list[tuple[str, str, Mark, str | None]] = []
    boxes: dict[str, Box] = {}
    for n, one in enumerate(results):
        value = _value(one)
        labels = value.get("keypointlabels")
        if one.get("image_rotation") or value.get("image_rotation"):
            raise UserError(f"{where} was turned in Label Studio, which is not read; turn it back there, or its image")
        if not labels and not _is_rectangle(one):
            continue
        size = image_size(image) if there else _size(one, where)
        key = str(one.get("id", n))
        if labels:
            if not isinstance(labels, list) or not isinstance(labels[0], str) or not labels[0]:
                raise UserError(f"{where} has a point without a name; export it again")
            x, y = numbers_of([value.get("x"), value.get("y")], 2, where, "a point {}, expected x and y in percent")
            v = 1.0 if any(HIDDEN.search(choice.lower()) for choice in choices.get(key, ())) else 2.0
            mark = (x / 100 * size[1] - middle, y / 100 * size[0] - middle, v)
            points.append((key, labels[0], mark, one.get("parentID") or one.get("parent_id")))
        else:
            sides = [value.get(side) for side in ("x", "y", "width", "height")]
            x, y, w, h = numbers_of(sides, 4, where, "a rectangle {}, expected x, y, width and height in percent")
            box = (x / 100 * size[1], y / 100 * size[0], w / 100 * size[1], h / 100 * size[0])
            if min(box[2:]) >= NEAR and _kind(value) not in strange:
                boxes[key] = box
    owners = _owners(points, boxes, results)
    animals: dict[str, list[tuple[str, Mark]]] = {}
    for (_, label, mark, _), owner in zip(points, owners, strict=True):
        if owner is not None:
            animals.setdefault(owner, []).append((label, mark))
    made = []
    for owner, marks in animals.items():
        if not apart([label for label, _ in marks]):
            raise UserError(
                f"{where} has points of one name twice, and nothing says whose they are; draw a rectangle around each"
                " animal in Label Studio"
            )
        made.append(Instance(name, image, dict(marks), None if of_film else boxes.get(owner), where))
    return made, owners.count(None)


def _owners(points: Sequence[tuple], boxes: Mapping[str, Box], results: Sequence[Json]) -> list[str | None]:
    """Of each point a name of its animal: that of its rectangle, or the number in an id that `pick` wrote, "" of those
    that are in none; None where nobody can tell."""
    related: dict[str, str] = {}
    for one in results:
        if one.get("type") == "relation":
            a, b = str(one.get("from_id")), str(one.get("to_id"))
            related |= {a: b} if b in boxes else {b: a} if a in boxes else {}
    told = [next((str(o) for o in (parent, related.get(key)) if o is not None and str(o) in boxes), None)
            for key, _, _, parent in points]  # fmt: skip
    alone = [point for point, owner in zip(points, told, strict=True) if owner is None]
    twice = not apart([label for _, label, _, _ in alone])
    owners = []
    for (key, _, (x, y, _), _), owner in zip(points, told, strict=True):
        # Where some points have their rectangle, those that have none are of no animal: a corner of the box, say.
        around = [] if len(alone) < len(points) else boxes
        inside = [name for name in around if _holds(boxes[name], x, y)]
        own = OWN.match(key)
        if owner is None and len(inside) == 1:
            owner = inside[0]
        if owner is None and twice and own:
            owner = f"{own[1]}-"
        owners.append(owner or "")
    if len(alone) < len(points) or not any(owner in boxes for owner in owners):
        return [*owners]
    return _settled(points, boxes, owners)


def _settled(points: Sequence[tuple], boxes: Mapping[str, Box], owners: Sequence[str]) -> list[str | None]:
    """What is in no rectangle, or in several, is of the one there, else of the nearest, that lacks such a joint. What
    is near none is of one further animal, as far as its joints differ."""
    settled: list[str | None] = [owner or None for owner in owners]
    far = []
    for n, (_, label, (x, y, _), _) in enumerate(points):
        if settled[n] is None:
            has = {owner for owner, point in zip(settled, points, strict=True) if point[1] == label}
            near = [name for name in boxes if _holds(boxes[name], x, y)]
            near = (
                near
                or sorted(
                    (name for name, box in boxes.items() if _away(box, x, y) <= BESIDE * max(box[2:])),
                    key=lambda name: _away(boxes[name], x, y),
                )[:1]
            )
            free = [name for name in near if name not in has]
            settled[n] = free[0] if len(free) == 1 else None
            far += [] if near else [n]
    if apart([points[n][1] for n in far]):
        for n in far:
            settled[n] = ""
    return settled


def _holds(box: Box, x: float, y: float) -> bool:
    return _away(box, x, y) == 0


def _away(box: Box, x: float, y: float) -> float:
    """How far a point, whose pixel is half on either side of it, lies from a rectangle."""
    left, top, w, h = box
    x, y = x + 0.5, y + 0.5
    return math.hypot(max(left - x, x - left - w, 0), max(top - y, y - top - h, 0))


def _value(one: Json) -> Mapping[str, Any]:
    value = one.get("value")
    return value if isinstance(value, dict) else {}


def _size(one: Json, where: str) -> tuple[int, int]:
    """(height, width) as the task says."""
    value = _value(one)
    sizes = [one.get(key) or value.get(key) or 0 for key in ("original_height", "original_width")]
    high, wide = numbers_of(sizes, 2, where, "the size {}, expected height and width")
    return int(high), int(wide)


FORMAT = of_tool("Label Studio (its .json)", is_label_studio, read_label_studio)
