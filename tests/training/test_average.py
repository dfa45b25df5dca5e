"""What is scored and kept where a run asks for averages of its networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from semipose.config import OptimConfig
from semipose.errors import UserError
from semipose.methods import options
from semipose.models import checkpoint
from semipose.models.weights import load_model
from semipose.options import check_limits
from semipose.skeleton import LSP
from semipose.training.average import Averages
from semipose.training.loop import Training, run_training
from semipose.training.networks import build_networks
from semipose.training.rundir import RunDir
from tests.fixtures.runs import metrics, same, tiny
from tests.fixtures.tiny import Tiny


def test_they_forget_what_networks_began_with() -> None:
    """Weights, means and variances are averaged; of t steps the first count little."""
    network = Tiny(0)
    averages, (average,) = (made := Averages([network], 0.9)), made.networks
    expected = {key: value.clone() for key, value in network.state_dict().items()}
    for step in range(40):
        with torch.no_grad():
            for tensor in network.state_dict().values():
                tensor.copy_(tensor + 1)
        averages.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        for key, value in network.state_dict().items():
            new = decay * expected[key] + (1 - decay) * value if value.is_floating_point() else value
            expected[key] = new.clone()
    for key, value in average.state_dict().items():
        torch.testing.assert_close(value, expected[key])
        if value.is_floating_point():
            assert (network.state_dict()[key] - value).max() < 5, "steps behind; of an even 0.9 it would be 9"
    assert not any(p.requires_grad for p in averages.parameters())
    assert same(Averages([Tiny(1)], 0.0).networks[0].state_dict(), Tiny(1).state_dict())


def test_a_copy_of_a_network_has_its_average() -> None:
    first, second = Tiny(0), Tiny(1)
    averages = Averages([first, second], 0.9)
    averages.copy(first, second)
    mine, other = averages.networks
    assert same(mine.state_dict(), other.state_dict()) and same(mine.state_dict(), first.state_dict())
    assert all(a is not b for a, b in zip(mine.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("value", [1.0, -0.1])
def test_what_is_no_part_is_refused(value: float) -> None:
    with pytest.raises(UserError, match=r"optim\.average.*0 or more and below 1"):
        check_limits(OptimConfig(average=value), "optim.")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["supervised", "dual", "guarded"])
def test_averages_are_scored_and_saved_and_change_nothing_that_is_learnt(cache, tmp_path, monkeypatch, method) -> None:
    scored: list[list[torch.nn.Module]] = []
    score = Training._scored

    def seen(self, networks, val, spreads):
        scored.append(list(networks.values()))
        return score(self, networks, val, spreads)

    config = tiny(cache)
    given = {"burn_in": 0.5, "mix_group": 2, "mix_tiles": [1, 1]} if method == "guarded" else {}
    config = replace(config, method=options(method, **given))
    plain, averaged = RunDir.create(tmp_path / "plain"), RunDir.create(tmp_path / "averaged")
    run_training(config, plain, progress=False)
    monkeypatch.setattr(Training, "_scored", seen)
    made: list[Training] = []
    begin = Training.begin
    monkeypatch.setattr(Training, "begin", lambda self: (made.append(self), begin(self))[1])
    summary = run_training(replace(config, optim=replace(config.optim, average=0.5)), averaged, progress=False)
    losses = [[row[key] for key in row if key.startswith("loss/")] for row in metrics(plain)]
    assert losses == [[row[key] for key in row if key.startswith("loss/")] for row in metrics(averaged)]
    assert same(checkpoint.load(plain.last)["method"], checkpoint.load(averaged.last)["method"])
    (training,) = made
    assert training.averages is not None
    own = {id(network) for network in training.averages.networks}
    assert scored and all(id(network) in own for networks in scored for network in networks)
    at = -1 if method == "guarded" and summary["guard"]["kept"] == "labels" else 0
    kept = load_model(averaged.path / "model.safetensors").network.state_dict()
    assert same(kept, training.averages.networks[at].state_dict())
    assert not same(kept, training.networks[at].state_dict())
    start = build_networks(replace(config, method=options("supervised")), LSP, [averaged.last])[0]
    assert same(start.state_dict(), training.averages.networks[0].state_dict()), (
        "a checkpoint stands for what it scored"
    )
