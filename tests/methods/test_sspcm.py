from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semipose.augment import parse
from semipose.draws import Draws
from semipose.heatmap import encode, peaks
from semipose.methods import build_method, needs, options
from semipose.methods.sspcm import Sspcm, closest, plain
from tests.fixtures.tiny import CODEC, SIGMA, STRIDE, Says, Tiny, view

SIZE = (16, 12)


def maps(*places: tuple[float, float]) -> torch.Tensor:
    """(len, 1, 1, 16, 12): peaks at cells."""
    xy = torch.tensor(places)[:, None, None] * STRIDE + (STRIDE - 1) / 2
    return torch.stack([encode(each, SIZE, STRIDE, SIGMA) for each in xy])


@pytest.mark.parametrize(
    ("ours", "theirs", "pair"),
    [
        (((2, 2), (9, 9)), ((3, 2), (5, 5)), (0, 0)),
        (((9, 9), (2, 2)), ((3, 2), (5, 5)), (1, 0)),
        (((2, 2), (9, 9)), ((5, 5), (3, 2)), (0, 1)),
        (((9, 9), (2, 2)), ((5, 6), (3, 2)), (1, 1)),
        (((2, 2), (2, 2)), ((4, 2), (2, 4)), (0, 0)),
    ],
)
def test_the_closest_of_four_pairings_the_plain_one_of_equal_ones(ours, theirs, pair) -> None:
    a, b = maps(*ours), maps(*theirs)
    assert torch.equal(closest(a, b), (a[pair[0]] + b[pair[1]]) / 2)
    assert torch.equal(plain(a, b), (a[0] + b[0]) / 2)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_no_pairing_is_closer_than_the_chosen_one_joint_by_joint(seed) -> None:
    rng = torch.Generator().manual_seed(seed)
    a, b = (torch.rand(2, 3, 4, *SIZE, generator=rng) for _ in "ab")
    chosen = closest(a, b)
    distance = {(i, j): (peaks(a[i])[0] - peaks(b[j])[0]).norm(dim=-1) for i in (0, 1) for j in (0, 1)}
    least = torch.stack(list(distance.values())).amin(0)
    hit = torch.zeros(3, 4, dtype=torch.bool)
    for (i, j), apart in distance.items():
        same = ((a[i] + b[j]) / 2 == chosen).flatten(2).all(-1)
        assert (apart[same] == least[same]).all()
        hit |= same
    assert hit.all(), "each joint's target is one of the four means"


def test_three_networks_of_which_one_is_the_result() -> None:
    entry = needs("sspcm")
    assert (entry.networks, entry.helpers) == (3, 2)
    with pytest.raises(ValueError, match="Sspcm trains 3 networks, got 2"):
        Sspcm([Tiny(), Tiny(1)], CODEC, parse("none"), parse("none"))


def says(seed: int, height: float = 1.0) -> Says:
    rng = torch.Generator().manual_seed(seed)
    return Says(height * torch.rand(3, *SIZE, generator=rng))


def test_targets_are_of_the_pair_and_of_each_the_other() -> None:
    nets = [says(seed) for seed in range(3)]
    method = build_method(options("sspcm", easy="none"), nets, CODEC)
    c, for_a, for_b = method.pseudo(view(2), Draws(0))
    _, a, b = (net.heatmaps.detach() for net in nets)
    assert torch.equal(c.heatmaps[0], (a + b) / 2), "in the first epoch the plain pair"
    assert torch.equal(for_a.heatmaps[0], b) and torch.equal(for_b.heatmaps[0], a)


@pytest.mark.parametrize(("heights", "teaches"), [((0.05, 0.15), False), ((0.05, 0.16), True), ((0.4, 0.0), True)])
def test_joints_of_a_low_mean_peak_teach_nobody(heights, teaches) -> None:
    flat = torch.zeros(3, *SIZE)
    flat[:, 4, 4] = 1
    nets = [Says(flat.clone()), *(Says(height * flat) for height in heights)]
    method = build_method(options("sspcm", easy="none"), nets, CODEC)
    for target in method.pseudo(view(2), Draws(0)):
        assert (target.weight == float(teaches)).all()


def test_a_change_comes_after_all_that() -> None:
    method = build_method(options("sspcm", easy="none", teach="refined"), [says(s) for s in range(3)], CODEC)
    plainly = build_method(options("sspcm", easy="none"), [says(s) for s in range(3)], CODEC)
    for target, before in zip(method.pseudo(view(2), Draws(0)), plainly.pseudo(view(2), Draws(0)), strict=True):
        torch.testing.assert_close(target.heatmaps.amax((-2, -1)).min(), torch.tensor(1.0), atol=0.05, rtol=0)
        assert torch.equal(target.confidence, before.confidence)
