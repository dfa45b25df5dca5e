"""Which pose is whose, from frame to frame of a video.

A body is looked for where its speed leads it. Poses are given to bodies by the least sum of distances (Hungarian
method); a distance is the mean of how far joints lie apart, in body sizes, the surer joints counting more. Identities
are as many as a frame has bodies at most: who comes after another has gone may get the number that is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from semipose.outputs.pose import Pose

NEAR = 0.6
"""Body sizes: a pose that is farther away is of another body, of one that was seen a moment ago."""
BACK = 2.0
"""The same of one that has been out of sight."""
HELD = 25
"""Frames for which a body that is out of sight is thought to move on; then it stays."""
FAINT = 0.05
"""A joint counts so much at least."""


@dataclass
class Body:
    """Where a body was last seen.

    Attributes:
        pose: it had there.
        number: the frame's.
        speed: (2,) pixels a frame.
        track: its identity, from 1.
    """

    pose: Pose
    number: int
    speed: np.ndarray
    track: int

    def at(self, number: int) -> np.ndarray:
        """(K, 2) where its joints are thought to be in a frame."""
        return self.pose.xy + self.speed * min(number - self.number, HELD)

    def seen(self, pose: Pose, number: int) -> None:
        """It is there."""
        frames = max(1, number - self.number)
        step = np.average(pose.xy - self.pose.xy, 0, np.maximum(pose.score * self.pose.score, FAINT**2)) / frames
        self.speed = step if frames > 1 else (self.speed + step) / 2
        self.pose, self.number = pose, number


class Tracker:
    """Gives the poses of a video's frames their `track`, frame by frame. `most`: identities, 1 to `most`."""

    def __init__(self, most: int) -> None:
        self.most, self.bodies = most, list[Body]()

    def __call__(self, number: int, poses: Sequence[Pose]) -> list[Pose]:
        """The same poses with their identities, of frame `number`; more than `most` of them are given none."""
        tracks: dict[int, int] = {}

        def give(frames: float, limit: float) -> None:
            """Poses to bodies that were seen up to so many `frames` ago."""
            left = [i for i in range(len(poses)) if i not in tracks]
            bodies = [body for body in self.bodies if 0 < number - body.number <= frames]
            for body, i in _nearest(bodies, [poses[i] for i in left], number, limit):
                bodies[body].seen(poses[left[i]], number)
                tracks[left[i]] = bodies[body].track

        give(HELD, NEAR)
        give(np.inf, BACK)
        for i in [i for i in range(len(poses)) if i not in tracks][: self.most - len(self.bodies)]:
            tracks[i] = len(self.bodies) + 1
            self.bodies.append(Body(poses[i], number, np.zeros(2), tracks[i]))
        give(np.inf, np.inf)
        return [replace(pose, track=tracks.get(i)) for i, pose in enumerate(poses)]


def _nearest(bodies: Sequence[Body], poses: Sequence[Pose], number: int, limit: float) -> list[tuple[int, int]]:
    """Which pose is which body's (body, pose), none farther away than `limit` body sizes."""
    if not bodies or not poses:
        return []
    far = np.array([[apart(body, pose, number) for pose in poses] for body in bodies])
    rows, columns = linear_sum_assignment(np.minimum(far, 2 * limit if np.isfinite(limit) else far.max()))
    return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if far[i, j] <= limit]


def apart(body: Body, pose: Pose, number: int) -> float:
    """How far a pose of frame `number` lies from where a body is thought to be, in body sizes."""
    size = (max(body.pose.box[2:]) + max(pose.box[2:])) / 2
    distance = np.linalg.norm(body.at(number) - pose.xy, axis=-1) / size
    return float(np.average(distance, weights=np.maximum(body.pose.score * pose.score, FAINT**2)))
