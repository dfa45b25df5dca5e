"""Xie et al. 2021, Eq. 4: the easy view teaches the hard one, and only the student's side learns."""

from __future__ import annotations

import torch

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.geometry import align
from semipose.methods.consistency import Single
from semipose.methods.target import response
from tests.fixtures.tiny import CODEC, FLIP, Tiny, gradients, labeled, norm, view

EASY, HARD = parse("affine30+flip50"), afresh(parse("affine60+flip50"))


def difference(a: list[torch.Tensor], b: list[torch.Tensor]) -> float:
    return norm([x - y for x, y in zip(a, b, strict=True)])


def test_no_gradient_reaches_the_teacher_and_some_reaches_the_student() -> None:
    """The gradient is that against a constant target, not that with a live one, and not zero."""
    net, known, unlabeled = Tiny(), labeled(), view(4, 5)
    method = Single(net, CODEC, EASY, HARD)
    found = method(known, unlabeled, Draws(0)).losses["unsupervised"]

    draws = Draws(0)
    method.labels(known, draws)
    easy = EASY(unlabeled, draws)
    hard = HARD(easy, draws)

    def written_out(teaching: torch.Tensor) -> torch.Tensor:
        there, seen = align(teaching, easy, hard, FLIP)
        return 0.5 * (seen * (net(hard.image) - there) ** 2).mean()

    constant = net(easy.image).detach()
    torch.testing.assert_close(found, written_out(constant))
    mine, stopped, live = (
        gradients(loss, net) for loss in (found, written_out(constant), written_out(net(easy.image)))
    )
    assert norm(mine) > 1e-3
    assert difference(mine, stopped) < 1e-5 * norm(stopped)
    assert difference(mine, live) > 0.1 * norm(stopped)


def test_the_teachers_pass_records_no_graph() -> None:
    net = Tiny()
    Single(net, CODEC, EASY, HARD)(labeled(), view(4, 5), Draws(0))
    assert net.learns == [True, False, True]


def test_another_teacher_can_teach() -> None:
    """Its predictions are the target; the student is unmoved by its own; it is told of each step."""
    told = []

    class Other:
        def __init__(self) -> None:
            self.net = Tiny(9)

        @torch.no_grad()
        def __call__(self, image: torch.Tensor) -> torch.Tensor:
            return self.net(image)

        def update(self, student: torch.nn.Module) -> None:
            told.append(student)

    net, teacher = Tiny(), Other()
    method = Single(net, CODEC, EASY, HARD, teacher)
    outcome = method(labeled(), view(4, 5), Draws(0))
    assert [len(net.shown), len(teacher.net.shown)] == [2, 1]
    assert norm(gradients(outcome.total, teacher.net)) == 0 and norm(gradients(outcome.losses["unsupervised"], net)) > 0
    method.after_step()
    assert told == [net]


def test_responses_are_of_labels_teacher_and_student() -> None:
    """The three curves of Figure 3."""
    net = Tiny()
    measures = Single(net, CODEC, EASY, HARD)(labeled(), view(4, 5), Draws(0)).measures
    again = Tiny()
    for name, image in zip(("labeled", "teacher", "student"), net.shown, strict=True):
        torch.testing.assert_close(measures[f"response/{name}"], response(again(image)))
    assert len({round(measures[f"response/{name}"].item(), 6) for name in ("labeled", "teacher", "student")}) == 3


def test_one_view_has_nothing_to_teach_itself() -> None:
    """Where teacher and student see one view, the loss is zero: there is nothing to learn."""
    net = Tiny().eval()
    same = parse("none")
    assert Single(net, CODEC, same, same)(labeled(), view(4, 5), Draws(0)).losses["unsupervised"].item() < 1e-8
