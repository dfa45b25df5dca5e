"""The demo over several seeds: how much Dual gains over supervised training with the same labels.

    python benchmarks/demo.py --seeds 0 1 2

Beside it stands a control: supervised training whose labelled images have the colour changes of Dual's hard view.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

from common import pck_percent, run_once, write
from figures import comparison_picture
from semipose import demo
from semipose.config import Config
from semipose.papers import ours
from semipose.papers.xie2021.methods import EASY

METHODS = ("supervised", "dual")


def control(seed: int, folder: Path) -> Config:
    """Supervised training on recoloured labels; nothing unlabelled."""
    config = ours.config("supervised", seed)
    config = replace(config, method=replace(config.method, labeled=f"{EASY}+ra20"))
    config.data.cache = str(folder / "cache")
    return config


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
            found = demo(out=folder, seed=seed)
            for method in METHODS:
                found[f"{method}_run"] = json.loads((folder / method / "summary.json").read_text())
            found["control_run"] = run_once("control", control(seed, folder), folder)
            found["control"] = pck_percent(found["control_run"])
            record.write_text(json.dumps({**found, "report": "report.html"}))
            shutil.rmtree(folder / "cache", ignore_errors=True)
        runs[f"seed{seed}"] = json.loads(record.read_text())
    first = options.root / f"seed{options.seeds[0]}"
    comparison_picture(
        first / "supervised", first / "dual", Path(__file__).parents[1] / "docs" / "results" / "demo.jpg"
    )
    gains = [run["gain"] for run in runs.values()]
    seconds = max(run["seconds"] for run in runs.values())
    summary = {"gain_min": min(gains), "gain_mean": sum(gains) / len(gains), "seconds": seconds}
    for name in (*METHODS, "control"):
        summary[name] = sum(run[name] for run in runs.values()) / len(runs)
    write("demo", {name: round(value, 2) for name, value in summary.items()}, runs)


if __name__ == "__main__":
    main()
