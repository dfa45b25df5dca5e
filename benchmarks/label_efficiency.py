"""How many labels the unlabelled images are worth: error against the number of labels, mice from above.

    python benchmarks/promise.py mouse --labels 20 --row supervised --row longer --row mum    # trains; also 5, 50, 100
    python benchmarks/label_efficiency.py --root runs/promise                                 # collects

The protocol's own number of labels and its oracle are taken from its record where they are in it.

Everything is as in the protocol `mouse` of promise.py, or another (`--protocol`), with other numbers of labels; all
500 images are in each run, those without a label as unlabelled ones. Of each number, over its draws: `control` is the
stronger of supervised training of as many steps and of as many minutes, `auto` the better of MUM and of labels alone
by some validation images (benchmarks/auto.py), scored on the others. With all 500 labels there is a control alone.
`labels_worth_factor`: how many times as many labels the control needs to score what `auto` does, along a straight
line of PCK over the logarithm of labels between its measured numbers; the geometric mean over the numbers of labels.
`_equal_steps`: of supervised training of as many steps alone; `_gross`: with MUM's and the control's errors beyond a
tenth of the body.
Writes results/label_efficiency.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auto import outcome
from common import write
from promise import ORACLE, PROTOCOLS, Protocol, score
from records import load, stored

USUAL = "mouse"
ROWS = ("supervised", "longer", "mum")


def finished(folder: Path) -> dict[str, float] | None:
    """The scores of a run, None where it is not there."""
    file = folder / "summary.json"
    return score(json.loads(file.read_text())) if file.exists() else None


def of_records(name: str, labels: int, draw: int) -> dict[str, dict[str, float]] | None:
    """The same as `of_draw`, of runs that are in the protocol's record and in results/auto.json."""
    protocol, runs = PROTOCOLS[name], stored(name)
    if labels == protocol.train:
        wanted = {"control": ORACLE}
    elif labels == protocol.labels:
        wanted = {row: row for row in ROWS}
    else:
        return None
    if any(f"{row} {draw}" not in runs for row in wanted.values()):
        return None
    rows = {key: {each: runs[f"{row} {draw}"][each] for each in ("pck", "gross", "px")} for key, row in wanted.items()}
    if "mum" in rows:
        rows["auto"] = {"pck": load("auto")["runs"][f"{name} mum-{labels} draw{draw}"]["auto"]}
    return rows


def of_draw(protocol: Protocol, folder: Path, labels: int, judges: int) -> dict[str, dict[str, float]] | None:
    """row -> scores of one draw; None where a row is missing."""
    if labels == protocol.train:
        whole = finished(folder / f"{ORACLE}-{labels}")
        return None if whole is None else {"control": whole}
    rows = {row: finished(folder / f"{row}-{labels}") for row in ROWS}
    if None in rows.values():
        return None
    choice = outcome(*(folder / f"{row}-{labels}" for row in ("mum", "supervised")), protocol.config.threshold, judges)
    return {**rows, "auto": {"pck": choice["auto"]}}  # type: ignore[dict-item]


def means(draws: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """row -> its scores' means over draws, with the strongest control's."""
    rows = {
        row: {key: round(statistics.mean(draw[row][key] for draw in draws), 3) for key in draws[0][row]}
        for row in draws[0]
    }
    return (
        {"control": max((rows[row] for row in ROWS[:2]), key=lambda of: of["pck"]), **rows} if "mum" in rows else rows
    )


def worth(labels: Sequence[int], control: Sequence[float], reached: Mapping[int, float]) -> float:
    """The geometric mean of how many times as many labels the control needs for what is reached with fewer.

    Args:
        labels: rising.
        control: its score with each of them.
        reached: labels -> the other's score; above the control's best it counts as that.
    """
    rising = np.maximum.accumulate(control)  # a line that falls would have two answers
    needed = {n: np.interp(value, rising, np.log(labels)) for n, value in reached.items()}
    return float(np.exp(np.mean([log - np.log(n) for n, log in needed.items()])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("runs/promise"))
    parser.add_argument("--protocol", default=USUAL, choices=PROTOCOLS)
    parser.add_argument("--labels", nargs="*", type=int, default=[5, 10, 20, 50, 100, 500])
    parser.add_argument("--draws", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--judges", type=int, default=40, help="images that choose")
    asked = parser.parse_args()
    runs: dict[str, Any] = {}
    for labels in asked.labels:
        found = {draw: of_records(asked.protocol, labels, draw) for draw in asked.draws}
        for draw in asked.draws:
            folder = asked.root / asked.protocol / f"draw{draw}"
            found[draw] = found[draw] or of_draw(PROTOCOLS[asked.protocol], folder, labels, asked.judges)
        draws = [each for each in found.values() if each is not None]
        if draws:
            runs[str(labels)] = {"draws": len(draws), **means(draws)}
    counts = [int(n) for n in runs]
    taught = {int(n): run for n, run in runs.items() if "mum" in run}
    auto = {n: run["auto"]["pck"] for n, run in taught.items()}
    steps = [run.get("supervised", run["control"])["pck"] for run in runs.values()]
    summary = {
        "labels_worth_factor": worth(counts, [run["control"]["pck"] for run in runs.values()], auto),
        "labels_worth_factor_equal_steps": worth(counts, steps, auto),
        "labels_worth_factor_gross": worth(
            counts,
            [-run["control"]["gross"] for run in runs.values()],
            {n: -run["mum"]["gross"] for n, run in taught.items()},
        ),
        "draws": min(run["draws"] for run in taught.values()),
    }
    write(
        "label_efficiency",
        {key: round(value, 3) for key, value in summary.items()},
        runs,
        judges=asked.judges,
        protocol=asked.protocol,
    )


if __name__ == "__main__":
    main()
