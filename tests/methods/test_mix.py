"""Tiles mixed and unmixed: nothing is lost, contents really travel, on every kind of backbone."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from semipose.config import ModelConfig
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.methods.mix import Mix, Mixing, check_groups, fitted, move_tiles
from semipose.methods.target import of_last
from semipose.models.build import build_model
from semipose.models.taps import grids

LAYERS = ("layer1", "layer2", "layer3")
BRANCH = {"num_modules": 1, "block_type": "BASIC", "fuse_method": "SUM"}
HR = {
    f"stage{i}": {
        **BRANCH,
        "num_branches": i,
        "num_blocks": (1,) * i,
        "num_channels": tuple(4 * 2**b for b in range(i)),
    }
    for i in (2, 3, 4)
}
MODELS = {
    "resnet18": ModelConfig(
        "resnet18",
        {"layers": [1, 1, 1, 1], "channels": [4, 4, 8, 8], "output_stride": 16},
        "none",
        [64, 48],
        deconv=[4, 4],
    ),
    "tf_efficientnet_lite0": ModelConfig("tf_efficientnet_lite0", {}, "none", [128, 96], deconv=[4]),
    "resnet18 fpn": ModelConfig(
        "resnet18", {"layers": [1, 1, 1, 1], "channels": [4] * 4}, "none", [128, 96], deconv=[4] * 4, decoder="fpn"
    ),
    "hrnet_w18_small": ModelConfig("hrnet_w18_small", HR, "none", [128, 96]),
}


@cache
def network(name: str) -> nn.Module:
    return build_model(MODELS[name], joints=2).eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@st.composite
def stacks(draw) -> tuple[Mixing, int, int]:
    """A mixing, a batch and a key."""
    group = draw(st.integers(1, 5))
    tiles = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    after = LAYERS[: draw(st.integers(0, 3))]
    mixing = Mixing(group, tiles, after, draw(st.sampled_from([0, 0.5, 1])), draw(st.booleans()))
    return mixing, group * draw(st.integers(1, 3)), draw(st.integers(0, 9))


@settings(max_examples=30)
@given(stacks(), st.booleans())
def test_what_is_mixed_and_unmixed_is_what_it_was(stack, last) -> None:
    """For any stack of stages, to the last bit, whatever the layout in memory; gradients too."""
    mixing, count, key = stack
    mix = mixing(count, Draws(key))
    x = noise(count, 3, mixing.tiles[0] * 2, mixing.tiles[1] * 3)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    x.requires_grad_()
    y = x
    for name in ("image", *LAYERS, "layer4", "encoder", "decoder"):
        y = mix(name, y)
    assert torch.equal(y, x)
    (y * x.detach()).sum().backward()
    assert torch.equal(x.grad, x.detach())


@settings(max_examples=20)
@given(stacks())
def test_a_tile_keeps_its_place_and_its_group(stack) -> None:
    """Each place of a group has each of its images' tiles once, and `origins` says whose."""
    mixing, count, key = stack
    mix = mixing(count, Draws(key))
    (th, tw), group = mixing.tiles, mixing.group
    image, row, column = torch.meshgrid(*(torch.arange(n) for n in (count, 2 * th, 3 * tw)), indexing="ij")
    x = torch.stack([image, row, column], 1).float()
    for name in ("image", *LAYERS):
        x = mix(name, x)
        if name not in mix.origins:
            continue
        assert torch.equal(x[:, 1:], torch.stack([row, column], 1).float())
        origins = mix.origins[name]
        assert torch.equal(x[:, 0], origins.repeat_interleave(2, 1).repeat_interleave(3, 2).float())
        groups = origins.view(-1, group, th, tw)
        there = torch.arange(count).view(-1, group, 1, 1).expand_as(groups)
        assert torch.equal(groups.sort(1).values, there)


def test_several_stages_are_undone_in_reverse() -> None:
    """The one gather is what undoing one after the other gives."""
    mix = Mixing(4, (4, 3), LAYERS, chance=1)(8, Draws(3))
    x = noise(8, 2, 8, 6)
    y = x
    for name in ("image", *LAYERS):
        y = mix(name, y)
    at_once = mix("encoder", y)
    for name in reversed(("image", *LAYERS)):
        y = move_tiles(y, mix.moves[name][1])
    assert torch.equal(y, x) and torch.equal(at_once, x)


class Own(nn.Module):
    """Sees its own tile alone: each cell becomes its tile's mean, as it came."""

    def __init__(self, tiles: tuple[int, int]) -> None:
        super().__init__()
        self.tiles = tiles

    def forward(self, x: Tensor) -> Tensor:
        means = nn.functional.adaptive_avg_pool2d(x, self.tiles)
        return nn.functional.interpolate(means, x.shape[-2:])


def test_a_unit_that_sees_only_its_tile_sees_another_images() -> None:
    """Between mixing and unmixing, image n's tile is processed at another image's place, and comes back."""
    tiles = (4, 3)
    mix = Mixing(4, tiles)(4, Draws(0))
    x = noise(4, 1, 16, 12)
    own = Own(tiles)
    inside = own(mix("image", x))
    torch.testing.assert_close(mix("encoder", inside), own(x))
    moved = mix.origins["image"] != torch.arange(4)[:, None, None]
    assert 0.5 < moved.float().mean() < 1
    changed = (inside - own(x)).abs().gt(1e-6)[:, 0, ::4, ::4]
    assert torch.equal(changed, moved)


def test_a_unit_that_looks_further_sees_its_new_neighbours() -> None:
    """What only its own tile reaches is as without mixing; at a tile's rim another image shows."""
    mix = Mixing(4, (4, 3))(4, Draws(0))
    x = noise(4, 1, 32, 24)
    blur = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        plain, mixed = blur(x), mix("encoder", blur(mix("image", x)))
    same = (plain - mixed).abs() < 1e-6
    assert same.unfold(2, 8, 8).unfold(3, 8, 8)[..., 1:-1, 1:-1].all() and not same.all()


def test_stages_that_mix_are_drawn() -> None:
    always, never, half = (Mixing(4, (4, 3), LAYERS, chance=c) for c in (1, 0, 0.5))
    assert set(always(4, Draws(0)).moves) == {"image", *LAYERS, "encoder"}
    assert set(never(4, Draws(0)).moves) == {"image", "encoder"}
    counts = [len(half(4, Draws(key)).moves) - 2 for key in range(60)]
    assert set(counts) == {0, 1, 2, 3} and 1 < sum(counts) / 60 < 2


def test_permutations_are_drawn_anew_or_are_the_images() -> None:
    for anew in (True, False):
        moves = Mixing(4, (4, 3), LAYERS, 1, anew)(8, Draws(5)).moves
        assert [torch.equal(moves["image"][0], moves[name][0]) for name in LAYERS] == [not anew] * 3


def test_two_ranks_mix_as_one_process() -> None:
    mixing = Mixing(4, (4, 3), LAYERS)
    for key in range(4):
        whole = mixing(8, Draws(key))
        parts = [mixing(4, Draws(key, rank=rank, world=2)) for rank in (0, 1)]
        assert all(set(part.origins) == set(whole.origins) for part in parts)
        for name, origins in whole.origins.items():
            assert torch.equal(origins, torch.cat([parts[0].origins[name], parts[1].origins[name] + 4]))


@pytest.mark.parametrize(
    ("name", "unmix"),
    [(name, "encoder") for name in MODELS]
    + [("resnet18", "layer4"), ("resnet18", "decoder"), ("hrnet_w18_small", "layer4")],
)
def test_every_backbone_mixes_and_unmixes(name, unmix) -> None:
    """Nothing is lost between mixing and unmixing where the network itself changes nothing: what a tap was called
    with, for each of a stage's branches, lies at the tap's own grid."""
    net = network(name)
    mixing = Mixing(4, (4, 3), LAYERS, 1, unmix=unmix)
    mix = fitted(mixing, net)(4, Draws(1))
    image = noise(4, 3, *MODELS[name].size).sigmoid()
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {}

    def look(stage: str, x: Tensor) -> Tensor:
        out = mix(stage, x)
        seen.setdefault(stage, []).append((x, out))
        return out

    with torch.no_grad():
        plain, mixed = net(image), net(image, look)
    assert plain.shape == mixed.shape and not torch.equal(plain, mixed)
    assert {stage: [tuple(x.shape[-2:]) for x, _ in calls] for stage, calls in seen.items()} == grids(net)
    for stage, calls in seen.items():
        for x, out in calls:
            expected = move_tiles(x, mix.moves[stage][0]) if stage in mix.moves else x
            assert torch.equal(out, expected) and (stage in mix.moves) != torch.equal(out, x)


@pytest.mark.slow
@settings(max_examples=20)
@given(st.integers(0, 99), st.booleans(), st.sampled_from(["encoder", "layer4", "layer2", "decoder"]))
def test_all_that_a_pyramid_reads_is_unmixed(key, anew, unmix) -> None:
    """Numbered images stay in their places at each level, whatever was mixed before it."""
    after = {"layer4": LAYERS, "encoder": LAYERS, "layer2": LAYERS[:1], "decoder": ()}[unmix]
    mix = fitted(Mixing(4, (4, 3), after, 0.5, anew, unmix), network("resnet18 fpn"))(8, Draws(key))
    x = noise(8, 2, 8, 6)
    y, levels = mix("image", x), {}
    for name in ("layer1", "layer2", "layer3", "layer4"):
        y = levels[name] = mix(name, y)
    found = [mix(f"encoder/{name}", levels[name]) for name in ("layer1", "layer2", "layer3")] + [mix("encoder", y)]
    assert all(torch.equal(each, found[-1]) for each in found)
    assert torch.equal(mix("decoder", found[-1]), x) and torch.equal(found[-1], x) == (unmix != "decoder")


def test_a_pyramid_is_not_unmixed_after_it_has_read_what_is_mixed_in_several_ways() -> None:
    with pytest.raises(UserError, match=r"method.unmix is 'decoder', but model.decoder fpn reads .* set it to encoder"):
        fitted(Mixing(4, (4, 3), ("layer1",), unmix="decoder"), network("resnet18 fpn"))
    with pytest.raises(UserError, match=r"unmix is 'encoder/layer1', .* layer4, encoder, decoder$"):
        fitted(Mixing(4, (4, 3), unmix="encoder/layer1"), network("resnet18 fpn"))


def test_branches_of_a_stage_are_mixed_alike() -> None:
    """An HRNet calls the tap once a branch: tiles of the same places go to the same images."""
    mix = Mixing(4, (4, 3), ("layer3",), 1)(4, Draws(1))
    numbers = torch.arange(4.0)[:, None, None, None]
    fine, coarse = (mix("layer3", numbers.expand(4, 1, *size)) for size in ((32, 24), (8, 6)))
    assert torch.equal(fine[:, :, ::4, ::4], coarse)


def test_sizes_that_do_not_divide_are_refused_with_what_fits() -> None:
    config = ModelConfig("resnet18", {"layers": [1, 1, 1, 1], "channels": [4] * 4}, "none", [64, 64], deconv=[4])
    net = build_model(config, joints=2)
    with pytest.raises(UserError, match=r"\[64, 64\] makes 2x2 cells at 'encoder'.* model.size=\[128, 96\] w") as e:
        fitted(Mixing(after=LAYERS), net)
    assert "tiles that divide [2, 2]" in str(e.value) and "\n" not in str(e.value)
    with pytest.raises(UserError, match=r"2x2 cells at 'encoder'"):
        fitted(Mixing(tiles=(4, 2)), net)
    fitted(Mixing(tiles=(2, 2), after=LAYERS), net)
    fitted(Mixing(tiles=(4, 2), unmix="layer2"), net)


def test_batches_that_do_not_divide_are_refused_with_what_fits() -> None:
    check_groups(4, 32, 2)
    with pytest.raises(UserError, match=r"^30 unlabelled images a step on 1 device do .*unlabeled_batch to 28 or 32$"):
        check_groups(4, 30)
    with pytest.raises(UserError, match=r"12 unlabelled images a step on 2 devices .* to 8 or 16$"):
        check_groups(4, 12, 2)
    with pytest.raises(UserError, match=r"to 4$"):
        Mixing()(3, Draws(0))


@pytest.mark.parametrize(
    ("mixing", "message"),
    [
        (Mixing(after=("layer9",)), "mix_after is 'layer9'.*stem, layer1"),
        (Mixing(unmix="image"), "unmix is 'image'"),
        (Mixing(after=("layer2", "layer1")), "order"),
        (Mixing(after=LAYERS, unmix="layer2"), "order"),
        (Mixing(tiles=(0, 3)), "mix_tiles"),
        (Mixing(tiles=(4,)), "mix_tiles"),  # type: ignore[arg-type]
        (Mixing(chance=1.5), "mix_chance"),
        (Mixing(group=0), "mix_group"),
    ],
)
def test_what_makes_no_sense_is_refused(mixing: Mixing, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fitted(mixing, network("resnet18"))


def test_a_mix_leaves_other_stages_alone() -> None:
    x = noise(4, 1, 4, 3)
    assert isinstance(mix := Mixing()(4, Draws(0)), Mix) and mix("layer1", x) is x


def test_gradients_of_a_shared_batch_stay_channels_last() -> None:
    """Else every convolution before would go back in another layout than it came."""
    x = torch.rand(8, 6, 8, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    tap = of_last(Mixing(4, (4, 3), ("layer1",), 1.0)(4, Draws(0)), 4)
    mixed = tap("layer1", x)
    (found,) = torch.autograd.grad(mixed, x, torch.rand_like(mixed))
    assert found.is_contiguous(memory_format=torch.channels_last)
