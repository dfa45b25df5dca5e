"""Zhou et al., MultiAugs: paths of occluded copies, one warp, one target, losses summed."""

from __future__ import annotations

import pytest
import torch

from semipose.augment import onto, parse
from semipose.draws import Draws
from semipose.geometry import align
from semipose.methods import build_method, options
from tests.fixtures.tiny import CODEC, FLIP, Tiny, gradients, labeled, norm, view

PATHS = ["joco", "jccm", "jc2", "jo2"]
CLEAR = ["none"]


def built(networks: list[Tiny], paths: list[str] = PATHS, **more: object):
    name = "multiaugs" if len(networks) == 1 else "multiaugs_dual"
    return build_method(options(name, easy="affine30+flip50", paths=paths, **more), networks, CODEC)


def outcome(networks: list[Tiny], paths: list[str] = PATHS, **more: object):
    return built(networks, paths, **more)(labeled(), view(4, 5), Draws(0, 1))


@pytest.mark.parametrize("count", [1, 2])
def test_the_teacher_sees_the_easy_crop_once_and_without_gradient(count) -> None:
    nets = [Tiny(seed) for seed in range(count)]
    outcome(nets)
    for net in nets:
        assert net.learns.count(False) == 1 and net.learns.count(True) == 1 + len(PATHS)
        assert len(net.shown) == 2 + len(PATHS)


@pytest.mark.parametrize("count", [1, 2])
def test_each_path_has_its_mse_to_the_one_warped_heatmap_and_they_are_summed(count) -> None:
    """Computed from what the networks were shown, and the warp drawn again."""
    nets = [Tiny(seed) for seed in range(count)]
    method = built(nets)
    known, unlabeled, draws = labeled(), view(4, 5), Draws(0, 1)
    losses = method(known, unlabeled, draws).losses
    draws = Draws(0, 1)
    method.labels(known, draws)
    easy = parse("affine30+flip50")(unlabeled, draws)
    hard = onto(parse("affine30"))(easy, draws.again("hard"))
    for i, net in enumerate(nets):
        teacher, suffix = nets[(i + 1) % count], "" if count == 1 else f"_{'ab'[i]}"
        there, seen = align(teacher(easy.image).detach(), easy, hard, FLIP)
        copies = [image for image, learns in zip(net.shown, net.learns, strict=True) if learns][1 : 1 + len(PATHS)]
        expected = sum(0.5 * (seen * (net(image) - there) ** 2).mean() for image in copies)
        torch.testing.assert_close(losses[f"unsupervised{suffix}"], expected)
        assert all(not torch.equal(image, hard.image) for image in copies)


def test_k_paths_that_occlude_nothing_weigh_k_to_one() -> None:
    one, four = (outcome([Tiny()], CLEAR * count).losses for count in (1, 4))
    assert four["unsupervised"].item() == pytest.approx(4 * one["unsupervised"].item(), rel=1e-5)
    assert four["supervised"].item() == one["supervised"].item()


def test_in_dual_the_peer_teaches() -> None:
    """Each loss moves its own network alone, and is that of the peer's prediction."""
    a, b = Tiny(0), Tiny(1)
    losses = outcome([a, b]).losses
    for name, own, other in (("a", a, b), ("b", b, a)):
        for kind in ("supervised", "unsupervised"):
            assert norm(gradients(losses[f"{kind}_{name}"], own)) > 1e-4
            assert norm(gradients(losses[f"{kind}_{name}"], other)) == 0
    changed = outcome([Tiny(0), Tiny(7)]).losses
    assert changed["unsupervised_a"].item() != losses["unsupervised_a"].item()
    assert changed["supervised_a"].item() == losses["supervised_a"].item()


def test_with_one_clear_path_dual_is_xie_s_on_the_same_views() -> None:
    views = {"easy": "affine30+flip50", "hard": "affine30", "hard_of": "easy"}
    dual = build_method(options("dual", **views), [Tiny(0), Tiny(1)], CODEC)(labeled(), view(4, 5), Draws(0, 1))
    multi = outcome([Tiny(0), Tiny(1)], CLEAR)
    for name, value in dual.losses.items():
        assert multi.losses[name].item() == value.item()
    for name, value in dual.measures.items():
        torch.testing.assert_close(multi.measures[name], value)
