"""Xie et al. 2021, section 6.3 and Figure 8: thresholds, averages, weights, and pairs of views; and 3.3, no detach."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.geometry import align
from semipose.methods import build_method, options
from semipose.methods.base import Options
from semipose.papers.find import recipe
from tests.fixtures.tiny import CODEC, FLIP, Says, Tiny, gradients, labeled, norm, view

EASY = parse("affine30+flip50")


def found(config: Options, net: torch.nn.Module) -> torch.Tensor:
    return build_method(config, [net], CODEC).train()(labeled(), view(4, 5), Draws(0)).losses["unsupervised"]


def test_joints_below_the_threshold_carry_no_loss() -> None:
    """Of peaks 0.1, 0.5 and 0.9, a threshold of 0.4 leaves the gradient of the last two."""
    maps = torch.zeros(3, 16, 12)
    maps[0, 8, 6], maps[1, 8, 6], maps[2, 8, 6] = 0.1, 0.5, 0.9
    for threshold, taught in ((0.05, [True] * 3), (0.4, [False, True, True]), (0.95, [False] * 3)):
        net = Says(maps.clone())
        config = options("single", easy="none", hard="affine60", teach=f"confident{threshold}")
        (gradient,) = gradients(found(config, net), net)
        assert gradient.abs().amax((-2, -1)).gt(0).tolist() == taught


@pytest.mark.parametrize("decay", [0.99, 0.6])
def test_the_mean_teacher_is_the_closed_form(decay) -> None:
    """theta'_n = decay^n theta_0 + (1 - decay) sum decay^(n-i) theta_i, for what the optimiser made of the student."""
    net = Tiny()
    method = build_method(options("mean_teacher", decay=decay), [net], CODEC).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    history = [[p.detach().clone() for p in net.parameters()]]
    for key in range(4):
        optimizer.zero_grad()
        method(labeled(), view(4, 5), Draws(key)).total.backward()
        optimizer.step()
        method.after_step()
        history.append([p.detach().clone() for p in net.parameters()])
    n = len(history) - 1
    teacher = list(method.teacher.net.parameters())
    for i, mine in enumerate(teacher):
        terms = [decay ** (n - t) * (1 - decay if t else 1) * history[t][i] for t in range(n + 1)]
        torch.testing.assert_close(mine, sum(terms))
        assert mine.grad is None
    assert norm([a - b.detach() for a, b in zip(teacher, net.parameters(), strict=True)]) > 1e-4


def test_without_the_detach_the_teacher_learns() -> None:
    """The gradient is that of the loss with both sides live, and not that of Single."""
    net = Tiny()
    loss = found(options("undetached", hard="affine60+flip50"), net)
    draws = Draws(0)
    labels = EASY(labeled().view, draws)
    easy = EASY(view(4, 5), draws)
    hard = afresh(parse("affine60+flip50"))(easy, draws)
    assert net.learns == [True, True, True] and torch.equal(net.shown[0], labels.image)

    def written_out(detach: bool) -> torch.Tensor:
        teaching = net(easy.image).detach() if detach else net(easy.image)
        there, seen = align(teaching, easy, hard, FLIP)
        return 0.5 * (seen * (net(hard.image) - there) ** 2).mean()

    torch.testing.assert_close(loss, written_out(False))
    mine, both, one = (gradients(each, net) for each in (loss, written_out(False), written_out(True)))
    assert norm([a - b for a, b in zip(mine, both, strict=True)]) < 1e-5 * norm(both)
    assert norm([a - b for a, b in zip(mine, one, strict=True)]) > 0.1 * norm(both)


def test_reweighting_pulls_harder_where_the_teacher_sees_a_joint() -> None:
    """Cells of one error: the gradient grows with the teacher's heatmap, and without a joint it is the plain one."""
    maps = torch.zeros(3, 16, 12)
    maps[0, 7:9, 5:7], maps[1, 5:8, 4:7] = -0.5, 0.8
    net, plain = Says(maps.clone()), Says(maps.clone())
    config = options("single", easy="none", hard="affine60+flip50")
    weighted = options("single", easy="none", hard="affine60+flip50", teach="foreground")
    (a,), (b,) = gradients(found(weighted, net), net), gradients(found(config, plain), plain)
    assert norm([a[1]]) > 1.5 * norm([b[1]]) > 0
    torch.testing.assert_close(a[0], b[0])
    assert norm([b[0]]) > 0


@pytest.mark.parametrize(
    ("name", "degrees"),
    [("easy-easy", (30, 30)), ("hard-hard", (60, 60)), ("hard-easy", (60, 30)), ("single", (30, 60))],
)
def test_pairs_of_views_are_two_draws_of_their_strengths(name, degrees) -> None:
    """Angles of what teacher and student are shown, over many images, reach the policy's range and not beyond it."""
    net = Tiny()
    method = build_method(recipe(name).method, [net], CODEC)
    shown = view(64, 5)
    easy = method.easy(shown, draws := Draws(0))
    hard = method.hard(easy, draws)
    for drawn, most in zip((easy, hard), degrees, strict=True):
        upright = torch.where(drawn.mirrored, -1.0, 1.0)
        angle = torch.rad2deg(torch.atan2(drawn.matrix[:, 1, 0] * upright, drawn.matrix[:, 0, 0] * upright)).abs()
        assert most - 10 < angle.max() <= most + 1e-3
    assert not torch.equal(easy.matrix, hard.matrix)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((f"confident0.{n}", {"teach": f"confident0.{n}"}) for n in (2, 4, 6, 8)),
        ("foreground", {"teach": "foreground"}),
        ("mean-teacher0.99", {"name": "mean_teacher", "decay": 0.99}),
        ("mean-teacher0.999", {"name": "mean_teacher", "decay": 0.999}),
    ],
)
def test_each_attempt_differs_from_easy_easy_by_its_argument(name, settings) -> None:
    config, base = recipe(name), recipe("easy-easy")
    assert settings.items() <= vars(config.method).items()
    assert config == replace(base, method=options(**{**vars(base.method), **settings}))
