"""Xie et al. 2021, Eq. 6 and 7: two networks, each taught by the other."""

from __future__ import annotations

import pytest
import torch

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.geometry import align
from semipose.methods.consistency import Dual
from semipose.methods.target import response
from tests.fixtures.tiny import CODEC, FLIP, Tiny, gradients, labeled, norm, view

EASY, HARD = parse("affine30+flip50"), afresh(parse("affine60+flip50"))


def pair() -> tuple[Tiny, Tiny]:
    return Tiny(0), Tiny(1)


def test_each_loss_moves_its_own_network_alone() -> None:
    a, b = pair()
    losses = Dual([a, b], CODEC, EASY, HARD)(labeled(), view(4, 5), Draws(0)).losses
    for name, own, other in (("a", a, b), ("b", b, a)):
        for kind in ("supervised", "unsupervised"):
            assert norm(gradients(losses[f"{kind}_{name}"], own)) > 1e-3
            assert norm(gradients(losses[f"{kind}_{name}"], other)) == 0


def test_the_target_is_the_peers_prediction_carried_over() -> None:
    a, b = pair()
    known, unlabeled = labeled(), view(4, 5)
    method = Dual([a, b], CODEC, EASY, HARD)
    losses = method(known, unlabeled, Draws(0)).losses
    draws = Draws(0)
    method.labels(known, draws)
    easy = EASY(unlabeled, draws)
    hard = HARD(easy, draws.again("hard"))
    for name, student, teacher in (("a", a, b), ("b", b, a)):
        there, seen = align(teacher(easy.image).detach(), easy, hard, FLIP)
        expected = 0.5 * (seen * (student(hard.image) - there) ** 2).mean()
        torch.testing.assert_close(losses[f"unsupervised_{name}"], expected)
        own, _ = align(student(easy.image).detach(), easy, hard, FLIP)
        alone = 0.5 * (seen * (student(hard.image) - own) ** 2).mean()
        assert abs(losses[f"unsupervised_{name}"].item() / alone.item() - 1) > 0.01


def test_both_see_the_same_images() -> None:
    a, b = pair()
    Dual([a, b], CODEC, EASY, HARD)(labeled(), view(4, 5), Draws(0))
    by_image = {id_: [shown for shown in net.shown] for id_, net in (("a", a), ("b", b))}
    assert len(by_image["a"]) == len(by_image["b"]) == 3
    (a_easy, a_known, a_hard), (b_easy, b_known, b_hard) = by_image["a"], by_image["b"]
    assert torch.equal(a_easy, b_easy) and torch.equal(a_known, b_known) and torch.equal(a_hard, b_hard)
    assert not torch.equal(a_easy, a_hard)
    assert a.learns == b.learns == [False, True, True]


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_share_of_the_supervised_losses(share) -> None:
    """1 in the paper; 1/2 in the released code, which is an effective lambda of 2."""
    whole = Dual(pair(), CODEC, EASY, HARD)(labeled(), view(4, 5), Draws(0)).losses
    found = Dual(pair(), CODEC, EASY, HARD, share=share)(labeled(), view(4, 5), Draws(0)).losses
    for name in "ab":
        assert found[f"supervised_{name}"].item() == pytest.approx(share * whole[f"supervised_{name}"].item())
        assert found[f"unsupervised_{name}"].item() == pytest.approx(whole[f"unsupervised_{name}"].item())


def test_measures_are_the_mean_of_the_two() -> None:
    a, b = pair()
    measures = Dual([a, b], CODEC, EASY, HARD)(labeled(), view(4, 5), Draws(0)).measures
    shown = dict(zip(("teacher", "labeled", "student"), a.shown, strict=True))
    for name, image in shown.items():
        expected = sum(response(net(image)) for net in pair()) / 2
        torch.testing.assert_close(measures[f"response/{name}"], expected)
