"""Drawing of the synthetic people: solids to a depth buffer, materials, light, backgrounds and the lens."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from semipose.data.synthetic.body import (
    BOTTOM,
    DARK,
    EXTRA,
    FACE,
    HAIR,
    MATERIALS,
    MOUTH,
    OPEN,
    SHIRT,
    SHOE,
    SKIN,
    SOCK,
    TOP,
    WHITE,
    Parts,
)  # fmt: skip

SUPERSAMPLE = 1.5
TILE = 12  # side in supersampled pixels of the squares that are drawn together
FAR = np.float32(1e9)
CREASES = np.zeros(MATERIALS, np.float32)
CREASES[[HAIR, TOP, BOTTOM, EXTRA]] = 0.3, 0.16, 0.16, 0.1
OPENING = 48.0  # mm from the middle that an open jacket shows of the shirt
SURFACE = 15.0  # mm another part must lie in front of a joint's own surface to hide it


@dataclass(frozen=True)
class Solids:
    """Parts seen by a camera, each as in an affine view through its middle: unit px, depth axis away from the viewer.

    start (P, 3), axes (P, 3, 3): rows along, lateral / stretch, third / stretch; length, radii (P, 2), middle depth mm
    and px per mm (P,), and the parts they are."""

    start: np.ndarray
    axes: np.ndarray
    length: np.ndarray
    radii: np.ndarray
    depth: np.ndarray
    scale: np.ndarray
    parts: Parts

    def joined(self, other: Solids) -> Solids:
        """Both, as `Parts.joined`."""
        parts = self.parts.joined(other.parts)
        names = [f.name for f in fields(self)[:-1]]
        return Solids(**{n: np.concatenate([getattr(self, n), getattr(other, n)]) for n in names}, parts=parts)

    def bounds(self) -> np.ndarray:
        """(P, 4) x0, y0, x1, y1 in px around each solid."""
        end = self.start + self.axes[:, 0] * self.length[:, None]
        squares = np.einsum("pij,pij->pi", self.axes, self.axes)[..., None]
        half = np.sqrt(((self.axes / squares) ** 2).sum(1))[:, :2]  # of the stretched unit sphere
        first, last = self.radii[:, :1] * half, self.radii[:, 1:] * half
        low = np.minimum(self.start[:, :2] - first, end[:, :2] - last)
        return np.concatenate([low, np.maximum(self.start[:, :2] + first, end[:, :2] + last)], 1)


def solids(parts: Parts, rotation: np.ndarray, translation: np.ndarray, intrinsics: np.ndarray) -> Solids:
    """Project world parts. Parts less than 200 mm in front of the camera are left out."""
    camera = parts.ends @ rotation.T + translation
    near = camera[:, :, 2].min(1) > 200
    if not near.all():
        parts = Parts(*(getattr(parts, name)[near] for name in parts.__dataclass_fields__))
        camera = camera[near]
    focal, depth = intrinsics[0, 0], camera[:, :, 2].mean(1)
    scale = focal / depth
    points = camera[:, :, :2] * (focal / camera[:, :, 2:]) + intrinsics[:2, 2]
    points = np.concatenate([points, (camera[:, :, 2:] - depth[:, None, None]) * scale[:, None, None]], 2)
    along = points[:, 1] - points[:, 0]
    length = np.sqrt(np.einsum("pi,pi->p", along, along)) + 1e-6
    along = along / length[:, None]
    lateral = parts.lateral @ rotation.T
    lateral = lateral - np.einsum("pi,pi->p", lateral, along)[:, None] * along
    lateral /= np.sqrt(np.einsum("pi,pi->p", lateral, lateral))[:, None] + 1e-9
    third = np.cross(lateral, along)
    axes = np.stack([along, lateral / parts.stretch[:, :1], third / parts.stretch[:, 1:]], 1)
    return Solids(points[:, 0], axes, length, parts.radii * (focal / camera[:, :, 2]), depth, scale, parts)


def _hit(start, axes, length, radii, x, y):  # type: ignore[no-untyped-def]  # scalars and arrays alike
    """Where the ray through (x, y) first meets an elliptic rounded cone.

    Returns the discriminant (> 0: it does), the fraction of the axis whose sphere it meets, and the depth in px
    relative to the solid's middle. In coordinates divided by the stretch the solid is round; the cylinder of mean
    radius gives the sphere on the axis, and that sphere the surface.
    """
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = axes
    dx, dy = x - start[0], y - start[1]
    across = bz * bz + cz * cz
    # Along the axis, and the ray's slope and square distance across it: linear and quadratic in (dx, dy).
    lx, ly = bz * bx + cz * cx, bz * by + cz * cy
    qxx, qxy, qyy = bx * bx + cx * cx, bx * by + cx * cy, by * by + cy * cy
    along, lean = ax * dx + ay * dy, lx * dx + ly * dy
    square = (qxx * dx + (2 * qxy) * dy) * dx + qyy * (dy * dy)
    radius = 0.5 * (radii[0] + radii[1])
    pull, share = az / (across + 1e-9) / length, 1 / length
    inner = (across * radius * radius - (across * qyy - ly * ly) * (dy * dy)) - (
        (across * qxx - lx * lx) * dx + (2 * (across * qxy - lx * ly)) * dy) * dx  # fmt: skip
    fraction = ((ax * share - lx * pull) * dx + (ay * share - ly * pull) * dy) - np.sqrt(np.maximum(inner, 0)) * pull
    fraction = np.minimum(np.maximum(fraction, 0), 1)
    along -= fraction * length
    radius = fraction * (radii[1] - radii[0]) + radii[0]
    across = across + az * az
    lean += az * along
    disc = lean * lean - across * (along * along + square - radius * radius)
    depth = (lean + np.sqrt(np.maximum(disc, 0))) * (-1 / across)
    return disc, fraction, depth + start[2]


def depths(view: Solids, points: np.ndarray) -> np.ndarray:
    """How deep (P, J) mm each solid's surface lies at px `points` (J, 2); infinite where it does not."""
    column = view.start.T[..., None]
    axes = np.moveaxis(view.axes, 0, -1)[..., None]
    disc, _, depth = _hit(column, axes, view.length[:, None], view.radii.T[..., None], points[:, 0], points[:, 1])
    return np.where(disc > 0, view.depth[:, None] + depth / view.scale[:, None], np.inf)


def seen(view: Solids, points: np.ndarray, joint_depth: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of J joints, at px `points` (J, 2) and depth `joint_depth` (J,) mm, the person's own solids leave in view:
    (J,) bool; and the depth (J,) mm before which anything else hides them.

    A joint is hidden when a part it does not belong to lies before its own surface, or when its own surface lies more
    than `below` (J,) mm before it (a hip behind the other hip).
    """
    depth = depths(view, points)
    own = np.minimum(np.where(view.parts.owner, depth, np.inf).min(0), joint_depth)
    other = np.where(view.parts.owner, np.inf, depth).min(0)
    return (other > own - SURFACE) & (joint_depth - own < below), own - SURFACE


@dataclass
class Layers:
    """What is in front at each of `SUPERSAMPLE` times the image's pixels: depth mm, part (-1: none), fraction of its
    axis."""

    depth: np.ndarray
    part: np.ndarray
    fraction: np.ndarray


def rasterize(view: Solids, size: tuple[int, int]) -> Layers:
    """Draw solids into a depth buffer. They are so small that calls would cost more than arithmetic if each were drawn
    on its own: the boxes around them are cut into square tiles, and all tiles drawn together."""
    height, width = round(size[0] * SUPERSAMPLE), round(size[1] * SUPERSAMPLE)
    boxes = np.round((view.bounds() + 0.5) * SUPERSAMPLE).astype(int) + np.array([0, 0, 1, 1])
    boxes = np.clip(boxes, 0, [width, height, width, height])
    across, down = -((boxes[:, :2] - boxes[:, 2:]) // TILE).T
    part = np.repeat(np.arange(len(boxes)), across * down)
    row, column = np.divmod(np.arange(len(part)) - (np.cumsum(across * down) - across * down)[part], across[part])
    row, column = boxes[part, 1] + TILE * row, boxes[part, 0] + TILE * column
    below, beside = np.divmod(np.arange(TILE * TILE), TILE)
    xs = _grid(width)[column][:, None] + (beside / SUPERSAMPLE).astype(np.float32)
    ys = _grid(height)[row][:, None] + (below / SUPERSAMPLE).astype(np.float32)
    start, axes, length, radii, middle, scale = (
        np.take(np.moveaxis(values, 0, -1).astype(np.float32), part, -1)[..., None]
        for values in (view.start, view.axes, view.length, view.radii, view.depth, view.scale)
    )
    disc, fraction, depth = _hit(start, axes, length, radii, xs, ys)
    depth = depth / scale + middle
    hits = np.flatnonzero(disc > 0)
    tile, within = np.divmod(hits, TILE * TILE)
    pitch = width + TILE  # tiles may reach over the right and the lower edge
    pixel = (row * pitch + column)[tile] + (below * pitch + beside)[within]
    depth, fraction = depth.ravel()[hits], fraction.ravel()[hits]
    front = np.full((height + TILE, pitch), FAR)
    np.minimum.at(front.reshape(-1), pixel, depth)
    first = np.flatnonzero(depth == front.reshape(-1)[pixel])
    parts, fractions = np.full(front.shape, -1, np.int16), np.zeros(front.shape, np.float32)
    parts.reshape(-1)[pixel[first]], fractions.reshape(-1)[pixel[first]] = part[tile[first]], fraction[first]
    return Layers(front[:height, :width], parts[:height, :width], fractions[:height, :width])


def _grid(count: int) -> np.ndarray:
    """Image coordinates of the centres of `count` supersampled pixels."""
    return (np.arange(count, dtype=np.float32) + 0.5) / SUPERSAMPLE - 0.5


@dataclass(frozen=True)
class Surface:
    """The N covered pixels of `Layers`: flat index, material, cosine to the light, coordinates for patterns in mm."""

    index: np.ndarray
    material: np.ndarray
    light: np.ndarray
    u: np.ndarray
    v: np.ndarray


def surface(view: Solids, layers: Layers, light: np.ndarray) -> Surface:
    """Recover each covered pixel's place on its part; `light` is the unit direction to the light in camera axes."""
    index = np.flatnonzero(layers.part >= 0)
    part, fraction = layers.part.ravel()[index], layers.fraction.ravel()[index]
    squares = np.einsum("pij,pij->pi", view.axes, view.axes)  # 1, 1 / stretch^2
    table = np.concatenate([view.axes.reshape(-1, 9), view.start, view.scale[:, None], view.depth[:, None],
                            view.length[:, None], squares[:, 1:], view.axes @ light,
                            view.parts.paint[:, :4]], 1)  # fmt: skip
    columns = np.take(table.astype(np.float32).T, part, 1)  # in rows of memory, unlike table.T[:, part]
    axes, start, (scale, middle, length) = columns[:9].reshape(3, 3, -1), columns[9:12], columns[12:15]
    (sb, sc), toward, (before, after, cut, offset) = columns[15:17], columns[17:20], columns[20:]
    rows, cols = np.divmod(index, layers.part.shape[1])
    point = np.stack([_grid(layers.part.shape[1])[cols], _grid(layers.part.shape[0])[rows],
                      (layers.depth.ravel()[index] - middle) * scale]) - start  # fmt: skip
    along, lateral, third = (axes * point).sum(1)
    u = along / scale
    along = along - fraction * length
    norm = np.sqrt(along * along + sb * (lateral * lateral) + sc * (third * third)) + 1e-6
    cosine = (along * toward[0] + lateral * toward[1] + third * toward[2]) / norm
    lateral, third = (side / (np.sqrt(square) * scale) for side, square in ((lateral, sb), (third, sc)))
    material = np.where(fraction < cut, before, after).astype(np.uint8)
    for number in np.flatnonzero(view.parts.paint[:, 4] == OPEN):
        seam = np.flatnonzero((part == number) & (third > 0) & (np.abs(lateral) < OPENING))
        material[seam] += SHIRT - TOP
    for number in np.flatnonzero(view.parts.paint[:, 4] == FACE):
        face = np.flatnonzero(part == number)
        size = view.parts.radii[number, 0] / 62  # the head's own size, as built
        person = int(view.parts.paint[number, 0]) - SKIN
        material[face] = person + _face(u[face] / size, np.abs(lateral[face]) / size, third[face] / size)
    return Surface(index, material, cosine, u + offset, lateral)


def _face(up: np.ndarray, left: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Materials of the head's surface from its own coordinates in mm; eyes and mouth somewhat large, to survive."""
    material = np.where(up - 1.15 * forward > 2, np.uint8(HAIR), np.uint8(SKIN))
    front = forward > 30
    eye = front & (left > 15) & (left < 50)
    material[eye & (np.abs(up - 46) < 11)] = WHITE
    material[eye & (np.abs(up - 46) < 12) & (np.abs(left - 32) < 11)] = DARK
    material[eye & (np.abs(up - 68) < 6)] = HAIR
    material[front & (left < 24) & (np.abs(up + 10) < 6)] = MOUTH
    return material


@dataclass(frozen=True)
class Look:
    """Colours (M, 3) of all materials, a second colour and pattern (kind, period mm) for each, light and lens."""

    colors: np.ndarray
    seconds: np.ndarray
    patterns: list[tuple[int, int, float]]  # material, kind 1..4, period
    ambient: float
    light: np.ndarray
    grain: np.ndarray


def sample_look(rng: np.random.Generator, wild: bool, people: int) -> Look:
    colors, seconds = np.zeros((2, people * MATERIALS, 3), np.float32)
    patterns = []
    for first in range(0, people * MATERIALS, MATERIALS):
        tone = rng.random()
        skin = np.array([236, 195, 172]) * (1 - tone) + np.array([92, 60, 42]) * tone + rng.normal(0, 7, 3)
        hair = np.array([(30, 24, 22), (72, 46, 28), (165, 125, 70), (120, 118, 115), (118, 52, 28)])[rng.integers(5)]
        colors[first + SKIN : first + SKIN + 2] = skin, hair
        colors[first + DARK : first + DARK + 3] = (22, 18, 18), (236, 232, 228), skin * (0.68, 0.42, 0.42)
        worn = [first + material for material in (TOP, BOTTOM, SHOE, SOCK, EXTRA)]
        colors[worn], seconds[worn] = _cloth(rng, wild), _cloth(rng, True)
        if rng.random() < 0.15:
            colors[first + BOTTOM] = colors[first + TOP]
        contrast = rng.uniform(70, 130) * (1 if colors[first + TOP].mean() < 130 else -1)
        colors[first + SHIRT] = np.clip(colors[first + TOP] + contrast + rng.normal(0, 18, 3), 8, 248)
        for material, odds in ((TOP, 0.55 if wild else 0.3), (BOTTOM, 0.3 if wild else 0.1)):
            if rng.random() < odds:
                patterns.append((first + material, int(rng.integers(1, 5)), float(rng.uniform(45, 150))))
    light = np.array([rng.uniform(-1, 1), rng.uniform(-1.1, 0.1), rng.uniform(-1.2, -0.35)])
    ambient = rng.uniform(0.3, 0.7) if wild else rng.uniform(0.55, 0.75)
    grain = rng.random((32, 32), np.float32)
    return Look(colors, seconds, patterns, ambient, light / np.linalg.norm(light), grain)


def _cloth(rng: np.random.Generator, bright: bool) -> np.ndarray:
    """Five colours (5, 3): grey, muted or (where `bright`) strong."""
    spread = np.array([8.0, 30.0, 70.0 if bright else 45.0])[rng.integers(0, 3, 5)]
    return np.clip(rng.uniform(25, 235, (5, 1)) + rng.normal(0, 1, (5, 3)) * spread[:, None], 8, 248)


def shade(view: Solids, layers: Layers, look: Look, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Colours times coverage (H, W, 3) float32 and coverage (H, W) of the drawn solids at image size."""
    skin, depth = surface(view, layers, look.light), layers.depth
    inside, material, u, v, light = skin.index, skin.material, skin.u, skin.v, skin.light
    tint = np.take(look.colors, material, 0)
    for number, kind, period in look.patterns:
        where = np.flatnonzero(material == number)
        share = _pattern(kind, u[where] * (1 / period), v[where] * (1 / period), look.grain)
        tint[where] += share[:, None] * (look.seconds[number] - look.colors[number])
    creases = look.grain[(u * (1 / 28)).astype(np.int32) & 31, (v * (1 / 40)).astype(np.int32) & 31]
    lit = look.ambient + (1.12 - look.ambient) * np.maximum(light, 0) + 0.10 * light
    # What lies behind its neighbourhood is darkened: limbs stand off a body in the same clothes.
    ceiling = np.minimum(depth, depth.min() + 2500)
    hollow = (ceiling - cv2.blur(ceiling, (7, 7))).ravel()[inside] * (1 / 260)
    lit *= (1 + CREASES[material % MATERIALS] * (creases - 0.6)) * (1 - np.minimum(np.maximum(hollow, -0.08), 0.32))
    color, covered = np.zeros((depth.size, 3), np.float32), np.zeros(depth.size, np.float32)
    color[inside], covered[inside] = tint * lit[:, None], 1
    height, width = depth.shape
    pixels, mask = color.reshape(height, width, 3), covered.reshape(height, width)
    return cv2.resize(pixels, size[::-1]), cv2.resize(mask, size[::-1])


def _pattern(kind: int, u: np.ndarray, v: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Share (0 to 1) of the second colour: stripes around, stripes along, checks, blotches."""
    if kind == 1:
        return (u % 1 < 0.45).astype(np.float32)
    if kind == 2:
        return (v % 1 < 0.4).astype(np.float32)
    if kind == 3:
        return 0.5 * ((u % 1 < 0.5).astype(np.float32) + (v % 1 < 0.5))
    return grain[(u * 3).astype(np.int32) & 31, (v * 3).astype(np.int32) & 31]
