from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from semipose.errors import UserError
from semipose.models.pose import SimpleBaseline
from semipose.models.stages import Backbone

SMALL = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}


@pytest.fixture(scope="module")
def network() -> SimpleBaseline:
    """With a decoder and head large enough for differences to show."""
    net = SimpleBaseline(Backbone("resnet18", **SMALL), 5, (64, 32), (8, 8, 8)).eval()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.ConvTranspose2d) or module is net.head:
                module.weight.mul_(200)
    return net


def test_shapes_and_stride(network) -> None:
    assert network.stride == 4 and network.size == (64, 32)
    assert network(torch.rand(2, 3, 64, 32)).shape == (2, 5, 16, 8)
    shallow = SimpleBaseline(Backbone("resnet18", output_stride=16, **SMALL), 3, (48, 32), (8, 8, 8)).eval()
    assert shallow.stride == 2 and shallow(torch.rand(1, 3, 48, 32)).shape == (1, 3, 24, 16)


def test_taps_are_called_in_order(network) -> None:
    names = []

    def note(name: str, x: Tensor) -> Tensor:
        names.append(name)
        return x

    x = torch.rand(1, 3, 64, 32)
    out = network(x, note)
    assert names == ["image", "stem", "layer1", "layer2", "layer3", "layer4", "encoder", "decoder"]
    assert torch.equal(out, network(x))


def test_a_pyramid_is_tapped_level_by_level_the_output_last() -> None:
    net = SimpleBaseline(Backbone("resnet18", **SMALL), 5, (64, 32), (8, 8, 4, 4), decoder="fpn").eval()
    seen = []
    out = net(torch.rand(1, 3, 64, 32), lambda name, x: seen.append((name, *x.shape[1:])) or x)
    assert out.shape == (1, 5, 16, 8) and net.stride == 4
    assert seen[6:] == [
        ("encoder/layer1", 8, 16, 8),
        ("encoder/layer2", 8, 8, 4),
        ("encoder/layer3", 16, 4, 2),
        ("encoder", 16, 2, 1),
        ("decoder", 4, 16, 8),
    ]


@pytest.mark.parametrize("name", ["image", "stem", "layer3", "encoder", "decoder"])
def test_a_tap_can_mix_and_unmix(network, name) -> None:
    """Reordering the batch at a stage reorders the output: what a tap returns is what goes on."""
    x = torch.rand(3, 3, 64, 32)
    order = torch.tensor([2, 0, 1])
    mixed = network(x, lambda at, y: y[order] if at == name else y)
    torch.testing.assert_close(mixed, network(x)[order])
    assert not torch.allclose(mixed, network(x))


def test_normalisation_is_the_networks_own() -> None:
    seen = []

    def note(name: str, x: Tensor) -> Tensor:
        seen.append((name, x))
        return x

    network = SimpleBaseline(Backbone("resnet18", **SMALL), 2, (32, 32), (8,), (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)).eval()
    network(torch.full((1, 3, 32, 32), 0.4), note)
    assert seen[0][1].amax((0, 2, 3)).tolist() == pytest.approx([0.6, 0.8, 0.05])
    assert not any(key in network.state_dict() for key in ("mean", "deviation"))


def test_head_and_deconvolutions_start_at_a_thousandth() -> None:
    network = SimpleBaseline(Backbone("resnet18", **SMALL), 17, (32, 32), (64, 64, 64))
    convolutions = [m for m in network.decoder if isinstance(m, nn.ConvTranspose2d)]
    assert len(convolutions) == 3
    for module in (*convolutions, network.head):
        assert module.weight.std().item() == pytest.approx(0.001, rel=0.1) and abs(module.weight.mean().item()) < 2e-4
    assert network.head.bias is not None and network.head.bias.abs().max() == 0
    assert network(torch.rand(2, 3, 32, 32)).abs().max().item() < 0.1


@pytest.mark.parametrize(
    ("size", "nearest"), [((60, 48), "[64, 64]"), ((256, 190), "[256, 192]"), ((5, 32), "[32, 32]")]
)
def test_sizes_that_do_not_divide(size, nearest) -> None:
    with pytest.raises(UserError, match="does not divide by the backbone's stride 32") as caught:
        SimpleBaseline(Backbone("resnet18", **SMALL), 3, size)
    assert nearest in str(caught.value) and str(list(size)) in str(caught.value)


def test_more_deconvolutions_than_the_backbone_shrinks() -> None:
    with pytest.raises(UserError, match=r"model.deconv has 4 stages.*stride is only 8"):
        SimpleBaseline(Backbone("resnet18", output_stride=8, **SMALL), 3, (64, 48), (8, 8, 8, 8))


def test_heatmaps_have_32_bits_under_mixed_precision(network) -> None:
    x = torch.rand(1, 3, 64, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = network(x)
    assert out.dtype == torch.float32
