"""Tables of Xie et al. 2021 at mini scale, beside the paper's numbers: one seed of each row.

    python benchmarks/xie2021.py table1 figure8 figure7

trains what is missing (`semipose reproduce`: a finished run is reused, an interrupted one goes on), and writes
results/xie2021.json, one key a plan, its tables to docs/results/xie2021.md, and the response curves beside them.
`--collect` trains nothing: rows without a finished run are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from common import named, write
from figures import responses_figure
from semipose.reproduction import find, markdown, reproduce

PAPER = "xie2021"
DOCS = Path(__file__).parents[1] / "docs" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", help="such as table1; their rows are trained in this order")
    parser.add_argument("--out", type=Path, help="where the runs are; reproduce/xie2021/mini by default")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--cache", default="~/.cache/semipose")
    parser.add_argument("--collect", action="store_true", help="write what the finished runs say")
    options = parser.parse_args()
    out = options.out or Path("reproduce", PAPER, "mini")
    settings = {"threads": options.threads, "data": {"cache": options.cache}}
    paper, _ = find(PAPER)
    written = []
    for key in options.tables:
        written += reproduce(f"{PAPER}/{key}", out=out, train=not options.collect, **settings)
    scores, runs = {}, {}
    for table in written:
        for row, told in zip(paper.tables[table["table"]].rows, table["rows"], strict=True):
            if told["runs"]:
                scores["/".join(filter(None, (row.plan, row.network, row.view)))] = told["mean"]
                runs[row.plan] = record(out, told["runs"][0])
    tables = [{key: value for key, value in table.items() if key != "files"} for table in written]
    write(PAPER, scores, runs, tables=tables)
    DOCS.mkdir(exist_ok=True)
    head = f"# {paper.title}: mini scale beside the paper\n\n{REMARK}\n\n![responses]({PAPER}.svg)\n\n"
    (DOCS / f"{PAPER}.md").write_text(head + "\n".join(markdown(table) for table in written))
    responses_figure(runs, DOCS / f"{PAPER}.svg")


REMARK = """\
Written by `benchmarks/xie2021.py`. The mini protocol is ours (DECISIONS.md): embedded people at 64x48, 20 labels, a
small network from scratch, one seed, so that differences of a point or two mean nothing. The paper's numbers are of
COCO, and only which of two is larger can be compared. The curves are responses over the steps; PCK is in %."""


def record(out: Path, run: str) -> dict[str, Any]:
    """A run's record, without the folders of this machine."""
    content = json.loads((out / f"{run}.json").read_text())
    for section in ("data", "method"):
        content["config"][section] = {key: named(value) for key, value in content["config"][section].items()}
    return content


if __name__ == "__main__":
    main()
