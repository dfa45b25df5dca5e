"""How often error bars hold the truth, on images that neither training nor the bars have seen.

    python benchmarks/error_bars.py mice=runs/promise/mouse/draw0/mum-10 people=runs/promise/people/draw0/mum-200

Each fifth of a run's validation images is judged by bars that the other four made. `summary` has `coverage` over all
runs (0.9 is meant), the lowest and highest of a run, those of a joint in any run, and of each kind the median radius in
image pixels; `one_radius_px` is what one radius for all joints would be.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from common import write
from semipose import evaluate


def one_radius(run: Path) -> float:
    """The 90 % quantile in image pixels of the errors in predictions/val.json."""
    file = json.loads((run / "predictions" / "val.json").read_text())
    errors = []
    for sample in file["samples"]:
        truth, pred = np.array(sample["truth"]), np.array(sample["pred"][file["networks"][0]])
        errors += np.linalg.norm(truth[:, :2] - pred[:, :2], axis=1)[truth[:, 2] > 0].tolist()
    return float(np.quantile(errors, 0.9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="KIND=RUN")
    asked = parser.parse_args()
    runs: dict[str, Any] = {}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for number, named in enumerate(asked.runs):
        kind, _, folder = named.partition("=")
        row = next(iter(evaluate(folder)["error_bars"].values()))
        row |= {"one_radius_px": one_radius(Path(folder)), "run": "/".join(Path(folder).parts[-2:])}
        print(kind, row, flush=True)
        runs[f"{kind} {number}"] = row
        kinds.setdefault(kind, []).append(row)
    shares = [row["coverage"] for row in runs.values()]
    summary = {"coverage": statistics.mean(shares), "lowest": min(shares), "highest": max(shares), "runs": len(runs)}
    joints = [share for row in runs.values() for share in row["per_joint"].values()]
    summary |= {"lowest_joint": min(joints), "highest_joint": max(joints)}
    for kind, rows in kinds.items():
        summary[f"median_radius_px_{kind}"] = statistics.mean(row["median_radius_px"] for row in rows)
        summary[f"one_radius_px_{kind}"] = statistics.mean(row["one_radius_px"] for row in rows)
    summary["median_radius_px"] = statistics.mean(row["median_radius_px"] for row in runs.values())
    write("error_bars", {name: round(value, 4) for name, value in summary.items()}, runs)


if __name__ == "__main__":
    main()
