"""Batch norm's statistics, estimated anew where a training ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from semipose.methods import options
from semipose.models import checkpoint
from semipose.training.loop import run_training
from semipose.training.norm import estimate_norm
from semipose.training.rundir import RunDir
from tests.fixtures.runs import tiny


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


def test_dropout_stays_off_and_weights_stay() -> None:
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.9)).train()
    weights = {name: value.clone() for name, value in network.named_parameters()}
    estimate_norm([network], [torch.randn(4, 2, 3, 3)])
    assert network.training and all(torch.equal(value, weights[name]) for name, value in network.named_parameters())


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
