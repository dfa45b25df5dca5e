"""Yu et al. 2024 at mini scale, from the rows that `semipose reproduce yu2024` has trained.

    semipose reproduce yu2024 --scale mini
    python benchmarks/denoise.py

Writes results/denoise.json, in %: the PCK of pseudo-heatmaps for each aggregation (Table 1), validation PCK for each
row of Table 2, and of the whole method with selection and without.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean
from typing import Any

from common import pck_percent, write

TAUGHT = {"pck_none": "pool-none", "pck_mean": "pool-mean", "pck_max": "denoise-select"}
SCORED = {
    "teacher_student": "teacher-student",
    "teacher_student_refine": "teacher-student-refine",
    "dual": "dual",
    "dual_refine": "dual-refine",
    "selection_on": "denoise-select",
    "selection_off": "select-none",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("reproduce/yu2024/mini"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    options = parser.parse_args()
    runs: dict[str, Any] = {}
    for plan in {**TAUGHT, **SCORED}.values():
        for seed in options.seeds:
            record = json.loads((options.root / f"{plan}-seed{seed}.json").read_text())
            kept = {key: record[key] for key in ("config", "curves", "scores")}
            runs[f"{plan}-seed{seed}"] = {**record["summary"], **kept}

    def over_seeds(plan: str, percent: Any) -> float:
        return round(mean(percent(runs[f"{plan}-seed{seed}"]) for seed in options.seeds), 2)

    summary = {key: over_seeds(plan, lambda run: 100 * run["pseudo"]["pck"]) for key, plan in TAUGHT.items()}
    summary |= {key: over_seeds(plan, pck_percent) for key, plan in SCORED.items()}
    write("denoise", summary, runs, seeds=options.seeds)


if __name__ == "__main__":
    main()
