from __future__ import annotations

import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.heatmap import encode
from semipose.methods import build_method, options
from semipose.methods.distill import distilled
from semipose.methods.teachers import Frozen
from tests.fixtures.tiny import CODEC, SIGMA, STRIDE, K, Says, Tiny, view


def test_the_teacher_stays_as_it_is_and_the_student_follows_it() -> None:
    student, trained = Tiny(0), Tiny(1)
    method = build_method(options("pseudopose", teacher="run"), [student, trained], CODEC)
    assert isinstance(method.teacher, Frozen) and method.teacher.net is trained
    assert list(method.students) == [student] and not any(p.requires_grad for p in trained.parameters())


def test_views_are_summed_and_redrawn_at_the_peak() -> None:
    """Of three equal views the Gaussian stands where one's peak is, as sure as one of them."""
    said = torch.zeros(K, 16, 12)
    for k, height in enumerate((0.5, 0.75, 1.0)):
        said[k, 4 + k, 5] = height
        said[k, 4 + k, 6] = said[k, 5 + k, 5] = 0.1  # a quarter of a cell to the right and down
    teacher = Says(said)
    target = distilled(parse("none"), 3, SIGMA)(teacher, view(2), CODEC, Draws(0))
    assert len(teacher.shown) == 3
    torch.testing.assert_close(target.confidence, torch.tensor([[0.5, 0.75, 1.0]]).expand(2, -1))
    xy = torch.tensor([[5.25, 4.25], [5.25, 5.25], [5.25, 6.25]]) * STRIDE + (STRIDE - 1) / 2
    expected = encode(xy[None], (16, 12), STRIDE, SIGMA)
    torch.testing.assert_close(target.heatmaps[:1], expected, atol=1e-5, rtol=0)
