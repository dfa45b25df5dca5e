"""Is it batch norm's statistics that hold a semi-supervised network back? In training they move with labelled images,
hard views and what is taught; at the end they are estimated anew on plain images, labelled or unlabelled, and the
network is scored with each.

    python benchmarks/batch_norm.py runs/lspet/supervised runs/lspet/single runs/lspet/dual

Finished runs with a validation set; nothing is trained. Writes results/batch_norm.json: validation PCK in %, the mean
of a run's networks, "as trained", "labelled" and "unlabelled".
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from common import write
from semipose.data.crops.build import Crops
from semipose.data.datasets import cut, open_sets
from semipose.geometry import View
from semipose.inference.boxes import finder_of
from semipose.inference.evaluate import read_networks
from semipose.inference.evaluation import predict_crops, score_crops


@torch.no_grad()
def estimate(network: nn.Module, crops: Crops, batch: int = 64) -> None:
    """Running means and variances become averages over the crops' plain views."""
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # all batches weigh the same
    network.train()
    for start in range(0, len(crops) - len(crops) % batch or len(crops), batch):
        rows = np.arange(start, min(start + batch, len(crops)))
        network(View.of(torch.from_numpy(crops.images(rows)), crops.spec.size).image)
    network.eval()


def study(run: Path, count: int) -> dict[str, float]:
    """One run's scores, in %."""
    _, config, _ = read_networks(run)
    sets = open_sets(config.data, True, finder_of, checked=False)
    assert sets.val is not None and sets.unlabeled is not None
    val = cut(sets.val.labeled(), config, False, True)
    assert val is not None
    few = sets.unlabeled.subset(sets.unlabeled.ids[:count])
    scores = {}
    for name, data in {"as trained": None, "labelled": sets.labeled, "unlabelled": few}.items():
        networks = {key: each.network for key, each in read_networks(run)[0].items()}
        if data is not None:
            crops = cut(data, config, False, True)
            assert crops is not None
            for network in networks.values():
                estimate(network, crops)
        found = score_crops(predict_crops(networks, val), val, config.threshold)
        scores[name] = round(100 * found["mean"]["pck"], 2)
        print(run.name, name, scores[name], flush=True)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=1024, help="unlabelled images to estimate on")
    options = parser.parse_args()
    found = {run.name: study(run, options.count) for run in options.runs}
    summary = {f"{name}: {images}": score for name, scores in found.items() for images, score in scores.items()}
    write("batch_norm", summary, found, unlabelled_images=options.count)


if __name__ == "__main__":
    main()
