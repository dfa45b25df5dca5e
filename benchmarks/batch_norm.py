"""Is it batch norm's statistics that hold a semi-supervised network back? In training they move with labelled images,
hard views and what is taught; at the end they are estimated anew on labelled or unlabelled images, plain or in the easy
view, and the network is scored with each.

    python benchmarks/batch_norm.py runs/lspet/supervised runs/lspet/single runs/lspet/dual

Finished runs with a validation set; nothing is trained. Writes results/batch_norm.json: validation PCK in %, the mean
of a run's networks, "as trained", "labelled", "unlabelled", and both in the easy view. `--name norm_rule` names another
record.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from common import write
from semipose.augment import Policy, parse
from semipose.data.crops.build import Crops
from semipose.data.datasets import cut, open_sets
from semipose.draws import Draws
from semipose.geometry import View
from semipose.heatmap import decoder
from semipose.inference.boxes import finder_of
from semipose.inference.evaluate import read_networks
from semipose.inference.evaluation import predict_crops, score_crops
from semipose.training.norm import estimate_norm


def views(crops: Crops, policy: Policy, batch: int = 64) -> Iterator[torch.Tensor]:
    """All crops, each in a view that `policy` draws."""
    for start in range(0, len(crops) - len(crops) % batch or len(crops), batch):
        rows = np.arange(start, min(start + batch, len(crops)))
        view = View.of(torch.from_numpy(crops.images(rows)), crops.spec.size)
        yield policy(view, Draws(0, start)).image


def study(run: Path, count: int) -> dict[str, float]:
    """One run's scores, in %."""
    _, config, _ = read_networks(run)
    sets = open_sets(config.data, True, finder_of, checked=False)
    assert sets.val is not None and sets.unlabeled is not None
    val = cut(sets.val.labeled(), config, False, True)
    assert val is not None
    few = sets.unlabeled.subset(sets.unlabeled.ids[:count])
    scores = {}
    plain, easy = parse("none"), parse(config.method.easy)
    ways = {
        "as trained": (None, plain),
        "labelled": (sets.labeled, plain),
        "unlabelled": (few, plain),
        "labelled, easy": (sets.labeled, easy),
        "unlabelled, easy": (few, easy),
    }
    for name, (data, policy) in ways.items():
        networks = {key: each.network for key, each in read_networks(run)[0].items()}
        if data is not None:
            crops = cut(data, config, True, True)  # with room for the views, as in training
            assert crops is not None
            for network in networks.values():
                estimate_norm([network], views(crops, policy))
        how = decoder(config.decode, config.model.sigma)
        found = score_crops(predict_crops(networks, val, refine=how), val, config.threshold)
        scores[name] = round(100 * found["mean"]["pck"], 2)
        print(run.name, name, scores[name], flush=True)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=1024, help="unlabelled images to estimate on")
    parser.add_argument("--name", default="batch_norm", help="of the record")
    options = parser.parse_args()
    alike = len({run.name for run in options.runs}) < len(options.runs)
    found = {f"{run.parent.name} {run.name}" if alike else run.name: study(run, options.count) for run in options.runs}
    summary = {f"{name}: {images}": score for name, scores in found.items() for images, score in scores.items()}
    write(options.name, summary, found, unlabelled_images=options.count)


if __name__ == "__main__":
    main()
