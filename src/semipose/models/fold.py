"""Batch norm folded into the convolutions before it, for a network that only predicts: the same heatmaps, sooner."""

from __future__ import annotations

from typing import TypeVar

from timm.layers import BatchNormAct2d, Conv2dSame
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from semipose.models.depthwise import Depthwise, DepthwiseSame

CONVOLUTIONS = (nn.Conv2d, Conv2dSame, Depthwise, DepthwiseSame, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm2d, BatchNormAct2d)
"""Exact types: others may compute their weights anew, or something beside."""

Network = TypeVar("Network", bound=nn.Module)


def fold(network: Network) -> Network:
    """The same network, changed in place: each batch norm that follows a convolution, whose output nothing else reads,
    is part of it. Heatmaps differ by rounding alone. It cannot be trained any further, nor its weights be saved as
    others are. One in training mode, or that `torch.fx` cannot follow, is left as it is."""
    if network.training:
        return network
    parts = dict(network.named_modules())
    for convolution, norm in _pairs(network):
        before, after = parts[convolution], parts[norm]
        folded = fuse_conv_bn_eval(before, after, isinstance(before, nn.ConvTranspose2d))
        network.set_submodule(convolution, folded)
        rest = nn.Sequential(after.drop, after.act) if isinstance(after, BatchNormAct2d) else nn.Identity()
        network.set_submodule(norm, rest)
    return network


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return type(module) in (*CONVOLUTIONS, *NORMS) or super().is_leaf_module(module, name)


class _Whole(nn.Module):
    """A network without its other arguments, which are no tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: fx.Proxy) -> fx.Proxy:
        return self.network(image)


def _pairs(network: nn.Module) -> list[tuple[str, str]]:
    """The names of convolutions, and of the batch norms that alone read them; both are called once."""
    parts, prefix = dict(network.named_modules()), "network."
    try:
        nodes = [node for node in _Tracer().trace(_Whole(network)).nodes if node.op == "call_module"]
    except Exception:  # whatever a backbone's own code raises when it is given no tensor
        return []
    calls = [node.target for node in nodes]
    pairs = []
    for node in nodes:
        before = node.args[0]
        if not (type(parts[node.target.removeprefix(prefix)]) in NORMS and getattr(before, "op", "") == "call_module"):
            continue
        convolves = type(parts[before.target.removeprefix(prefix)]) in CONVOLUTIONS
        if convolves and len(before.users) == 1 and calls.count(before.target) == calls.count(node.target) == 1:
            pairs.append((before.target.removeprefix(prefix), node.target.removeprefix(prefix)))
    return pairs
