from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from semipose.config import ModelConfig
from semipose.errors import UserError
from semipose.models.build import build_model, stride_by_view
from semipose.models.weights import load_model, save_model
from semipose.skeleton import Skeleton

PAIR = Skeleton("pair", ("left", "right"))
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


def test_narrow_shortcuts_stride_by_a_view_and_give_the_same() -> None:
    """Trained as they are, they end the process in some of oneDNN's kernels."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(8, 16, 1, 2, bias=False), nn.Conv2d(16, 16, 1, (2, 1)), nn.Conv2d(4, 4, 1, 2, 1))
    image = torch.rand(2, 8, 65, 48, requires_grad=True)
    before = network[0](image)
    before.sum().backward()
    gradients = image.grad, network[0].weight.grad
    image.grad = network[0].weight.grad = None
    stride_by_view(network)
    assert [module.stride for module in network] == [(1, 1), (2, 1), (2, 2)]
    after = network[0](image)
    after.sum().backward()
    assert torch.equal(before, after)
    assert all(
        torch.allclose(a, b, atol=1e-4) for a, b in zip(gradients, (image.grad, network[0].weight.grad), strict=True)
    )
    small = build_model(ModelConfig(**{**TINY, "size": [256, 192]}), 3)
    for _ in range(2):
        small(torch.rand(2, 3, 256, 192)).sum().backward()


def test_weights_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(UserError, match=r"nowhere.safetensors cannot be read"):
        build_model(ModelConfig(**{**TINY, "weights": str(tmp_path / "nowhere.safetensors")}), 3)


HOSTILE = {
    "a hub": {"backbone": "hf-hub:someone/model"},
    "a hub's old name": {"backbone": "hf_hub:someone/model"},
    "a folder": {"backbone": "local-dir:FOLDER"},
    "a path": {"backbone": "../resnet18"},
    "an address": {"backbone": "http://127.0.0.1/resnet18"},
    "no text": {"backbone": 3},
    "pretrained": {"options": {"pretrained": True}},
    "a source of weights": {"options": {"pretrained_cfg": {"url": "http"}}},
    "an overlay": {"options": {"pretrained_cfg_overlay": {"file": "weights.bin"}}},
    "a checkpoint": {"options": {"checkpoint_path": "weights.bin"}},
    "a cache": {"options": {"cache_dir": "here"}},
    "a checkpoint within": {"options": {"stage2": {"checkpoint_path": "weights.bin"}}},
    "a path as a value": {"options": {"act_layer": "FOLDER/x"}},
    "an address in a list": {"options": {"layers": ["http://127.0.0.1"]}},
    "no options": {"options": [1]},
    "a number as a name": {"options": {1: 2}},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_configuration_makes_timm_load_what_it_names(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(timm, "create_model", lambda *a, **k: made.append(a))
    monkeypatch.setattr(socket.socket, "connect", lambda *a: made.append(a))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: made.append(a))
    text = json.dumps({**TINY, **HOSTILE[case]}) if case != "a number as a name" else ""
    values = json.loads(text.replace("FOLDER", str(tmp_path))) if text else {**TINY, **HOSTILE[case]}
    with pytest.raises(UserError, match=r"backbone|model\.options") as caught:
        build_model(ModelConfig(**values), 3)
    assert not made and "\n" not in str(caught.value)


def test_a_model_s_description_has_its_own_weights_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "model", build_model(ModelConfig(**TINY), 2), ModelConfig(**TINY), PAIR)
    beside = tmp_path / "model.json"
    content = json.loads(beside.read_text())
    reached: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *a: reached.append(a))
    for weights in ("imagenet", str(tmp_path / "other.ckpt")):
        content["model"]["weights"] = weights
        beside.write_text(json.dumps(content))
        assert load_model(tmp_path).config.weights == "none"
    content["model"]["backbone"] = "hf-hub:someone/model"
    beside.write_text(json.dumps(content))
    with pytest.raises(UserError, match="is not a plain name of timm's"):
        load_model(tmp_path)
    assert not reached
