"""What methods taught with: its accuracy on labels held back, over steps, by joint, and by how sure the teacher was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semipose.drawing.charts import Chart, Series, line_chart
from semipose.reports.compare import percent
from semipose.reports.runs import Run, number

COLUMNS = {"pck": "PCK", "taught": "taught", "pck_taught": "PCK of those taught"}
SAID = {"confidence": "confidence", "doubt": "doubt"}


def pseudo_charts(runs: Sequence[Run]) -> list[Chart]:
    """Accuracy over steps: all measures of one run, or the PCK of several; then PCK against confidence and doubt."""
    if len(runs) == 1:
        found = [(label, runs[0], f"pseudo/{column}") for column, label in COLUMNS.items()]
    else:
        found = [(run.name, run, "pseudo/pck") for run in runs]
    lines = [
        Series(label, run.metrics["step"], run.metrics[column], n)
        for n, (label, run, column) in enumerate(found)
        if column in run.metrics and "step" in run.metrics
    ]
    charts = [line_chart("Pseudo-heatmaps (%)", lines, "step", percent=True)]
    for name in SAID:
        lines = []
        for n, run in enumerate(runs):
            x, y = (_numbers(_of(_of(_pseudo(run), "calibration"), name).get(key)) for key in ("value", "pck"))
            if len(x) and len(x) == len(y):
                lines.append(Series(run.name if len(runs) > 1 else "", x, y, n))
        charts.append(line_chart(f"PCK against {name} (%)", lines, name, y_range=(0, 1), percent=True))
    return [chart for chart in charts if chart]


def pseudo_table(runs: Sequence[Run]) -> dict[str, Any] | None:
    """A row a joint, after one for all: every measure of one run, or the PCK of several. Text, as shown."""
    if len(runs) == 1:
        columns = [(label, runs[0], key) for key, label in {**COLUMNS, **SAID}.items() if key in _pseudo(runs[0])]
    else:
        columns = [(run.name, run, "pck") for run in runs if _pseudo(run)]
    if not columns:
        return None
    joints = dict.fromkeys(joint for _, run, _ in columns for joint in _of(_pseudo(run), "per_joint"))

    def row(name: str, parts: Sequence[dict[str, Any]]) -> tuple[str, list[str]]:
        return name, [_shown(key, part.get(key)) for (_, _, key), part in zip(columns, parts, strict=True)]

    rows = [row("all", [_pseudo(run) for _, run, _ in columns])]
    for joint in joints:
        parts = [_of(_of(_pseudo(run), "per_joint"), joint) for _, run, _ in columns]
        rows.append(row(joint.replace("_", " "), parts))
    return {"columns": [label for label, _, _ in columns], "rows": rows}


def _shown(key: str, value: Any) -> str:
    found = number(value)
    return "–" if found is None else f"{found:.3f}" if key in SAID else percent(found)


def _pseudo(run: Run) -> dict[str, Any]:
    return _of(run.summary, "pseudo")


def _of(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _numbers(value: Any) -> np.ndarray:
    return np.array([np.nan if number(v) is None else v for v in value] if isinstance(value, list) else [], dtype=float)
