"""What two later papers give on real images: MultiAugs and SSPCM beside Dual, MUM and the strongest control.

    python benchmarks/promise.py mouse --row multiaugs --row sspcm --row dual --root runs/promise    # trains
    python benchmarks/later.py --root runs/promise                                                   # collects

Everything is as in the protocols of promise.py: the same start, labels and steps, and networks of a pair start from two
trainings. Of each row and protocol, over the draws of labels that it has: `gain_ROW_PROTOCOL`, points of PCK over the
strongest control of these draws; `gain_equal_steps_ROW_PROTOCOL`, over supervised training of as many steps;
`gross_ROW_PROTOCOL`, errors beyond a tenth of the body in %, less the control's. Writes results/later.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from common import write
from promise import CONTROLS, PROTOCOLS, Protocol, score

Scores = dict[int, dict[str, float]]
"""Of each draw PCK, gross errors, the median error in pixels, and seconds a step."""
ROWS = ("mum", "mum_more", "mum_long", "mum_average", "dual", "multiaugs", "multiaugs_dual", "sspcm")


def finished(protocol: Protocol, name: str, root: Path) -> dict[str, Scores]:
    """The scores of each row."""
    found: dict[str, Scores] = {}
    for row in (*CONTROLS, *ROWS):
        for file in sorted((root / name).glob(f"draw[0-9]/{row}-{protocol.labels}/summary.json")):
            record = json.loads(file.read_text())
            draw = int(file.parts[-3].removeprefix("draw"))
            seconds = record["seconds"] / record["steps"]
            found.setdefault(row, {})[draw] = {**score(record), "seconds": seconds}
    return found


def apart(row: Scores, other: Scores, key: str) -> float:
    """How much a row has more than another, in the mean over its draws."""
    return statistics.mean(row[draw][key] - other[draw][key] for draw in row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("runs/promise"))
    asked = parser.parse_args()
    summary: dict[str, float] = {}
    runs: dict[str, Any] = {}
    for name, protocol in PROTOCOLS.items():
        rows = finished(protocol, name, asked.root)
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
