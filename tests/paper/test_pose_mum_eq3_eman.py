"""Kim et al., Pose-MUM, Eq. 3: mu_T and sigma_T follow the student's as its parameters do; the teacher has no batch of
its own. `sigma` is the equation, `variance` EMAN's released code."""

from __future__ import annotations

import pytest
import torch

from semipose.methods.teachers import Ema
from tests.fixtures.tiny import Tiny, view
from tests.paper.test_pose_mum_eq2_ema import STEPS, walk

DECAY = 0.6


@pytest.mark.parametrize("statistics", ["sigma", "variance"])
def test_statistics_follow_the_student_s(statistics: str) -> None:
    net = Tiny()
    teacher = Ema(net, DECAY, statistics)
    power = 0.5 if statistics == "sigma" else 1
    mean, spread = net.norm.running_mean.double().clone(), net.norm.running_var.double().clone() ** power
    for step in range(STEPS):
        walk(net, step)
        teacher.update(net)
        mean = DECAY * mean + (1 - DECAY) * net.norm.running_mean.double()
        spread = DECAY * spread + (1 - DECAY) * net.norm.running_var.double() ** power
        assert teacher.net.norm.num_batches_tracked == net.norm.num_batches_tracked == step + 1
    torch.testing.assert_close(teacher.net.norm.running_mean.double(), mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(teacher.net.norm.running_var.double(), spread ** (1 / power), rtol=1e-5, atol=1e-6)


def test_deviations_and_variances_are_two_averages() -> None:
    """Of variances 1 and 9 with decay 1/2: ((1 + 3) / 2)^2 = 4, or (1 + 9) / 2 = 5."""
    net = Tiny()
    teachers = {name: Ema(net, 0.5, name) for name in ("sigma", "variance")}
    net.norm.running_var.fill_(9)
    for teacher in teachers.values():
        teacher.update(net)
    found = {name: teacher.net.norm.running_var.tolist() for name, teacher in teachers.items()}
    assert found == {"sigma": [4.0] * 6, "variance": [5.0] * 6}


def test_no_image_changes_what_another_is_taught() -> None:
    """No dependency between samples, whatever mode the method is put in, and no pass leaves a trace."""
    net = Tiny()
    teacher = Ema(net, DECAY, "variance").train()
    walk(net, 0)
    teacher.update(net)
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    one, other = (torch.cat([view(1).image, view(3, seed).image]) for seed in (1, 2))
    torch.testing.assert_close(teacher(one)[0], teacher(other)[0])
    torch.testing.assert_close(teacher(one)[:1], teacher(view(1).image))
    assert all(torch.equal(before[key], value) for key, value in teacher.state_dict().items())
