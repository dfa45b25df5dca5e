"""The twin of the guarded method: a copy where the burn-in ends, and then labels alone."""

from __future__ import annotations

import pytest
import torch

from semipose.config import OptimConfig
from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods import build_method, options, switched
from semipose.methods.guarded import Guarded
from semipose.training.optim import build_optimizer, copy_state
from tests.fixtures.tiny import CODEC, Tiny, labeled, view


def made(**settings: object) -> Guarded:
    method = build_method(options("guarded", **settings), [Tiny(0), Tiny(1)], CODEC)
    assert isinstance(method, Guarded)
    return method


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_the_twin_is_a_copy_where_the_burn_in_ends() -> None:
    method = made()
    with torch.no_grad():
        next(method.students[0].parameters()).add_(1)
    assert not same(method.twin, method.students[0])
    method.after_burn_in()
    assert same(method.twin, method.students[0])
    assert all(a is not b for a, b in zip(method.twin.parameters(), method.students[0].parameters(), strict=True))


def test_in_the_burn_in_the_twin_is_not_moved() -> None:
    method = made()
    method(labeled(), None, Draws(0, 1)).total.backward()
    assert all(p.grad is not None and not p.grad.any() for p in method.twin.parameters())
    assert any(p.grad.any() for p in method.students[0].parameters())


def test_the_twin_learns_what_supervised_training_would() -> None:
    method, alone = made(), build_method(options("supervised"), [Tiny(0)], CODEC)
    method.after_burn_in()
    losses = method(labeled(), view(4, 5), Draws(0, 1)).losses
    wanted = alone(labeled(), None, Draws(0, 1)).losses["supervised"]
    losses["twin"].backward()
    wanted.backward()
    torch.testing.assert_close(losses["twin"], wanted)
    for mine, theirs in zip(method.twin.parameters(), alone.students[0].parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
    assert all(p.grad is None for p in method.students[0].parameters())


def test_unlabelled_images_do_not_reach_the_twin() -> None:
    method = made()
    method.after_burn_in()
    losses = method(labeled(), view(4, 5), Draws(0, 1)).losses
    losses["unsupervised"].backward()
    assert all(p.grad is None for p in method.twin.parameters())


def test_tiles_are_as_many_as_the_grid_has() -> None:
    settings = options("guarded")
    build_method(settings, [Tiny(0), Tiny(1)], CODEC)
    given = options("guarded", mix_tiles=[2, 1])
    build_method(given, [Tiny(0), Tiny(1)], CODEC)
    assert given.mix_tiles == [2, 1]  # type: ignore[attr-defined]
    rows, columns = settings.mix_tiles  # type: ignore[attr-defined]
    assert 1 <= rows <= 4 and 1 <= columns <= 4 and (rows, columns) != (1, 1)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "muon"])
def test_the_twin_goes_on_in_the_optimiser_as_the_student_did(optimiser: str) -> None:
    """Where unlabelled images weigh nothing, both are one network: the twin is what supervised training would be."""
    method = made(weight=0.0, easy="none", hard="none", mix_group=1)
    optimizer = build_optimizer(OptimConfig(name=optimiser), method)

    def step(n: int, unlabeled: View | None) -> None:
        optimizer.zero_grad()
        method(labeled(), unlabeled, Draws(0, n)).total.backward()
        optimizer.step()

    for n in range(4):
        step(n, None)
    for network, copy in method.after_burn_in():
        copy_state(optimizer, network, copy)
    for n in range(4, 8):
        step(n, view(4, 5))
    theirs = dict(method.students[0].named_parameters())
    del theirs["stem.bias"]  # batch norm takes it out again: its gradient is what rounding leaves
    for name, parameter in theirs.items():
        torch.testing.assert_close(method.twin.get_parameter(name), parameter)


def test_tiles_are_mixed_where_the_hard_view_is_of_the_plain_image() -> None:
    """Unless the number of images is given; another method of the same options mixes as it does by default."""
    plain, turned = options("guarded"), options("guarded", hard="jo2+affine30", hard_of="easy")
    assert (plain.group, turned.group) == (4, 1)  # type: ignore[attr-defined]
    assert [options("guarded", hard_of=of, mix_group=2).group for of in ("image", "easy")] == [2, 2]  # type: ignore
    other = switched(turned, "mum")
    assert (other.group, other.hard_of) == (4, "easy")  # type: ignore[attr-defined]
