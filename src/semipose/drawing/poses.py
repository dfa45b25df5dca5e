"""Poses drawn on photographs, and sheets of such photographs.

Right is warm, left is cool, the middle neutral. A prediction is thick and filled; the truth is thin and white-cored
with hollow joints, so that both can lie on one picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from colorsys import hls_to_rgb
from typing import Literal

import cv2
import numpy as np

from semipose.skeleton import Skeleton

RGB = tuple[int, int, int]
Draw = Callable[[np.ndarray, np.ndarray], None]
LEFT: RGB = (40, 140, 255)
RIGHT: RGB = (255, 118, 20)
CENTRE: RGB = (205, 205, 212)
TRACKS: tuple[RGB, ...] = (
    *((255, 90, 60), (60, 150, 255), (70, 210, 90), (255, 200, 40), (200, 90, 255), (50, 215, 215)),
    *((255, 130, 190), (160, 120, 80)),
)
"""Of identities in turn."""
DARK: RGB = (20, 20, 24)
WHITE: RGB = (255, 255, 255)

_SHIFT = 4  # fixed-point bits of OpenCV's sub-pixel drawing


def draw_pose(
    image: np.ndarray,
    keypoints: np.ndarray,
    skeleton: Skeleton,
    style: Literal["prediction", "truth"] = "prediction",
    fade: tuple[float, float] = (0.1, 0.4),
    track: int | None = None,
    colors: Sequence[RGB] | None = None,
    least: float = 1.0,
) -> np.ndarray:
    """A copy of `image` with one pose on it, its lines sized to the image and to the pose.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (K, 2) x, y or (K, 3) x, y and score (prediction) or visibility (truth), in pixels of `image`. Joints
            that are not finite, or far outside the image, are left out, and so are unlabelled ones of the truth.
        skeleton: whose limbs and left/right pairs to draw.
        style: prediction or truth.
        fade: scores of a prediction; joints below the first are left out, those between are faded, a limb as its
            fainter end.
        track: whose it is, from 1: drawn in that one's colour, with the number.
        colors: of each joint; by default of its side. A limb has that of its ends, between theirs where they differ.
        least: pixels that lines are wide at least.
    """
    canvas = image.copy()
    keypoints = np.asarray(keypoints, dtype=np.float64)
    opacity = _opacity(keypoints, style, fade) * _drawable(keypoints, image.shape)
    if not opacity.any():
        return canvas
    width = max(_line_width(image.shape, keypoints[opacity > 0, :2]), least)
    by_side = colors is None and track is None
    if track is not None:
        colors = [TRACKS[(track - 1) % len(TRACKS)]] * len(skeleton)
    colors = colors or side_colors(skeleton)
    for a, b in skeleton.limbs:
        strength = min(opacity[a], opacity[b])
        if strength > 0:
            # A limb takes the side of its ends unless they disagree: hip to hip is neutral, neck to shoulder is not.
            sides = {colors[a], colors[b]} - {CENTRE}
            color = sides.pop() if len(sides) == 1 else CENTRE if by_side else _between(colors[a], colors[b])
            _draw_limb(canvas, keypoints[[a, b], :2], color, width, strength, style)
    for joint in np.flatnonzero(opacity).tolist():
        _draw_joint(canvas, keypoints[joint, :2], colors[joint], width, opacity[joint], style)
    if track is not None:
        _number(canvas, keypoints[opacity > 0, :2], colors[0], track)
    return canvas


def side_colors(skeleton: Skeleton) -> list[RGB]:
    """The colour of each joint by its side."""
    left, right = ({pair[side] for pair in skeleton.pairs} for side in (0, 1))
    return [LEFT if k in left else RIGHT if k in right else CENTRE for k in range(len(skeleton))]


def joint_colors(skeleton: Skeleton) -> list[RGB]:
    """A colour for each joint: hues around the circle, every second one lighter, so that neighbours differ."""
    found = []
    for k in range(len(skeleton)):
        light = 0.68 if k % 2 else 0.52
        red, green, blue = hls_to_rgb(k / len(skeleton), light, 0.95)
        found.append((round(255 * red), round(255 * green), round(255 * blue)))
    return found


def write(canvas: np.ndarray, text: str, at: Sequence[int], color: Sequence[int], size: float = 0.5) -> None:
    """A text with a dark rim; `at`: pixels of its lower left corner. OpenCV has ASCII alone, others are "?"."""
    plain = text.encode("ascii", "replace").decode()
    # OpenCV 5 writes thick letters wider: a dark rim is the same letters one pixel aside.
    for dx, dy, shade in ((-1, 0, DARK), (1, 0, DARK), (0, -1, DARK), (0, 1, DARK), (0, 0, color)):
        cv2.putText(canvas, plain, (at[0] + dx, at[1] + dy), cv2.FONT_HERSHEY_SIMPLEX, size, shade, 1, cv2.LINE_AA)


def legend(rows: Sequence[tuple[str, RGB]], width: int, size: float = 0.45) -> np.ndarray:
    """A strip (h, `width`, 3) that says what has which colour, in as many lines as it takes."""
    high, places, x, y = round(40 * size), list[tuple[int, int]](), 0, 0
    spans = [round(46 * size) + cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0] for text, _ in rows]
    for span in spans:
        x, y = (x, y) if x == 0 or x + span <= width else (0, y + high)
        places.append((x, y))
        x += span
    strip = np.full((y + high + 4, width, 3), DARK, np.uint8)
    for (text, color), (left, top) in zip(rows, places, strict=True):
        _disc(strip, np.array([left + 20 * size, top + high / 2 + 2]), 10 * size, color, 1.0)
        write(strip, text, (left + round(36 * size), top + round(high / 2 + 2 + 10 * size)), WHITE, size)
    return strip


def contact_sheet(
    images: Sequence[np.ndarray], columns: int, gap: int = 8, background: RGB = (32, 32, 36)
) -> np.ndarray:
    """Images (H, W, 3) uint8, not necessarily of one size, centred in a grid of equal cells, row by row."""
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    sheet = np.empty((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), dtype=np.uint8)
    sheet[:] = background
    for n, image in enumerate(images):
        h, w = image.shape[:2]
        top = gap + n // columns * (height + gap) + (height - h) // 2
        left = gap + n % columns * (width + gap) + (width - w) // 2
        sheet[top : top + h, left : left + w] = image
    return sheet


def _between(one: RGB, other: RGB) -> RGB:
    red, green, blue = ((a + b) // 2 for a, b in zip(one, other, strict=True))
    return red, green, blue


def _opacity(keypoints: np.ndarray, style: str, fade: tuple[float, float]) -> np.ndarray:
    if keypoints.shape[1] < 3:
        return np.ones(len(keypoints))
    value = np.nan_to_num(keypoints[:, 2], nan=0.0)
    if style == "truth":
        return (value > 0).astype(float)
    low, high = fade
    risen = np.clip((value - low) / max(high - low, 1e-9), 0, 1)
    return np.where(value < low, 0.0, 0.3 + 0.7 * risen)


def _drawable(keypoints: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Whether each joint is finite and no farther outside than the image is long: OpenCV's integers overflow."""
    reach = max(shape[:2])
    inside = (keypoints[:, :2] > -reach) & (keypoints[:, :2] < np.array([shape[1], shape[0]]) + reach)
    return np.asarray(inside.all(1))


def _line_width(shape: tuple[int, ...], xy: np.ndarray) -> float:
    extent = max(np.ptp(xy, axis=0).max(), 12.0)
    return float(np.clip(min(max(shape[:2]) / 110, extent / 25), 1.0, 24.0))


def _number(canvas: np.ndarray, xy: np.ndarray, color: RGB, track: int) -> None:
    """A body's number above its topmost joint."""
    size = max(0.35, max(canvas.shape[:2]) / 1600)
    x, y = (xy[xy[:, 1].argmin()] - (6 * size, 14 * size)).clip(2, None).round().astype(int).tolist()
    y = max(y, round(24 * size))
    for shade, width in ((DARK, 3), (color, 1)):
        thick = max(1, round(1.5 * width * size))
        cv2.putText(canvas, str(track), (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, shade, thick, cv2.LINE_AA)


def _draw_limb(canvas: np.ndarray, ends: np.ndarray, color: RGB, width: float, opacity: float, style: str) -> None:
    if style == "truth":
        _line(canvas, ends, DARK, width, opacity * 0.55)
        _line(canvas, ends, WHITE, width / 2.5, opacity)
    else:
        _line(canvas, ends, DARK, width * 1.6, opacity * 0.45)
        _line(canvas, ends, color, width, opacity)


def _draw_joint(canvas: np.ndarray, centre: np.ndarray, color: RGB, width: float, opacity: float, style: str) -> None:
    if style == "truth":
        _disc(canvas, centre, width * 1.5, DARK, opacity * 0.55, thickness=max(2, round(width * 1.1)))
        _disc(canvas, centre, width * 1.5, color, opacity, thickness=max(1, round(width * 0.5)))
    else:
        _disc(canvas, centre, width * 1.45, DARK, opacity * 0.6)
        _disc(canvas, centre, width * 1.1, color, opacity)


def _line(canvas: np.ndarray, ends: np.ndarray, color: RGB, width: float, opacity: float) -> None:
    thickness = max(1, round(width))

    def draw(mask: np.ndarray, origin: np.ndarray) -> None:
        a, b = _fixed(ends - origin)
        cv2.line(mask, a, b, 255, thickness, cv2.LINE_AA, _SHIFT)

    _blend(canvas, ends, thickness, color, opacity, draw)


def _disc(
    canvas: np.ndarray, centre: np.ndarray, radius: float, color: RGB, opacity: float, thickness: int = -1
) -> None:
    def draw(mask: np.ndarray, origin: np.ndarray) -> None:
        (point,) = _fixed((centre - origin)[None])
        cv2.circle(mask, point, round(radius * (1 << _SHIFT)), 255, thickness, cv2.LINE_AA, _SHIFT)

    _blend(canvas, centre[None], radius + max(thickness, 0), color, opacity, draw)


def _blend(canvas: np.ndarray, points: np.ndarray, margin: float, color: RGB, opacity: float, draw: Draw) -> None:
    """Draw an anti-aliased mask over the part of the canvas that holds `points`, and lay the colour through it."""
    height, width = canvas.shape[:2]
    low = np.maximum(np.floor(points.min(0) - margin - 2).astype(int), 0)
    high = np.minimum(np.ceil(points.max(0) + margin + 3).astype(int), (width, height))
    if (high <= low).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
    draw(mask, low)
    region = canvas[low[1] : high[1], low[0] : high[0]]
    weight = mask[..., None].astype(np.float32) * (opacity / 255)
    region[:] = np.rint(region + weight * (np.array(color, dtype=np.float32) - region)).astype(np.uint8)


def _fixed(points: np.ndarray) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in np.rint(points * (1 << _SHIFT))]
