"""Whether labels count pixels of the image as it is shown: told from sizes, and from where labels and boxes lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from semipose.data.coordinates import SHARES, Size, stored_size
from semipose.data.extent import whole
from semipose.data.images import image_size, image_turn
from semipose.data.pictures import TURNED, inside
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError

LOOKED = 200
"""Images, evenly spread, whose headers are read before a training."""
SAME = 0.03
"""Logarithms of two ratios of sides that differ by less are of one picture, scaled."""
OUT, LOST = 0.02, 0.5
"""Of labels: so many outside may be mistakes of people; of so many, nothing fits."""
ROOM = 0.1
"""Of a box's longer side: how far a joint may lie outside."""
SOME = 3
"""Labels below which nothing is said."""
SPILL, EDGE = 1.0, 0.05
"""Of width and height: how far outside the image labels may lie that are shares of them, and those that are percent."""


class Header(NamedTuple):
    """What an image's header says: (height, width) as shown, and EXIF's orientation."""

    size: Size
    turn: int


@dataclass(frozen=True, eq=False)
class Doubt:
    """Why labels or boxes may count something else. `certain`: training would learn nothing right; `data.<key>` is what
    settles it, with the value `right`, where one is proposed; `samples` show it."""

    text: str
    certain: bool
    todo: str
    samples: tuple[Sample, ...]
    key: str = ""
    right: str | None = None


def headers(data: PoseData, most: int | None = None) -> dict[str, Header]:
    """Of images that can be read; of `most`, evenly spread."""
    images = data.images
    if most is not None and len(images) > most:
        images = tuple(images[i * len(images) // most] for i in range(most))
    found = {}
    for image in images:
        try:
            found[image] = Header(image_size(image), image_turn(image))
        except UserError:
            continue  # which is said when it is read
    return found


def frame_doubts(data: PoseData, heads: Mapping[str, Header]) -> list[Doubt]:
    """What labels may count instead of pixels of the image as shown: pixels of another size, of the stored picture
    before EXIF turns it, or shares of width and height."""
    samples = [s for s in data if s.labeled and s.image in heads]
    if sum(int((s.keypoints[:, 2] > 0).sum()) for s in samples if s.keypoints is not None) < SOME:
        return []
    doubts = _shares(samples, heads) or [*_sizes(samples, heads), *_turns(samples, heads)]
    if not doubts:
        doubts = _lost(samples, heads)
    return doubts


def box_doubts(data: PoseData, heads: Mapping[str, Header]) -> list[Doubt]:
    """What boxes may be instead of x, y, width, height: two corners; and bodies far from their boxes."""
    rows = [s for s in data if s.labeled and s.image in heads and s.box != whole(heads[s.image].size)]
    if not rows:
        return []
    boxes = np.array([s.box for s in rows], np.float64)
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    sides = np.array([heads[s.image].size[::-1] for s in rows], np.float64)
    held = np.array([_held(s, box) for s, box in zip(rows, boxes, strict=True)])
    likely = (corners[:, 2:] > 0).all(1) & (boxes[:, 2:] <= sides + 1).all(1)
    if likely.all() and len(rows) > 1:
        beyond = (boxes[:, :2] + boxes[:, 2:] > 1.02 * sides + 1).any(1)
        half = corners[:, 2:].prod(1) < boxes[:, 2:].prod(1) / 2
        fits = np.array([_held(s, box) for s, box in zip(rows, corners, strict=True)])
        if fits.mean() > 0.95 and beyond.mean() > 0.2:
            text = f"{beyond.sum()} of {len(rows)} boxes reach beyond their image, and all fit as x1, y1, x2, y2"
            todo = f"if they are two corners, {_set('corners', 'boxes')}; labels instead: boxes of the labels"
            return [Doubt(text, True, todo, _shown(rows, np.asarray(beyond)), "boxes", "corners")]
        if fits.mean() > 0.95 and half.mean() > 0.2:
            text = f"in {half.sum()} of {len(rows)} boxes joints lie at the upper left, and all fit as x1, y1, x2, y2"
            todo = f"look at the picture; if they are two corners, {_set('corners', 'boxes')}"
            return [Doubt(text, False, todo, _shown(rows, np.asarray(half)), "boxes", "corners")]
    far = held < 0.5
    if far.any():
        text = f"{far.sum()} of {len(rows)} boxes are far from the joints of their body"
        todo = f"{_set('labels', 'boxes')} takes boxes of the labels instead; or mend them"
        return [Doubt(text, bool(far.mean() > LOST), todo, _shown(rows, far), "boxes", "labels")]
    return []


def refuse_certain(data: PoseData, coordinates: str | None, boxes: str) -> None:
    """Before a training, from the headers of some images.

    Raises:
        UserError: what the labels or boxes are is in doubt, and not settled.
    """
    heads = headers(data, LOOKED)
    doubts = ([] if coordinates else frame_doubts(data, heads)) + (box_doubts(data, heads) if boxes == "own" else [])
    for doubt in doubts:
        if doubt.certain:
            raise UserError(f"{data.name}: {doubt.text}: {doubt.todo}; semipose check shows it")


def _shown(rows: Sequence[Sample], which: np.ndarray) -> tuple[Sample, ...]:
    return tuple(rows[int(i)] for i in np.flatnonzero(which)[:2])


def _held(sample: Sample, box: np.ndarray) -> float:
    """The part of a body's joints that lies in a box with some room."""
    points = _labels(sample)
    room = ROOM * max(box[2:])
    return float(((points >= box[:2] - room) & (points <= box[:2] + box[2:] + room)).all(1).mean())


def _labels(sample: Sample) -> np.ndarray:
    assert sample.keypoints is not None
    return np.asarray(sample.keypoints[sample.keypoints[:, 2] > 0, :2], np.float64)


def _out(samples: Sequence[Sample], sizes: Sequence[Size]) -> float:
    """The part of all labels that lie outside images of such sizes."""
    seen = [inside(_labels(s), size) for s, size in zip(samples, sizes, strict=True)]
    return 1 - float(np.concatenate(seen).mean())


def _shares(samples: Sequence[Sample], heads: Mapping[str, Header]) -> list[Doubt]:
    points = np.concatenate([_labels(s) for s in samples])
    low, high = float(points.min()), float(points.max())
    side = min(min(heads[s.image].size) for s in samples)
    if low >= -SPILL and high <= SHARES["shares"] + SPILL and side > 4 and (points % 1 > 0).any():
        span = f"{min(low, 0):.3g} and {max(high, 1):.3g}"
        text = f"all coordinates lie between {span}: they look like shares of the image's width and height, not pixels"
        return [Doubt(text, True, f"{_set('shares')} reads them so", tuple(samples[:2]), "coordinates", "shares")]
    small = [s for s in samples if side > 4 and _is_of_shares(_labels(s))]
    if small:
        text = f"{_many(small)}: all coordinates lie between 0 and 1, others are larger: some look like shares of the"
        text += " image's width and height, some like pixels"
        return [Doubt(text, True, "write all of them in pixels", tuple(small[:2]), "coordinates")]
    spans = np.array([np.ptp(_labels(s), 0) / 100 for s in samples])
    most = SHARES["percent"]
    near = low >= -EDGE * most and high <= (1 + EDGE) * most
    many = len(samples) >= 10 and near and side > 2.5 * most
    if many and (points.max(0) > 80).all() and np.median(spans.max(1)) > 0.1:
        span = f"{min(low, 0):.3g} and {max(high, most):.3g}"
        text = f"all coordinates lie between {span}, in larger images: they may be percent of width and height"
        todo = f"look at the picture; {_set('percent')} reads them so, file says that they are pixels"
        return [Doubt(text, False, todo, tuple(samples[:2]), "coordinates", "percent")]
    return []


def _is_of_shares(points: np.ndarray) -> bool:
    """Whether one body's labels, which are several, all lie in one pixel."""
    within = bool(((points >= -SPILL) & (points <= SHARES["shares"] + SPILL)).all())
    return len(points) > 1 and within and bool((points % 1 > 0).any()) and bool(np.ptp(points, 0).any())


def _sizes(samples: Sequence[Sample], heads: Mapping[str, Header]) -> list[Doubt]:
    """Where the size that the labels state is another than the file's."""
    said = [s for s in samples if s.size is not None and s.size != heads[s.image].size]
    if not said:
        return []
    turned = [s for s in said if s.size == heads[s.image].size[::-1]]
    by_exif = [s for s in turned if heads[s.image].turn in TURNED]
    doubts = []
    if by_exif:
        doubts.append(_of_stored(by_exif, "they state its size"))
    aside = [s for s in turned if s not in by_exif]
    if aside:
        high, wide = heads[aside[0].image].size
        text = f"{_many(aside)}: the labels say {wide} high and {high} wide, the file is {high} high and {wide} wide"
        todo = f"the pictures were turned since they were labelled: turn them back; or, if they fit, {_set('file')}"
        doubts.append(Doubt(text, True, todo, tuple(aside[:2]), "coordinates"))
    rest = [s for s in said if s not in turned]
    if rest:
        doubts.append(_of_other_size(rest, heads))
    return doubts


def _of_other_size(rows: Sequence[Sample], heads: Mapping[str, Header]) -> Doubt:
    first = rows[0]
    assert first.size is not None
    (high, wide), (h, w) = first.size, heads[first.image].size
    text = f"{_many(rows)}: the labels say {wide} x {high} pixels, the file is {w} x {h}"
    in_file = _out(rows, [heads[s.image].size for s in rows])
    as_stated = _out(rows, [s.size for s in rows if s.size])
    shapes = [abs(_shape(s.size) - _shape(heads[s.image].size)) for s in rows if s.size]
    if as_stated > in_file + OUT:
        todo = f"labels fit the file alone, so the sizes stated with them seem wrong; {_set('file')} says so"
        return Doubt(text, False, todo, tuple(rows[:2]), "coordinates", "file")
    if max(shapes) > SAME:
        todo = f"pictures were cut or stretched: take the originals; or, if labels fit these, {_set('file')}"
        return Doubt(text, True, todo, tuple(rows[:2]), "coordinates")
    text += ", and labels lie outside the file" if in_file > as_stated + OUT else ""
    todo = f"if labels count pixels of the size that they state, {_set('json')}; if the file's, file instead of json"
    return Doubt(text, True, todo, tuple(rows[:2]), "coordinates", "json")


def _turns(samples: Sequence[Sample], heads: Mapping[str, Header]) -> list[Doubt]:
    """Pictures that EXIF turns, where no stated size tells whether labels are of the stored or of the shown one."""
    rows = [s for s in samples if heads[s.image].turn != 1]
    rows = [s for s in rows if s.size is None or (s.size == heads[s.image].size and _cannot_tell(s, heads[s.image]))]
    if not rows:
        return []
    as_shown = _out(rows, [heads[s.image].size for s in rows])
    as_stored = _out(rows, [stored_size(*heads[s.image]) for s in rows])
    if as_shown > as_stored + OUT:
        return [_of_stored(rows, f"{as_shown:.0%} of their labels lie outside what is shown")]
    text = f"{_many(rows)}: EXIF turns the picture, and nothing says whether labels are of the stored or the shown one"
    todo = f"look at the picture; if they are of the stored one, {_set('stored')}; if they fit, file instead"
    if as_stored > as_shown + OUT:
        return []  # labels lie where only the shown picture is
    return [Doubt(text, False, todo, tuple(rows[:2]), "coordinates", "stored")]


def _cannot_tell(sample: Sample, head: Header) -> bool:
    """Whether the stored picture has the same size."""
    return stored_size(*head) == head.size and sample.size == head.size


def _of_stored(rows: Sequence[Sample], why: str) -> Doubt:
    text = f"{_many(rows)}: EXIF turns the picture, and labels are of the stored one: {why}"
    return Doubt(text, True, f"{_set('stored')} turns labels with it", tuple(rows[:2]), "coordinates", "stored")


def _lost(samples: Sequence[Sample], heads: Mapping[str, Header]) -> list[Doubt]:
    gone = _out(samples, [heads[s.image].size for s in samples])
    if gone < LOST:
        return []
    text = f"{gone:.0%} of all labels lie outside their images: labels and images do not belong together"
    todo = (
        f"name the images that were labelled: were they cut out, resized or renamed? {_set('file')} trains all the same"
    )
    return [Doubt(text, True, todo, tuple(samples[:2]))]


def _set(value: str, key: str = "coordinates") -> str:
    """How to say so: in the file, or for once."""
    return f"{key}: {value} in data.yaml (--data.{key}={value})"


def _shape(size: Size) -> float:
    return float(np.log(size[1] / size[0]))


def _many(rows: Sequence[Sample]) -> str:
    images = dict.fromkeys(s.image for s in rows)
    return f"{len(images)} images, first {next(iter(images)).rsplit('/', 1)[-1]}"


def at_the_corner(data: PoseData) -> list[str]:
    """ "id: joint" of each label at (0, 0), by which some programs mean a missing one."""
    joints = data.skeleton.joints if data.skeleton is not None else ()
    rows = ((row, (points[:, 2] > 0) & (points[:, :2] == 0).all(1)) for row, points in data.labels())
    return [f"{data.samples.ids[row]}: {joints[k]}" for row, there in rows for k in np.flatnonzero(there)]
