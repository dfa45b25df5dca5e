"""Xie et al. 2021, Eq. 5: f(T(I)) = T(f(I)) for a network that finds what moves with the image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from semipose.augment import afresh, parse
from semipose.draws import Draws
from semipose.geometry import MEAN_COLOR, View, align, move, similarity
from semipose.heatmap import dark, decode, encode
from semipose.methods.consistency import Single
from semipose.methods.target import Codec
from tests.fixtures.tiny import CODEC, FLIP, labeled

POINTS = torch.tensor([[45.0, 40], [35, 50], [58, 60]])
"""In the source crop, near its centre: nose, left, right."""


def people() -> View:
    """One blob a joint, in its own colour channel."""
    blobs = torch.cat([encode(POINTS[i].view(1, 1, 2), (100, 96), 1, 5.0) for i in range(3)], 1)
    return View.of(blobs + torch.tensor(MEAN_COLOR)[:, None, None], (64, 48))


class Sees(nn.Module):
    """A perfect network: each joint's heatmap is its blob. It tells left from right by the side that it is on, as in a
    mirrored person, not by colour."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image: Tensor) -> Tensor:
        maps = F.avg_pool2d(image - image.new_tensor(MEAN_COLOR)[:, None, None], 4) * self.scale
        mirrored = POINTS[1, 0] < POINTS[2, 0]
        columns = torch.arange(maps.shape[-1])
        centre = (maps.sum(-2) * columns).sum(-1) / maps.sum((-2, -1))
        other_side = (centre[:, 1] > centre[:, 2]) == mirrored
        return torch.where(other_side[:, None, None, None], maps[:, FLIP], maps)


@settings(max_examples=15)
@given(st.floats(-25, 25), st.floats(-25, 25), st.floats(0.8, 1.2), st.booleans(), st.booleans())
def test_the_peak_goes_where_the_joint_went(first, second, scale, mirror, back) -> None:
    """T_{e -> h} of the easy prediction peaks at the joint's place in the hard view, under its name there."""
    plain, net = people(), Sees()
    easy = plain.warp(similarity(plain.size, torch.tensor([first]), torch.tensor([scale]), torch.tensor([mirror])))
    hard = plain.warp(similarity(plain.size, torch.tensor([second]), torch.tensor([1.0]), torch.tensor([back])))
    carried, _ = align(net(easy.image), easy, hard, FLIP)
    expected = move(hard.matrix, POINTS[None])
    expected = expected[:, FLIP] if back else expected
    for maps in (carried, net(hard.image)):
        assert (decode(maps, 4, dark)[0] - expected).abs().max() < 1
    assert (carried - net(hard.image)).abs().max() < 0.3


def loss(flip: Tensor, key: int) -> float:
    method = Single(
        Sees(), Codec(CODEC.stride, CODEC.sigma, flip), parse("affine20+flip50"), afresh(parse("affine20+flip50"))
    )
    return method(labeled(1), people(), Draws(key)).losses["unsupervised"].item()


def test_a_perfect_network_has_nothing_to_learn() -> None:
    """Unless the mirror's permutation is wrong."""
    right = [loss(FLIP, key) for key in range(8)]
    wrong = [loss(torch.arange(3), key) for key in range(8)]
    assert max(right) < 1e-3
    assert max(wrong) > 3 * max(right)
