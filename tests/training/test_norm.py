"""Batch norm over several processes, and its statistics, estimated anew where a training ends."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from semipose.methods import options
from semipose.models import checkpoint
from semipose.models.build import build_model
from semipose.models.config import ModelConfig
from semipose.training.loop import run_training
from semipose.training.norm import estimate_norm, over_ranks
from semipose.training.rundir import RunDir
from tests.fixtures.ranks import two
from tests.fixtures.runs import exit_code, tiny


def test_they_are_the_averages_over_all_batches() -> None:
    norm, batches = nn.BatchNorm2d(2), [torch.randn(4, 2, 3, 3) * (i + 1) + i for i in range(3)]
    network = nn.Sequential(norm).eval()
    before = norm.momentum
    estimate_norm([network], batches)
    means = torch.stack([batch.mean((0, 2, 3)) for batch in batches])
    variances = torch.stack([batch.var((0, 2, 3)) for batch in batches])
    torch.testing.assert_close(norm.running_mean, means.mean(0))
    torch.testing.assert_close(norm.running_var, variances.mean(0))
    assert norm.momentum == before and not network.training and not norm.training


def test_frozen_stages_keep_theirs() -> None:
    options = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}
    config = ModelConfig("resnet18", options, "none", [32, 32], deconv=[8], freeze=["layer1"])
    network = build_model(config, 2).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    estimate_norm([network], [torch.rand(2, 3, 32, 32)])
    changed = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    assert any("stem" in key for key in changed) and not any("layer1" in key for key in changed)
    assert not network.backbone.stages["layer1"].training and network.backbone.stages["layer2"].training


def _layer() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.ReLU(), nn.BatchNorm2d(4)).double()


def _learns(layer: nn.Sequential, images: torch.Tensor) -> list[torch.Tensor]:
    """All that a training step comes to, with gradients of the mean of all images."""
    images = images.clone().requires_grad_()
    out = layer(images)
    (out * torch.linspace(0, 1, out[0].numel(), dtype=out.dtype).view(out[0].shape)).sin().mean().backward()
    return [out, images.grad, *(p.grad for p in layer.parameters()), *layer.buffers()]


def _as_part(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    with over_ranks(2):
        values = _learns(_layer(), torch.load(folder / "images")[4 * rank : 4 * rank + 4])
        if rank:
            _layer().eval()(torch.ones(1, 3, 8, 6).double())  # waits for nobody
    torch.save(values, folder / f"{rank}")
    os._exit(0)


@pytest.mark.slow
def test_parts_of_a_batch_are_normalised_as_the_whole(tmp_path) -> None:
    images = torch.randn(8, 3, 8, 6, generator=torch.Generator().manual_seed(0)).double()
    torch.save(images, tmp_path / "images")
    assert [exit_code(each) for each in two(_as_part, tmp_path)] == [0, 0]
    whole = _learns(_layer(), images)
    first, second = (torch.load(tmp_path / f"{rank}") for rank in (0, 1))
    for i, (value, a, b) in enumerate(zip(whole, first, second, strict=True)):
        parts = torch.cat([a, b]) if i == 0 else torch.cat([a, b]) / 2 if i == 1 else (a.double() + b) / 2
        torch.testing.assert_close(parts, value.double(), rtol=1e-10, atol=1e-12)
    statistics = len([*_layer().buffers()])
    assert all(map(torch.equal, first[-statistics:], second[-statistics:])), "one in all processes"


def test_dropout_stays_off_and_weights_stay() -> None:
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.9)).train()
    weights = {name: value.clone() for name, value in network.named_parameters()}
    estimate_norm([network], [torch.randn(4, 2, 3, 3)])
    assert network.training and all(torch.equal(value, weights[name]) for name, value in network.named_parameters())


@pytest.mark.slow
@pytest.mark.parametrize(("method", "anew"), [("single", True), ("guarded", True), ("supervised", False)])
def test_a_run_ends_with_them_where_there_are_unlabelled_images(cache, tmp_path, method: str, anew: bool) -> None:
    given = {"mix_group": 2, "mix_tiles": [2, 1]} if method == "guarded" else {}
    base = replace(tiny(cache, "single"), method=options(method, **given))
    ends = []
    for batches in (0, 3):
        run = RunDir.create(tmp_path / f"{method}{batches}")
        run_training(replace(base, norm_batches=batches), run, progress=False)
        ends.append(checkpoint.load(run.last)["method"])
    one, other = ends
    changed = {key for key in one if not torch.equal(one[key], other[key])}
    if anew:
        assert changed and all(
            key.rsplit(".", 1)[1] in ("running_mean", "running_var", "num_batches_tracked") for key in changed
        )
        assert any(key.startswith("twin.") for key in changed) == (method == "guarded")
    else:
        assert not changed
