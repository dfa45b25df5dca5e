from __future__ import annotations

import numpy as np
import pytest

from semipose.data.synthetic import people
from semipose.data.synthetic.body import MATERIALS, SKIN, build
from semipose.skeleton import LSP


def test_materials_of_one_person_do_not_reach_the_next():
    assert SKIN > 0 and people.MATERIALS > 10
    for index in range(30):
        stage = people._Stage.of(5, index, "wild", (64, 48), 1.0)
        numbers = np.unique(stage.solids.parts.paint[:, :2])
        assert ((numbers % people.MATERIALS > 0) & (numbers % people.MATERIALS <= 10)).all()


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_a_body_stands_on_the_floor_and_is_as_tall_as_people_are(domain):
    for seed in range(20):
        body = build(np.random.default_rng(seed), domain)
        lowest = (body.parts.ends[..., 2] - body.parts.radii).min()
        jumps = body.action in ("jump", "star", "air")
        assert (120 <= lowest <= 600) if jumps else abs(lowest) < 1e-6, body.action
        assert body.joints.shape == (14, 3) and body.parts.owner.any(0)[:12].all(), "every limb's joint is in a part"
        # Legs, trunk and head in one line.
        chain = ("right_ankle", "right_knee", "right_hip", "neck", "head_top")
        steps = np.diff(body.joints[[LSP.index(joint) for joint in chain]], axis=0)
        assert 950 < np.linalg.norm(steps, axis=1).sum() < 2000


def test_the_same_draws_give_the_same_body():
    first, again, other = (build(np.random.default_rng(seed), "wild") for seed in (3, 3, 4))
    assert np.array_equal(first.joints, again.joints) and np.array_equal(first.parts.ends, again.parts.ends)
    assert not np.allclose(first.joints, other.joints)


def test_a_second_person_s_materials_are_the_next_ones_and_own_no_joint():
    first, second = (build(np.random.default_rng(seed), "studio").parts for seed in (1, 2))
    both = first.joined(second).joined(second)
    n, m = len(first.ends), len(second.ends)
    for number, part in enumerate((both.paint[:n], both.paint[n : n + m], both.paint[n + m :])):
        assert (part[:, :2] // MATERIALS == number).all()
    assert not both.owner[n:].any() and np.array_equal(both.owner[:n], first.owner)
    moved = first.moved(np.array([1.0, 2, 3]))
    np.testing.assert_allclose(moved.ends - first.ends, np.broadcast_to([1.0, 2, 3], first.ends.shape))
