"""The twin of the guarded methods: a copy where the burn-in ends, and then labels alone."""

from __future__ import annotations

import pytest
import torch

from semipose.config import Config, ModelConfig, OptimConfig
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View
from semipose.methods import build_method, needs, options, switched
from semipose.methods.guarded import Guarded, GuardedDual, Twinned
from semipose.training.networks import check_networks
from semipose.training.optim import build_optimizer, copy_state
from tests.fixtures.tiny import CODEC, Tiny, labeled, view

both = pytest.mark.parametrize("name", ["guarded", "guarded_dual"])


def made(name: str = "guarded", **settings: object) -> Twinned:
    networks = [Tiny(seed) for seed in range(needs(name).networks)]
    method = build_method(options(name, **settings), networks, CODEC)
    assert isinstance(method, GuardedDual if name == "guarded_dual" else Guarded) and method.twin is networks[-1]
    return method


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@both
def test_the_twin_is_a_copy_where_the_burn_in_ends(name: str) -> None:
    method = made(name)
    with torch.no_grad():
        next(method.students[0].parameters()).add_(1)
    assert not same(method.twin, method.students[0])
    method.after_burn_in()
    assert same(method.twin, method.students[0])
    assert all(a is not b for a, b in zip(method.twin.parameters(), method.students[0].parameters(), strict=True))


@both
def test_in_the_burn_in_the_twin_is_not_moved(name: str) -> None:
    method = made(name)
    method(labeled(), None, Draws(0, 1)).total.backward()
    assert all(p.grad is not None and not p.grad.any() for p in method.twin.parameters())
    assert all(any(p.grad.any() for p in student.parameters()) for student in method.students)


@both
def test_the_twin_learns_what_supervised_training_would(name: str) -> None:
    method, alone = made(name), build_method(options("supervised"), [Tiny(0)], CODEC)
    method.after_burn_in()
    losses = method(labeled(), view(4, 5), Draws(0, 1)).losses
    wanted = alone(labeled(), None, Draws(0, 1)).losses["supervised"]
    losses["twin"].backward()
    wanted.backward()
    torch.testing.assert_close(losses["twin"], wanted)
    for mine, theirs in zip(method.twin.parameters(), alone.students[0].parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
    assert all(p.grad is None for p in method.students.parameters())


@both
def test_unlabelled_images_do_not_reach_the_twin(name: str) -> None:
    method = made(name)
    method.after_burn_in()
    losses = method(labeled(), view(4, 5), Draws(0, 1)).losses
    sum(loss for key, loss in losses.items() if key.startswith("unsupervised")).backward()
    assert all(p.grad is None for p in method.twin.parameters())
    assert all(any(p.grad is not None for p in student.parameters()) for student in method.students)


def test_two_networks_learn_what_dual_ones_would() -> None:
    """With the same tiles mixed; the twin changes nothing for them."""
    settings = {"hard": "affine60+flip50", "mix_group": 4, "mix_tiles": [2, 1]}
    ours, dual = made("guarded_dual", **settings), build_method(options("dual", **settings), [Tiny(0), Tiny(1)], CODEC)
    found, wanted = (method(labeled(), view(4, 5), Draws(0, 1)).losses for method in (ours, dual))
    assert {key: value for key, value in found.items() if key != "twin"} == wanted
    plain = build_method(options("dual", hard="affine60+flip50"), [Tiny(0), Tiny(1)], CODEC)
    others = plain(labeled(), view(4, 5), Draws(0, 1)).losses
    assert all((others[key] == wanted[key]) == key.startswith("supervised") for key in wanted)


def test_tiles_are_as_many_as_the_grid_has() -> None:
    settings = options("guarded")
    build_method(settings, [Tiny(0), Tiny(1)], CODEC)
    given = options("guarded", mix_tiles=[2, 1])
    build_method(given, [Tiny(0), Tiny(1)], CODEC)
    assert given.mix_tiles == [2, 1]  # type: ignore[attr-defined]
    rows, columns = settings.mix_tiles  # type: ignore[attr-defined]
    assert 1 <= rows <= 4 and 1 <= columns <= 4 and (rows, columns) != (1, 1)


@both
@pytest.mark.parametrize("optimiser", ["adam", "adamw", "muon"])
def test_the_twin_goes_on_in_the_optimiser_as_the_student_did(name: str, optimiser: str) -> None:
    """Where unlabelled images weigh nothing, both are one network: the twin is what supervised training would be."""
    method = made(name, weight=0.0, easy="none", hard="none", mix_group=1)
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
    for key, parameter in theirs.items():
        torch.testing.assert_close(method.twin.get_parameter(key), parameter)


def test_tiles_are_mixed_where_the_hard_view_is_of_the_plain_image() -> None:
    """Unless the number of images is given; another method of the same options mixes as it does by default."""
    plain, turned = options("guarded"), options("guarded", hard="jo2+affine30", hard_of="easy")
    assert (plain.group, turned.group) == (4, 1)  # type: ignore[attr-defined]
    assert [options("guarded", hard_of=of, mix_group=2).group for of in ("image", "easy")] == [2, 2]  # type: ignore
    other = switched(turned, "mum")
    assert (other.group, other.hard_of) == (4, "easy")  # type: ignore[attr-defined]


def test_tiles_that_would_be_put_back_in_other_ways_are_refused() -> None:
    """Of the peer's pyramid, which reads stages that the model's decoder does not."""
    plain = ModelConfig("resnet18", size=[64, 64], weights="none", decoder="deconv", deconv=[8, 8, 8], freeze=[])
    peer = {"decoder": "fpn", "deconv": [8, 8, 8, 8]}
    method = options("dual", mix_group=4, mix_tiles=[2, 2])
    check_networks(Config(model=plain, method=method))
    with pytest.raises(UserError, match=r"the peer's decoder reads other stages .* method\.mix_group=1"):
        check_networks(Config(model=plain, peer=peer, method=method))
    check_networks(Config(model=plain, peer=peer, method=options("dual")))
