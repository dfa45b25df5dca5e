"""One self-contained HTML page about one or several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from semipose.drawing.charts import Chart, Series, line_chart
from semipose.errors import boundary
from semipose.files import plain_bytes, ready, write_atomically
from semipose.metrics.summary import ENSEMBLE, TWIN, label_of
from semipose.reports.compare import cautions, headline, percent, points
from semipose.reports.gallery import gallery
from semipose.reports.pseudo import pseudo_charts, pseudo_table
from semipose.reports.runs import SOURCES, Run, duration, number, read_runs, wilson

RESPONSES = ("labeled", "teacher", "student", "background")
NORMS = {
    "pck": "longer sides of the box that encloses the labelled joints",
    "pckh": "head sizes",
    "jdr": "tenths of the network's input width",
}
"""What a threshold is a part of, by a run's measure."""


def report(runs: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of some run directories.

    Args:
        runs: run directories; parts they lack are left out with a note.
        out: the file to write; by default report.html in the run's directory, or, for several, beside the first.

    Returns: the file written. It holds its figures and photographs and refers to nothing outside itself.

    Raises:
        UserError: a run directory does not exist, or none is given.
    """
    found = read_runs(runs)
    first = Path(runs[0]).resolve()
    path = Path(out) if out is not None else (first if len(found) == 1 else first.parent) / "report.html"
    with boundary(", ".join(map(str, runs)), "what training writes"):
        content = contents(found)
    return write_page(ready(path, PAGE), "report.html", content)


PAGE = rb"<title>[^<]*semipose"
"""In every page of ours."""


def write_page(path: Path, template: str, content: dict[str, Any]) -> Path:
    """Write a page of one of the templates, whole or not at all."""
    environment = Environment(
        loader=PackageLoader("semipose.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"percent": percent, "pixels": pixels}
    write_atomically(ready(path, PAGE), plain_bytes(environment.get_template(template).render(content)))
    return path


def contents(runs: Sequence[Run]) -> dict[str, Any]:
    """What the template shows, section by section."""
    shown = [(run, run.predictions, run.threshold if run.norm == "pck" else None) for run in runs]
    galleries = [g for run, p, threshold in shown if p for g in [gallery(run.name, p, threshold)] if g]
    measures = {run.measure or f"PCK@{run.threshold:g}" for run in runs}
    return {
        "title": ", ".join(run.name for run in runs),
        "names": [run.name for run in runs],
        "headline": headline(runs),
        "cautions": cautions(runs),
        "warnings": [(run.name, text) for run in runs for text in run.warnings],
        "several": len(runs) > 1,
        "measure": measures.pop() if len(measures) == 1 else kind(runs),
        "norms": " or ".join(dict.fromkeys(NORMS.get(run.norm, "what its measure says") for run in runs)),
        "table": score_rows(runs),
        "facts": facts(runs),
        "curves": curves(runs),
        "thresholds": [c for c in [threshold_chart(runs)] if c],
        "joints": joint_table(runs),
        "pseudo": {"charts": pseudo_charts(runs), "table": pseudo_table(runs)},
        "galleries": galleries,
        "differences": differences(runs),
        "configs": [(run.name, run.config) for run in runs if run.config],
        "notes": [(run.name, note) for run in runs for note in run.notes]
        + [(g.run, g.note) for g in galleries if g.note],
    }


def kind(runs: Sequence[Run]) -> str:
    """What is measured, such as PCKH; PCK where runs differ."""
    kinds = {run.norm.upper() for run in runs}
    return kinds.pop() if len(kinds) == 1 else "PCK"


def score_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One row a run and network; the mean of networks first where there are several."""
    best = max((run.pck for run in runs if run.pck is not None), default=None)
    rows = []
    for run in runs:
        single = len(run.networks) < 2
        names = run.networks if single and run.networks else ["mean", *run.networks]
        for name in names:
            scores = run.of(name)
            pck = run.pck if name == "mean" or single else number(scores.get("pck"))
            rows.append(
                {
                    "run": run.name,
                    "first": name == names[0],
                    "best": len(runs) > 1 and name == names[0] and pck is not None and pck == best,
                    "network": name,
                    "label": label_of(name, single),
                    "pck": pck,
                    "px": number(scores.get("median_error_px")),
                    "swap": number(scores.get("swap")),
                    "oks": number(scores.get("oks")),
                }
            )
    return rows


def pixels(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}\N{NO-BREAK SPACE}px"


def facts(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """(what, its value in each run), without rows that no run can fill."""

    def count(key: str) -> list[str]:
        return [f"{int(n):,}" if (n := number(run.summary.get(key))) is not None else "–" for run in runs]

    def text(key: str) -> list[str]:
        return [str(run.summary.get(key) if run.summary.get(key) is not None else "–") for run in runs]

    rows = [
        ("Method", text("method")),
        (f"{kind(runs)}, 95 % interval", [_interval(run) for run in runs]),
        ("Data", [_data(run) for run in runs]),
        ("Hash of samples and labels", [run.split[:12] if run.split else "–" for run in runs]),
        ("Labelled images", count("labels")),
        ("Unlabelled images", count("unlabeled")),
        ("Validation images", count("val_images")),
        ("Steps", count("steps")),
        ("Kept network", [_kept(run) for run in runs]),
        ("Parameters", [_parameters(run) for run in runs]),
        ("Time to train", [duration(number(run.summary.get("seconds"))) for run in runs]),
        ("Seed", text("seed")),
        ("Commit", text("commit")),
        ("Machine", text("machine")),
    ]
    return [(what, values) for what, values in rows if any(v != "–" for v in values)]


def _interval(run: Run) -> str:
    """Wilson's, of the validation samples; how far another seed would differ is not in it."""
    n = number(run.summary.get("val_images"))
    if run.pck is None or not n:
        return "–"
    low, high = wilson(run.pck, int(n))
    return f"{percent(low)} to {percent(high)} ({int(n):,} samples, one seed)"


def _data(run: Run) -> str:
    uses = dict(zip(SOURCES, ("labelled", "unlabelled", "validation"), strict=True))
    return "; ".join(f"{uses[key]}: {name}" for key, name in run.sources.items()) or "–"


def _parameters(run: Run) -> str:
    counts = run.summary.get("parameters")
    if not isinstance(counts, list) or not all(number(n) for n in counts):
        return "–"
    return " and ".join(f"{n / 1e6:.1f} M" for n in counts) or "–"


def _kept(run: Run) -> str:
    """Which network a guarded run kept, and the PCK of both."""
    if run.guard is None:
        return "–"
    shown = {"taught": "with unlabelled images", "labels": "labels alone"}
    scores = [f"{what} {percent(run.guard[key])}" for key, what in shown.items()]
    return f"{shown[run.guard['kept']]} ({', '.join(scores)})"


def curves(runs: Sequence[Run]) -> list[Chart]:
    """PCK, each loss, and each run's responses, over steps. Several runs share a chart, one colour each."""
    charts = [_pck_chart(runs)]
    columns = dict.fromkeys(name for run in runs for name in run.metrics)
    for column in (c for c in columns if c.startswith("loss/")):
        lines = [
            line for n, run in enumerate(runs) for line in _lines(run, column, run.name if len(runs) > 1 else "", n)
        ]
        charts.append(line_chart(f"Loss: {column.removeprefix('loss/')}", lines, "step", log=True))
    charts += _response_charts(runs)
    return [chart for chart in charts if chart]


def threshold_chart(runs: Sequence[Run]) -> Chart | None:
    """PCK against threshold: every network of one run, or the means of several."""
    lines = []
    for n, run in enumerate(runs):
        names = ["mean"] if len(runs) > 1 else run.networks
        for m, name in enumerate(names):
            x, y = run.scores.get("thresholds"), run.of(name).get("curve")
            if x and y and len(x) == len(y):
                label, color = (run.name, n) if len(runs) > 1 else (label_of(name, len(names) < 2), m)
                lines.append(Series(label, np.array(x, dtype=float), np.array(y, dtype=float), color))
    along = "threshold, share of the box" if all(run.norm == "pck" for run in runs) else "threshold"
    return line_chart(f"{kind(runs)} against threshold (%)", lines, along, y_range=(0, 1), percent=True)


def joint_table(runs: Sequence[Run]) -> dict[str, Any] | None:
    """PCK of each joint: a column a network of one run, or a run (mean of its networks); and the median error."""
    several = len(runs) > 1
    columns = [(r.name, r.of("mean")) for r in runs] if several else [(n, runs[0].of(n)) for n in runs[0].networks]
    columns = [(name, scores["per_joint"]) for name, scores in columns if scores.get("per_joint")]
    if not columns:
        return None
    counts: dict[str, int] = next((run.scores["count"] for run in runs if run.scores.get("count")), {})
    joints = dict.fromkeys(joint for _, values in columns for joint in values)
    errors = [(run.name, run.of("mean").get("per_joint_px") or {}) for run in runs]
    errors = [(f" of {name}" if several else "", values) for name, values in errors if values]
    rows = [
        (
            joint.replace("_", " "),
            counts.get(joint),
            [number(v.get(joint)) for _, v in columns],
            [number(v.get(joint)) for _, v in errors],
        )
        for joint in joints
    ]
    change = None
    if len(columns) == 2 and several:
        change = [points(b - a) if a is not None and b is not None else "–" for _, _, (a, b), _ in rows]
    alone = len(columns) < 2
    names = [name if several else kind(runs) if alone else f"{kind(runs)}, {label_of(name)}" for name, _ in columns]
    return {"columns": names, "rows": rows, "change": change, "px_of": [name for name, _ in errors]}


def differences(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Configuration keys whose values differ between runs."""
    values = [run.config_values for run in runs]
    keys = dict.fromkeys(key for v in values for key in v)
    rows = [(key, [v.get(key, "–") for v in values]) for key in keys]
    return [(key, row) for key, row in rows if len(set(row)) > 1]


def _pck_chart(runs: Sequence[Run]) -> Chart | None:
    if len(runs) > 1:
        lines = [line for n, run in enumerate(runs) for line in _lines(run, "val/pck", run.name, n)]
        lines += [
            line
            for n, run in enumerate(runs)
            for line in _lines(run, f"val/pck_{ENSEMBLE}", f"{run.name}, ensemble", n, dash=1)
        ]
    else:
        names = [c for c in runs[0].metrics if c.startswith("val/pck_")]
        called = [c.removeprefix("val/pck_") for c in names]
        alone = len({*called} - {ENSEMBLE, TWIN}) < 2
        single = [(c, label_of(name, alone)) for c, name in zip(names, called, strict=True)]
        single = single or [("val/pck", kind(runs))]
        lines = [line for n, (column, label) in enumerate(single) for line in _lines(runs[0], column, label, n)]
    return line_chart(f"Validation {kind(runs)} (%)", lines, "step", percent=True)


def _response_charts(runs: Sequence[Run]) -> list[Chart | None]:
    every = [[line for n, r in enumerate(RESPONSES) for line in _lines(run, f"response/{r}", r, n)] for run in runs]
    highest = max((np.nanmax(line.y) for lines in every for line in lines), default=1.0)
    title = "Heatmap response: {}" if len(runs) > 1 else "Heatmap response"
    return [
        line_chart(title.format(run.name), lines, "step", y_range=(0.0, max(1.05 * float(highest), 1e-3)))
        for run, lines in zip(runs, every, strict=True)
    ]


def _lines(run: Run, column: str, label: str, color: int, dash: int = 0) -> list[Series]:
    """The column over steps, or nothing where the run never measured it."""
    step, value = run.metrics.get("step"), run.metrics.get(column)
    if step is None or value is None or not (np.isfinite(value) & np.isfinite(step)).any():
        return []
    return [Series(label, step, value, color, dash)]
