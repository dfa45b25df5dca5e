"""Writes docs/results/*.md from the records, so that each number there is one of benchmarks/results/*.json.

    python benchmarks/pages.py              # the pages
    python benchmarks/pages.py --figures    # and the figures that are drawn from records (matplotlib)

A page is a template of benchmarks/templates/, in which `r.lspet.summary.dual` is a number of lspet.json.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import jinja2

from records import RESULTS, curve, load
from semipose.papers.results import markdown
from semipose.papers.scoreboard import RECORD, board_of, margin_text, read_record

ROOT = Path(__file__).parents[1]
TEMPLATES, DOCS = ROOT / "benchmarks" / "templates", ROOT / "docs" / "results"
FIGURES = ("collapse", "lspet", "lspet_long", "xie2021", "pose_mum", "denoise")
"""Records that have figures."""
RESPONSES = {"xie2021": ("table1", "figure3", "figure7", "figure8")}
"""The tables whose rows' responses are drawn, where it is not all."""


class Records(Mapping[str, Any]):
    """All records by name, read when they are asked for."""

    def __getitem__(self, name: str) -> dict[str, Any]:
        return load(name)

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(RESULTS.glob("*.json")))

    def __len__(self) -> int:
        return len(list(iter(self)))


def percent(share: float, digits: int = 1) -> str:
    """0.3807 -> 38.1"""
    return f"{100 * share:.{digits}f}"


def number(value: float, digits: int = 1) -> str:
    return f"{value:,.{digits}f}"


def signed(value: float, digits: int = 1) -> str:
    return f"{value:+.{digits}f}"


def listed(values: Mapping[str, Any], template: str) -> list[Any]:
    """The values whose names fit, such as "single-seed*", in their order."""
    start, end = template.split("*")
    return [value for name, value in values.items() if name.startswith(start) and name.endswith(end)]


def over_seeds(runs: Mapping[str, Mapping[str, Any]], task: str) -> dict[tuple[str, str], dict[str, float]]:
    """(setting, length) -> the means over seeds of runs named "task | setting | steps | seed", the best first."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for name, run in runs.items():
        of, setting, steps, _ = name.split(" | ")
        if of == task:
            found.setdefault((setting, steps), []).append(run)
    rows = {
        key: {"seeds": len(each), **{of: mean(run[of] for run in each) for of in ("pck", "seconds")}}
        for key, each in found.items()
    }
    return dict(sorted(rows.items(), key=lambda row: -row[1]["pck"]))


def pages() -> dict[str, str]:
    """File name -> text, of all pages."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "signed": signed,
        "listed": listed,
        "over_seeds": over_seeds,
        "table": markdown,
        "claims": lambda name: board_of(read_record(RESULTS / RECORD.name), [name]),
        "margin": margin_text,
        "last": lambda run, column: curve(run, column)[1][-1],
    }
    return {
        path.name: re.sub(r"\n{3,}", "\n\n", environment.get_template(path.name).render(r=Records())).strip() + "\n"
        for path in sorted(TEMPLATES.glob("*.md"))
        if not path.name.startswith("_")
    }


def write_pages() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text)


def draw(name: str) -> None:
    """The figures of one record."""
    from figures import learning_figure, response_figure, responses_figure, student_figure

    record = load(name)
    runs = record["runs"]
    if name == "collapse":
        response_figure(runs["naive"], runs["single"], DOCS / "collapse.svg")
    elif "tables" not in record:
        shown = {method: run for method, run in runs.items() if not method.startswith("start")}
        learning_figure(shown, DOCS / f"{name}.svg")
        taught = {method: run for method, run in shown.items() if curve(run, "pseudo/pck")[0]}
        if taught:
            learning_figure(taught, DOCS / f"{name}-pseudo.svg", "pseudo/pck", "PCK of pseudo-heatmaps, %")
    else:
        drawn = [table for table in record["tables"] if table["table"] in RESPONSES.get(name, (table["table"],))]
        plans = dict.fromkeys(row["plan"] for table in drawn for row in table["rows"] if row["runs"])
        page = "yu2024" if name == "denoise" else name
        responses_figure({plan: runs[plan] for plan in plans}, DOCS / f"{page}.svg")
        for table in record["tables"]:
            losses = {row["label"]: runs[row["plan"]] for row in table["rows"] if "losses" in runs.get(row["plan"], {})}
            if losses and table["table"] == "table2":
                student_figure(losses, DOCS / f"{page}-table2.svg")


def update(name: str) -> None:
    """After a record has changed: its figures, and the pages. Where it lacks what a page shows, as a part of a study
    does, the pages stay as they are."""
    if name in FIGURES:
        draw(name)
    try:
        write_pages()
    except jinja2.UndefinedError as lack:
        print(f"{DOCS} stays as it is, {name} lacks something: {lack.message}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", nargs="*", choices=FIGURES, help="draw these, or all")
    options = parser.parse_args()
    if options.figures is not None:
        for name in options.figures or FIGURES:
            draw(name)
    write_pages()
    print(json.dumps(sorted(pages())), f"-> {DOCS}")


if __name__ == "__main__":
    main()
