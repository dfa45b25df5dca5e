"""What every reader returns: one `Sample` a person (or animal, or thing) and a `PoseData` of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

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

    @property
    def labeled(self) -> bool:
        """Whether at least one joint is labelled."""
        return self.keypoints is not None and bool((self.keypoints[:, 2] > 0).any())


@dataclass(frozen=True, eq=False)
class PoseData:
    """A named sequence of samples of one skeleton (None where there are only unlabelled boxes or images).

    Raises:
        UserError: a sample id occurs twice, a sample has another number of joints than the skeleton, or a number of it
            cannot be: a box that is empty, a coordinate beyond `FAR`, a visibility that is none.
    """

    name: str
    skeleton: Skeleton | None
    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        twice = [i for i, n in Counter(s.id for s in self.samples).items() if n > 1]
        if twice:
            raise UserError(
                f"{self.name}: {len(twice)} sample ids occur more than once, first {twice[0]!r}; make them differ"
            )
        k = len(self.skeleton) if self.skeleton else None
        for sample in self.samples:
            if sample.keypoints is not None and sample.keypoints.shape != (k, 3):
                raise UserError(
                    f"{self.name}: sample {sample.id!r} has keypoints of shape {sample.keypoints.shape},"
                    f" the skeleton needs ({k}, 3)"
                )
        self._refuse(_boxes(self.samples), f"has an empty box, or one beyond {FAR:g} pixels: (x, y, w, h) = {{0.box}}")
        far, odd = _points(self.samples)
        self._refuse(far, f"has a joint beyond {FAR:g} pixels")
        self._refuse(odd, "has a joint whose visibility is none of 0, 1 and 2")
        self._refuse(_numbers(self.samples), "has an area, score, head size or place that cannot be")

    def _refuse(self, bad: np.ndarray, what: str) -> None:
        """Where a sample is bad, name the first."""
        if bad.any():
            sample = self.samples[int(bad.argmax())]
            more = f" (and {bad.sum() - 1} others)" if bad.sum() > 1 else ""
            raise UserError(f"{self.name}: sample {sample.id!r} {what.format(sample)}{more}; mend or remove it")

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(s.id for s in self.samples)

    @property
    def images(self) -> tuple[str, ...]:
        """Each image reference once, in order of first use."""
        return tuple(dict.fromkeys(s.image for s in self.samples))

    def subset(self, keys: Iterable[int | str]) -> PoseData:
        """The samples at these positions (int) or of these ids (str), in the order given."""
        wanted = list(keys)
        names = [key for key in wanted if isinstance(key, str)]
        at = {s.id: i for i, s in enumerate(self.samples)} if names else {}
        missing = [key for key in names if key not in at]
        if missing:
            raise UserError(
                f"{self.name} lacks {len(missing)} of the {len(wanted)} samples asked for, first {missing[0]!r};"
                " is it the data set that the split was made from?"
            )
        positions = (at[key] if isinstance(key, str) else int(key) for key in wanted)
        return replace(self, samples=tuple(self.samples[i] for i in positions))

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
        return PoseData(self.name, skeleton, tuple(_onto(sample, places) for sample in self.samples))

    def labeled(self) -> PoseData:
        """What can be learnt from: at least one labelled joint, and not a crowd."""
        return replace(self, samples=tuple(s for s in self.samples if s.labeled and not s.iscrowd))

    def unlabeled(self) -> PoseData:
        """The same samples without their keypoints and without crowds: what an unlabelled stream may see."""
        return replace(self, samples=tuple(replace(s, keypoints=None) for s in self.samples if not s.iscrowd))


def join(sets: Sequence[PoseData]) -> PoseData:
    """Labelled data sets as one, with every joint of each (`joined`); ids become "<set>/<id>" where there are two or
    more.

    Raises:
        UserError: two sets of one name with a common id.
    """
    if len(sets) == 1:
        return sets[0]
    skeleton = joined([data.skeleton for data in sets if data.skeleton is not None])
    samples = (replace(s, id=f"{data.name}/{s.id}") for data in sets for s in data.onto(skeleton))
    return PoseData("+".join(data.name for data in sets), skeleton, tuple(samples))


def _boxes(samples: Sequence[Sample]) -> np.ndarray:
    """(N,) whether a box is wrong."""
    boxes = np.array([s.box for s in samples], np.float64).reshape(-1, 4)
    return np.array(~((np.abs(boxes) <= FAR).all(1) & (boxes[:, 2:] >= NEAR).all(1)))


def _points(samples: Sequence[Sample]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) whether a joint's place is wrong, and whether a joint's visibility is. A place that is not finite is a
    missing one, of which no reader makes a label, and which has no weight in training."""
    far, odd = np.zeros((2, len(samples)), bool)
    here = [i for i, s in enumerate(samples) if s.keypoints is not None]
    if here:
        points = np.array([samples[i].keypoints for i in here])
        far[here] = (np.isfinite(points[..., :2]) & (np.abs(points[..., :2]) > FAR)).any((1, 2))
        odd[here] = ~((points[..., 2, None] == MARKS).any(-1).all(1))
    return far, odd


def _numbers(samples: Sequence[Sample]) -> np.ndarray:
    """(N,) whether another number is wrong."""
    rows = [(s.area or 0, s.head_size or 0, s.score or 0) for s in samples]
    values = np.array(rows, np.float64).reshape(-1, 3)
    bad = np.zeros(len(samples), bool)
    bad |= ~np.isfinite(values).all(1) | ((values[:, :2] < 0) | (values[:, :2] > FAR**2)).any(1)
    there = [i for i, s in enumerate(samples) if s.shot is not None and s.shot.xyz is not None]
    if there:
        places = np.array([samples[i].shot.xyz for i in there])  # type: ignore[union-attr]
        bad[there] |= (np.abs(places) > AWAY).any((1, 2))
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
