"""Plain vision transformers compute what timm's do, in stages, at any size."""

from __future__ import annotations

import pytest
import timm
import torch

from semipose.config import ModelConfig
from semipose.errors import UserError
from semipose.models.build import build_model
from semipose.models.vit import ViT

TINY = {"depth": 2, "embed_dim": 32, "num_heads": 2}
SAM = {**TINY, "img_size": 64, "global_attn_indexes": [1], "window_size": 2, "neck_chans": 8}
NETWORKS = {
    "vit_small_patch14_dinov2": {**TINY, "img_size": 56},
    "vit_small_patch14_reg4_dinov2": {**TINY, "img_size": 56},
    "vit_small_patch16_dinov3": TINY,
    "samvit_base_patch16": SAM,
    "vit_base_patch16_224.mae": {**TINY, "img_size": 64},
    "vit_tiny_patch16_224": {**TINY, "img_size": 64},
    "eva02_tiny_patch14_224": {**TINY, "img_size": 56},
    "deit_tiny_distilled_patch16_224": {**TINY, "img_size": 64},
}


def filled(network: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough for each part to show."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    return network.eval()


def shared(mine: ViT, theirs: torch.nn.Module) -> None:
    """Gives timm's network the same weights, by the names that parts have in both."""
    names, taken = theirs.state_dict(), mine.state_dict()
    blocks = [f"layer{i}.blocks.{j}." for i, layer in enumerate(mine.stages.values()) if i
              for j in range(len(layer.blocks))]  # fmt: skip
    new = {key.removeprefix("stages.stem.net."): value for key, value in taken.items() if ".stem." in key}
    for number, start in enumerate(blocks):
        parts = {k.removeprefix(f"stages.{start}"): v for k, v in taken.items() if k.startswith(f"stages.{start}")}
        new |= {f"blocks.{number}.{key}": value for key, value in parts.items()}
    ends = {key.rpartition(".last.")[2]: value for key, value in taken.items() if ".last." in key}
    last = next(name for name in ("neck", "norm", "fc_norm") if f"{name}.{next(iter(ends))}" in names)
    theirs.load_state_dict({**new, **{f"{last}.{key}": value for key, value in ends.items()}}, strict=False)
    assert set(new) <= set(names)


@pytest.mark.parametrize("name", NETWORKS)
def test_stages_compute_what_the_network_computes(name: str) -> None:
    """At a size of other sides than the one the positions are for."""
    mine = filled(ViT(name, **NETWORKS[name]))
    sized = {} if name.startswith("samvit") else {"dynamic_img_size": True}
    theirs = timm.create_model(name, **sized, **NETWORKS[name], num_classes=0).eval()
    shared(mine, theirs)
    patch = mine.reduction
    x = torch.rand(2, 3, 6 * patch, 4 * patch, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        out, expected = mine(x), theirs.forward_features(x)
    if not name.startswith("samvit"):
        if isinstance(theirs.norm, torch.nn.Identity):
            expected = theirs.fc_norm(expected)
        expected = expected[:, theirs.num_prefix_tokens :].mT.unflatten(2, (6, 4))
    assert out.shape == (2, mine.channels, 6, 4) and out.std() > 0.1
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)


def test_taps_see_patches_and_can_replace_them() -> None:
    network = filled(ViT("vit_small_patch14_reg4_dinov2", **{**NETWORKS["vit_small_patch14_reg4_dinov2"], "depth": 8}))
    x, shapes = torch.rand(2, 3, 56, 28), {}

    def note(name: str, y: torch.Tensor) -> torch.Tensor:
        shapes[name] = tuple(y.shape)
        return y

    out = network(x, note)
    assert list(shapes) == list(network.stages) == ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert set(shapes.values()) == {(2, 32, 4, 2)}
    torch.testing.assert_close(network(x, lambda name, y: y), out, atol=0, rtol=0)
    assert not torch.allclose(network(x, lambda name, y: y.flip(0) if name == "layer2" else y), out)


def test_few_blocks_are_few_stages() -> None:
    assert list(ViT("vit_tiny_patch16_224", **NETWORKS["vit_tiny_patch16_224"]).stages) == ["stem", "layer1", "layer2"]


@pytest.mark.parametrize(
    ("name", "decoder", "size", "stride"),
    [
        ("vit_small_patch16_dinov3", "light", [96, 64], 4),
        ("vit_small_patch16_dinov3", "deconv", [96, 64], 4),
        ("vit_small_patch14_dinov2", "light", [112, 56], 4),
        ("vit_small_patch14_dinov2", "deconv", [112, 56], 7),
        ("samvit_base_patch16", "deconv", [64, 64], 4),
    ],
)
def test_pose_networks_learn_with_either_decoder(name: str, decoder: str, size: list[int], stride: int) -> None:
    config = ModelConfig(name, NETWORKS[name], "none", size, decoder=decoder)
    network = build_model(config, 3)
    assert network.stride == stride and network.first_cell == (stride - 1) / 2
    out = network(torch.rand(2, 3, *size))
    assert out.shape == (2, 3, size[0] // stride, size[1] // stride)
    out.square().mean().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_weights_of_one_size_fit_another() -> None:
    small, large = (
        build_model(ModelConfig("vit_tiny_patch16_224", NETWORKS["vit_tiny_patch16_224"], "none", size), 2)
        for size in ([64, 48], [128, 96])
    )
    large.load_state_dict(small.state_dict())


def test_colours_are_those_that_the_weights_were_trained_with() -> None:
    for name, mean in (("vit_base_patch16_224.mae", 0.485), ("vit_tiny_patch16_224", 0.5)):
        network = build_model(ModelConfig(name, NETWORKS[name], "none", [64, 64]), 2)
        assert network.mean[0].item() == pytest.approx(mean)


def test_sizes_that_do_not_divide_are_named() -> None:
    options = NETWORKS["vit_small_patch14_dinov2"]
    with pytest.raises(UserError, match=r"model.size \[256, 192\] does not divide .* 28; .* is \[252, 196\]"):
        build_model(ModelConfig("vit_small_patch14_dinov2", options, "none", [256, 192], decoder="light"), 2)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vit_relpos_small_patch16_224", {"depth": 1}, "is not one timm can cut into stages"),
        ("eva02_tiny_patch14_224", {"depth": 1, "rope_type": "mixed"}, "is not a plain vision transformer; choose one"),
        ("vit_small_patch81", {}, "is not one timm can cut into stages"),
        ("vit_tiny_patch16_224", {"colour": 1}, "is not one timm can cut into stages"),
    ],
)
def test_others_are_refused_in_a_line(name: str, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        ViT(name, **options)
    assert "\n" not in str(caught.value).strip()
