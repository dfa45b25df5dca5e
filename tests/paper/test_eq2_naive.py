"""Xie et al. 2021, Eq. 2: standard consistency, in which both sides learn."""

from __future__ import annotations

import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.geometry import align
from semipose.methods.consistency import Naive
from tests.fixtures.tiny import CODEC, FLIP, Tiny, gradients, labeled, norm, view

EASY = parse("affine30+flip50")


def difference(a: list[torch.Tensor], b: list[torch.Tensor]) -> float:
    return norm([x - y for x, y in zip(a, b, strict=True)])


def test_loss_and_gradient_are_the_equations() -> None:
    """Its gradient is that of the loss with both predictions live, and not that with the first one detached."""
    net, known, unlabeled = Tiny(), labeled(), view(4, 5)
    method = Naive(net, CODEC, EASY)
    found = method(known, unlabeled, Draws(0)).losses["unsupervised"]

    draws = Draws(0)
    method.labels(known, draws)
    first, second = EASY(unlabeled, draws), EASY(unlabeled, draws)
    assert not torch.equal(first.matrix, second.matrix)

    def written_out(detach: bool) -> torch.Tensor:
        left = net(first.image).detach() if detach else net(first.image)
        there, seen = align(left, first, second, FLIP)
        return 0.5 * (seen * (net(second.image) - there) ** 2).mean()

    torch.testing.assert_close(found, written_out(False))
    mine, both, one = gradients(found, net), gradients(written_out(False), net), gradients(written_out(True), net)
    assert difference(mine, both) < 1e-5 * norm(both)
    assert difference(mine, one) > 0.1 * norm(both)


def test_both_passes_record_the_graph() -> None:
    net = Tiny()
    Naive(net, CODEC, EASY)(labeled(), view(4, 5), Draws(0))
    assert net.learns == [True, True, True]


def test_the_two_draws_have_one_strength() -> None:
    net = Tiny()
    Naive(net, CODEC, parse("flip100"))(labeled(), view(4, 5), Draws(0))
    torch.testing.assert_close(net.shown[1], view(4, 5).image.flip(-1), atol=1e-4, rtol=0)
    torch.testing.assert_close(net.shown[2], net.shown[1], atol=1e-6, rtol=0)
