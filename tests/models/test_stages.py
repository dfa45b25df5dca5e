from __future__ import annotations

import pytest
import timm
import torch

from semipose.config import ModelConfig
from semipose.errors import UsageError, UserError
from semipose.models.build import build_model
from semipose.models.stages import Backbone, frozen_in

SMALL = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}


def test_stages_in_order_and_their_strides() -> None:
    backbone = Backbone("resnet18", **SMALL)
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, x: torch.Tensor) -> torch.Tensor:
        shapes[name] = tuple(x.shape[1:])
        return x

    out = backbone(torch.rand(2, 3, 64, 32), note)
    assert list(shapes) == ["stem", "layer1", "layer2", "layer3", "layer4"] == list(backbone.stages)
    assert [s[1:] for s in shapes.values()] == [(32, 16), (16, 8), (8, 4), (4, 2), (2, 1)]
    assert out.shape == (2, backbone.channels, 2, 1) and backbone.channels == 16 and backbone.reduction == 32


def test_stages_compute_what_the_network_computes() -> None:
    backbone = Backbone("resnet18", **SMALL).eval()
    whole = timm.create_model("resnet18", **SMALL).eval()
    theirs = [v for k, v in whole.state_dict().items() if not k.startswith("fc")]
    state = backbone.state_dict()
    backbone.load_state_dict(dict(zip(state, theirs, strict=True)))
    x = torch.rand(1, 3, 64, 32)
    torch.testing.assert_close(backbone(x), whole.forward_features(x))


@pytest.mark.parametrize("stride", [8, 16])
def test_output_stride(stride) -> None:
    backbone = Backbone("resnet18", output_stride=stride, **SMALL)
    assert backbone.reduction == stride
    assert backbone(torch.rand(1, 3, 64, 32)).shape[-2:] == (64 // stride, 32 // stride)


def test_efficientnet_stages() -> None:
    backbone = Backbone("tf_efficientnet_lite0")
    assert next(iter(backbone.stages)) == "stem" and backbone.reduction == 32
    assert backbone.eval()(torch.rand(1, 3, 64, 32)).shape == (1, backbone.channels, 2, 1)


def test_a_tap_replaces_what_passes() -> None:
    backbone = Backbone("resnet18", **SMALL).eval()
    x = torch.rand(2, 3, 64, 32)
    swapped = backbone(x, lambda name, x: x.flip(0) if name == "layer2" else x)
    torch.testing.assert_close(swapped, backbone(x).flip(0))
    assert not torch.allclose(swapped, backbone(x))


@pytest.mark.parametrize(
    ("name", "options"), [("resnet81", {}), ("resnet18", {"colour": 1}), ("vit_tiny_patch16_224", {"img_size": 64})]
)
def test_unknown_backbones_are_refused(name, options) -> None:
    with pytest.raises(UserError, match=f"backbone '{name}'") as caught:
        Backbone(name, **options)
    assert "\n" not in str(caught.value).strip()


def test_unknown_backbone_names_near_ones() -> None:
    with pytest.raises(UserError, match=r"try .*resnet1"):
        Backbone("resnet18x")


def test_weights_that_cannot_be_fetched(monkeypatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise FileNotFoundError("no connection")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UserError, match=r"weights of 'resnet18' could not be downloaded .* model.weights=none"):
        Backbone("resnet18", pretrained=True)


# ---- frozen stages

HRNET = {
    f"stage{i}": {"num_modules": 1, "num_branches": i, "block_type": "BASIC", "num_blocks": [1] * i,
                  "num_channels": [8 * 2**k for k in range(i)], "fuse_method": "SUM"}
    for i in (2, 3, 4)
}  # fmt: skip
KINDS = {
    "resnet18": SMALL,
    "convnext_atto": {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16]},
    "hrnet_w18_small": HRNET,
    "vit_small_patch16_dinov3": {"depth": 4, "embed_dim": 32, "num_heads": 2},
}


@pytest.mark.parametrize("name", KINDS)
def test_frozen_stages_do_not_learn_and_keep_their_statistics(name: str) -> None:
    config = ModelConfig(name, KINDS[name], "none", [64, 32], freeze=["stem", "layer1"])
    network = build_model(config, 3).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    seen: dict[str, bool] = {}

    def note(at: str, x: torch.Tensor) -> torch.Tensor:
        seen[at] = x.requires_grad
        return x

    network(torch.rand(2, 3, 64, 32), note).square().sum().backward()
    frozen = ("backbone.stages.stem.", "backbone.stages.layer1.")
    assert not seen["stem"] and not seen["layer1"] and seen["layer2"], "nothing is kept for a way back"
    for key, parameter in network.named_parameters():
        assert (parameter.grad is None) == key.startswith(frozen) == (not parameter.requires_grad)
    changed = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    assert not [key for key in changed if key.startswith(frozen)]
    assert changed or not any("running" in key for key in before), "the others' statistics follow"
    assert {m for m in network.modules() if not m.training} >= frozen_in(network) > set()
    assert network.backbone.stages["layer2"].training and network.eval().train().head.training


def test_a_stage_in_the_middle_passes_gradients_on() -> None:
    network = build_model(ModelConfig("resnet18", SMALL, "none", [64, 32], freeze=["layer2"]), 3)
    network(torch.rand(2, 3, 64, 32)).square().sum().backward()
    stages = network.backbone.stages
    assert stages["layer2"][0][0].conv1.weight.grad is None and stages["stem"][0].weight.grad.abs().sum() > 0


def test_stages_that_there_are_not_are_named() -> None:
    with pytest.raises(UsageError, match=r"freeze has 'layer9'; the stages of resnet18 are stem, layer1, .*layer4$"):
        build_model(ModelConfig("resnet18", SMALL, "none", [64, 32], freeze=["stem", "layer9"]), 3)
