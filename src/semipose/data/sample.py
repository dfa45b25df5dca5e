"""What every reader returns: one `Sample` a person (or animal, or thing) and a `PoseData` of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any, overload

import numpy as np

from semipose.data.packed import Column, Growing, GrowingTexts, Texts, blocks, positions, taken, value
from semipose.errors import UserError
from semipose.skeleton import Skeleton, joined, joint_map

FAR, NEAR = 1e6, 1e-3
"""Pixels: no coordinate or side is larger, and no side smaller, in a picture that can be read. Joints somewhat outside
the image are usual; one that is farther away than this is damage."""
MARKS = (0, 1, 2)
"""What v of a joint can be."""
AWAY = 1e9
"""mm in the world."""


@dataclass(frozen=True, eq=False)
class Shot:
    """What is known of a picture taken by a calibrated camera.

    Attributes:
        subject: who is in it.
        moment: the same for all pictures taken at once, and for no others.
        camera: the camera's name; "<subject>/<camera>" is that of its calibration (`semipose.data.readers.cameras`).
        xyz: (K, 3) float64 joints in the world in mm.
    """

    subject: str
    moment: str
    camera: str
    xyz: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Sample:
    """One instance in one image.

    Attributes:
        id: unique and stable in its data set, for example "000000000785.jpg#442619".
        image: the reference to its image, as text (`semipose.data.refs`): an image file's absolute path, a frame of a
            video, or a synthetic person.
        box: (x, y, w, h) in image pixels, w and h positive.
        keypoints: (K, 3) float32 x, y, v in image pixels, v as in COCO (0 unlabelled, 1 occluded, 2 visible);
            None where nobody labelled this instance.
        area: segment area in square pixels for OKS, where the data set has one.
        image_id, annotation_id: the data set's own numbers, kept for evaluation files.
        iscrowd: a box around a group; never trained on.
        score: a detector's for the box.
        head_size: pixels that PCKh measures by, where the data set has them.
        shot: who, when and by which camera, where the data set has that.
        session: the video or folder that the image is of, where the data set tells; splits can go by it.
        size: (height, width) of the image as the data set says, which labels are in pixels of; the file's may differ.
        track: whose it is, in all images of its session, where the data set has that.
    """

    id: str
    image: str
    box: tuple[float, float, float, float]
    keypoints: np.ndarray | None = None
    area: float | None = None
    image_id: int | str | None = None
    annotation_id: int | None = None
    iscrowd: bool = False
    score: float | None = None
    head_size: float | None = None
    shot: Shot | None = None
    session: str | None = None
    size: tuple[int, int] | None = None
    track: int | None = None

    @property
    def labeled(self) -> bool:
        """Whether at least one joint is labelled."""
        return self.keypoints is not None and bool((self.keypoints[:, 2] > 0).any())


OTHERS = {field.name: field.default for field in fields(Sample) if field.name not in ("id", "image", "box")}
"""Attribute -> its default."""


class Samples(Sequence[Sample]):
    """Samples in few arrays; each is made when it is looked at, and a change of one is a change of that alone.

    Attributes:
        ids, images: of each.
        boxes: (N, 4) float64.
    """

    def __init__(self, ids: Texts, images: Texts, boxes: np.ndarray, others: Mapping[str, Column]) -> None:
        self.ids, self.images, self.boxes = ids, images, boxes
        self._others = {name: column for name, column in others.items() if column is not None}

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Samples:
        """Packed block by block, so that of a generator few are objects at a time."""
        if isinstance(samples, Samples):
            return samples
        ids, images, boxes, same = GrowingTexts(), GrowingTexts(), bytearray(), True
        others = {name: Growing(default) for name, default in OTHERS.items()}
        for block in blocks(samples):
            names = [s.id for s in block]
            if same and [s.image_id for s in block] != names:
                same = False  # so far they were
                for part in blocks(ids.texts()):
                    others["image_id"].add(part)
            ids.add(names)
            images.add(s.image for s in block)
            boxes += np.array([s.box for s in block], np.float64).reshape(-1, 4).tobytes()
            for name, column in others.items():
                if name != "image_id" or not same:
                    column.add([getattr(s, name) for s in block])
        columns = {name: column.column() for name, column in others.items()}
        texts = ids.texts()
        if same and len(texts):
            columns["image_id"] = texts
        return cls(texts, images.texts(), np.frombuffer(boxes).reshape(-1, 4), columns)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Samples: ...
    def __getitem__(self, index: int | slice) -> Sample | Samples:
        if isinstance(index, slice):
            return self.take(positions(index, len(self)))
        row = int(positions([index], len(self))[0])
        others = {name: value(column, row, OTHERS[name]) for name, column in self._others.items()}
        return Sample(self.ids[row], self.images[row], tuple(self.boxes[row].tolist()), **others)

    def __iter__(self) -> Iterator[Sample]:
        return (self[row] for row in range(len(self)))

    def column(self, name: str) -> Column:
        """One of the other attributes of all; None where it is the default of each."""
        return self._others.get(name)

    def rows(self, name: str) -> Iterator[Any]:
        """The same one by one."""
        column, default = self.column(name), OTHERS[name]
        return (value(column, row, default) for row in range(len(self)))

    def take(self, rows: np.ndarray) -> Samples:
        """Those at (M,) positions."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(self))):
            return self
        others = {name: taken(column, rows) for name, column in self._others.items()}
        if self._others.get("image_id") is self.ids:
            others["image_id"] = ids = self.ids.take(rows)
            return Samples(ids, self.images.take(rows), self.boxes[rows], others)
        return Samples(self.ids.take(rows), self.images.take(rows), self.boxes[rows], others)

    def named(self, ids: Texts) -> Samples:
        """The same by other ids."""
        return Samples(ids, self.images, self.boxes, self._others)

    def without(self, name: str) -> Samples:
        """The same, one of the other attributes the default of each."""
        return Samples(self.ids, self.images, self.boxes, {**self._others, name: None})


@dataclass(frozen=True, eq=False)
class PoseData:
    """A named sequence of samples of one skeleton (None where there are only unlabelled boxes or images).

    Attributes:
        remarks: what was left out or taken otherwise than it is written, a sentence each.
        left_out: of images and videos that cannot be read, why, a sentence each.
        unfound: ids of images in which boxes were looked for and none was found; they have no sample.

    Raises:
        UserError: a sample id occurs twice, a sample has another number of joints than the skeleton, or a number of it
            cannot be: a box that is empty, a coordinate beyond `FAR`, a visibility that is none.
    """

    name: str
    skeleton: Skeleton | None
    samples: Samples
    remarks: tuple[str, ...]
    left_out: tuple[str, ...]
    unfound: tuple[str, ...]

    def __init__(
        self,
        name: str,
        skeleton: Skeleton | None,
        samples: Iterable[Sample],
        remarks: Iterable[str] = (),
        left_out: Iterable[str] = (),
        unfound: Iterable[str] = (),
    ) -> None:
        given = {"name": name, "skeleton": skeleton, "samples": Samples.of(samples), "remarks": tuple(remarks)}
        given |= {"left_out": tuple(left_out), "unfound": tuple(unfound)}
        for key, content in given.items():
            object.__setattr__(self, key, content)
        if not self.samples.ids.differ():
            first, inverse = self.samples.ids.grouped()
            some = np.flatnonzero(np.bincount(inverse) > 1)
            raise UserError(
                f"{self.name}: {len(some)} sample ids occur more than once, first {self.samples.ids[first[some[0]]]!r};"
                " make them differ"
            )
        k = len(self.skeleton) if self.skeleton else None
        for row, points in self.labels():
            if points.shape != (k, 3):
                raise UserError(
                    f"{self.name}: sample {self.samples.ids[row]!r} has keypoints of shape {points.shape},"
                    f" the skeleton needs ({k}, 3)"
                )
        self._refuse(_boxes(self.samples), f"has an empty box, or one beyond {FAR:g} pixels: (x, y, w, h) = {{0.box}}")
        far, odd = self._points()
        self._refuse(far, f"has a joint beyond {FAR:g} pixels")
        self._refuse(odd, "has a joint whose visibility is none of 0, 1 and 2")
        self._refuse(_numbers(self.samples), "has an area, score, head size or place that cannot be")

    def _refuse(self, bad: np.ndarray, what: str) -> None:
        """Where a sample is bad, name the first."""
        if bad.any():
            sample = self.samples[int(bad.argmax())]
            more = f" (and {bad.sum() - 1} others)" if bad.sum() > 1 else ""
            raise UserError(f"{self.name}: sample {sample.id!r} {what.format(sample)}{more}; mend or remove it")

    def labels(self) -> Iterator[tuple[int, np.ndarray]]:
        """The keypoints of samples that have some, with the samples' places."""
        for row, points in enumerate(self.samples.column("keypoints") or ()):
            if points is not None:
                yield row, points

    def never_labeled(self) -> list[str]:
        """Joints that no sample labels; none where nothing is labelled at all."""
        seen = [points[:, 2] > 0 for _, points in self.labels()]
        if self.skeleton is None or not seen:
            return []
        return [joint for joint, there in zip(self.skeleton.joints, np.any(seen, axis=0), strict=True) if not there]

    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) whether a joint's place is wrong, and whether a joint's visibility is. A place that is not finite is a
        missing one, of which no reader makes a label, and which has no weight in training."""
        far, odd = np.zeros((2, len(self)), bool)
        for block in blocks(self.labels()):
            here, points = [row for row, _ in block], np.array([points for _, points in block])
            far[here] = (np.isfinite(points[..., :2]) & (np.abs(points[..., :2]) > FAR)).any((1, 2))
            odd[here] = ~((points[..., 2, None] == MARKS).any(-1).all(1))
        return far, odd

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.samples.ids)

    @property
    def images(self) -> tuple[str, ...]:
        """Each image reference once, in order of first use."""
        return tuple(self.samples.images.take(self.samples.images.grouped()[0]))

    @property
    def has_labels(self) -> bool:
        """Whether any joint of any sample is labelled."""
        return any((points[:, 2] > 0).any() for _, points in self.labels())

    def subset(self, keys: Iterable[int | str]) -> PoseData:
        """The samples at these positions (int) or of these ids (str), in the order given."""
        if isinstance(keys, np.ndarray):
            return replace(self, samples=self.samples.take(keys))
        wanted = list(keys)
        names = [key for key in wanted if isinstance(key, str)]
        at = {name: i for i, name in enumerate(self.samples.ids)} if names else {}
        missing = [key for key in names if key not in at]
        if missing:
            raise UserError(
                f"{self.name} lacks {len(missing)} of the {len(wanted)} samples asked for, first {missing[0]!r};"
                " is it the data set that the split was made from?"
            )
        rows = positions((at[key] if isinstance(key, str) else int(key) for key in wanted), len(self))
        return replace(self, samples=self.samples.take(rows))

    def onto(self, skeleton: Skeleton) -> PoseData:
        """The same samples with the joints of `skeleton`, found by name: one that this data set lacks is unlabelled in
        every sample (v 0: it has no weight in a loss and is not scored), one that only this has is dropped."""
        if self.skeleton is None or self.skeleton.joints == skeleton.joints:
            return replace(self, skeleton=skeleton)
        places = joint_map(self.skeleton, skeleton)
        if not any(i is not None for i in places):
            raise UserError(
                f"{self.name} shares no joint with {skeleton.name!r}, by name: {', '.join(self.skeleton.joints)}"
                f" and {', '.join(skeleton.joints)}; rename its joints"
            )
        samples = (_onto(sample, places) for sample in self.samples)
        return PoseData(self.name, skeleton, samples, self.remarks, self.left_out)

    def labeled(self) -> PoseData:
        """What can be learnt from: at least one labelled joint, and not a crowd."""
        return self.subset(self.labeled_rows())

    def labeled_rows(self) -> np.ndarray:
        """The places of these."""
        crowds = self.crowds()
        return np.array([r for r, p in self.labels() if (p[:, 2] > 0).any() and not crowds[r]], np.int64)

    def unlabeled(self) -> PoseData:
        """The same samples without their keypoints and without crowds: what an unlabelled stream may see."""
        kept = self.samples.take(np.flatnonzero(~self.crowds()))
        return replace(self, samples=kept.without("keypoints"))

    def crowds(self) -> np.ndarray:
        """(N,) whether each is a crowd."""
        return np.fromiter(map(bool, self.samples.rows("iscrowd")), bool, len(self))


def join(sets: Sequence[PoseData]) -> PoseData:
    """Labelled data sets as one, with every joint of each (`joined`); ids become "<set>/<id>" where there are two or
    more, and "<set>-2/<id>" in the second of two of one name that have an id in common."""
    if len(sets) == 1:
        return sets[0]
    skeleton = joined([data.skeleton for data in sets if data.skeleton is not None])
    names = [data.name for data in sets]
    if any(set(one.ids) & set(other.ids) for one, other in combinations(sets, 2) if one.name == other.name):
        before = [names[:i].count(name) for i, name in enumerate(names)]
        names = [f"{name}-{n + 1}" if n else name for name, n in zip(names, before, strict=True)]
    samples = (
        replace(s, id=f"{name}/{s.id}") for name, data in zip(names, sets, strict=True) for s in data.onto(skeleton)
    )
    remarks = tuple(remark for data in sets for remark in data.remarks)
    return PoseData("+".join(data.name for data in sets), skeleton, samples, remarks)


def _boxes(samples: Samples) -> np.ndarray:
    """(N,) whether a box is wrong."""
    return np.array(~((np.abs(samples.boxes) <= FAR).all(1) & (samples.boxes[:, 2:] >= NEAR).all(1)))


def _numbers(samples: Samples) -> np.ndarray:
    """(N,) whether another number is wrong."""
    bad = np.zeros(len(samples), bool)
    for name in ("area", "head_size", "score"):
        if samples.column(name) is not None:
            values = np.fromiter((number or 0 for number in samples.rows(name)), np.float64, len(samples))
            bad |= ~np.isfinite(values)
            if name != "score":
                bad |= (values < 0) | (values > FAR**2)
    for row, shot in enumerate(samples.column("shot") or ()):
        if shot is not None and shot.xyz is not None:
            bad[row] |= bool((np.abs(shot.xyz) > AWAY).any())
    return bad


def _onto(sample: Sample, places: Sequence[int | None]) -> Sample:
    here = [k for k, i in enumerate(places) if i is not None]
    there = [i for i in places if i is not None]
    points = sample.keypoints
    if points is not None:
        points = np.zeros((len(places), 3), np.float32)
        points[here] = sample.keypoints[there]  # type: ignore[index]
    shot = sample.shot
    if shot is not None and shot.xyz is not None:
        xyz = np.full((len(places), 3), np.nan)
        xyz[here] = shot.xyz[there]
        shot = replace(shot, xyz=xyz)
    return replace(sample, keypoints=points, shot=shot)
