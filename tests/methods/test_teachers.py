from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

import pytest
import torch

from semipose.methods.target import soft
from semipose.methods.teachers import STATISTICS, Ema, Frozen, Itself, Learning, Snapshot, teaching
from tests.fixtures.tiny import Tiny, gradients, norm, view


def test_itself_predicts_without_gradient_and_is_no_submodule() -> None:
    net = Tiny()
    teacher = Itself(net)
    shown = view(2)
    target = soft(teacher, shown)
    assert not target.heatmaps.requires_grad and target.frame is shown and (target.weight == 1).all()
    torch.testing.assert_close(target.heatmaps, net(shown.image).detach())
    assert not isinstance(teacher, torch.nn.Module)
    assert net.training


def test_running_statistics_move_in_the_teachers_pass() -> None:
    """All passes are in train mode: the teacher's normalises with its own batch, and leaves its trace."""
    net = Tiny()
    before = net.norm.running_mean.clone()
    Itself(net)(view(2).image)
    assert not torch.equal(before, net.norm.running_mean) and net.norm.num_batches_tracked == 1


def test_learning_predicts_with_gradient_and_is_no_submodule() -> None:
    net = Tiny()
    teacher = Learning(net)
    assert norm(gradients(teacher(view(2).image).sum(), net)) > 0 and not isinstance(teacher, torch.nn.Module)


def test_passes_without_gradient_are_each_in_a_block_of_their_own() -> None:
    entered: list[bool] = []

    @contextlib.contextmanager
    def block() -> Iterator[None]:
        entered.append(torch.is_grad_enabled())
        yield

    teachers = [Itself(Tiny()), Frozen(Tiny()), Ema(Tiny(), 0.9), Learning(Tiny())]
    with teaching(block):
        for teacher in teachers:
            teacher(view(2).image)
    assert entered == [False] * 3
    teachers[0](view(2).image)
    assert len(entered) == 3, "not after it"


def test_frozen_refuses_to_train() -> None:
    net = Tiny()
    for _ in range(3):
        net(view(4).image)
    before = copy.deepcopy(net.state_dict())
    teacher = torch.nn.ModuleList([Frozen(net)]).train()[0]
    assert not any(module.training for module in teacher.modules())
    shown = view(2, 7).image
    assert torch.equal(teacher(shown), net(shown)) and not teacher(shown).requires_grad
    teacher.update(Tiny(1))
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("statistics", STATISTICS)
def test_an_average_starts_as_a_copy(statistics) -> None:
    net = Tiny()
    teacher = Ema(net, 0.9, statistics)
    assert all(
        torch.equal(a, b) and a is not b for a, b in zip(teacher.net.parameters(), net.parameters(), strict=True)
    )
    assert not any(p.requires_grad for p in teacher.parameters()) and all(p.requires_grad for p in net.parameters())
    teacher.train()
    assert teacher.net.training == (statistics == "batch")
    assert not teacher(view(2).image).requires_grad


def test_batch_norm_of_an_average() -> None:
    """Its own batch and statistics, or (EMAN) the average of the student's and no batch of its own."""
    net = Tiny()
    plain, eman = Ema(net, 0.5).train(), Ema(net, 0.5, "variance").train()
    with torch.no_grad():
        net.norm.running_mean.fill_(4)
        net.norm.num_batches_tracked.fill_(7)
    for teacher in (plain, eman):
        teacher.update(net)
    assert plain.net.norm.running_mean.tolist() == [0] * 6 and plain.net.norm.num_batches_tracked == 0
    assert eman.net.norm.running_mean.tolist() == [2] * 6 and eman.net.norm.num_batches_tracked == 7
    one, other = (torch.cat([view(1).image, view(1, seed).image]) for seed in (1, 2))
    assert not torch.equal(plain(one)[0], plain(other)[0]), "the batch counts"
    torch.testing.assert_close(eman(one)[0], eman(other)[0])
    assert plain.net.norm.num_batches_tracked == 2 and eman.net.norm.num_batches_tracked == 7


def test_a_snapshot_is_what_was_taken_last_and_nothing_of_it_learns() -> None:
    net, shown = Tiny(), view(3).image
    teacher = Snapshot(net)
    before = teacher(shown)
    torch.testing.assert_close(before, net(shown).detach())
    with torch.no_grad():
        net.head.weight.add_(1)
    teacher.update(net)
    assert torch.equal(teacher(shown), before) and teacher.taken == 0
    teacher.take(net)
    assert not torch.equal(teacher(shown), before) and teacher.taken == 1
    torch.testing.assert_close(teacher(shown), net(shown).detach())
    assert not any(p.requires_grad for p in teacher.parameters()) and teacher.net is not net
    other = Snapshot(Tiny(4))
    other.load_state_dict(teacher.state_dict())
    assert other.taken == 1 and torch.equal(other(shown), teacher(shown))
