"""What `auto` gives: the better of MUM and of labels alone, chosen on some validation images, scored on the others.

    python benchmarks/auto.py --root runs/promise

Its two networks learn as runs of their own would (tests/training/test_loop.py), so the rows `mum` (of people
`mum_more` and `single_jo4`) and `supervised` of benchmarks/promise.py are its networks, and nothing is trained.
`--judges` images choose, drawn a hundred times; the rest says what the choice is worth. `worst_harm`: by how many
points of PCK the choice is worse than labels alone, in the mean over the choices, where it is worst; without the choice
it is `worst_harm_unguarded`. For these the same choice is made between labels and other methods too, some of which
hurt. Of two networks (`guarded_dual`) the rows `dual_mum` and `dual_jo4` are the taught ones; what they choose is also
compared with the best row of two networks, whatever that takes (`auto_minus_best_row_two`). Writes results/auto.json,
with what it has of runs that are gone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import write
from promise import PROTOCOLS
from records import RESULTS, load
from semipose.reports.runs import parse_predictions

CHOICES = 100
Outcome = dict[str, float]
TAUGHT, TWO = ["mum", "mum_more", "single_jo4"], ["dual_mum", "dual_jo4"]
"""Rows that stand for the taught network: auto's of one network and of two."""
PAIRS = ["dual", "multiaugs_dual"]
"""Further rows of two networks."""
OTHERS = ["mum_average", "multiaugs", "sspcm", *PAIRS]
"""Rows that the harm is looked for in too."""


def hits(run: Path, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) whether each joint of a finished run's validation is right, and whether it has a label."""
    predictions = parse_predictions((run / "predictions" / "val.json").read_text())
    assert predictions is not None
    distance = predictions.distance("a")
    return distance <= threshold, np.isfinite(distance) & (predictions.truth[..., 2] > 0)


def outcome(taught: Path, alone: Path, threshold: float, judges: int, seed: int = 0) -> Outcome:
    """Of two finished runs: PCK of each in %, of the chosen one in the mean, and how often it is the taught one."""
    (a, known), (b, _) = hits(taught, threshold), hits(alone, threshold)
    rng, scores = np.random.default_rng(seed), []
    for _ in range(CHOICES):
        order = rng.permutation(len(a))
        judge, rest = order[:judges], order[judges:]

        def pck(right: np.ndarray, rows: np.ndarray) -> float:
            return 100 * float(right[rows][known[rows]].mean())

        chosen = pck(a, judge) >= pck(b, judge)
        scores.append((pck(a, rest), pck(b, rest), pck(a if chosen else b, rest), chosen))
    means = np.mean(scores, 0)
    return dict(zip(("taught", "alone", "auto", "chosen"), map(float, means), strict=True))


def of_rows(runs: Mapping[str, Outcome], rows: Sequence[str]) -> dict[str, list[Outcome]]:
    """The outcomes of these rows, by protocol, labels and draw."""
    found: dict[str, list[Outcome]] = {}
    for name, run in runs.items():
        protocol, row, draw = name.split()
        row, _, labels = row.rpartition("-")
        if row in rows:
            found.setdefault(f"{protocol} {labels} {draw}", []).append(run)
    return found


def gain(runs: Mapping[str, Sequence[Outcome]], over: Callable[[str, Outcome], float]) -> float:
    """By how much the chosen network is better than `over` a place's outcome, in the mean."""
    return float(np.mean([run["auto"] - over(at, run) for at, each in runs.items() for run in each]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("runs/promise"))
    parser.add_argument("--judges", type=int, default=40, help="images that choose: what a small project has")
    parser.add_argument("--others", nargs="*", default=OTHERS, help="rows beside MUM's, for the harm")
    asked = parser.parse_args()
    runs: dict[str, Any] = load("auto")["runs"] if (RESULTS / "auto.json").exists() else {}
    for name, protocol in PROTOCOLS.items():
        for folder in sorted((asked.root / name).glob("draw[0-9]")):
            for alone in sorted(folder.glob("supervised-*")):
                for row in (*TAUGHT, *TWO, *asked.others):
                    taught = folder / alone.name.replace("supervised", row)
                    if all((run / "summary.json").exists() for run in (taught, alone)):
                        key = f"{name} {taught.name} {folder.name}"
                        runs[key] = outcome(taught, alone, protocol.config.threshold, asked.judges)
                        print(key, json.dumps({k: round(v, 2) for k, v in runs[key].items()}))
    ours, pairs = of_rows(runs, TAUGHT), of_rows(runs, TWO)
    best = {place: max(run["taught"] for run in each) for place, each in of_rows(runs, [*TWO, *PAIRS]).items()}
    harmful = [run for run in runs.values() if run["taught"] < run["alone"]]
    summary = {
        "auto_minus_best_row_one": gain(ours, lambda _, run: run["taught"]),
        "auto_minus_labels": gain(ours, lambda _, run: run["alone"]),
        "own_runs": sum(map(len, ours.values())),
        "auto_minus_best_row_two": gain(pairs, lambda at, run: best[at]),
        "auto_minus_taught_two": gain(pairs, lambda _, run: run["taught"]),
        "auto_minus_labels_two": gain(pairs, lambda _, run: run["alone"]),
        "own_runs_two": sum(map(len, pairs.values())),
        "harmful_runs": len(harmful),
        "worst_harm": max(0.0, *(run["alone"] - run["auto"] for run in runs.values())),
        "worst_harm_unguarded": max(0.0, *(run["alone"] - run["taught"] for run in runs.values())),
        "judges": asked.judges,
        "runs": len(runs),
    }
    write("auto", {key: round(value, 3) for key, value in summary.items()}, runs)


if __name__ == "__main__":
    main()
