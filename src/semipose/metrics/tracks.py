"""How well identities are kept over a video: the counts of CLEAR MOT (Bernardin and Stiefelhagen, 2008).

In each frame a body keeps the track that it had while that is near enough; of the others as many as can be are paired,
by the least sum of distances. A body whose track is another than the last it had is a switch; one that is followed
again after frames without, a fragment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

Poses = Mapping[int, np.ndarray]
"""Identity -> its pose in a frame."""


@dataclass(frozen=True)
class Counts:
    """Of how many `frames` and `bodies` in them: bodies without a track (`missed`), tracks on no body (`false`),
    `switches` of identity and `fragments`."""

    frames: int = 0
    bodies: int = 0
    missed: int = 0
    false: int = 0
    switches: int = 0
    fragments: int = 0

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})

    def per_1000(self) -> dict[str, float]:
        """Errors in a thousand frames, by name."""
        names = ("missed", "false", "switches", "fragments")
        return {name: 1000 * getattr(self, name) / max(self.frames, 1) for name in names}


def count_tracks(
    frames: Iterable[tuple[Poses, Poses]], apart: Callable[[np.ndarray, np.ndarray], float], limit: float
) -> Counts:
    """The counts of one video.

    Args:
        frames: truth and tracks of each frame in turn.
        apart: the distance of a pose of the truth from a track's; NaN where it is not known.
        limit: poses that are farther apart are not of one body.
    """
    last: dict[int, int] = {}
    followed: dict[int, bool] = {}
    counts = Counts()
    for truth, tracks in frames:
        pairs = _pairs(truth, tracks, last, apart, limit)
        switches = sum(last.get(body, track) != track for body, track in pairs.items())
        fragments = sum(body in last and not followed[body] for body in pairs)
        followed |= {body: body in pairs for body in truth}
        last |= pairs
        missed, false = len(truth) - len(pairs), len(tracks) - len(pairs)
        counts += Counts(1, len(truth), missed, false, switches, fragments)
    return counts


def _pairs(
    truth: Poses, tracks: Poses, last: Mapping[int, int], apart: Callable[[np.ndarray, np.ndarray], float], limit: float
) -> dict[int, int]:
    """Body -> its track."""
    if not truth or not tracks:
        return {}
    far = np.array([[apart(body, track) for track in tracks.values()] for body in truth.values()])
    bodies, names = list(truth), list(tracks)
    near = far <= limit  # not so where it is not known
    kept: dict[int, int] = {}
    for i, body in enumerate(bodies):
        j = names.index(last[body]) if last.get(body) in tracks else None
        if j is not None and near[i, j] and j not in kept.values():
            kept[i] = j
    free = np.ix_(
        [i for i in range(len(bodies)) if i not in kept], [j for j in range(len(names)) if j not in kept.values()]
    )
    worth = np.where(near, 1 + (1 - far / limit) / len(bodies), 0)  # the most pairs, and of those the nearest
    rows, columns = linear_sum_assignment(worth[free], maximize=True)
    for i, j in zip(free[0].ravel()[rows].tolist(), free[1].ravel()[columns].tolist(), strict=True):
        if near[i, j]:
            kept[i] = j
    return {bodies[i]: names[j] for i, j in kept.items()}
