from __future__ import annotations

import pytest
import torch

from semipose.methods import build_method, options
from semipose.methods.average import AverageOptions
from semipose.methods.teachers import STATISTICS
from tests.fixtures.tiny import CODEC, Tiny


@pytest.mark.parametrize("name", ["mean_teacher", "unbiased_teacher", "eman"])
def test_an_average_normalises_as_its_method_does_unless_told(name) -> None:
    """None has "batch", "variance" or "sigma" for itself alone."""
    own = "sigma" if name == "eman" else "batch"
    for asked in (None, *STATISTICS):
        method = build_method(options(name, statistics=asked), [Tiny()], CODEC)
        assert method.teacher.statistics == (asked or own)


def test_an_average_moves_by_its_decay() -> None:
    student = Tiny()
    average = AverageOptions("mean_teacher", decay=0.75).average(student, "batch")
    before = average.net.head.weight.clone()
    with torch.no_grad():
        student.head.weight += 4
    average.update(student)
    torch.testing.assert_close(average.net.head.weight, before + 1)


def test_unbiased_teacher_starts_from_the_student_where_its_burn_in_ends() -> None:
    method = build_method(options("unbiased_teacher", burn_in=0.5), [Tiny()], CODEC)
    with torch.no_grad():
        method.students[0].head.weight += 1
    assert not torch.equal(method.teacher.net.head.weight, method.students[0].head.weight)
    method.after_burn_in()
    assert torch.equal(method.teacher.net.head.weight, method.students[0].head.weight)
