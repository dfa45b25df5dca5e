"""Several networks as one predictor: Dual's own two, or those of several runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import tee

import numpy as np

from semipose.errors import UserError
from semipose.inference.predictor import Boxes, Predictor
from semipose.outputs.kalman import RAYLEIGH
from semipose.outputs.pose import Pose


class Ensemble:
    """Predicts the mean of its members' poses, of three or more the median of each coordinate.

    Where members have error bars, a joint's is the mean of theirs, and no smaller than what their disagreement asks
    for, as if they were looks at one place (Biderman et al., Nature Methods 2024, take that alone).

    Raises:
        UserError: members do not predict the same joints.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        self.members, first = tuple(members), members[0]
        self.skeleton, self.network, self.padding = first.skeleton, first.network, first.padding
        for number, other in enumerate(members[1:], 2):
            if other.skeleton.joints != first.skeleton.joints:
                raise UserError(
                    f"network {number} of those together predicts {', '.join(other.skeleton.joints)}, the first one"
                    f" {', '.join(first.skeleton.joints)}; take networks of the same joints in the same order"
                )

    def pairs(self, pairs: Iterable[tuple[np.ndarray, Boxes]], batch: int = 16) -> Iterator[list[Pose]]:
        """The poses of each image with its boxes, as of `Predictor.pairs`."""
        sources = tee(pairs, len(self.members))
        looks = (member.pairs(source, batch) for member, source in zip(self.members, sources, strict=True))
        for found in zip(*looks, strict=True):
            yield [together(poses) for poses in zip(*found, strict=True)]


def together(poses: Sequence[Pose]) -> Pose:
    """One pose of several of the same body."""
    xy = np.stack([pose.xy for pose in poses])
    middle = np.median(xy, 0)  # of two: the mean
    apart = np.sqrt(((xy - xy.mean(0)) ** 2).sum((0, -1)) / (2 * max(1, len(poses) - 1)))
    bars = [pose.error90 for pose in poses if pose.error90 is not None]
    error90 = np.maximum(np.mean(bars, 0), RAYLEIGH * apart) if bars else None
    score = np.mean([pose.score for pose in poses], 0)
    return replace(poses[0], xy=middle, score=score, error90=error90, unlike=any(pose.unlike for pose in poses))
