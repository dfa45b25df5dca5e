"""The losses of `losses` for a run: what they let be, learnt from its labels."""

from __future__ import annotations

import numpy as np
import torch

from semipose.config import Config
from semipose.data.crops.build import Crops
from semipose.data.windows import neighbours
from semipose.errors import UserError
from semipose.methods.video import Shape, Temporal, VideoLosses, body_side, jumps, learnt_shape, usual

PAIRS = 10
"""Labelled pairs of neighbouring frames that tell how far joints go; with fewer, the body's size does."""


def video_losses(config: Config, labeled: Crops) -> VideoLosses | None:
    """Those that a run asks for, from its labelled crops; None where it asks for none.

    Raises:
        UserError: the labels do not tell what a loss has to know.
    """
    asked, side = config.losses, max(config.model.size)
    if not asked.used:
        return None
    points = labeled.keypoints(np.arange(len(labeled)))
    poses = points / np.array([side, side, 1])
    losses: dict[str, Temporal | Shape] = {}
    if asked.temporal:
        losses["temporal"] = Temporal(config.data.window, *_tolerance(labeled, points, asked.jump, side))
    if asked.shape:
        losses["shape"] = learnt_shape(poses)
    return VideoLosses(losses, vars(asked))


def check_losses(config: Config) -> None:
    """That frames have neighbours where a loss looks at them, and batches whole windows.

    Raises:
        UserError: else.
    """
    window, batch = config.data.window, config.optim.unlabeled_batch or config.optim.batch
    if config.losses.temporal and window < 2:
        raise UserError(
            f"losses.temporal is {config.losses.temporal:g} and data.window {window}: it looks at neighbouring frames;"
            " set data.window: 2 or more"
        )
    if batch % window:
        raise UserError(
            f"a batch of {batch} unlabelled images is no whole number of windows of {window} (data.window); set"
            f" optim.unlabeled_batch: {-(-batch // window) * window}"
        )


def _tolerance(labeled: Crops, points: np.ndarray, share: float, side: int) -> tuple[float, str]:
    """The jump, in sides, that is let be, and what said so: labelled neighbours, or a share of the body."""
    pairs = neighbours(labeled.data)
    if len(pairs) >= PAIRS:
        xy = torch.from_numpy(points[pairs.T, :, :2].astype(np.float64))  # (2, P, K, 2)
        both = (points[pairs.T, :, 2] > 0).all(0)
        far = jumps(xy, torch.from_numpy(labeled.matrices[pairs.T]), side)[0].numpy()[both]
        if len(far) and (usually := usual(far)) > 0:
            return usually, "neighbours"
    return share * body_side(points / np.array([side, side, 1])), "body"
