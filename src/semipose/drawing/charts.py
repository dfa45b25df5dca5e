"""Line charts as inline SVG, coloured by the page's CSS variables so that they follow its light or dark theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 38
COLORS = 6
MOST_POINTS = 240
DASHES = ("", "6 4", "2 3")


@dataclass(frozen=True, eq=False)
class Series:
    """One line. `color` counts through the page's six colours, `dash` through `DASHES`."""

    label: str
    x: np.ndarray
    y: np.ndarray
    color: int = 0
    dash: int = 0

    @property
    def style(self) -> Markup:
        # Past the six colours the dash tells lines apart.
        dash = DASHES[(self.dash + self.color // COLORS) % len(DASHES)]
        return Markup(f'style="stroke:var(--c{self.color % COLORS})" stroke-dasharray="{dash}"')


@dataclass(frozen=True, eq=False)
class Chart:
    title: str
    svg: Markup
    series: tuple[Series, ...]


def line_chart(
    title: str,
    series: Sequence[Series],
    x_label: str,
    log: bool = False,
    y_range: tuple[float, float] | None = None,
    percent: bool = False,
    x_format: Callable[[float], str] | None = None,
) -> Chart | None:
    """Draw lines over a common x axis; None where no series has a finite point.

    A line of more than 240 points is drawn as the means of 240 bins. With `log`, the y axis is logarithmic if every
    value is positive. `y_range` fixes the y axis; `percent` labels fractions as percentages.
    """
    lines = [thin(s) for s in series]
    lines = [s for s in lines if len(s.x)]
    if not lines:
        return None
    x = np.concatenate([s.x for s in lines])
    y = np.concatenate([s.y for s in lines])
    log = log and bool((y > 0).all())
    low, high = y_range or _padded(y, log)
    x_low, x_high = float(x.min()), float(x.max())
    if x_high == x_low:  # one evaluation: from nothing to there
        x_low, x_high = (0.0, x_high) if x_high > 0 else (x_low, x_low + 1)
    warp = math.log10 if log else float

    def across(value: float) -> float:
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - (warp(value) - warp(low)) / (warp(high) - warp(low)) * (HEIGHT - TOP - BOTTOM)

    y_ticks = log_ticks(low, high) if log else ticks(low, high)
    parts = [_y_tick(up(t), f"{100 * t:g}" if percent else short(t)) for t in y_ticks]
    parts += [_x_tick(across(t), (x_format or short)(t)) for t in ticks(x_low, x_high, 5)]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(middle, HEIGHT - 6, x_label))
    for s in lines:
        points = [(across(a), up(min(max(b, low), high))) for a, b in zip(s.x, s.y, strict=True)]
        if len(points) == 1:
            parts.append(
                Markup('<circle class="line" cx="{:.1f}" cy="{:.1f}" r="2.5" {}/>').format(*points[0], s.style)
            )
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(Markup('<polyline class="line" points="{}" {}/>').format(path, s.style))
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, title)
    return Chart(title, head + Markup("").join(parts) + Markup("</svg>"), tuple(lines))


def thin(series: Series) -> Series:
    """The finite points, averaged in bins of equal numbers of points where there are too many."""
    good = np.isfinite(series.x) & np.isfinite(series.y)
    x, y = series.x[good], series.y[good]
    if len(x) > MOST_POINTS:
        x, y = (np.array([part.mean() for part in np.array_split(v, MOST_POINTS)]) for v in (x, y))
    return Series(series.label, x, y, series.color, series.dash)


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round values within [low, high], some `about` of them."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of each decade within [low, high]; only powers of ten where that is more than five."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [m * 10.0**d for d in decades for m in (1, 2, 5) if low <= m * 10.0**d <= high]
    tens = [10.0**d for d in decades if low <= 10.0**d <= high]
    return every if len(every) <= 5 or len(tens) < 2 else tens


def short(value: float) -> str:
    """12000 -> 12k, 0.0005 -> 5e-4."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:.0e}".replace("e-0", "e-") if 0 < abs(value) < 1e-3 else f"{value:.4g}"


def _padded(y: np.ndarray, log: bool) -> tuple[float, float]:
    low, high = float(y.min()), float(y.max())
    if log:
        return low / 1.15, high * 1.15
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return (0.0 if 0 <= low <= 0.35 * high else low - room), high + room


def _y_tick(y: float, label: str) -> Markup:
    return Markup(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
    )


def _x_tick(x: float, label: str) -> Markup:
    return Markup(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(label)}</text>')
