"""Find, then refine: poses in whole images by two networks, of which the first says where to look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from semipose.data.crops.build import Crops
from semipose.data.images import read_image
from semipose.inference.boxes import around, usual_side
from semipose.inference.ensemble import Ensemble
from semipose.inference.evaluation import score_crops, truth_of
from semipose.inference.predictor import Boxes, Predictor
from semipose.outputs.pose import Pose

LOOKS = 3
"""Times that the second network looks: at the box that the first one found, then at that of its own joints there."""


class Found:
    """A predictor whose boxes are found: by a network that sees whole images, then by itself.

    Args:
        finder: predicts joints of whole images; those it is sure of span a box.
        second: predicts joints in a box.
        side: of a body's usual box, over that of its image (`usual_side`).
    """

    def __init__(self, finder: Predictor, second: Predictor | Ensemble, side: float = 0.0) -> None:
        self.finder, self.second, self.side = finder, second, side
        self.skeleton, self.network, self.padding = second.skeleton, second.network, second.padding

    @classmethod
    def load(cls, finder: Path, second: Predictor | Ensemble, device: str = "auto", decode: str | None = None) -> Found:
        """With the finder of a file, model.safetensors."""
        return cls(Predictor.load(finder, device, decode), second, usual_side(finder))

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
            boxes = [self._boxes(poses, image, []) for poses, image in zip(found, part, strict=True)]
            for look in range(LOOKS):
                poses = list(self.second.pairs(zip(part, boxes, strict=True), batch))
                if look + 1 < LOOKS:
                    boxes = [self._boxes(each, image, box) for each, image, box in zip(poses, part, boxes, strict=True)]
            yield from poses

    def _boxes(self, poses: Sequence[Pose], image: np.ndarray, before: Boxes) -> Boxes:
        """Around the surer joints of each pose; of one that has fewer than two the box before, or none."""
        boxes: list[Sequence[float]] = []
        for i, pose in enumerate(poses):
            box = around(pose, (image.shape[0], image.shape[1]), self.side)
            if box is not None or before:
                boxes.append(before[i] if box is None else box)
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
