from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from semipose.drawing.charts import MOST_POINTS, Chart, Series, line_chart, log_ticks, short, thin, ticks


def series(n: int = 5, label: str = "a", color: int = 0) -> Series:
    return Series(label, np.arange(n, dtype=float), np.linspace(0, 0.8, n), color)


def drawn(chart: Chart) -> str | None:
    line = ET.fromstring(str(chart.svg)).find("polyline")
    assert line is not None
    return line.get("points")


def test_points_are_placed_on_the_axes() -> None:
    chart = line_chart("PCK", [series()], "step", y_range=(0, 0.8))
    assert chart is not None
    # From 46 to 348 across, and from 192 up to 10.
    assert drawn(chart) == "46.0,192.0 121.5,146.5 197.0,101.0 272.5,55.5 348.0,10.0"


def test_blank_cells_are_skipped_and_nothing_is_no_chart() -> None:
    y = np.array([np.nan, 0.2, np.nan, 0.4, np.inf])
    assert thin(Series("a", np.arange(5.0), y)).x.tolist() == [1, 3]
    assert line_chart("t", [Series("a", np.arange(5.0), np.full(5, np.nan))], "step") is None
    assert line_chart("t", [], "step") is None


def test_long_lines_are_averaged() -> None:
    n = 10 * MOST_POINTS
    y = np.tile([0.0, 1.0], n // 2)
    thinned = thin(Series("a", np.arange(n, dtype=float), y))
    assert len(thinned.x) == MOST_POINTS and np.allclose(thinned.y, 0.5)
    assert np.all(np.diff(thinned.x) > 0)


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0], [0.0, 0.0], [-1.0, -1.0], [1e-12, 1e9]])
@pytest.mark.parametrize("log", [True, False])
def test_degenerate_values_still_draw(values: list[float], log: bool) -> None:
    chart = line_chart("t", [Series("a", np.arange(len(values), dtype=float), np.array(values))], "step", log=log)
    assert chart is not None
    places = [[float(v) for v in point.split(",")] for point in (drawn(chart) or "").split()]
    assert len(places) == len(values)
    assert all(46 <= x <= 348 and 10 <= y <= 192 for x, y in places)


def test_text_is_escaped() -> None:
    chart = line_chart('<b>"t"', [series()], "<i>")
    assert chart is not None and "<b>" not in chart.svg and "<i>" not in chart.svg
    assert ET.fromstring(str(chart.svg)).get("aria-label") == '<b>"t"'


def test_ticks() -> None:
    assert ticks(0, 1) == [0, 0.25, 0.5, 0.75, 1]
    assert ticks(0, 2000, 5) == [0, 500, 1000, 1500, 2000]
    assert log_ticks(0.0015, 0.02) == [0.002, 0.005, 0.01, 0.02]
    assert log_ticks(1e-4, 10.0) == [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0]
    assert [short(v) for v in (0, 0.25, 500, 12000, 2.5e6, 5e-4)] == ["0", "0.25", "500", "12k", "2.5M", "5e-4"]


def test_lines_beyond_the_colours_differ_by_dash() -> None:
    assert series(color=0).style != series(color=6).style


def test_one_evaluation_lies_at_the_end_of_an_axis_from_nothing() -> None:
    chart = line_chart("PCK", [Series("", np.array([60.0]), np.array([0.5]))], "step", percent=True)
    assert chart is not None
    texts = [text.text for text in ET.fromstring(str(chart.svg)).iter("text")]
    assert "0" in texts and "60" in texts and "61" not in texts
    assert (drawn(chart) or "").startswith("348.0,")
