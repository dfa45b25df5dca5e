"""A paper's tables at mini scale, beside the paper's numbers: one seed of each row.

    python benchmarks/tables.py xie2021 table1 table6 table7 table8 figure3 figure5 figure7 figure8 section3 section6
    python benchmarks/tables.py pose_mum table1 table2 table3 table4
    python benchmarks/tables.py yu2024 table1 table2 selection

trains what is missing (`semipose reproduce`: a finished run is reused, an interrupted one goes on), and writes
results/<xie2021, pose_mum or denoise>.json, one key a row, and from it a page and figures (pages.py): the response
curves; of Pose-MUM also Table 2's curves, as Figures 3 and 4. `--collect` trains nothing: rows without a finished run
are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import named, write
from records import columns
from semipose import reproduce
from semipose.papers.find import find
from semipose.papers.measures import MPJPE, PSEUDO
from semipose.papers.tables import Row

LOSSES = ("loss/supervised", "loss/unsupervised")


@dataclass(frozen=True)
class Study:
    """What is one paper's own."""

    name: str
    """of the results file"""
    key: Callable[[str, Row], str]
    """a row's key there, from its table and itself"""
    losses: str | None = None
    """the table whose rows' losses are drawn too"""


DENOISE = {
    ("pool-none", PSEUDO): "pck_none",
    ("pool-mean", PSEUDO): "pck_mean",
    ("denoise-select", PSEUDO): "pck_max",
    ("denoise-select", None): "selection_on",
    ("select-none", None): "selection_off",
}
STUDIES = {
    "xie2021": Study(
        "xie2021",
        lambda _, row: "/".join(filter(None, (row.plan, row.network, row.view, "mm" if row.metric == MPJPE else ""))),
    ),
    "pose_mum": Study("pose_mum", lambda table, row: f"{table}: {row.label}", "table2"),
    "yu2024": Study(
        "denoise",
        lambda _, row: (
            DENOISE.get((row.plan, row.metric if row.metric == PSEUDO else None)) or row.plan.replace("-", "_")
        ),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paper", choices=STUDIES)
    parser.add_argument("tables", nargs="+", help="such as table1; their rows are trained in this order")
    parser.add_argument("--out", type=Path, help="where the runs are; reproduce/PAPER/mini by default")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--cache", default="~/.cache/semipose")
    parser.add_argument("--collect", action="store_true", help="write what the finished runs say")
    options = parser.parse_args()
    name, study = options.paper, STUDIES[options.paper]
    out = options.out or Path("reproduce", name, "mini")
    settings = {"threads": options.threads, "data": {"cache": options.cache}}
    paper, _ = find(name)
    written = []
    for key in options.tables:
        written += reproduce(f"{name}/{key}", out=out, train=not options.collect, **settings)
    scores, runs = {}, {}
    for table in written:
        for row, told in zip(paper.tables[table["table"]].rows, table["rows"], strict=True):
            if told["runs"]:
                scores[study.key(table["table"], row)] = told["mean"]
                runs[row.plan] = record(out, told["runs"][0])
                if table["table"] == study.losses:
                    runs[row.plan]["losses"] = losses(out / told["runs"][0])
    tables = [{key: value for key, value in table.items() if key != "files"} for table in written]
    write(study.name, scores, runs, tables=tables)


def record(out: Path, run: str) -> dict[str, Any]:
    """A run's record, without the folders of this machine."""
    content = json.loads((out / f"{run}.json").read_text())
    content["curves"] = columns(content["curves"])
    for section in ("data", "method"):
        content["config"][section] = {key: named(value) for key, value in content["config"][section].items()}
    return content


def losses(folder: Path) -> list[dict[str, list[float]]]:
    """A run's losses over its steps."""
    with (folder / "metrics.csv").open(newline="") as file:
        return columns(csv.DictReader(file), LOSSES)


if __name__ == "__main__":
    main()
