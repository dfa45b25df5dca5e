"""Single views, their mean, their maximum and the refined maximum, as Figure 1 of Yu et al.'s supplement.

    python benchmarks/denoise_figure.py runs/mini-dual

Shows joints of unlabelled images where the mean's peak and the maximum's lie apart, spread evenly over how much nearer
one is to the label that was held back, so that none is picked by hand. Writes docs/results/denoise.jpg.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import torch
from torch import Tensor

matplotlib.use("agg")
import matplotlib.pyplot as plt

from semipose.augment import parse
from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.data.datasets import cut, open_sets
from semipose.draws import Draws
from semipose.geometry import View, move, swap_sides
from semipose.heatmap import decode, quarter
from semipose.inference.boxes import finder_of
from semipose.methods import switched
from semipose.methods.teach import refined
from semipose.methods.teachers import Itself
from semipose.methods.views import average, gathered, highest
from semipose.metrics.pck import box_norm
from semipose.papers.yu2024.methods import WHOLE
from semipose.target import Target
from semipose.training.networks import build_networks
from semipose.training.pseudo import hold_back

APART = 0.1
"""Of the person's size: how far the two peaks lie apart at least."""


def panels(heatmaps: Tensor, view: View, sigma: float, seen: Tensor) -> dict[str, Tensor]:
    """Title -> (B, K, h, w)."""
    top = highest(heatmaps, seen)
    ones = top.new_ones(*top.shape[:2], 1, 1)
    single = {("weak view" if i == 0 else f"view {i}"): maps for i, maps in enumerate(heatmaps)}
    fresh = refined(sigma)(Target(top, ones, view)).heatmaps
    return {**single, "mean": average(heatmaps, seen), "maximum": top, "refined": fresh}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=256, help="images to look through")
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "results" / "denoise.jpg")
    options = parser.parse_args()
    config = resolve(Config(), read_yaml(options.run / "config.yaml"))
    sets = open_sets(config.data, True, finder_of)
    files = sorted(options.run.glob("model*.safetensors"), key=lambda file: file.stem)
    config = replace(config, peer={}, method=switched(config.method, "single"))
    network = build_networks(config, sets.skeleton, files[:1])[0].eval()
    held = hold_back(cut(sets.unlabeled, config, True, False), sets.held, options.count, options.count, 0)
    assert held is not None, "the run's unlabelled data has no labels to compare with"
    flip = torch.tensor(sets.skeleton.flip)
    plain = View.of(torch.from_numpy(held.crops.images(held.rows)), held.crops.spec.size)
    draws = Draws(0)
    views = [parse(config.method.easy)(plain, draws)]
    views += [parse(WHOLE["multi"])(plain, draws) for _ in range(WHOLE["views"] - 1)]
    with torch.inference_mode():
        heatmaps, seen = gathered(Itself(network), views, flip)
        shown = panels(heatmaps, views[0], config.model.sigma, seen)
    frame, stride = views[0], network.stride
    truth = torch.from_numpy(held.truth).float()
    there = swap_sides(move(frame.matrix, truth[..., :2]), plain, frame, flip)
    labelled = swap_sides(truth[..., 2] > 0, plain, frame, flip)
    size = (
        torch.from_numpy(box_norm(held.truth)).float()[:, None] * torch.linalg.det(frame.matrix).abs().sqrt()[:, None]
    )
    peak = {name: decode(shown[name], stride, quarter)[0] for name in ("mean", "maximum")}
    error = {name: (xy - there).norm(dim=-1) / size for name, xy in peak.items()}
    h, w = frame.size
    inside = (there >= 0).all(-1) & (there[..., 0] < w) & (there[..., 1] < h)
    differ = labelled & inside & ((peak["mean"] - peak["maximum"]).norm(dim=-1) / size > APART)
    where = differ.nonzero()
    gain = (error["mean"] - error["maximum"])[differ]
    nearer, all_ = (gain > 0).float().mean().item(), int((labelled & inside).sum())
    print(f"{len(where)} of {all_} joints differ; the maximum is nearer in {nearer:.0%}")
    order = gain.argsort(descending=True)
    chosen = where[order[np.linspace(0, len(order) - 1, min(options.rows, len(order))).round().astype(int)]]
    figure, axes = plt.subplots(
        len(chosen), len(shown) + 1, figsize=(1.35 * (len(shown) + 1), 1.75 * len(chosen)), squeeze=False
    )
    for row, (b, k) in zip(axes, chosen.tolist(), strict=True):
        image = (255 * frame.image[b].permute(1, 2, 0)).round().byte().numpy()
        row[0].imshow(image)
        row[0].set_ylabel(sets.skeleton.joints[k].replace("_", " "), fontsize=8)
        grey = np.repeat(image.mean(-1, keepdims=True), 3, -1) / 255
        for axis, maps in zip(row[1:], shown.values(), strict=True):
            heat = cv2.resize(maps[b, k].clamp(0, 1).numpy(), (w, h), interpolation=cv2.INTER_LINEAR)
            axis.imshow(0.45 * grey + 0.55 * plt.get_cmap("inferno")(heat / max(heat.max(), 0.05))[..., :3])
            axis.set_xlabel(f"peak {float(maps[b, k].max()):.2f}", fontsize=6, labelpad=1)
        for axis in row:
            axis.plot(*there[b, k].tolist(), marker="o", markersize=5, markerfacecolor="none", markeredgecolor="white")
            axis.set(xticks=[], yticks=[])
    for axis, title in zip(axes[0], ["image", *shown], strict=True):
        axis.set_title(title, fontsize=8)
    figure.tight_layout(pad=0.4)
    figure.savefig(options.out, dpi=110)
    print(options.out)


if __name__ == "__main__":
    main()
