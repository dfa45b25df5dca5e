"""Public key layouts against a forward pass written from their definition: the largest difference of the heatmaps.

    python benchmarks/import_weights.py

Weights are drawn at random, under the names and in the shapes of the published networks: ResNet50, HRNet-w32,
PoseDual's two ResNet50 with 24 channels, ViTPose-B with either decoder, SuperAnimal's HRNet-w32 of quadrupeds and
ResNet50 of mice, Lightning Pose's ResNet50; the head is scaled so that the heatmaps reach 1, as trained ones do
(where a softmax follows, by halves until they reach no more than 1.5). Rounding to 32 bits is part of the difference;
`in_64_bits` is what remains when both compute in 64.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fixtures import layouts

from common import write
from semipose.models.layouts import LP_SIGMA
from semipose.models.public import UNION, import_weights
from semipose.models.weights import load_model

RESNET50 = {"layers": (3, 4, 6, 3), "channels": (64, 128, 256, 512), "deconv": (256, 256, 256), "gain": 1.0}
HRNET_W32 = {"width": 32, "planes": 64, "blocks": 4, "modules": (1, 4, 3), "first": 4, "gain": 0.65}
VIT_B = {"depth": 12, "channels": 768, "grid": (8, 6)}
SIZE = (128, 96)


def deeplabcut_resnet(joints: int, seed: int) -> layouts.State:
    body = layouts.resnet(**{**RESNET50, "deconv": ()}, grouped=True, seed=seed)
    return {**body, **layouts.doubling("head", 2048, joints, seed)}


def lightning(joints: int, seed: int) -> layouts.State:
    body = layouts.resnet(**{**RESNET50, "deconv": ()}, seed=seed)
    first = layouts.doubling("upsampling_layers.1", 512, joints, seed)
    return {**body, **first, **layouts.doubling("upsampling_layers.2", joints, joints, seed + 1)}


class Case(NamedTuple):
    """How a layout's weights are drawn, its definition, joints, networks a file, and where its head is."""

    draw: Callable[..., layouts.State]
    run: Callable[[layouts.State, Tensor], Tensor]
    joints: int = 17
    networks: int = 1
    head: str = "final_layer"


def _vit(state: layouts.State, x: Tensor) -> Tensor:
    return layouts.run_vit(state, x, 12)


_resnet, _hrnet = partial(layouts.resnet, **RESNET50), partial(layouts.hrnet, **HRNET_W32)
_light, _classic = (partial(layouts.vit, **VIT_B, deconv=deconv) for deconv in ((), (256, 256)))
LAYOUTS = {
    "pose_resnet": Case(_resnet, layouts.run_resnet),
    "pose_hrnet": Case(_hrnet, layouts.run_hrnet),
    "posedual": Case(_resnet, layouts.run_resnet, 24, 2),
    "mmpose_resnet": Case(_resnet, layouts.run_resnet),
    "mmpose_hrnet": Case(_hrnet, layouts.run_hrnet),
    "vitpose_mmpose": Case(_classic, _vit),
    "vitpose_mmpose_1": Case(_light, _vit),
    "vitpose_transformers": Case(_classic, _vit),
    "deeplabcut_hrnet": Case(_hrnet, layouts.run_hrnet, 39),
    "deeplabcut_resnet": Case(deeplabcut_resnet, layouts.run_deeplabcut_resnet, 27, head="head"),
    "lightning_pose": Case(
        lightning,
        lambda state, x: layouts.run_lightning(state, x) * 2 * math.pi * LP_SIGMA**2,
        head="upsampling_layers.2",
    ),
}


def record(layout: str) -> dict:
    """What one layout came to."""
    draw, run, joints, count, head = LAYOUTS[layout]
    states = [draw(joints=joints, seed=seed) for seed in range(count)]
    image = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for state in states:
            reach = run(state, layouts.normalised(image, False)).abs().max()
            halves = layout == "lightning_pose"
            while reach > 1.5 if halves else reach != 1:
                for name in (f"{head}.weight", f"{head}.bias"):
                    state[name] = state[name] / (2 if halves else reach)
                reach = run(state, layouts.normalised(image, False)).abs().max() if halves else 1
        file = Path(folder) / "weights.pth"
        torch.save({"state_dict": layouts.in_layout(layout, *states)}, file)
        found = import_weights(file, Path(folder) / "out", SIZE, "coco" if layout == "lightning_pose" else None)
        rows = (
            [UNION.joints.index(joint) for joint in found.skeleton.joints]
            if layout == "posedual"
            else list(range(joints))
        )
        differences, exact, controls = [], [], []
        for state, path in zip(states, found.files[::2], strict=True):
            orders = (found.config.bgr, not found.config.bgr)  # the other one is a control that has to differ
            network = load_model(path).network
            out = network(image)
            expected, control = (run(state, layouts.normalised(image, bgr))[:, rows] for bgr in orders)
            differences.append(float((out - expected).abs().max()))
            controls.append(float((out - control).abs().max()))
            double = {name: tensor.double() for name, tensor in state.items()}
            expected = run(double, layouts.normalised(image.double(), found.config.bgr))[:, rows]
            exact.append(float((network.double()(image.double()) - expected).abs().max()))
    return {
        "layout": found.layout,
        "backbone": found.config.backbone,
        "tensors": found.matched,
        "largest_difference": max(differences),
        "in_64_bits": max(exact),
        "with_swapped_channels": max(controls),
    }


def main() -> None:
    runs = {layout: record(layout) for layout in LAYOUTS}
    write("import_weights", {name: each["largest_difference"] for name, each in runs.items()}, runs, size=list(SIZE))


if __name__ == "__main__":
    main()
