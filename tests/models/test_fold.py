"""Batch norm folded into convolutions: the same numbers, and only where it may be."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from timm.layers import StdConv2d
from torch import Tensor, nn

from semipose.inference.predictor import Predictor
from semipose.models.build import build_model
from semipose.models.config import ModelConfig
from semipose.models.fold import fold
from semipose.models.weights import load_model
from tests.fixtures.runs import OPTIONS, untrained


def trained(network: nn.Module) -> nn.Module:
    """With statistics as of a training, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.running_mean, -1, 1),
                (module.running_var, 0.5, 2),
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -1, 1),
            ):
                assert values is not None
                values.uniform_(low, high, generator=generator)
    return network.eval()


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    ("backbone", "options", "decoder", "left"),
    [
        ("resnet18", OPTIONS, "deconv", 0),
        ("tf_efficientnet_lite0", {}, "deconv", 0),
        ("tf_efficientnet_lite0", {}, "fpn", 3),
        ("mobilenetv3_small_050", {}, "deconv", 0),
        ("hrnet_w18_small", {}, "deconv", 0),
        ("convnext_atto", {}, "deconv", 0),
        ("resnetv2_50", {"layers": [1, 1, 1, 1], "channels": [16, 16, 16, 16]}, "deconv", 4),
    ],
)
def test_heatmaps_are_the_same_in_64_bits(backbone: str, options: dict, decoder: str, left: int) -> None:
    """All batch norm goes, but that of a pre-activation network which also reads sums, and a pyramid's of sums."""
    config = ModelConfig(backbone, options, "none", [64, 64], decoder=decoder)
    network = trained(build_model(config, 3)).double()
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    with torch.inference_mode():
        before = network(image)
        folded = fold(network)
        after = folded(image)
    assert folded is network and norms(network) == left
    assert (after - before).abs().max() < 1e-11 * before.abs().max()


class Branch(nn.Module):
    """A convolution read by a batch norm and by something else; one whose weights are computed; one called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.read_twice, self.a = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.standardised, self.b = StdConv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.called_twice, self.c = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.fits, self.d = nn.ConvTranspose2d(3, 3, 4, 2, 1), nn.BatchNorm2d(3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.read_twice(image)
        x = self.b(self.standardised(self.a(x) + x))
        return self.d(self.fits(self.c(self.called_twice(self.called_twice(x)))))


def test_a_batch_norm_goes_only_where_it_may() -> None:
    network, image = trained(Branch()), torch.rand(2, 3, 8, 8)
    before = network(image)
    fold(network)
    torch.testing.assert_close(network(image), before, atol=1e-5, rtol=1e-5)
    assert [name for name, part in network.named_modules() if isinstance(part, nn.BatchNorm2d)] == ["a", "b", "c"]


class Asks(nn.Module):
    """What it does depends on what it sees, which cannot be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(self.convolution(image)) if image.sum() > 0 else image


@pytest.mark.parametrize("network", [trained(Asks()), trained(Branch()).train()], ids=["unfollowed", "training"])
def test_others_are_left_as_they_are(network: nn.Module) -> None:
    before = copy.deepcopy(network.state_dict())
    fold(network)
    assert list(network.state_dict()) == list(before) and norms(network) > 0
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_loaded_predictor_has_folded_its_network_and_finds_the_same(tmp_path: Path) -> None:
    run = untrained(tmp_path / "run", "supervised")
    predictor, loaded = Predictor.load(run, "cpu"), load_model(run)
    assert norms(predictor.network) == 0 < norms(loaded.network)
    image = np.random.default_rng(0).integers(0, 255, (90, 70, 3), np.uint8)
    crops = torch.rand(2, 3, *loaded.network.size)
    with torch.inference_mode():
        a, b = predictor.network(crops), loaded.network(crops)
    assert (a - b).abs().max() < 1e-5 * b.abs().max() and len(predictor(image)) == 1
