"""MPJPE of predictions on a data set whose pictures were taken by several calibrated cameras at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from semipose.cameras.camera import Camera
from semipose.cameras.triangulation import OF_BOX, triangulate
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.metrics.mpjpe import mpjpe_summary, root_of


def shots_mpjpe(data: PoseData, pred: np.ndarray, cameras: Mapping[str, Camera]) -> dict[str, Any]:
    """Triangulate what the cameras of each moment saw, weighted by the scores, and score it against the true points.

    Args:
        data: samples with a `shot` that has `xyz`, one person a moment.
        pred: (N, K, 3) x, y in image px and score, for each sample.
        cameras: by "<subject>/<camera>".

    Returns: `mpjpe_summary`'s dictionary, over moments; one that a single camera saw has no points.

    Raises:
        UserError: a sample without a shot, true points or a camera.
    """
    if data.skeleton is None or pred.shape != (len(data), len(data.skeleton), 3):
        raise ValueError(f"predictions {pred.shape} do not fit {data.name}")
    moments: dict[tuple[str, str], list[int]] = {}
    taken, true = [], []
    for i, sample in enumerate(data):
        shot = sample.shot
        if shot is None or shot.xyz is None:
            raise UserError(f"{data.name}: {sample.id} has no true points in space; MPJPE needs them")
        camera = cameras.get(f"{shot.subject}/{shot.camera}")
        if camera is None:
            raise UserError(f"{data.name}: {sample.id} is of {shot.subject}, camera {shot.camera}, which is not known")
        taken.append(camera)
        true.append(shot.xyz)
        moments.setdefault((shot.subject, shot.moment), []).append(i)
    points = np.full((len(moments), *pred.shape[1:]), np.nan)
    for n, rows in enumerate(moments.values()):
        if len(rows) > 1:
            within = np.array([[OF_BOX * max(data[i].box[2:])] for i in rows])
            seen = [taken[i] for i in rows]
            points[n] = triangulate(pred[rows, :, :2], seen, pred[rows, :, 2], within).points
    truth = np.stack([true[rows[0]] for rows in moments.values()])
    return mpjpe_summary(points, truth, data.skeleton.joints, root_of(data.skeleton))
