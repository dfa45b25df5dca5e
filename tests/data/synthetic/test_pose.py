from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from semipose.data.synthetic import people
from semipose.data.synthetic.pose import (
    ACTIONS,
    CHEST,
    HEAD,
    LEFT_ARM,
    LEFT_LEG,
    LUMBAR,
    NECK,
    RIGHT_ARM,
    RIGHT_LEG,
    ROOT,
    frames,
    rotations,
    sample_pose,
)

ANGLES = arrays(np.float64, (17, 3), elements=st.floats(-3.2, 3.2))


@pytest.mark.parametrize("domain", people.DOMAINS)
def test_angles_stay_within_human_limits_and_limbs_on_their_own_side(domain):
    outward = []
    for index in range(200):
        angles, _ = sample_pose(np.random.default_rng(index), domain)
        knees, elbows = (np.degrees(angles[[first + 1, other + 1], 1]) for first, other in ((5, 8), (11, 14)))
        assert (knees >= 0).all() and (knees <= 150).all() and (elbows <= 0).all() and (elbows >= -150).all()
        turned = frames(rotations(angles))
        left = turned[[ROOT, ROOT, CHEST, CHEST], :, 1]
        limbs = -turned[[RIGHT_LEG, LEFT_LEG, RIGHT_ARM, LEFT_ARM], :, 2]
        outward.append((limbs * left).sum(1) * (-1, 1, -1, 1))
    assert (np.min(outward, 0) > -0.25).all() and (np.mean(outward, 0) > 0.1).all()


@given(ANGLES)
def test_rotations_are_twist_then_abduction_then_flexion(angles):
    turned = rotations(angles)
    for (x, y, z), matrix in zip(angles, turned, strict=True):
        about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
        about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
        about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
        np.testing.assert_allclose(matrix, about_y @ about_x @ about_z, atol=1e-12)


@given(ANGLES)
def test_frames_chain_from_the_root_and_stay_rotations(angles):
    local = rotations(angles)
    turned = frames(local)
    np.testing.assert_allclose(turned @ turned.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (17, 3, 3)), atol=1e-9)
    spine = local[ROOT] @ local[LUMBAR] @ local[CHEST]
    np.testing.assert_allclose(turned[HEAD], spine @ local[NECK] @ local[HEAD], atol=1e-9)
    np.testing.assert_allclose(turned[LEFT_ARM + 1], spine @ local[LEFT_ARM] @ local[LEFT_ARM + 1], atol=1e-9)
    foot = local[ROOT] @ local[RIGHT_LEG] @ local[RIGHT_LEG + 1] @ local[RIGHT_LEG + 2]
    np.testing.assert_allclose(turned[RIGHT_LEG + 2], foot, atol=1e-9)


def test_actions_come_as_often_as_they_weigh():
    for domain, place in (("studio", 0), ("wild", 1)):
        names = [sample_pose(np.random.default_rng(n), domain)[1] for n in range(1500)]
        weights = {name: row[0][place] for name, row in ACTIONS.items()}
        for name, weight in weights.items():
            share = weight / sum(weights.values())
            assert abs(names.count(name) / 1500 - share) <= 4 * np.sqrt(share * (1 - share) / 1500), name
