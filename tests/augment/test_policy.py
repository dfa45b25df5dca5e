from __future__ import annotations

import inspect

import pytest
import torch

from semipose.augment import POLICIES, compose, identity
from semipose.augment.policy import Policy
from semipose.draws import Draws
from semipose.geometry import View
from semipose.target import Target
from tests.fixtures.tiny import SIZE, K, view


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_called_as_one_is(name: str) -> None:
    """By these names; it returns a view of the same size and images."""
    wanted = [each.name for each in inspect.signature(Policy.__call__).parameters.values()][1:]
    policy = POLICIES[name].make(POLICIES[name].example)
    assert wanted == list(inspect.signature(policy).parameters) == ["view", "draws", "target"]
    plain = view(2)
    target = Target(torch.rand(2, K, 16, 12, generator=torch.Generator().manual_seed(0)), torch.ones(2, K, 1, 1), plain)
    seen = policy(view=plain, draws=Draws(0), target=target)
    assert isinstance(seen, View) and seen.size == SIZE and len(seen) == 2
    assert list(inspect.signature(compose(policy, identity)).parameters) == wanted
