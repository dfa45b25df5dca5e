"""What the readers of labelling tools share: instances with joints by name become samples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from semipose import limits
from semipose.data.extent import Box, boxed, whole
from semipose.data.images import image_sizes
from semipose.data.readers.json_files import sessions_of
from semipose.data.readers.tables import missing
from semipose.data.refs import is_frame, parse, split_frame
from semipose.data.sample import FAR, PoseData, Sample
from semipose.errors import UserError
from semipose.skeleton import Skeleton

Mark = tuple[float, float, float]
"""x, y in pixels, and v."""


@dataclass(frozen=True)
class Instance:
    """One labelled animal.

    Attributes:
        name: its image as the file has it.
        image: the reference to its image.
        joints: by name; one that it has not is unlabelled.
        box: where the tool has one.
        where: what errors call it.
        size: (height, width) of its image as the tool says, where its joints and box are in pixels of that.
    """

    name: str
    image: str
    joints: Mapping[str, Mark]
    box: Box | None = None
    where: str = ""
    size: tuple[int, int] | None = None


Body = TypeVar("Body", Instance, Sample)


@dataclass
class Pool:
    """Instances and what is said of them."""

    path: Path
    instances: list[Instance] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def joints(self) -> tuple[str, ...]:
        """In order of first occurrence."""
        return tuple(dict.fromkeys(joint for one in self.instances for joint in one.joints))

    def data(self, skeleton: Skeleton, name: str = "") -> PoseData:
        """The samples, those of images that do not exist left out.

        A box is the tool's; else the whole frame where no image has several instances and none a box, and the extent of
        each one's labels otherwise.

        Raises:
            UserError: none of the images exists, some cannot be read, or a number is none of a picture.
        """
        path = self.path
        limits.refuse_cells(path, len(self.instances) * len(skeleton) * 3)
        files = {one.image: str(parse(one.image).file) for one in self.instances}
        gone, lost = missing(list(files.values()), path)
        kept = [one for one in self.instances if files[one.image] not in gone]
        kept, copied = without_copies(kept, [_points(one, skeleton) for one in kept], path)
        count = Counter(one.name for one in kept)
        several = max(count.values(), default=0) > 1
        sessions, sizes = sessions_of(count), image_sizes((one.image for one in kept), str(path))
        number: Counter[str] = Counter()
        made: list[Sample] = []
        bare: list[int] = []
        for one in kept:
            points = _points(one, skeleton)
            if one.box is None:
                bare.append(len(made))
            key = f"{one.name}#{number[one.name]}" if several else one.name
            number[one.name] += 1
            packed = is_frame(one.image) and split_frame(one.name) is None
            session = Path(files[one.image]).stem if packed else sessions[one.name]
            box = one.box or whole(sizes[one.image])
            made.append(Sample(key, one.image, box, points, image_id=one.name, session=session, size=one.size))
        if bare and (several or len(bare) < len(made)):
            for i, sample in zip(bare, boxed([made[i] for i in bare], stated=True), strict=True):
                made[i] = sample
        return PoseData(name or path.stem, skeleton, tuple(made), (*self.remarks, *lost, *copied))


def without_copies(
    those: Sequence[Body], points: Sequence[np.ndarray | None], path: Path
) -> tuple[list[Body], list[str]]:
    """Without those whose image, box and labelled joints another has too: a body that a tool has written twice; and
    what is said of them.

    Args:
        points: (K, 3) of each, None where it has no joints.
    """
    seen = set[object]()
    kept: list[Body] = []
    for one, own in zip(those, points, strict=True):
        key = None if own is None or not own[:, 2].any() else (one.image, one.box, own.tobytes())
        if key is None or key not in seen:
            kept.append(one)
            seen.add(key)
    count = len(those) - len(kept)
    return kept, [f"left out: {count} bodies of {path} that are there twice, joint for joint"] if count else []


def _points(one: Instance, skeleton: Skeleton) -> np.ndarray:
    points = np.array([one.joints.get(joint, (0, 0, 0)) for joint in skeleton.joints], np.float64)
    points[~np.isfinite(points[:, :2]).all(1)] = 0
    points[points[:, 2] == 0] = 0
    if (np.abs(points[:, :2]) > FAR).any():
        raise UserError(f"{one.where or one.name} has a joint beyond {FAR:g} pixels; mend or remove it")
    return points.astype(np.float32)


def numbers(text: str, count: int, where: str) -> list[float]:
    """Numbers of a text, divided by commas or blanks.

    Raises:
        UserError: others than `count` finite ones.
    """
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) != count or not all(map(math.isfinite, values)):
        expected = "a number is" if count == 1 else f"{count} numbers are"
        raise UserError(f"{where} is {text[:60]!r} where {expected} expected; mend it or remove the entry")
    return values


def apart(points: Sequence[str]) -> bool:
    """Whether no joint stands twice: the points are of one animal."""
    return len(set(points)) == len(points)
