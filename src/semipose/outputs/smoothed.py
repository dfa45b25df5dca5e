"""A table of videos with each joint's raw and smoothed place."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from semipose.errors import UserError
from semipose.files import writing
from semipose.outputs.base import Frame, Job, cell
from semipose.outputs.kalman import RAYLEIGH, smooth
from semipose.outputs.plain import TextFile
from semipose.outputs.pose import Pose

NO_BARS = 0.02
"""Of the longer side of the box: the error that a model without error bars is taken to make."""
GAP = 25
"""Frames: a body that was out of sight for longer is smoothed as if it were another one, which it may be."""
HEADER = ("image", "joint", "x", "y", "score", "error90_px", "x_smoothed", "y_smoothed")


class Look(NamedTuple):
    """Of one body in one frame: `place` of the frame among those of its video; `track`, None where nobody says;
    (K, 4) x, y, score and radius, negative where it is no model's own."""

    place: int
    track: int | None
    joints: np.ndarray


class Smoothed(TextFile):
    """keypoints_smoothed.csv: a row a frame and joint, and where bodies are followed a row a frame, body and joint with
    its `track`. Raw places stay beside the smoothed ones. Of one body that is not followed, frames without a pose have
    smoothed places too; a body that is followed has rows only in the frames where it is seen, and a pose that is
    nobody's is not smoothed. A video's rows are kept until its end.

    Raises:
        UserError: a frame may have several poses that are not followed, or an image is no frame.
    """

    def __init__(self, job: Job) -> None:
        if job.people > 1 and not job.tracked:
            raise UserError(
                "smoothing follows a body through a video, and a frame here may have several that are not followed;"
                " take videos without --no-track, or leave smoothed out of --formats"
            )
        super().__init__(job.free("keypoints_smoothed.csv", ",".join(HEADER).encode()))
        self._joints = [cell(joint) for joint in job.skeleton.joints]
        self._rows = csv.writer(self.file)
        self._tracked = job.tracked
        self._rows.writerow((*HEADER, "track") if job.tracked else HEADER)
        self._video: Path | None = None
        self._frames: list[tuple[str, int]] = []
        self._looks: list[Look] = []

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        if frame.video is None:
            raise UserError(
                f"{frame.name} is no frame of a video, and only those are smoothed; leave it out of --formats"
            )
        if frame.video != self._video:
            self._write()
            self._video = frame.video
        place = len(self._frames)
        self._frames.append((cell(frame.name), frame.number))
        self._looks += [Look(place, pose.track, _joints(pose)) for pose in poses]
        if not (poses or self._tracked):
            self._looks.append(Look(place, None, np.full((len(self._joints), 4), np.nan)))

    def finish(self) -> None:
        self._write()

    def _write(self) -> None:
        """The rows of a whole video."""
        times = np.array([number for _, number in self._frames])
        ways = [np.full((len(self._joints), 2), np.nan) for _ in self._looks]
        for rows in self._stretches():
            looks = np.stack([self._looks[row].joints for row in rows])
            when = times[[self._looks[row].place for row in rows]]
            smoothed = smooth(looks[..., :2], np.abs(looks[..., 3]) / RAYLEIGH, when)
            for row, way in zip(rows, smoothed, strict=True):
                ways[row] = way
        with writing(self.files[0]):
            for look, way in zip(self._looks, ways, strict=True):
                self._write_look(look, way)
        self._frames, self._looks = [], []

    def _stretches(self) -> Iterator[list[int]]:
        """Places in `_looks` of what is smoothed together: a body, up to where it is out of sight for long."""
        bodies: dict[int | None, list[int]] = {}
        for row, look in enumerate(self._looks):
            if look.track is not None or not self._tracked:
                bodies.setdefault(look.track, []).append(row)
        for rows in bodies.values():
            places = np.array([self._looks[row].place for row in rows])
            yield from (part.tolist() for part in np.split(rows, np.flatnonzero(np.diff(places) > GAP + 1) + 1))

    def _write_look(self, look: Look, way: np.ndarray) -> None:
        name, _ = self._frames[look.place]
        more = ("" if look.track is None else look.track,) if self._tracked else ()
        for joint, (x, y, score, radius), place in zip(self._joints, look.joints, way, strict=True):
            known = radius if radius >= 0 else np.nan  # of a model's own bars
            numbers = zip((x, y, score, known, *place), (3, 3, 4, 3, 3, 3), strict=True)
            cells = ("" if np.isnan(v) else f"{v:.{digits}f}" for v, digits in numbers)
            self._rows.writerow((name, joint, *cells, *more))


def _joints(pose: Pose) -> np.ndarray:
    """As of `Look`."""
    usual = RAYLEIGH * NO_BARS * max(pose.box[2:])
    radius = np.full(len(pose.xy), np.nan) if pose.error90 is None else pose.error90
    return np.column_stack([pose.xy, pose.score, np.where(np.isfinite(radius), radius, -usual)])
