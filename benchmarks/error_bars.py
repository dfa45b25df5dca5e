"""How often error bars hold the truth, on images that neither training nor the bars have seen.

    python benchmarks/error_bars.py mice=runs/promise/mouse/draw0/mum-10 people=runs/promise/people/draw0/mum-200
    python benchmarks/error_bars.py --by session mice=runs/several_mice
    python benchmarks/error_bars.py people=runs/people@others.json --dry

Each fifth of a run's validation images is judged by bars that the other four made. With `--by session`, each session of
validation (a video, which shows an animal of its own where the data are so) by bars that the other sessions made. With
@DATA behind a run, its own bars are judged on labelled data of other animals or people. `summary` has `coverage` over
all runs (0.9 is meant), the lowest and highest of a run, those of a joint in any run, and of each kind the median
radius in image pixels; `one_radius_px` is what one radius for all joints would be on the run's own validation. `--dry`
writes no record.
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
from semipose.data.datasets import cut, open_sets
from semipose.heatmap import decoder
from semipose.inference.boxes import finder_in
from semipose.inference.coverage import coverage
from semipose.inference.evaluate import read_networks
from semipose.inference.evaluation import predict_crops


def one_radius(run: Path) -> float:
    """The 90 % quantile in image pixels of the errors in predictions/val.json."""
    file = json.loads((run / "predictions" / "val.json").read_text())
    errors = []
    for sample in file["samples"]:
        truth, pred = np.array(sample["truth"]), np.array(sample["pred"][file["networks"][0]])
        errors += np.linalg.norm(truth[:, :2] - pred[:, :2], axis=1)[truth[:, 2] > 0].tolist()
    return float(np.quantile(errors, 0.9))


def by_session(run: Path) -> dict[str, Any] | None:
    """Coverage on each session of validation by bars that the others made."""
    loaded, config, _ = read_networks(run)
    name, first = next(iter(loaded.items()))
    val = open_sets(config.data, False, finder_in(run)).val
    assert val is not None
    crops = cut(val.onto(first.skeleton).labeled(), config, False, True)
    assert crops is not None
    sessions = [sample.session or "" for sample in crops.data]
    if len(set(sessions)) < 2:
        raise SystemExit(f"{run}: validation is of one session, so no other can judge it; name data with @DATA")
    refine = decoder(config.decode, config.model.sigma)
    pred = predict_crops({name: first.network}, crops, refine=refine, flip_test=config.flip_test, spreads=True)
    return coverage(pred[name], crops, groups=sessions)


def judged(run: Path, data: str, by: str) -> dict[str, Any] | None:
    """A run's coverage."""
    if by == "session":
        return by_session(run)
    found = evaluate(run, data=data or None)["error_bars"]
    return next(iter(found.values()), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="KIND=RUN[@DATA]")
    parser.add_argument("--by", choices=("image", "session"), default="image")
    parser.add_argument("--dry", action="store_true", help="write no record")
    asked = parser.parse_args()
    runs: dict[str, Any] = {}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for number, named in enumerate(asked.runs):
        kind, _, place = named.partition("=")
        folder, _, data = place.partition("@")
        row = judged(Path(folder), data, asked.by)
        if row is None:
            raise SystemExit(f"{folder} has no error bars, or {data or 'its validation'} no labels")
        row |= {"one_radius_px": one_radius(Path(folder)), "run": "/".join(Path(folder).parts[-2:])}
        row |= {"data": Path(data).name if "synth:" not in data else data} if data else {}
        print(kind, row, flush=True)
        runs[f"{kind} {number}"] = row
        kinds.setdefault(kind, []).append(row)
    shares = [row["coverage"] for row in runs.values()]
    summary = {"coverage": statistics.mean(shares), "lowest": min(shares), "highest": max(shares), "runs": len(runs)}
    joints = [share for row in runs.values() for share in row["per_joint"].values() if share is not None]
    summary |= {"lowest_joint": min(joints), "highest_joint": max(joints)}
    for kind, rows in kinds.items():
        summary[f"median_radius_px_{kind}"] = statistics.mean(row["median_radius_px"] for row in rows)
        summary[f"one_radius_px_{kind}"] = statistics.mean(row["one_radius_px"] for row in rows)
    summary["median_radius_px"] = statistics.mean(row["median_radius_px"] for row in runs.values())
    rounded = {name: round(value, 4) for name, value in summary.items()}
    print(json.dumps(rounded))
    if not asked.dry:
        write("error_bars", rounded, runs)


if __name__ == "__main__":
    main()
