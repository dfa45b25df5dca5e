"""Tables 1 to 4 of Pose-MUM at mini scale, collected from what `semipose reproduce` has trained, beside the paper's AP.

    semipose reproduce pose_mum/table1 && semipose reproduce pose_mum/table2    # and table3, table4
    python benchmarks/pose_mum.py

Reads the tables and runs in reproduce/pose_mum/mini (`--root`). Writes results/pose_mum.json, one key a row, such as
"table1: N_G 4, after encoder", with PCK@0.1 in %, and docs/pose_mum.svg, Table 2's curves as in Figures 3 and 4.
Embedded people and a small network: the numbers stand beside the paper's, they do not repeat them. A table that has not
been made is left out.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from common import CURVES, write
from figures import curve, plt

TABLES = ("table1", "table2", "table3", "table4")
LOSSES = ("loss/supervised", "loss/unsupervised")


def rows_of(root: Path) -> dict[str, dict[str, Any]]:
    """Every row that has a score, by table and label."""
    found = {}
    for key in TABLES:
        file = root / f"{key}.json"
        if not file.exists():
            continue
        table = json.loads(file.read_text())
        if table["dry_run"]:
            raise SystemExit(f"{file} is of a dry run: its numbers mean nothing")
        for row in table["rows"]:
            if row["mean"] is not None:
                found[f"{key}: {row['label']}"] = row
    return found


def curves_of(folder: Path) -> dict[str, Any]:
    """A run's losses, responses and validation scores over its steps."""
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {"curves": [{k: float(row[k]) for k in (*CURVES, *LOSSES) if row.get(k)} for row in rows]}


def learning_figure(runs: dict[str, dict[str, Any]], path: Path) -> None:
    """Validation PCK and training loss over steps, as the paper's Figures 3 and 4."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, run in runs.items():
        steps, pck = curve(run, "val/pck")
        axes[0].plot(steps, [100 * value for value in pck], marker="o", markersize=2, label=name)
        steps, known = curve(run, LOSSES[0])
        _, taught = curve(run, LOSSES[1])
        axes[1].plot(steps, [1000 * (a + b) for a, b in zip(known, taught, strict=True)], label=name)
    axes[0].set(xlabel="step", ylabel="validation PCK, %", title="as Figure 3")
    axes[1].set(xlabel="step", ylabel="training loss, x 1000", yscale="log", title="as Figure 4")
    axes[0].legend(fontsize=8)
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("reproduce/pose_mum/mini"))
    parser.add_argument("--figure", type=Path, default=Path(__file__).parents[1] / "docs" / "pose_mum.svg")
    parser.add_argument("--try", dest="trial", action="store_true", help="print and write no results")
    options = parser.parse_args()
    rows = rows_of(options.root)
    if not rows:
        raise SystemExit(f"{options.root} has no finished table; make one with semipose reproduce pose_mum/table1")
    runs: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        runs[name] = {key: row[key] for key in ("plan", "paper", "metric", "measured", "mean", "spread", "scores")}
        runs[name]["runs"] = {
            run: json.loads((options.root / f"{run}.json").read_text())["summary"] for run in row["runs"]
        }
    shown = {
        row["label"].removeprefix("[19] + "): curves_of(options.root / row["runs"][0])
        for name, row in rows.items()
        if name.startswith("table2")
    }
    if shown:
        learning_figure(shown, options.figure)
    summary = {name: row["mean"] for name, row in rows.items()}
    if options.trial:
        print(json.dumps(summary, indent=1))
    else:
        write("pose_mum", summary, runs, paper={name: row["paper"] for name, row in rows.items()}, table2_curves=shown)


if __name__ == "__main__":
    main()
