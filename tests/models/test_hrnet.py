from __future__ import annotations

import pytest
import torch
from torch import Tensor

from semipose.config import ModelConfig
from semipose.errors import UserError
from semipose.models.build import build_model
from semipose.models.hrnet import HRNet
from semipose.models.pose import SimpleBaseline

SMALL = {
    "stage1": {"num_modules": 1, "num_branches": 1, "block_type": "BOTTLENECK", "num_blocks": [1], "num_channels": [8]}
} | {
    f"stage{n}": {
        "num_modules": 1,
        "num_branches": n,
        "block_type": "BASIC",
        "num_blocks": [1] * n,
        "num_channels": [4 * 2**i for i in range(n)],
        "fuse_method": "SUM",
    }
    for n in (2, 3, 4)
}


@pytest.fixture(scope="module")
def network() -> SimpleBaseline:
    config = ModelConfig(backbone="hrnet_w18", options=SMALL, weights="none", size=[64, 96])
    net = build_model(config, 3).eval()
    with torch.no_grad():
        net.head.weight.mul_(200)
    return net


def test_stride_four_without_deconvolutions(network) -> None:
    assert network.stride == 4 and not len(network.decoder) and network.backbone.channels == 4
    assert network(torch.rand(2, 3, 64, 96)).shape == (2, 3, 16, 24)


def test_taps_are_called_once_a_branch_finest_first(network) -> None:
    seen: list[tuple[str, int]] = []

    def note(name: str, x: Tensor) -> Tensor:
        seen.append((name, x.shape[-1]))
        return x

    network(torch.rand(1, 3, 64, 96), note)
    grids = {"layer2": [24, 12], "layer3": [24, 12, 6], "layer4": [24]}
    expected = [("image", 96), ("stem", 24), ("layer1", 24)] + [(name, w) for name in grids for w in grids[name]]
    assert seen == [*expected, ("encoder", 24), ("decoder", 24)]


@pytest.mark.parametrize("name", ["stem", "layer2", "layer3", "layer4"])
def test_a_tap_can_mix_every_branch(network, name) -> None:
    x, order = torch.rand(3, 3, 64, 96), torch.tensor([2, 0, 1])
    mixed = network(x, lambda at, y: y[order] if at == name else y)
    torch.testing.assert_close(mixed, network(x)[order])
    assert not torch.allclose(mixed, network(x))


def test_every_parameter_is_used(network) -> None:
    """The last exchange has no part that makes branches nobody reads."""
    loss = network(torch.rand(1, 3, 64, 96)).square().sum()
    found = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    assert all(gradient is not None for gradient in found)


def test_sizes_divide_by_the_coarsest_branch() -> None:
    config = ModelConfig(backbone="hrnet_w18", options=SMALL, weights="none", size=[60, 48])
    with pytest.raises(UserError, match=r"stride 32; the nearest that does is \[64, 64\]"):
        build_model(config, 3)


@pytest.mark.parametrize("name", ["hrnet_w33", "resnet18"])
def test_what_is_no_hrnet_is_refused(name) -> None:
    with pytest.raises(UserError, match=f"backbone '{name}' is not"):
        HRNet(name)
