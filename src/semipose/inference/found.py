"""Find, then refine: poses in whole images by two networks, of which the first says where to look."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from semipose.data.crops.build import Crops
from semipose.data.images import read_image, read_images
from semipose.data.sample import Sample
from semipose.errors import UserError
from semipose.inference.bodies import ROOM, BodyFinder, boxes_by_image, on_another
from semipose.inference.boxes import around
from semipose.inference.ensemble import Ensemble
from semipose.inference.evaluation import areas_of, score_crops, skeleton_of, truth_of
from semipose.inference.predictor import Boxes, Predictor, some
from semipose.metrics.detections import oks_nms
from semipose.metrics.oks import AREA_OF_BOX, oks
from semipose.outputs.pose import Pose

AGAIN = (ROOM, 1.0)
"""The second network looks once at the box that the first one found, and then at that of its own joints there as often
as this has numbers: how much room a box has at least, in bodies of usual size. The last one has no more than training's
own boxes, which the network knows best."""
DOUBLE = 0.7
"""Poses of a higher OKS are of one body."""


class Found:
    """A predictor whose boxes are found: by a network that sees whole images, then by itself.

    Args:
        finder: finds bodies in whole images.
        second: predicts joints in a box.
    """

    def __init__(self, finder: BodyFinder, second: Predictor | Ensemble) -> None:
        self.finder, self.second = finder, second
        self.skeleton, self.network, self.padding = second.skeleton, second.network, second.padding

    @classmethod
    def load(cls, finder: Path, second: Predictor | Ensemble, device: str = "auto", most: int | None = None) -> Found:
        """With the finder of a file, model.safetensors. `most`: bodies in an image, if it is another number than most
        that labels show."""
        return cls(BodyFinder.load(finder, device, most), second)

    @property
    def most(self) -> int:
        """Poses in an image, at most."""
        return self.finder.search.most

    def __call__(self, image: str | Path | np.ndarray) -> list[Pose]:
        """The poses in an image, given as a path or RGB uint8 (H, W, 3), surest find first."""
        return next(self.pairs([(image, None)]))

    def pairs(
        self, pairs: Iterable[tuple[str | Path | np.ndarray, Boxes | None]], batch: int = 16
    ) -> Iterator[list[Pose]]:
        """The poses of each image: as of `Predictor.pairs`, but boxes are not read."""
        shown = ((image if isinstance(image, np.ndarray) else read_image(image), None) for image, _ in pairs)
        while part := [image for image, _ in some(shown, batch)]:
            boxes: list[Boxes] = [[row[:4] for row in rows] for rows in self.finder(part)]
            poses = list(self.second.pairs(zip(part, boxes, strict=True), batch))
            for room in AGAIN:
                boxes = [self._boxes(each, image, room) for each, image in zip(poses, part, strict=True)]
                poses = list(self.second.pairs(zip(part, boxes, strict=True), batch))
            yield from (singles(each, self.skeleton.sigmas) for each in poses)

    def _boxes(self, poses: Sequence[Pose], image: np.ndarray, room: float) -> Boxes:
        """Around the surer joints of each pose; of one that has fewer than two the box before."""
        size = (image.shape[0], image.shape[1])
        longer = room * self.finder.search.side * max(size)
        return [around(pose, size, longer) or pose.box for pose in poses]


def singles(poses: list[Pose], sigmas: Sequence[float]) -> list[Pose]:
    """The same without doubles: of several poses of one body the surest alone."""
    if len(poses) < 2:
        return poses
    scores = np.array([pose.score.mean() for pose in poses])
    points = np.stack([pose.xy for pose in poses])
    area = np.array([AREA_OF_BOX * pose.box[2] * pose.box[3] for pose in poses])
    return [poses[i] for i in sorted(oks_nms(points, scores, area, sigmas, DOUBLE).tolist())]


def found_scores(
    whole: Found, crops: Crops, threshold: float, measure: str = "pck", others: Sequence[Sample] = ()
) -> dict[str, Any]:
    """Scores from the image to the pose: a labelled body that no find is on has all of its joints wrong.

    Args:
        crops: of images; their boxes are not looked at.
        others: who else is in the images (`semipose.data.datasets.others_in`): a find there is not false.

    Returns:
        SCORES of `evaluate_predictions`, and how many `images`, and `bodies` in them, `missed` bodies and `false`
        finds, which are on none: they hold less than half of the labels of each that has no other find.
    """
    truth, area, sigmas = truth_of(crops), areas_of(crops), skeleton_of(crops).sigmas
    points = np.full(truth.shape, np.nan)
    rows: dict[str, list[int]] = {}
    for row, sample in enumerate(crops.data):
        rows.setdefault(sample.image, []).append(row)
    missed, false, beside = 0, 0, boxes_by_image(others)
    shown = deque[str]()
    for poses in whole.pairs(_shown(list(rows), shown)):
        here = rows[shown.popleft()]
        pairs = matches(poses, truth[here], area[here], sigmas)
        for pose, body in pairs:
            points[here[body]] = poses[pose].keypoints
        missed += len(here) - len(pairs)
        left = [pose.box for i, pose in enumerate(poses) if i not in dict(pairs)]
        false += len(left) - on_another(left, beside.get(crops.data[here[0]].image, ()))
    scores = score_crops({"a": points}, crops, threshold, measure)
    counts = {"images": len(rows), "bodies": len(truth), "missed": missed, "false": false}
    return {**scores["mean"], **counts}


def _shown(images: list[str], names: deque[str]) -> Iterator[tuple[np.ndarray, None]]:
    """Of each image the pixels, of a video all of its frames at once, and its name in `names`."""
    for image, pixels in read_images(images):
        if isinstance(pixels, UserError):
            raise pixels
        names.append(image)
        yield pixels, None


def matches(
    poses: Sequence[Pose], truth: np.ndarray, area: np.ndarray, sigmas: Sequence[float]
) -> list[tuple[int, int]]:
    """Which pose is on which body of an image (pose, body), by the highest sum of OKS; its box holds half of the
    body's labels or more.

    Args:
        truth: (N, K, 3) x, y, v in image pixels.
        area: (N,) square pixels.
    """
    if not poses or not len(truth):
        return []
    boxes = np.array([pose.box for pose in poses])
    low, high = boxes[:, None, None, :2], (boxes[:, :2] + boxes[:, 2:])[:, None, None]
    inside = ((truth[None, ..., :2] >= low) & (truth[None, ..., :2] <= high)).all(-1)
    known = truth[None, ..., 2] > 0
    held = (inside & known).sum(-1) >= 0.5 * np.maximum(known.sum(-1), 1)
    alike = np.nan_to_num(oks(np.stack([pose.xy for pose in poses])[:, None], truth[None], area[None], sigmas))
    first, second = linear_sum_assignment(np.where(held, 1 + alike, 0), maximize=True)
    return [(i, j) for i, j in zip(first.tolist(), second.tolist(), strict=True) if held[i, j]]
