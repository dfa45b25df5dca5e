"""Which augmentation is easier, as the paper's Figure 5: a photographs' model and one of synthetic people.

    python benchmarks/gap.py --lspet-model runs/lspet/supervised --lspet-data ../shared/data/lspet \
        --lspet-split runs/lspet/split.json --people-model reproduce/xie2021/mini/supervised-all-seed0

Each model is supervised, trained in views of `affine30`; that of synthetic people with 2,000 labels, as a row of
Table 1 ("all"). Writes results/gap.json: PCK@0.1 in % under each perturbation, and the pairs that qualify.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import write
from semipose.gaps import gap
from semipose.recipes.mini import people

PAIRS = 5
"""How many of the pairs that qualify are recorded."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lspet-model", type=Path, help="a run's folder or a model.safetensors")
    parser.add_argument("--lspet-data", type=Path, default=Path("../shared/data/lspet"))
    parser.add_argument("--lspet-split", type=Path, help="the manifest whose validation samples are used")
    parser.add_argument("--people-model", type=Path)
    parser.add_argument("--people", default=people("val", 0), help="labelled people that the model has not seen")
    parser.add_argument("--count", type=int, default=0, help="samples of each, drawn at random; 0 is all")
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    few = {"count": options.count, "draws": options.draws, "out": None}
    found = {}
    if options.lspet_model:
        data = {"val": str(options.lspet_data), "split": options.lspet_split}
        found["lspet"] = gap(options.lspet_model, **data, **few)
    if options.people_model:
        found["people"] = gap(options.people_model, options.people, **few)
    summary = {
        f"{name}/{view}": round(100 * each["pck"], 2)
        for name, result in found.items()
        for view, each in result["views"].items()
    }
    write("gap", summary, {name: {**result, "pairs": result["pairs"][:PAIRS]} for name, result in found.items()})


if __name__ == "__main__":
    main()
