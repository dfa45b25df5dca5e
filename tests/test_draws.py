from __future__ import annotations

import numpy as np
import pytest
import torch

from semipose.draws import Draws, permutation
from semipose.errors import UserError


def numbers(draws: Draws, n: int) -> list[torch.Tensor]:
    return [
        draws.uniform(n),
        draws.normal(n, 3),
        draws.integers(n, 2, high=9),
        draws.uniform(n, 17, low=-2, high=5),
        draws.normal(n, 40),
    ]


def test_the_key_decides() -> None:
    first, second = numbers(Draws(3, 7), 6), numbers(Draws(3, 7), 6)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    for other in (Draws(3, 8), Draws(4, 7), Draws(7, 3)):
        assert not any(torch.equal(a, b) for a, b in zip(first, numbers(other, 6), strict=True))


def test_the_global_generator_plays_no_part() -> None:
    torch.manual_seed(0)
    first = Draws(1, 2).uniform(4)
    state = torch.get_rng_state()
    torch.manual_seed(99)
    assert torch.equal(first, Draws(1, 2).uniform(4))
    torch.manual_seed(0)
    Draws(1, 2).normal(4)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("n", [1, 4, 16])
def test_ranks_draw_the_rows_of_one_batch(n) -> None:
    whole = numbers(Draws(3, 7), 2 * n)
    halves = [numbers(Draws(3, 7, rank=rank, world=2), n) for rank in (0, 1)]
    for i, together in enumerate(whole):
        assert torch.equal(together, torch.cat([halves[0][i], halves[1][i]]))


def test_again_is_the_same_whatever_was_drawn_between() -> None:
    draws = Draws(3, 7)
    first = draws.again("hard").uniform(4)
    draws.normal(11)
    assert torch.equal(first, draws.again("hard").uniform(4))
    assert not torch.equal(first, draws.again("easy").uniform(4))
    assert not torch.equal(first, Draws(3, 7).uniform(4))
    assert not torch.equal(first, Draws(3, 8).again("hard").uniform(4))


def test_again_keeps_the_rank() -> None:
    whole = Draws(3, 7).again("hard").uniform(6)
    assert torch.equal(whole[3:], Draws(3, 7, rank=1, world=2).again("hard").uniform(3))


def test_ranges() -> None:
    draws = Draws(0)
    uniform = draws.uniform(4000, low=-3, high=5)
    assert uniform.min() >= -3 and uniform.max() < 5 and abs(float(uniform.mean()) - 1) < 0.2
    assert sorted(draws.integers(400, high=4).unique().tolist()) == [0, 1, 2, 3]
    normal = draws.normal(4000)
    assert abs(float(normal.mean())) < 0.1 and abs(float(normal.std()) - 1) < 0.1


def test_permutation() -> None:
    order = permutation(50, 1, 2)
    assert sorted(order.tolist()) == list(range(50))
    assert np.array_equal(order, permutation(50, 1, 2))
    assert not np.array_equal(order, permutation(50, 1, 3)) and not np.array_equal(order, np.arange(50))


def test_a_negative_seed_is_one_line() -> None:
    for draw in (lambda: permutation(5, -1), lambda: Draws(3, -1)):
        with pytest.raises(UserError, match="the seed is -1; it can be 0 or more"):
            draw()
