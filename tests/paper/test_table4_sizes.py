"""Xie et al. 2021, Table 4: parameters and GFLOPs of the networks."""

from __future__ import annotations

import pytest

from semipose.config import ModelConfig
from semipose.models.build import build_model
from semipose.models.size import size

TABLE = {
    ("resnet50", (256, 192)): (34.0, 8.9),
    ("resnet152", (256, 192)): (68.6, 15.7),
    ("hrnet_w48", (384, 288)): (63.6, 32.9),
}
"""In millions and GFLOPs. The table cuts 8.99 and 15.76 off and rounds 32.88."""


@pytest.mark.slow
@pytest.mark.parametrize("network", TABLE, ids=lambda network: network[0])
def test_sizes_are_the_table_s(network: tuple[str, tuple[int, int]]) -> None:
    found = size(ModelConfig(backbone=network[0], size=list(network[1])), 17)
    parameters, gflops = TABLE[network]
    assert round(found.parameters / 1e6, 1) == parameters
    assert found.gflops == pytest.approx(gflops, abs=0.1)


def test_operations_against_a_count_by_hand() -> None:
    """The deconvolutions and the head: multiply-adds at each cell of the input, four times that in the tables."""
    deep, shallow = (size(ModelConfig(size=[256, 192], deconv=deconv), 17) for deconv in ([256, 256, 256], [256, 256]))
    last = (32 * 24) * 256 * 256 * 16
    heads = (64 * 48 - 32 * 24) * 256 * 17
    assert deep.operations - shallow.operations == last + heads
    assert (deep.gflops - shallow.gflops) * 2**30 == pytest.approx(4 * last + heads)


def test_the_size_is_of_the_network_that_is_built() -> None:
    config = ModelConfig(size=[64, 32], deconv=[8, 8], weights="none")
    assert size(config, 5).parameters == sum(p.numel() for p in build_model(config, 5).parameters())
