"""Labels that a trained model doubts: far from what it predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from semipose.data.images import read_images
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.inference.predictor import Boxes, Predictor
from semipose.metrics.pck import box_norm, normalized_distance
from semipose.skeleton import Skeleton

FAR, TIMES = 0.2, 5.0
"""A label is in doubt where the prediction is farther than FAR of the body's extent, and than TIMES the usual distance
of its joint."""


@dataclass(frozen=True, eq=False)
class Doubt:
    """A sample with labels far from what a model predicts: joint -> pixels, the farthest first, and the prediction
    (K, 3) as x, y, score in image pixels, the joints those of the model's `skeleton`, as the sample's. `far` is the
    farthest in parts of the body's extent."""

    sample: Sample
    joints: Mapping[str, float]
    far: float
    pred: np.ndarray
    skeleton: Skeleton


def doubtful(predictor: Predictor, data: PoseData, model: str = "the model") -> list[Doubt]:
    """Samples with labels far from a model's predictions, the farthest first; of images that can be read."""
    data = data.onto(predictor.skeleton).labeled()
    if not len(data):
        raise UserError(f"{data.name} labels none of the joints of {model}; name a model of its joints with --model")
    boxed: dict[str, list[Sample]] = {}
    for sample in data:
        boxed.setdefault(sample.image, []).append(sample)
    samples: list[Sample] = []

    def crops() -> Iterator[tuple[np.ndarray, Boxes]]:
        for image, pixels in read_images(data.images):
            if isinstance(pixels, UserError):
                continue  # which `check` has named
            for sample in boxed[image]:
                samples.append(sample)
                yield pixels, [sample.box]

    poses = [pose[0].keypoints for pose in predictor.pairs(crops())]
    if not samples:
        return []
    pred = np.stack(poses).astype(np.float64)
    truth = np.stack([s.keypoints for s in samples]).astype(np.float64)  # type: ignore[misc]
    norm = box_norm(truth)
    distance = normalized_distance(pred, truth, norm)
    usual = np.array(
        [np.median(column[~np.isnan(column)]) if (~np.isnan(column)).any() else 0 for column in distance.T]
    )
    doubted = distance > np.maximum(FAR, TIMES * usual)
    found = []
    for i in np.flatnonzero(doubted.any(1)).tolist():
        order = [k for k in np.argsort(-np.nan_to_num(distance[i])) if doubted[i, k]]
        joints = {predictor.skeleton.joints[k]: float(distance[i, k] * norm[i]) for k in order}
        found.append(Doubt(samples[int(i)], joints, float(distance[i, order[0]]), pred[i], predictor.skeleton))
    return sorted(found, key=lambda doubt: -doubt.far)
