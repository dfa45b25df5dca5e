"""Huang et al., SSPCM: what the third network learns, from whom, and when the copies change."""

from __future__ import annotations

import io

import torch

from semipose.draws import Draws
from semipose.methods import build_method, options
from tests.fixtures.tiny import CODEC, Tiny, gradients, labeled, norm, view

EASY = "affine30+flip50"


def made(**more: object):
    return build_method(options("sspcm", easy=EASY, peak=0.0, **more), [Tiny(seed) for seed in range(3)], CODEC)


def step(method, key: int = 0):
    return method(labeled(), view(4, 5), Draws(key, 1))


def learn(method, key: int = 0) -> None:
    """A step of plain descent."""
    optimizer = torch.optim.SGD([p for p in method.parameters() if p.requires_grad], 0.5)
    step(method, key).total.backward()
    optimizer.step()
    optimizer.zero_grad()
    method.after_step()


def said(method) -> list[torch.Tensor]:
    return [last.net(view(3, 9).image).detach() for last in method.last]


def parameters(net) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_each_loss_moves_its_own_network_alone() -> None:
    """The third one's target sends no gradient to the pair, and it teaches nobody."""
    method = made()
    method.after_epoch()
    losses = step(method).losses
    assert set(losses) == {f"{kind}_{name}" for kind in ("supervised", "unsupervised") for name in "cab"}
    for i, name in enumerate("cab"):
        for kind in ("supervised", "unsupervised"):
            for j, net in enumerate(method.students):
                moved = norm(gradients(losses[f"{kind}_{name}"], net))
                assert moved > 1e-4 if i == j else moved == 0
    other = build_method(options("sspcm", easy=EASY, peak=0.0), [Tiny(9), Tiny(1), Tiny(2)], CODEC)
    other.after_epoch()
    for name in ("unsupervised_a", "unsupervised_b", "supervised_a", "supervised_b"):
        assert step(other).losses[name].item() == losses[name].item(), "what the third network is changes nothing of it"


def test_copies_change_where_an_epoch_ends_and_nowhere_else() -> None:
    method = made()
    for key in range(2):
        learn(method, key)
    at_start = [parameters(Tiny(seed)) for seed in (1, 2)]
    for last, start in zip(method.last, at_start, strict=True):
        assert torch.equal(parameters(last.net), start) and last.taken == 0
    method.after_epoch()
    taken = said(method)
    for last, student in zip(method.last, method.students[1:], strict=True):
        assert torch.equal(parameters(last.net), parameters(student)) and last.taken == 1
    for key in range(2, 4):
        learn(method, key)
    assert all(torch.equal(a, b) for a, b in zip(said(method), taken, strict=True))
    for last, student in zip(method.last, method.students[1:], strict=True):
        assert not torch.equal(parameters(last.net), parameters(student))


def test_copies_do_not_learn() -> None:
    method = made()
    assert not any(p.requires_grad for p in method.last.parameters())
    method.after_epoch()
    total = step(method).total
    total.backward()
    assert all(p.grad is None for p in method.last.parameters())


def test_from_the_second_epoch_on_the_copies_are_asked() -> None:
    """In the first they are not, and the target is the plain pair's; with the plain pair they never are."""
    for pair, asked in (("closest", 1), ("plain", 0)):
        method = made(pair=pair)
        method.pseudo(view(4, 5), Draws(0))
        assert all(len(last.net.shown) == 0 for last in method.last)
        learn(method)
        method.after_epoch()
        method.pseudo(view(4, 5), Draws(1))
        assert all(len(last.net.shown) == asked for last in method.last)


def test_after_an_epoch_the_third_one_s_target_is_of_the_closest_pair() -> None:
    method = made()
    method.after_epoch()
    for key in range(3):
        learn(method, key)
    target, for_a, for_b = method.pseudo(view(4, 5), Draws(0))
    easy = target.frame
    now = [net(easy.image).detach() for net in method.students[1:]]
    last = [each.net(easy.image).detach() for each in method.last]
    pairs = {
        (x, y): (one, two)
        for x, one in (("now", now[0]), ("last", last[0]))
        for y, two in (("now", now[1]), ("last", last[1]))
    }
    w = target.heatmaps.shape[-1]
    used = set()
    for i in range(4):
        for k in range(3):
            apart = {}
            for name, (one, two) in pairs.items():
                a, b = (int(each[i, k].argmax()) for each in (one, two))
                apart[name] = ((a % w - b % w) ** 2 + (a // w - b // w) ** 2) ** 0.5
            best = min(apart.values())
            means = [
                name
                for name, (one, two) in pairs.items()
                if torch.allclose((one[i, k] + two[i, k]) / 2, target.heatmaps[i, k])
            ]
            assert means and min(apart[name] for name in means) == best
            used |= set(means)
    assert len(used) > 1, "and that is not always the same one"
    assert torch.allclose(for_a.heatmaps, now[1]) and torch.allclose(for_b.heatmaps, now[0])


def test_the_hard_view_is_covered_where_the_one_who_teaches_sees_joints() -> None:
    """One warp for all three."""
    method = made(hard="affine30+jo2")
    step(method)
    hard = [net.shown[-1] for net in method.students]
    clear = made(hard="affine30")
    step(clear)
    plain = [net.shown[-1] for net in clear.students]
    assert all(torch.equal(plain[0], each) for each in plain)
    changed = [(a != b).any(1) for a, b in zip(hard, plain, strict=True)]
    assert all(0 < each.float().mean() < 0.3 for each in changed)
    assert not torch.equal(changed[1], changed[2])


def test_the_copies_are_in_the_checkpoint_and_when_they_were_taken() -> None:
    method = made()
    learn(method)
    method.after_epoch()
    learn(method, 1)
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    state = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    again = made()
    again.load_state_dict(state)
    assert [last.taken for last in again.last] == [1, 1]
    for key in range(2, 4):
        learn(method, key)
        learn(again, key)
    for one, other in zip(method.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
