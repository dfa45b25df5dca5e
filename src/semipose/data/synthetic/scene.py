"""Surroundings of the synthetic people: backgrounds, occluders, the lens."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

COMMON = np.array([(150, 185, 220), (92, 122, 62), (196, 176, 138), (150, 82, 62), (122, 90, 60), (140, 140, 138),
                   (222, 218, 208), (58, 66, 50), (205, 165, 140), (70, 74, 84)])  # fmt: skip
"""Sky, grass, sand, brick, wood, concrete, plaster, leaves, skin, asphalt."""
MOTTLES = ((4, 3), (10, 8), (24, 18), (48, 36), (3, 24), (30, 3))


@dataclass(frozen=True)
class Frame:
    """An image of `size` around the frame the person was composed in (its origin and (height, width) in px)."""

    size: tuple[int, int]
    origin: np.ndarray  # x, y of the composed frame's (0, 0)
    inner: tuple[float, float]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) fractions of the composed frame -> px."""
        return self.origin + points * np.array([self.inner[1], self.inner[0]])


def background(rng: np.random.Generator, wild: bool, frame: Frame, wall: np.ndarray | None, shadow: np.ndarray | None,
               colors: np.ndarray) -> np.ndarray:  # fmt: skip
    """(H, W, 3) uint8. `wall`: (2, 2) px, left and right end of the edge between floor and wall, or None; `shadow`:
    a convex polygon on the floor, or None; `colors`: people's colours, which some of the clutter repeats."""
    height, width = frame.size
    tones = _tones(rng, 3) if wild else rng.uniform(60, 230, (3, 1)) + rng.normal(0, 9, (3, 3))
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    image = np.clip(tones[0] * (1 - ramp) + (tones[0] * 0.6 + tones[1] * 0.4) * ramp, 0, 255).astype(np.uint8)
    image = np.ascontiguousarray(np.broadcast_to(image, (height, width, 3)))
    if wall is not None:
        left, right = wall
        down = np.array([-(right - left)[1], (right - left)[0]])
        floor = np.array([left, right, right + down, left + down])
        cv2.fillConvexPoly(image, _fixed(floor), tones[2].clip(0, 255).tolist(), cv2.LINE_AA, 4)
    if wild:
        _clutter(rng, image, frame, colors)
    elif rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            first, last = frame.pixels(rng.uniform(-0.5, 1.5, 2) + rng.uniform(-0.4, 0.4, (2, 2))).astype(int).tolist()
            tone = np.clip(tones[0] + rng.normal(0, 25), 0, 255).tolist()
            cv2.rectangle(image, first, last, tone, -1)
    cells = MOTTLES[int(rng.integers(len(MOTTLES)))] if wild else (4, 3)
    coarse = rng.normal(0, rng.uniform(4, 24) if wild else 7, cells).astype(np.float32)
    mottle = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    if shadow is not None:
        dark = np.zeros((height, width), np.float32)
        cv2.fillConvexPoly(dark, _fixed(shadow), float(rng.uniform(20, 80)), cv2.LINE_AA, 4)
        mottle = mottle - cv2.GaussianBlur(dark, (0, 0), 2.0)
    return cv2.add(image, cv2.merge([mottle] * 3), dtype=cv2.CV_8U)


def _tones(rng: np.random.Generator, count: int) -> np.ndarray:
    """Background colours (count, 3): half of them nature's and builders', half any."""
    common = COMMON[rng.integers(0, len(COMMON), count)] * rng.uniform(0.55, 1.2, (count, 1))
    free = rng.uniform(10, 245, (count, 1)) + rng.normal(0, 28, (count, 3))
    return np.clip(np.where(rng.random((count, 1)) < 0.5, common, free), 0, 255)


def _clutter(rng: np.random.Generator, image: np.ndarray, frame: Frame, colors: np.ndarray) -> None:
    count = int(rng.integers(8, 34))
    kinds, picks = rng.random(count), rng.integers(0, len(colors), count)
    places, shapes = rng.uniform(-0.6, 1.6, (count, 2)), rng.normal(0, 0.22, (count, 4, 2))
    tones = _tones(rng, count)
    tones[kinds % 0.1 < 0.035] = colors[picks[kinds % 0.1 < 0.035]]
    widths = rng.uniform(0.01, 0.11, count) * frame.inner[1]
    corners = frame.pixels(places[:, None] + shapes)
    fixed, whole, middles = _fixed(corners), corners.astype(int).tolist(), frame.pixels(places)
    spans = (np.abs(shapes[:, 0]) * frame.inner[1] * 0.7 + 1).astype(int).tolist()
    for i, (kind, tone, wide) in enumerate(zip(kinds.tolist(), tones.tolist(), widths.tolist(), strict=True)):
        if kind < 0.3:
            cv2.rectangle(image, whole[i][0], whole[i][1], tone, -1)
        elif kind < 0.45:
            cv2.fillConvexPoly(image, cv2.convexHull(fixed[i]), tone, cv2.LINE_AA, 4)
        elif kind < 0.75:
            cv2.polylines(image, [fixed[i, :3]], False, tone, max(1, int(wide)), cv2.LINE_AA, 4)
        elif kind < 0.87:
            cv2.ellipse(image, middles[i].astype(int).tolist(), spans[i], 40 * kind, 0, 360, tone, -1, cv2.LINE_AA)
        else:
            _texture(rng, image, middles[i] + 1.3 * (corners[i, :2] - middles[i]), tone, kind)


def _texture(rng: np.random.Generator, image: np.ndarray, corners: np.ndarray, tone: list[float], kind: float) -> None:
    """A patch of bricks, leaves or stripes: low-resolution noise enlarged."""
    (x0, y0), (x1, y1) = np.clip(np.sort(corners, 0), 0, np.array(image.shape[1::-1])).astype(int).tolist()
    noise = rng.normal(0, 30, (11, 1 if kind > 0.96 else 13))
    if x1 - x0 > 2 and y1 - y0 > 2:
        between = cv2.INTER_NEAREST if kind > 0.93 else cv2.INTER_LINEAR
        patch = cv2.resize(noise, (x1 - x0, y1 - y0), interpolation=between)
        image[y0:y1, x0:x1] = np.clip(patch[..., None] + np.array(tone), 0, 255).astype(np.uint8)


def occluders(rng: np.random.Generator, wild: bool) -> list[np.ndarray]:
    """Convex polygons (N, 2), in fractions of the composed frame, that stand before the person."""
    count = int(rng.choice((0, 1, 2, 3), p=(0.4, 0.3, 0.2, 0.1) if wild else (0.85, 0.15, 0, 0)))
    shapes = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.45:  # a bar or a pole
            centre, angle = rng.uniform(0.1, 0.9, 2), rng.choice((0.0, np.pi / 2)) + rng.normal(0, 0.25)
            half = np.array([1.6, rng.uniform(0.012, 0.045)])
        elif kind < 0.8:  # furniture, a wall: from below or from the side
            half = rng.uniform((0.12, 0.08), (0.5, 0.3))
            centre, angle = np.array([rng.uniform(0, 1), 1.02 - 0.3 * rng.random()]), rng.normal(0, 0.05)
            if rng.random() < 0.3:
                centre, half = np.array([rng.choice((0.0, 1.0)) + rng.normal(0, 0.08), 0.5]), np.array([0.18, 1.5])
        else:  # something held up to the camera
            centre, half, angle = rng.uniform(0.15, 0.85, 2), rng.uniform(0.05, 0.15, 2), rng.uniform(0, np.pi)
        corners = half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
        shapes.append(centre + corners @ turn.T * (1.0, 0.75))
    return shapes


def inside(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(J,) bool: which points (J, 2) lie in a convex polygon (N, 2)."""
    edge = np.roll(polygon, -1, 0) - polygon
    offset = points[:, None] - polygon
    turn = edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]
    return (turn >= 0).all(1) | (turn <= 0).all(1)


def draw_occluders(rng: np.random.Generator, image: np.ndarray, polygons: list[np.ndarray]) -> None:
    for polygon in polygons:
        tone = np.clip(rng.uniform(15, 235) + rng.normal(0, 30, 3), 0, 255)
        cv2.fillConvexPoly(image, _fixed(polygon), tone.tolist(), cv2.LINE_AA, 4)
        for _ in range(int(rng.integers(0, 5))):  # boards, slats
            share = rng.uniform(0.05, 0.95)
            a, b = polygon[0] * (1 - share) + polygon[3] * share, polygon[1] * (1 - share) + polygon[2] * share
            first, last = _fixed(np.array([a, b])).tolist()
            cv2.line(image, first, last, (tone * rng.uniform(0.6, 1)).tolist(), 1, cv2.LINE_AA, 4)


def lens(rng: np.random.Generator, wild: bool, image: np.ndarray) -> np.ndarray:
    """Exposure, contrast, colour cast, blur and noise: uint8 in, uint8 out."""
    gain, gamma = rng.normal(1, 0.12 if wild else 0.05), np.exp(rng.normal(0, 0.22 if wild else 0.07))
    cast = rng.normal(1, 0.09 if wild else 0.02, 3)
    levels = (np.arange(256) / 255.0) ** gamma
    table = np.clip(levels[:, None] * cast * gain * 255, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[:, None])
    sigma = rng.uniform(0.15, 1.1 if wild else 0.6)
    if sigma > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    grain, first = _grain(), int(rng.integers(0, 1 << 18))
    if image.size > grain.size - first:
        grain, first = np.resize(grain, image.size), 0
    noise = grain[first : first + image.size].reshape(image.shape)
    noise = noise * np.float32(rng.uniform(2, 13) if wild else rng.uniform(1, 5))
    return cv2.add(image, noise, dtype=cv2.CV_8U)


@functools.cache
def _grain() -> np.ndarray:
    """One long run of standard normal numbers: drawing new ones would cost as much as half a body."""
    return np.random.Generator(np.random.Philox(key=1)).standard_normal(1 << 20, np.float32)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Px -> cv2's fixed point with 4 fractional bits."""
    return np.round(np.clip(points, -2000, 4000) * 16).astype(np.int32)
