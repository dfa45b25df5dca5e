"""What `semipose worth` found: a sentence, a Markdown page and an HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semipose.drawing.charts import Chart, Series, line_chart
from semipose.metrics.seeds import Labels
from semipose.reports.compare import percent, points
from semipose.reports.html import write_page
from semipose.reports.runs import duration

PLAIN = "supervised"
OPENINGS = {"gain": "Worth it", "loss": "Not worth it", "unclear": "No clear difference"}
Found = Mapping[str, Any]


def sentence(found: Found) -> str:
    """The result in plain words, before the numbers of it."""
    method, gain = found["method"], found["difference"]["pck"]
    ours, base = found["methods"][method], found["methods"][found["base"]]
    opening = OPENINGS[found["verdict"]] if len(found["seeds"]) > 1 else "One seed tells little"
    count = f"{found['labels']} label{'s' if found['labels'] != 1 else ''}"
    text = f"{opening}: with {count} and {found['unlabeled']:,} unlabelled images,"
    text += f" {method} finds {percent(ours['pck']['mean'])} of the joints ({found['measure']}), {_best(found)}"
    text += f" {percent(base['pck']['mean'])}: {_difference(gain)}{_over(found)}."
    if kept := found["kept"]:
        runs = f"{kept['runs']} run{'s' if kept['runs'] != 1 else ''}"
        text += f" It kept the network taught with unlabelled images in {kept['taught']} of {runs}."
    if ours["median_error_px"] and base["median_error_px"]:
        a, b = ours["median_error_px"]["mean"], base["median_error_px"]["mean"]
        text += f" The median error is {a:.1f} instead of {b:.1f} pixels."
    text += f" The same {found['steps']:,} steps took {_times(found):.1f} times as long."
    return text + more_labels(Labels(**found["more_labels"]), found["verdict"])


def _best(found: Found) -> str:
    """What the method is compared with."""
    if not found["control"]:
        return "supervised training"
    seen = f" (its labelled images seen as {found['control']})" if found["base"] != PLAIN else ""
    return f"the best supervised training{seen}"


def _times(found: Found) -> float:
    """How many times as long the method takes."""
    ours, base = (found["methods"][row]["seconds"]["mean"] for row in (found["method"], found["base"]))
    return ours / max(base, 1e-9)


def more_labels(labels: Labels, verdict: str) -> str:
    """About how many more labels would do as much."""
    if verdict != "gain":
        return ""
    if labels.about is None:
        return f" How many more labels would do as much cannot be told: {labels.why}."
    if labels.low is not None and labels.high is not None:
        span = f" ({labels.low} to {labels.high})"
    else:
        span = f" ({labels.low} or more)" if labels.low is not None else ""
    return f" About {labels.about} more labels would do as much{span}."


def markdown(found: Found) -> str:
    """The sentence and the tables."""
    lines = ["# Is it worth it?", "", found["sentence"], ""]
    for head, rows in ((HEAD, method_rows(found)), (JOINTS, joint_rows(found)), (CURVE, curve_rows(found))):
        named = _named(head, found)
        lines += [f"| {' | '.join(row)} |" for row in (named, ["---"] * len(named), *rows)] + [""]
    lines += [f"Warning: {text}" for text in found["warnings"]]
    return "\n".join([*lines, *remarks(found)]) + "\n"


def page(found: Found, path: Path) -> Path:
    """The same as HTML, with the learning curve drawn."""
    tables = [("", HEAD, method_rows(found)), ("Each joint", JOINTS, joint_rows(found))]
    tables += [("The best supervised training with fewer and more labels", CURVE, curve_rows(found))]
    named = [(title, _named(head, found), rows) for title, head, rows in tables]
    content = {"found": found, "tables": named, "charts": charts(found), "remarks": remarks(found)}
    return write_page(path, "worth.html", content)


HEAD = ("", "{measure}", "median error", "time")
JOINTS = ("joint", "{base}, {measure}", "{method}, {measure}", "points", "{base}, error", "{method}, error")
CURVE = ("labels", "{base}, {measure}", "median error")


def _named(head: Sequence[str], found: Found) -> list[str]:
    """A table's head with what was compared."""
    return [part.format(method=found["method"], base=found["base"], measure=found["measure"]) for part in head]


def method_rows(found: Found) -> list[list[str]]:
    """What was trained, and the difference to the better of what has labels alone, with its interval."""
    rows = []
    for name, each in found["methods"].items():
        cells = [_percent(each["pck"]), _pixels(each["median_error_px"]), duration(each["seconds"]["mean"])]
        rows.append([name, *cells])
    gain, error = found["difference"]["pck"], found["difference"]["median_error_px"]
    pixels = "–" if error is None else _signed(error, 1, " px")
    return [*rows, [f"difference to {found['base']}", _difference(gain), pixels, f"{_times(found):.1f} times"]]


def joint_rows(found: Found) -> list[list[str]]:
    rows = []
    for joint, each in found["joints"].items():
        base, ours, gain = each[found["base"]], each[found["method"]], each["difference"]
        cells = [percent(base["pck"]), percent(ours["pck"]), _signed(gain) if gain else "–"]
        errors = ["–" if e["median_error_px"] is None else f"{e['median_error_px']:.1f} px" for e in (base, ours)]
        rows.append([joint, *cells, *errors])
    return rows


def curve_rows(found: Found) -> list[list[str]]:
    return [[f"{row['labels']:,}", _percent(row["pck"]), _pixels(row["median_error_px"])] for row in found["curve"]]


def charts(found: Found) -> list[Chart]:
    """The learning curve of the best supervised training over the label count, its interval, and the method's level."""
    rows, level = [row for row in found["curve"] if row["pck"]], found["methods"][found["method"]]["pck"]["mean"]
    if len(rows) < 2:
        return []
    x = np.log2([row["labels"] for row in rows])

    def line(label: str, key: str, dash: int = 0) -> list[Series]:
        y = [row["pck"][key] for row in rows]
        return [] if None in y else [Series(label, x, np.array(y, float), 0, dash)]

    ours = Series(f"{found['method']}, {found['labels']} labels", x, np.full(len(x), level), 1)
    lines = [*line(found["base"], "mean"), *line("95 % interval", "low", 2), *line("95 % interval ", "high", 2), ours]
    drawn = line_chart(
        f"{found['measure']} (%) over labels", lines, "labels", percent=True, x_format=lambda v: f"{2**v:.0f}"
    )
    return [drawn] if drawn else []


def remarks(found: Found) -> Sequence[str]:
    """What was done, so that the numbers can be read."""
    seeds = len(found["seeds"])
    same = found["labels"] == found["available"]
    drawn = "all labels, so seeds differ in weights and views alone" if same else "each seed draws other labels"
    said = [
        f"{found['steps']:,} steps for each training; {seeds} seeds: {drawn}; the same {found['validation']} validation"
        " samples. Values are means and standard deviations over seeds, differences have Student's 95 % interval of"
        " the paired differences. That of other validation samples is not in it.",
    ]
    if found["control"]:
        said.append(
            f"control: supervised training whose labelled images are seen as {found['control']}, as the student of"
            f" {found['method']} sees the unlabelled ones, without masked joints and mixed tiles. The better of it and"
            " supervised, by mean PCK, is compared with."
        )
    if found["kept"]:
        said.append(
            f"{found['method']} chooses between two networks by the same validation samples that score it, so its PCK"
            " is rather too high, the more so the fewer they are."
        )
    return [
        *said,
        "The learning curve assumes that each doubling of the labels adds about as much; it is drawn out by two"
        " doublings at most.",
    ]


def _over(found: Found) -> str:
    seeds = len(found["seeds"])
    return f" over {seeds} seeds" if seeds > 1 else " (one seed, so no interval)"


def _difference(gain: Found) -> str:
    return _signed(gain, 100, " points", "95 % interval ")


def _signed(gain: Found, times: float = 100, unit: str = "", said: str = "") -> str:
    def number(value: float) -> str:
        return points(value) if times == 100 else f"{value:+.2f}".replace("-", "−")

    interval = "" if gain["low"] is None else f" ({said}{number(gain['low'])} to {number(gain['high'])})"
    return f"{number(gain['mean'])}{unit}{interval}"


def _percent(value: Found | None) -> str:
    if value is None:
        return "–"
    return percent(value["mean"]) + ("" if value["spread"] is None else f" ± {100 * value['spread']:.1f}")


def _pixels(value: Found | None) -> str:
    if value is None:
        return "–"
    return f"{value['mean']:.2f}" + ("" if value["spread"] is None else f" ± {value['spread']:.2f}") + " px"
