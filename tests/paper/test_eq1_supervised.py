"""Xie et al. 2021, Eq. 1: the supervised loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from semipose.augment import parse
from semipose.draws import Draws
from semipose.methods.supervised import Supervised
from semipose.methods.target import Labeled, mse, truth
from semipose.target import Target
from tests.fixtures.tiny import CODEC, SIGMA, STRIDE, Says, Tiny, labeled, view


def test_value_on_a_hand_made_case() -> None:
    """Half the mean over images, joints and cells, masked joints in the denominator."""
    keypoints = torch.tensor(
        [[[20.0, 30, 2], [11.3, 14.2, 1], [30, 40, 0]], [[8.0, 50, 2], [40, 8, 0], [float("nan")] * 3]]
    )
    heatmaps = torch.rand(3, 16, 12, generator=torch.Generator().manual_seed(0))
    method = Supervised([Says(heatmaps)], CODEC, parse("none"))
    found = method(Labeled(view(2), keypoints), None, Draws(0)).losses["supervised"]

    total = 0.0
    for image in keypoints.tolist():
        for joint, (x, y, v) in enumerate(image):
            for row in range(16):
                for column in range(12):
                    if v > 0:
                        dx, dy = column - (x - 1.5) / STRIDE, row - (y - 1.5) / STRIDE
                        total += (heatmaps[joint, row, column].item() - np.exp(-(dx**2 + dy**2) / (2 * SIGMA**2))) ** 2
    assert found.item() == pytest.approx(0.5 * total / (2 * 3 * 16 * 12), rel=1e-5)


def test_masked_joints_stay_in_the_denominator() -> None:
    prediction = torch.ones(2, 4, 3, 3)
    target = Target(torch.zeros(2, 4, 3, 3), torch.tensor([1.0, 0, 0, 0]).view(1, 4, 1, 1).expand(2, 4, 1, 1), view(2))
    assert mse(prediction, target).item() == pytest.approx(0.5 / 4)
    seen = torch.zeros(2, 4, 3, 3)
    seen[0, 0, 0, 0] = 1
    assert mse(prediction, Target(target.heatmaps, seen, target.frame)).item() == pytest.approx(0.5 / 72)


def test_image_and_heatmap_are_augmented_alike() -> None:
    """I_eta and H_eta share eta: a network that marks the brightest spot has its peak where the target does."""
    known = labeled()
    method = Supervised([net := Tiny()], CODEC, parse("affine30+flip50"))
    method(known, None, Draws(2))
    expected = parse("affine30+flip50")(known.view, Draws(2))
    assert torch.equal(net.shown[0], expected.image) and not torch.equal(expected.image, known.view.image)
    target = method.labels(known, Draws(2))
    assert torch.equal(target.frame.matrix, expected.matrix)
    torch.testing.assert_close(target.heatmaps, truth(known, expected, CODEC).heatmaps)
    assert expected.mirrored.any() and not expected.mirrored.all()
