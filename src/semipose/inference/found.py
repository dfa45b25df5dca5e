"""Find, then refine: poses in whole images by two networks, of which the first says where to look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from semipose.data.crops.build import Crops
from semipose.data.extent import label_box
from semipose.data.images import read_image
from semipose.inference.boxes import SURE
from semipose.inference.ensemble import Ensemble
from semipose.inference.evaluation import score_crops, truth_of
from semipose.inference.predictor import Boxes, Predictor
from semipose.outputs.pose import Pose

LOOKS = 2
"""Times that the second network looks: at the box that the first one found, and at the box of its own joints there."""


class Found:
    """A predictor whose boxes are found: by a network that sees whole images, then by itself.

    Args:
        finder: predicts joints of whole images; those it is sure of span a box.
        second: predicts joints in a box.
    """

    def __init__(self, finder: Predictor, second: Predictor | Ensemble) -> None:
        self.finder, self.second = finder, second
        self.skeleton, self.network, self.padding = second.skeleton, second.network, second.padding

    def __call__(self, image: str | Path | np.ndarray) -> list[Pose]:
        """The pose in an image, given as a path or RGB uint8 (H, W, 3); none where the finder is not sure of any."""
        return next(self.pairs([(image, None)]))

    def pairs(
        self, pairs: Iterable[tuple[str | Path | np.ndarray, Boxes | None]], batch: int = 16
    ) -> Iterator[list[Pose]]:
        """The poses of each image: as of `Predictor.pairs`, but boxes are not read."""
        shown = (image if isinstance(image, np.ndarray) else read_image(image) for image, _ in pairs)
        while part := list(islice(shown, batch)):
            found = self.finder.pairs(((image, None) for image in part), batch)
            boxes = [_boxes(poses, image, []) for poses, image in zip(found, part, strict=True)]
            for look in range(LOOKS):
                poses = list(self.second.pairs(zip(part, boxes, strict=True), batch))
                if look + 1 < LOOKS:
                    boxes = [_boxes(each, image, box) for each, image, box in zip(poses, part, boxes, strict=True)]
            yield from poses


def _boxes(poses: Sequence[Pose], image: np.ndarray, before: Boxes) -> Boxes:
    """Around the surer joints of each pose; of one that has fewer than two the box before, or none."""
    boxes: list[Sequence[float]] = []
    for i, pose in enumerate(poses):
        sure = pose.score >= SURE
        if sure.sum() > 1:
            boxes.append(label_box(np.column_stack([pose.xy, sure]), image.shape[:2]))
        elif before:
            boxes.append(before[i])
    return boxes


def found_scores(whole: Found, crops: Crops, threshold: float, measure: str = "pck") -> dict[str, Any]:
    """Scores from the image to the pose: an image without a find has all of its joints wrong.

    Args:
        crops: of images with one labelled body each; its own boxes are not looked at.

    Returns:
        SCORES of `evaluate_predictions`, and `images`, `missed` (without a find) and `false` (the find holds less than
        half of the labels).
    """
    truth = truth_of(crops)
    points = np.full(truth.shape, np.nan)
    missed, false = 0, 0
    images = [sample.image for sample in crops.data]
    for i, poses in enumerate(whole.pairs((image, None) for image in images)):
        missed += not poses
        for pose in poses[:1]:
            points[i] = pose.keypoints
            x, y, w, h = pose.box
            known = truth[i, truth[i, :, 2] > 0, :2]
            false += bool(((known >= (x, y)) & (known <= (x + w, y + h))).all(1).mean() < 0.5)
    scores = score_crops({"a": points}, crops, threshold, measure)
    return {**scores["mean"], "images": len(images), "missed": missed, "false": false}
