"""MPJPE of a 2D model on synthetic people seen by several cameras: Xie et al. 2021, Tables 6 and 8, at small scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from semipose.cameras.triangulation import OF_BOX, triangulate
from semipose.data.synthetic.people import scene
from semipose.errors import UserError
from semipose.metrics.mpjpe import mpjpe_summary, root_of
from semipose.skeleton import LSP, joint_map

if TYPE_CHECKING:
    from semipose.inference.predictor import Predictor

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(images (N, H, W, 3) uint8 RGB, boxes (N, 4) x, y, w, h) -> (N, 14, 3) x, y in px and score, `LSP`'s joints."""


def multiview_mpjpe(
    predict: Predict,
    domain: str = "studio",
    people: int = 50,
    cameras: int = 4,
    seed: int = 0,
    start: int = 0,
    size: tuple[int, int] = (256, 256),
) -> dict[str, Any]:
    """Draw `people` scenes, predict in each camera's image, triangulate weighted by the scores, and score in mm.

    Args:
        predict: called with one scene's images at a time; `by_predictor` makes it from a trained model.
        domain, seed, start: which synthetic people; take a seed that training has not seen.
        cameras: in an arc before each person, at least 2.
        size: (height, width) of the images in px.

    Returns: `mpjpe_summary`'s dictionary, with "root_relative" about the middle of the hips, and "used": the share of
        views that points were made from.

    Raises:
        UserError: fewer than one person or two cameras, or an unknown domain.
    """
    if people < 1 or cameras < 2:
        raise UserError(f"MPJPE needs 1 person and 2 cameras at least, not {people} and {cameras}")
    found, truth = [], []
    for index in range(start, start + people):
        views = scene(seed, index, domain, size, cameras)
        boxes = np.array([view.box for view in views])
        pred = np.asarray(predict(np.stack([view.image for view in views]), boxes), np.float64)
        if pred.shape != (cameras, len(LSP), 3):
            raise ValueError(f"predictions have shape {pred.shape}, not {(cameras, len(LSP), 3)}")
        within = OF_BOX * boxes[:, 2:].max(1)[:, None]
        found.append(triangulate(pred[..., :2], [view.camera for view in views], pred[..., 2], within))
        truth.append(views[0].keypoints3d)
    points = np.stack([each.points for each in found])
    scores = mpjpe_summary(points, np.stack(truth), LSP.joints, root_of(LSP))
    return {**scores, "used": float(np.mean([each.used.mean() for each in found]))}


def by_predictor(predictor: Predictor) -> Predict:
    """A trained model as `Predict`.

    Raises:
        UserError: its skeleton lacks joints of the synthetic people.
    """
    found = joint_map(predictor.skeleton, LSP)
    order = [at for at in found if at is not None]
    lacking = [name for name, at in zip(LSP.joints, found, strict=True) if at is None]
    if lacking:
        raise UserError(f"the model's skeleton {predictor.skeleton.name!r} lacks {', '.join(lacking)}; MPJPE needs all")

    def predict(images: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        poses = [predictor(image, [box.tolist()])[0] for image, box in zip(images, boxes, strict=True)]
        return np.stack([pose.keypoints[order] for pose in poses])

    return predict
