"""What two later papers give on real images: MultiAugs and SSPCM beside Dual, MUM and the strongest control.

    python benchmarks/promise.py mouse --row multiaugs --row sspcm --row dual    # trains
    python benchmarks/promise.py mouse --collect
    python benchmarks/later.py                                                   # reads the protocols' records

Everything is as in the protocols of promise.py: the same start, labels and steps, and networks of a pair start from two
trainings. Of each row and protocol, over the draws of labels that it has: `gain_ROW_PROTOCOL`, points of PCK over the
strongest control of these draws; `gain_equal_steps_ROW_PROTOCOL`, over supervised training of as many steps;
`gross_ROW_PROTOCOL`, errors beyond a tenth of the body in %, less the control's. Writes results/later.json.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from common import write
from promise import CONTROLS, PROTOCOLS
from records import load, stored

Scores = dict[int, dict[str, float]]
"""Of each draw PCK, gross errors, the median error in pixels, and seconds a step."""
MUM = ("mum", "mum_more", "mum_long", "mum_average")
SINGLE_OR_DUAL = ("dual", "dual_jo", "dual_jo4", "dual_mum", "single_jo4")
ROWS = (*MUM, *SINGLE_OR_DUAL, "multiaugs", "multiaugs_dual", "sspcm")


def finished(name: str) -> dict[str, Scores]:
    """The scores of each row of a protocol's record."""
    found: dict[str, Scores] = {}
    for key, run in stored(name).items():
        row, draw = key.split()
        if row in (*CONTROLS, *ROWS):
            scores = {measure: run[measure] for measure in ("pck", "gross", "px")}
            found.setdefault(row, {})[int(draw)] = {**scores, "seconds": run["seconds"] / run["steps"]}
    return found


def apart(row: Scores, other: Scores, key: str) -> float:
    """How much a row has more than another, in the mean over its draws."""
    return statistics.mean(row[draw][key] - other[draw][key] for draw in row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    before = load("later")  # some of its rows no protocol's record has
    summary: dict[str, float] = before["summary"]
    runs: dict[str, Any] = before["runs"]
    for name, protocol in PROTOCOLS.items():
        rows = finished(name)
        for row in ROWS:
            draws = rows.get(row, {})
            if not draws:
                continue
            known = [each for each in CONTROLS if draws.keys() <= rows.get(each, {}).keys()]
            control = max(known, key=lambda each: -apart(draws, rows[each], "pck"))
            steps = rows.get("supervised", {})
            equal = {}
            if draws.keys() <= steps.keys() and protocol.rows[row].get("steps", protocol.steps) == protocol.steps:
                equal = {f"gain_equal_steps_{row}_{name}": apart(draws, steps, "pck")}
            summary |= {
                f"gain_{row}_{name}": apart(draws, rows[control], "pck"),
                **equal,
                f"gross_{row}_{name}": apart(draws, rows[control], "gross"),
                f"draws_{row}_{name}": len(draws),
            }
            runs[f"{row} {name}"] = {"control": control, "draws": {str(draw): each for draw, each in draws.items()}}
        runs |= {
            f"{row} {name}": {"draws": {str(draw): each for draw, each in rows[row].items()}}
            for row in CONTROLS
            if row in rows
        }
    rounded = {run: _rounded(record) for run, record in runs.items()}
    write("later", {key: round(value, 3) for key, value in summary.items()}, rounded)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
