"""Synthetic people: articulated figures with exact 2D and 3D joints, drawn on demand and never stored.

Every image is a function of (seed, index, domain). "studio" has plain walls and even light; "wild" has clutter, harsh
light, occluders, other people and stranger poses and cameras. Joints are `skeleton.LSP`'s 14; right and left are the
person's. The world is in mm, z up, floor at 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from semipose.cameras.camera import Camera
from semipose.data import refs
from semipose.data.sample import PoseData, Sample
from semipose.data.synthetic import body as people_body
from semipose.data.synthetic import draw as people_draw
from semipose.data.synthetic import scene as people_scene
from semipose.data.synthetic.body import MATERIALS, Body, Parts
from semipose.data.synthetic.scene import Frame
from semipose.errors import UserError
from semipose.skeleton import LSP

DOMAINS = ("studio", "wild")
READ_SIZE = (192, 160)
"""(height, width) of the image of a reference: a 128x96 composition, half as much again around."""
READ_MARGIN = 1.5
ARC = np.radians(120)
"""Over which a scene's cameras stand: where single images are taken from too, so that a network trained on those knows
left from right in each."""
_PEOPLE, _VIEW, _LOOK, _PAINT = range(4)  # streams of randomness
_MAX_HIDDEN = 6  # joints that occluders and other people together may hide


@dataclass(frozen=True)
class Person:
    """One drawn person: image (H, W, 3) uint8 RGB; keypoints (14, 3) float32 px and v (2 seen, 1 hidden, 0 outside the
    image); keypoints3d (14, 3) world mm; box (x, y, w, h) around the body, clipped to the image."""

    image: np.ndarray
    keypoints: np.ndarray
    keypoints3d: np.ndarray
    box: tuple[float, float, float, float]
    camera: Camera


def render(
    seed: int, index: int, domain: str = "wild", size: tuple[int, int] = (128, 96), margin: float = 1.0
) -> Person:
    """Draw person `index` of `seed`, filling most of `size` (height, width); `margin` > 1 shows that much more around
    the person at the same `size`. Raises UserError for an unknown domain."""
    stage = _Stage.of(seed, index, domain, size, margin)
    return Person(stage.draw(), stage.keypoints, stage.body.joints, stage.box, stage.camera)


def scene(
    seed: int, index: int, domain: str = "studio", size: tuple[int, int] = (256, 256), cameras: int = 4
) -> list[Person]:
    """One person at one instant from `cameras` calibrated cameras in an arc before them; `keypoints3d` is the same in
    all."""
    stages = [_Stage.of(seed, index, domain, size, 1.0, (view, cameras)) for view in range(cameras)]
    return [Person(s.draw(), s.keypoints, s.body.joints, s.box, s.camera) for s in stages]


def read(ref: refs.Person) -> np.ndarray:
    """The image of a reference: `READ_SIZE` uint8 RGB."""
    return _Stage.of(ref.seed, ref.index, ref.domain, READ_SIZE, READ_MARGIN).draw()


def dataset(domain: str, count: int, seed: int = 0, start: int = 0, step: int = 1) -> PoseData:
    """`count` labelled samples from index `start`, each `step`-th, their images drawn when they are read."""
    samples = []
    for index in range(start, start + count * step, step):
        stage = _Stage.of(seed, index, domain, READ_SIZE, READ_MARGIN)
        ref = str(refs.Person(domain, seed, index))
        samples.append(Sample(id=ref, image=ref, box=stage.box, keypoints=stage.keypoints))
    return PoseData(name=f"synth-{domain}-{seed}", skeleton=LSP, samples=tuple(samples))


def contact_sheet(
    seed: int, domain: str, rows: int = 4, columns: int = 8, size: tuple[int, int] = (128, 96), labels: bool = True
) -> np.ndarray:
    """(rows H, columns W, 3) RGB of the first people of a seed; with `labels`, right limbs red, left blue, hidden
    joints hollow."""
    people = [render(seed, index, domain, size) for index in range(rows * columns)]
    tiles = [_overlay(person) if labels else person.image for person in people]
    return np.vstack([np.hstack(tiles[row * columns : (row + 1) * columns]) for row in range(rows)])


def _overlay(person: Person) -> np.ndarray:
    image, points = person.image.copy(), np.round(person.keypoints[:, :2]).astype(int).tolist()
    colors = [(255, 40, 40) if n.startswith("right") else (40, 90, 255) if n.startswith("left") else (60, 230, 60)
              for n in LSP.joints]  # fmt: skip
    for a, b in LSP.limbs:
        cv2.line(image, points[a], points[b], colors[a] if colors[a] == colors[b] else (60, 230, 60), 1, cv2.LINE_AA)
    for point, color, v in zip(points, colors, person.keypoints[:, 2], strict=True):
        cv2.circle(image, point, 2, color, -1 if v == 2 else 1)
    return image


def _rng(seed: int, index: int, domain: str, stream: int, view: int = 0) -> np.random.Generator:
    if domain not in DOMAINS:
        raise UserError(f"synthetic people have no domain {domain!r}: use studio, wild or walk")
    if seed < 0 or index < 0:
        raise UserError(f"synthetic people need a seed and an index of 0 or more, got seed {seed}, index {index}")
    if seed >= 1 << 64 or index >= 1 << 40:  # the key has 128 bits
        raise UserError(f"synthetic people need a seed below 2^64 and an index below 2^40, got {seed} and {index}")
    key = (seed << 64) | (index << 24) | (view << 8) | (DOMAINS.index(domain) << 4) | stream
    return np.random.Generator(np.random.Philox(key=key))


@dataclass(frozen=True)
class _Stage:
    """Everything about one image but its pixels; labels need no more."""

    key: tuple[int, int, str, int]
    body: Body
    camera: Camera
    frame: Frame
    solids: people_draw.Solids
    occluders: list[np.ndarray]
    keypoints: np.ndarray
    box: tuple[float, float, float, float]

    @classmethod
    def of(
        cls, seed: int, index: int, domain: str, size: tuple[int, int], margin: float, view: tuple[int, int] = (0, 0)
    ) -> _Stage:
        wild = domain == "wild"
        people, chance = _rng(seed, index, domain, _PEOPLE), _rng(seed, index, domain, _VIEW, view[0])
        body = people_body.build(people, domain)
        inner = (size[0] / margin, size[1] / margin)
        frame = Frame(size, np.array([size[1] - inner[1], size[0] - inner[0]]) / 2, inner)
        camera = _camera(chance, wild, body.parts, frame, view)
        points = camera.project(body.joints)
        depth = (body.joints @ camera.R.T + camera.t)[:, 2]
        alone = people_draw.solids(body.parts, camera.R, camera.t, camera.K)
        shown, front = people_draw.seen(alone, points, depth, body.depth)
        others = _others(people, domain, camera, body, view[1] > 0)
        view_solids = alone
        budget = _MAX_HIDDEN
        for other in others:
            solids = people_draw.solids(other, camera.R, camera.t, camera.K)
            still = shown & (people_draw.depths(solids, points) > front).all(0)
            if shown.sum() - still.sum() <= budget:
                budget -= int(shown.sum() - still.sum())
                view_solids, shown = view_solids.joined(solids), still
        occluders = []
        for shape in people_scene.occluders(chance, wild):
            polygon = frame.pixels(shape)
            covered = people_scene.inside(polygon, points)
            if (covered & shown).sum() <= budget:
                budget -= int((covered & shown).sum())
                occluders.append(polygon)
                shown = shown & ~covered
        within = ((points >= -0.5) & (points < np.array([size[1], size[0]]) - 0.5)).all(1)
        v = np.where(within, 1 + shown, 0)
        keypoints = np.concatenate([points, v[:, None]], 1).astype(np.float32)
        return cls((seed, index, domain, view[0]), body, camera, frame, view_solids, occluders, keypoints,
                   box_around(alone, size))  # fmt: skip

    def draw(self) -> np.ndarray:
        seed, index, domain, view = self.key
        wild, size = domain == "wild", self.frame.size
        people = 1 + int(self.solids.parts.paint[:, 0].max()) // MATERIALS
        look = people_draw.sample_look(_rng(seed, index, domain, _LOOK), wild, people)
        layers = people_draw.rasterize(self.solids, size)
        color, covered = people_draw.shade(self.solids, layers, look, size)
        rng = _rng(seed, index, domain, _PAINT, view)
        wall, shadow = _wall(rng, self.camera, self.frame), _shadow(self.camera, self.body)
        image = people_scene.background(rng, wild, self.frame, wall, shadow, look.colors[1:11])
        clear = cv2.multiply(image, cv2.merge([1 - covered] * 3), dtype=cv2.CV_32F)
        image = cv2.add(clear, color, dtype=cv2.CV_8U)
        people_scene.draw_occluders(rng, image, self.occluders)
        return people_scene.lens(rng, wild, image)


def _camera(rng: np.random.Generator, wild: bool, parts: Parts, frame: Frame, view: tuple[int, int]) -> Camera:
    """Look at the body from `distance`, its extent fitted to the composed frame."""
    low, high = parts.ends.min((0, 1)), parts.ends.max((0, 1))
    target, (number, count) = (low + high) / 2, view
    azimuth = np.radians(rng.normal(0, 75 if wild else 40))  # as photographs have people: facing the camera, mostly
    if count:
        azimuth = ARC * ((number + 0.5 + rng.uniform(-0.15, 0.15)) / count - 0.5)
    elevation = np.radians(np.clip(rng.normal(12, 17), -20, 60) if wild else np.clip(rng.normal(7, 7), -6, 25))
    distance = rng.uniform(2300, 6000) if wild else rng.uniform(3500, 6500)
    roll = np.radians(rng.normal(0, 11 if wild else 2.5))
    back = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    center = target + distance * back
    center[2] = max(center[2], 80.0)
    forward = (target - center) / np.linalg.norm(target - center)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    right, down = right * np.cos(roll) + down * np.sin(roll), down * np.cos(roll) - right * np.sin(roll)
    rotation = np.stack([right, down, forward])
    translation = -rotation @ center
    ends = parts.ends @ rotation.T + translation
    reach = (parts.radii / ends[..., 2])[..., None]
    flat = ends[..., :2] / ends[..., 2:]
    low, high = (flat - reach).min((0, 1)), (flat + reach).max((0, 1))
    height, width = frame.inner
    fill = rng.uniform(0.66, 0.9)
    focal = min(fill * height / (high - low)[1], max(fill, 0.8) * width / (high - low)[0])
    slack = (np.array([width, height]) - focal * (high - low)) / 2
    middle = frame.origin + np.array([width - 1, height - 1]) / 2 + slack * rng.uniform(-0.5, 0.5, 2)
    offset = middle - focal * (low + high) / 2
    return Camera(np.array([[focal, 0, offset[0]], [0, focal, offset[1]], [0, 0, 1]]), rotation, translation)


def _others(rng: np.random.Generator, domain: str, camera: Camera, body: Body, shared: bool) -> list[Parts]:
    """Other people of a wild image: beside, mostly behind, turned at random; `shared` by several cameras, where behind
    has no meaning."""
    count = int(np.searchsorted((0.62, 0.92), rng.random())) if domain == "wild" else 0
    ahead = np.array([1.0, 0, 0]) if shared else camera.R[2] * (1, 1, 0) / np.linalg.norm(camera.R[2, :2])
    right = np.array([ahead[1], -ahead[0], 0])
    out = []
    for _ in range(count):
        parts = people_body.build(rng, domain).parts
        spin = people_body.about(rng.uniform(0, 2 * np.pi))
        away = rng.uniform(-500, 3000)
        aside = rng.choice((-1, 1)) * (rng.uniform(450, 1000) + 0.12 * max(away, 0))
        center = body.joints[[2, 3]].mean(0) * (1, 1, 0) + aside * right + away * ahead
        out.append(parts.turned(spin, center))
    return out


def _wall(rng: np.random.Generator, camera: Camera, frame: Frame) -> np.ndarray | None:
    """Where the floor meets the wall behind the person, (2, 2) px from left to right; None from below the floor."""
    ahead = camera.R[2] * (1, 1, 0) / np.linalg.norm(camera.R[2, :2])
    center = -camera.R.T @ camera.t
    turn = rng.normal(0, 0.15)
    side = np.array([-ahead[1], ahead[0], 0]) * -1 + turn * ahead
    edge = center * (1, 1, 0) + ahead * rng.uniform(4500, 9000)
    points = np.stack([edge - 1200 * side, edge + 1200 * side])
    if ((points @ camera.R.T + camera.t)[:, 2] < 200).any():
        return None
    left, right = camera.project(points)
    stretch = 4 * max(frame.size) / max(float(np.linalg.norm(right - left)), 1.0)
    middle = (left + right) / 2
    return np.stack([middle + (left - middle) * stretch, middle + (right - middle) * stretch])


def _shadow(camera: Camera, body: Body) -> np.ndarray | None:
    """A disc on the floor below the body, (12, 2) px; None where the camera does not see the floor from above."""
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    low, high = body.joints[:, :2].min(0), body.joints[:, :2].max(0)
    disc = (low + high) / 2 + ((high - low) / 2 + 90) * np.stack([np.cos(turn), np.sin(turn)], 1)
    disc = np.concatenate([disc, np.zeros((12, 1))], 1)
    seen = ((disc @ camera.R.T + camera.t)[:, 2] > 300).all() and (-camera.R.T @ camera.t)[2] > 150
    return camera.project(disc) if seen else None


def box_around(solids: people_draw.Solids, size: tuple[int, int]) -> tuple[float, float, float, float]:
    bounds = solids.bounds()
    x0, y0 = np.clip(bounds[:, :2].min(0), 0, [size[1], size[0]]).tolist()
    x1, y1 = np.clip(bounds[:, 2:].max(0) + 1, 0, [size[1], size[0]]).tolist()
    return x0, y0, x1 - x0, y1 - y0
