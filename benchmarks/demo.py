"""The demo over several seeds: how much Dual gains over supervised training with the same labels.

python benchmarks/demo.py --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from common import write
from figures import comparison_picture
from semipose.demo import METHODS, demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--root", type=Path, default=Path("runs/demo"))
    options = parser.parse_args()
    runs = {}
    for seed in options.seeds:
        folder = options.root / f"seed{seed}"
        record = folder / "demo.json"
        if not record.exists():
            found = demo(folder, seed)
            for method in METHODS:
                found[f"{method}_run"] = json.loads((folder / method / "summary.json").read_text())
            record.write_text(json.dumps({**found, "report": "report.html"}))
            shutil.rmtree(folder / "cache", ignore_errors=True)
        runs[f"seed{seed}"] = json.loads(record.read_text())
    first = options.root / f"seed{options.seeds[0]}"
    comparison_picture(first / "supervised", first / "dual", Path(__file__).parents[1] / "docs" / "demo.jpg")
    gains = [run["gain"] for run in runs.values()]
    seconds = max(run["seconds"] for run in runs.values())
    mean = sum(gains) / len(gains)
    write("demo", {"gain_min": round(min(gains), 2), "gain_mean": round(mean, 2), "seconds": round(seconds)}, runs)


if __name__ == "__main__":
    main()
