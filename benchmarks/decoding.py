"""The median error in pixels of one trained network by how its heatmaps are decoded.

    python benchmarks/decoding.py runs/mouse --views turn90+turn180
    python benchmarks/decoding.py model.safetensors --data labels.json --images images

`px_quarter`: a quarter cell from the highest one towards its higher neighbour, as the papers; `px_dark`: DARK;
`px_views`: DARK on the mean over several views. The mean of both networks' medians where a run has two. A body seen
from above, in square crops, is the same turned in any direction; for others take `--views flip+turn15`.
The run's evaluation.json is afterwards of the last of the three.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from common import named, write
from semipose import evaluate
from semipose.inference.views import parse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run's folder or a model.safetensors")
    parser.add_argument("--data", help="labelled data; the run's validation set by default")
    parser.add_argument("--images", help="the image folder of a JSON")
    parser.add_argument("--views", default="turn90+turn180")
    parser.add_argument("--try", dest="dry", action="store_true", help="print, and record nothing")
    options = parser.parse_args()
    parse(options.views)
    ways = {"quarter": ("quarter", "none"), "dark": ("dark", "none"), "views": ("dark", options.views)}
    runs: dict[str, Any] = {}
    for name, (decode, views) in ways.items():
        began = time.perf_counter()
        scores = evaluate(options.run, data=options.data, images=options.images, decode=decode, views=views)
        networks = {network: row["median_error_px"] for network, row in scores["networks"].items()}
        seconds = round(time.perf_counter() - began, 1)
        runs[name] = {
            "decode": decode,
            "views": views,
            "px": networks,
            "pck": scores["mean"]["pck"],
            "seconds": seconds,
        }
    summary = {f"px_{name}": round(sum(run["px"].values()) / len(run["px"]), 3) for name, run in runs.items()}
    if options.dry:
        print(summary)
        return
    about = {"run": named(options.run), "data": named(options.data)}
    write("decoding", summary, runs, **about)


if __name__ == "__main__":
    main()
