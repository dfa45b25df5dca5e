"""Short videos of drawn people who walk and cross: "synth:walk?count=200&seed=3".

Frame i of a seed is frame i % `LENGTH` of its video i // `LENGTH`, before a camera that stands still, 25 a second. In
each video two to four people walk along lanes of their own, to the left or to the right, and pass each other; who is
who is known (`Sample.track`). Everything is a function of (seed, index); the world is that of `people`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from semipose.cameras.camera import Camera
from semipose.data import refs
from semipose.data.sample import PoseData, Sample
from semipose.data.synthetic import body as people_body
from semipose.data.synthetic import draw as people_draw
from semipose.data.synthetic import scene as people_scene
from semipose.data.synthetic.body import Body
from semipose.data.synthetic.people import box_around
from semipose.data.synthetic.scene import Frame
from semipose.errors import UserError
from semipose.skeleton import LSP

DOMAIN = "walk"
SIZE = (192, 256)
"""(height, width) of the frames."""
LENGTH, RATE = 100, 25
"""Frames of a video, and of a second."""
SEEN = 0.5
"""Who has fewer of the joints in the frame is not labelled."""
LANES = (2, 4)
APART = 550.0
"""mm between lanes."""
CYCLE = 1450.0
"""mm that a walker of usual height goes in a cycle of two steps."""
_SCENE, _WALKER, _LOOK, _PAINT, _LENS = range(5)  # streams of randomness


@dataclass(frozen=True)
class Walker:
    """One who walks on a line. `start` (2,) and `speed` (2,): x, y in mm at the first frame, and mm a second."""

    key: tuple[int, int, int]
    start: np.ndarray
    speed: np.ndarray
    phase: float

    def body(self, frame: int) -> Body:
        """In the world, at a frame."""
        gone = frame / RATE
        way = float(np.hypot(*self.speed)) * gone
        standing = people_body.build(_rng(*self.key), "studio", self.phase + 2 * np.pi * way / CYCLE)
        spin = people_body.about(np.arctan2(self.speed[1], self.speed[0]))
        place = np.array([*(self.start + self.speed * gone), 0.0])
        joints = standing.joints @ spin.T + place
        return Body(joints, standing.depth, standing.parts.turned(spin, place), standing.action)


def dataset(count: int, seed: int = 0, start: int = 0, step: int = 1) -> PoseData:
    """The labelled people of `count` frames from frame `start`, each `step`-th, drawn when they are read; a session is
    a video."""
    samples = []
    for index in range(start, start + count * step, step):
        ref = str(refs.Person(DOMAIN, seed, index))
        for track, keypoints, box in labels(seed, index):
            session = f"{DOMAIN}-{seed}-{index // LENGTH}"
            samples.append(Sample(f"{ref}@{track}", ref, box, keypoints, session=session, track=track))
    return PoseData(f"synth-{DOMAIN}-{seed}", LSP, tuple(samples))


def labels(seed: int, index: int) -> list[tuple[int, np.ndarray, tuple[float, float, float, float]]]:
    """Of each person in a frame the track, from 1, (14, 3) x, y, v in pixels, v as of `people.Person`, and the box."""
    camera, solids, bodies = _seen(seed, index)
    found = []
    for n, (own, body) in enumerate(zip(solids, bodies, strict=True)):
        points, depth = camera.project(body.joints), (body.joints @ camera.R.T + camera.t)[:, 2]
        shown, front = people_draw.seen(own, points, depth, body.depth)
        for m, other in enumerate(solids):
            if m != n:
                shown &= (people_draw.depths(other, points) > front).all(0)
        within = ((points >= -0.5) & (points < np.array(SIZE[::-1]) - 0.5)).all(1)
        if within.mean() >= SEEN:
            v = np.where(within, 1 + shown, 0)
            keypoints = np.concatenate([points, v[:, None]], 1).astype(np.float32)
            found.append((n + 1, keypoints, box_around(own, SIZE)))
    return found


def read(ref: refs.Person) -> np.ndarray:
    """A frame: `SIZE` uint8 RGB."""
    seed, index = ref.seed, ref.index
    video = index // LENGTH
    _, solids, _ = _seen(seed, index)
    whole = solids[0]
    for other in solids[1:]:
        whole = whole.joined(other)
    look = people_draw.sample_look(_rng(seed, video, _LOOK), False, len(solids))
    color, covered = people_draw.shade(whole, people_draw.rasterize(whole, SIZE), look, SIZE)
    image = cv2.multiply(_behind(seed, video), cv2.merge([1 - covered] * 3), dtype=cv2.CV_32F)
    return people_scene.lens(_rng(seed, video, _LENS), False, cv2.add(image, color, dtype=cv2.CV_8U))


@lru_cache(maxsize=8)
def _behind(seed: int, video: int) -> np.ndarray:
    """What stands behind the people, the same in all frames of a video; not to be changed."""
    rng = _rng(seed, video, _PAINT)
    wall = np.array([(0.0, rng.uniform(0.3, 0.5)), (1.0, 0.0)]) * np.array(SIZE[::-1])
    wall[1, 1] = wall[0, 1] + rng.normal(0, 3)
    plain = Frame(SIZE, np.zeros(2), SIZE)
    return people_scene.background(rng, False, plain, wall, None, np.full((1, 3), 128.0))


@lru_cache(maxsize=8)
def _cast(seed: int, video: int) -> tuple[Camera, list[Walker]]:
    """The camera and the people of a video: each passes the middle at a time of its own, half of them either way."""
    rng = _rng(seed, video, _SCENE)
    count = int(rng.integers(LANES[0], LANES[1] + 1))
    lanes = (np.arange(count) - (count - 1) / 2) * APART
    ways = np.where((np.arange(count) + rng.integers(2)) % 2, 1, -1)
    walkers = []
    for n, (lane, way) in enumerate(zip(rng.permutation(lanes), ways, strict=True)):
        turn = np.radians(rng.normal(0, 3))
        speed = rng.uniform(800, 1400) * np.array([way * np.cos(turn), np.sin(turn)])
        middle = rng.uniform(0.3, 0.7) * LENGTH / RATE  # seconds
        walkers.append(Walker((seed, video, _WALKER + 16 * (n + 1)), np.array([0, lane]) - speed * middle, speed,
                              rng.uniform(0, 2 * np.pi)))  # fmt: skip
    away, above = rng.uniform(6500, 7500), np.radians(rng.uniform(4, 14))
    centre = np.array([0, -away * np.cos(above), 850 + away * np.sin(above)])
    forward = (np.array([0, 0, 850.0]) - centre) / away
    rotation = np.stack([np.array([1.0, 0, 0]), np.cross(forward, (1.0, 0, 0)), forward])
    focal = rng.uniform(0.95, 1.15) * SIZE[1] * away / 5200
    lens = np.array([[focal, 0, (SIZE[1] - 1) / 2], [0, focal, (SIZE[0] - 1) / 2], [0, 0, 1]])
    return Camera(lens, rotation, -rotation @ centre), walkers


@lru_cache(maxsize=8)
def _seen(seed: int, index: int) -> tuple[Camera, list[people_draw.Solids], list[Body]]:
    """The camera of a frame, and each person's solids and body."""
    camera, walkers = _cast(seed, index // LENGTH)
    bodies = [walker.body(index % LENGTH) for walker in walkers]
    return camera, [people_draw.solids(body.parts, camera.R, camera.t, camera.K) for body in bodies], bodies


def _rng(seed: int, video: int, stream: int) -> np.random.Generator:
    if not (0 <= seed < 1 << 64 and 0 <= video < 1 << 40):
        raise UserError(f"synth:{DOMAIN} needs a seed of 0 to 2^64 and frames of 0 to 2^40, got {seed}, {video}")
    return np.random.Generator(np.random.Philox(key=(seed << 64) | (video << 24) | (1 << 20) | stream))
