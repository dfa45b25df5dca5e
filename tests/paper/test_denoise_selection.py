"""Yu et al. 2024, Algorithm 1, lines 19 to 26: who is in doubt, and who teaches what."""

from __future__ import annotations

import pytest
import torch

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.methods import build_method, options
from semipose.methods.denoise import READINGS, DenoiseSelect, pooled, selected
from semipose.target import Target
from tests.fixtures.tiny import CODEC, FLIP, K, Says, Tiny, gradients, labeled, norm, view

SIZE = (16, 12)
EASY, HARD = parse("affine30+flip50"), afresh(parse("affine60+flip50"))


def targets(own: list[float], peer: list[float]) -> tuple[Target, Target]:
    """Heatmaps of 0.25 and 0.75, with these doubts."""
    frame = view(1)
    return tuple(
        Target(torch.full((1, K, *SIZE), height), torch.full((1, K, 1, 1), height), frame, doubt=torch.tensor([doubts]))
        for height, doubts in ((0.25, own), (0.75, peer))
    )


@pytest.mark.parametrize(
    ("reading", "margin", "by_peer"),
    [
        ("printed", 0.0, [False, False, True]),
        ("printed", 0.15, [False, False, True]),
        ("printed", 0.25, [False, False, False]),
        ("printed", -0.15, [False, True, True]),
        ("peer", 0.0, [False, True, True]),
        ("peer", 0.15, [False, True, True]),
        ("peer", 0.25, [True, True, True]),
        ("peer", -0.15, [False, False, True]),
        ("none", 0.0, [True, True, True]),
    ],
)
def test_both_readings_joint_by_joint(reading: str, margin: float, by_peer: list[bool]) -> None:
    """The student is surer by 0.2, as sure, and less sure by 0.2 than its peer."""
    own, peer = targets([0.1, 0.2, 0.3], [0.3, 0.2, 0.1])
    found = selected(own, peer, READINGS[reading], margin)
    assert found.heatmaps[0, :, 0, 0].tolist() == [0.75 if each else 0.25 for each in by_peer]
    assert found.weight.flatten().tolist() == found.confidence.flatten().tolist() == found.heatmaps[0, :, 0, 0].tolist()
    expected = [b if each else a for a, b, each in zip([0.1, 0.2, 0.3], [0.3, 0.2, 0.1], by_peer, strict=True)]
    assert found.doubt.flatten().tolist() == pytest.approx(expected)


def test_doubt_is_the_highest_deviation_of_a_cell() -> None:
    """One of three views sees a joint elsewhere: its deviation is that of (1, 0, 0) at the one place, (0, 1, 1) at the
    other, sqrt(2) / 3; the other joints are certain."""

    class Wavers:
        calls = 0

        def __call__(self, image: torch.Tensor) -> torch.Tensor:
            maps = torch.zeros(len(image), K, *SIZE)
            maps[:, :, 8, 6] = 1
            if self.calls:
                maps[:, 0] = 0
                maps[:, 0, 3, 3] = 1
            self.calls += 1
            return maps

        def update(self, student: torch.nn.Module) -> None: ...

    found = pooled(Wavers(), [view(2)] * 3, FLIP)
    torch.testing.assert_close(found.doubt, torch.tensor([[2**0.5 / 3, 0, 0]] * 2), atol=1e-3, rtol=0)


def test_the_surer_network_teaches_and_no_gradient_reaches_it() -> None:
    """One network says the same of every view, the other's heatmaps waver: the first teaches both, and each loss moves
    its own network alone."""
    flat, wavering = Says(torch.full((K, *SIZE), 0.5)), Tiny()
    made = DenoiseSelect([flat, wavering], CODEC, EASY, HARD, parse("affine60+flip50"), 3)
    for target in made.pseudo(view(4, 5), Draws(0)):
        torch.testing.assert_close(target.heatmaps, torch.full((4, K, *SIZE), 0.5), atol=1e-3, rtol=0)
        assert not target.heatmaps.requires_grad
    losses = made(labeled(), view(4, 5), Draws(0)).losses
    assert norm(gradients(losses["unsupervised_b"], wavering)) > 0
    assert norm(gradients(losses["unsupervised_b"], flat)) == norm(gradients(losses["unsupervised_a"], wavering)) == 0


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_place_of_refinement(place: str) -> None:
    """A joint that is under the threshold in the surer network: dropped if refinement comes after the selection; before
    it, the other network's is taken."""
    low, high = torch.full((K, *SIZE), 0.1), torch.zeros(K, *SIZE)
    high[:, 8, 6] = 0.9
    nets = [Says(low), Says(high)]
    config = options("denoise_select", easy="none", hard="none", teach="refined0.3", refine=place, views=4)
    made = build_method(config, nets, CODEC)
    for target in made.pseudo(view(2), Draws(0)):
        assert (target.weight.flatten() == (1 if place == "before" else 0)).all()
        assert target.confidence.max() == pytest.approx(0.9 if place == "before" else 0.1)


def test_further_views_are_of_the_plain_image_and_of_their_own_strength() -> None:
    """Four views a network, the same for both; those of S_m turn as far as it says, and no cutout touches them."""
    nets = [Tiny(0), Tiny(1)]
    config = options("denoise_select", easy="none", hard="affine60+jc2", multi="affine30", views=4)
    made = build_method(config, nets, CODEC)
    shown = view(4, 5)
    made.pseudo(shown, Draws(0))
    assert [len(image) for image in nets[0].shown] == [4, 12]
    assert all(torch.equal(a, b) for a, b in zip(nets[0].shown, nets[1].shown, strict=True))
    draws = Draws(0)
    made.easy(shown, draws)
    expected = torch.cat([parse("affine30")(shown, draws).image for _ in range(3)])
    assert torch.equal(nets[0].shown[1], expected) and torch.equal(nets[0].shown[0], shown.image)
