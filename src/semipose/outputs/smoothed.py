"""A table of videos with each joint's raw and smoothed place."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semipose.errors import UserError
from semipose.files import writing
from semipose.outputs.base import Frame, Job, cell
from semipose.outputs.kalman import RAYLEIGH, smooth
from semipose.outputs.plain import TextFile
from semipose.outputs.pose import Pose

NO_BARS = 0.02
"""Of the longer side of the box: the error that a model without error bars is taken to make."""
HEADER = ("image", "joint", "x", "y", "score", "error90_px", "x_smoothed", "y_smoothed")


class Smoothed(TextFile):
    """keypoints_smoothed.csv: a row a frame and joint. Raw places stay beside the smoothed ones, which frames without a
    pose have too. A video's rows are kept until its end.

    Raises:
        UserError: a frame may have several poses, or an image is no frame.
    """

    def __init__(self, job: Job) -> None:
        if job.people > 1:
            raise UserError(
                "smoothing takes one body a frame, and a frame here may have several; leave smoothed out of --formats"
            )
        super().__init__(job.free("keypoints_smoothed.csv", ",".join(HEADER).encode()))
        self._joints = [cell(joint) for joint in job.skeleton.joints]
        self._rows = csv.writer(self.file)
        self._rows.writerow(HEADER)
        self._video: Path | None = None
        self._frames: list[tuple[str, int]] = []
        self._looks: list[np.ndarray] = []

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        if frame.video is None:
            raise UserError(
                f"{frame.name} is no frame of a video, and only those are smoothed; leave it out of --formats"
            )
        if frame.video != self._video:
            self._write()
            self._video = frame.video
        look = np.full((len(self._joints), 4), np.nan)
        for pose in poses[:1]:
            radius = np.full(len(look), np.nan) if pose.error90 is None else pose.error90
            usual = RAYLEIGH * NO_BARS * max(pose.box[2:])
            look = np.column_stack([pose.xy, pose.score, np.where(np.isfinite(radius), radius, -usual)])
        self._frames.append((cell(frame.name), frame.number))
        self._looks.append(look)

    def finish(self) -> None:
        self._write()

    def _write(self) -> None:
        """The rows of a whole video."""
        if not self._frames:
            return
        looks = np.stack(self._looks)
        times = np.array([number for _, number in self._frames])
        way = smooth(looks[..., :2], np.abs(looks[..., 3]) / RAYLEIGH, times)
        with writing(self.files[0]):
            for (name, _), look, places in zip(self._frames, looks, way, strict=True):
                for joint, (x, y, score, radius), place in zip(self._joints, look, places, strict=True):
                    known = radius if radius >= 0 else np.nan  # of a model's own bars
                    numbers = zip((x, y, score, known, *place), (3, 3, 4, 3, 3, 3), strict=True)
                    self._rows.writerow(
                        (name, joint, *("" if np.isnan(v) else f"{v:.{digits}f}" for v, digits in numbers))
                    )
        self._frames, self._looks = [], []
