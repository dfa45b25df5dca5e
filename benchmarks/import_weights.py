"""Public key layouts against a forward pass written from their definition: the largest difference of the heatmaps.

    python benchmarks/import_weights.py

Weights are drawn at random, under the names and in the shapes of the published networks: ResNet50, HRNet-w32, and
PoseDual's two ResNet50 with 24 channels; the head is scaled so that the heatmaps reach 1, as trained ones do. Rounding
to 32 bits is part of the difference; `in_64_bits` is what remains when both compute in 64.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fixtures import layouts

from common import write
from semipose.models.public import UNION, import_weights
from semipose.models.weights import load_model

LAYOUTS = ("pose_resnet", "pose_hrnet", "posedual", "mmpose_resnet", "mmpose_hrnet")
RESNET50 = {"layers": (3, 4, 6, 3), "channels": (64, 128, 256, 512), "deconv": (256, 256, 256), "gain": 1.0}
HRNET_W32 = {"width": 32, "planes": 64, "blocks": 4, "modules": (1, 4, 3), "first": 4, "gain": 0.65}
SIZE = (128, 96)


def record(layout: str) -> dict:
    """What one layout came to."""
    joints = 24 if layout == "posedual" else 17
    seeds = (0, 1) if layout == "posedual" else (0,)
    kind, shape = (layouts.hrnet, HRNET_W32) if "hrnet" in layout else (layouts.resnet, RESNET50)
    run = layouts.run_hrnet if "hrnet" in layout else layouts.run_resnet
    states = [kind(**shape, joints=joints, seed=seed) for seed in seeds]
    image = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for state in states:
            reach = run(state, layouts.normalised(image, False)).abs().max()
            for name in ("final_layer.weight", "final_layer.bias"):
                state[name] = state[name] / reach
        file = Path(folder) / "weights.pth"
        torch.save({"state_dict": layouts.in_layout(layout, *states)}, file)
        found = import_weights(file, Path(folder) / "out", SIZE)
        rows = [UNION.joints.index(joint) for joint in found.skeleton.joints] if joints == 24 else list(range(joints))
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
        "max_abs_diff": max(differences),
        "in_64_bits": max(exact),
        "with_swapped_channels": max(controls),
    }


def main() -> None:
    runs = {layout: record(layout) for layout in LAYOUTS}
    write("import_weights", {name: each["max_abs_diff"] for name, each in runs.items()}, runs, size=list(SIZE))


if __name__ == "__main__":
    main()
