"""The picture of what is mixed: rows that are there, and frames in the right colours."""

from __future__ import annotations

import numpy as np
import torch

from semipose.draws import Draws
from semipose.methods.mix import Mixing
from semipose.reports.mixing import COLORS, GAP, HEIGHT, LABEL, draw_mix


def test_each_tile_is_framed_in_the_colour_of_its_image() -> None:
    mix = Mixing(4, (4, 3), ("layer1",), 1)(4, Draws(0))
    image, heat = torch.full((4, 3, 64, 48), 0.5), torch.zeros(4, 2, 16, 12)
    picture = draw_mix(image, mix, "encoder", heat, heat, heat)
    width = HEIGHT * 48 // 64
    assert picture.shape == (GAP + 6 * (HEIGHT + GAP), LABEL + 4 * (width + GAP), 3)
    for row, origins in ((1, mix.origins["image"]), (2, mix.origins["layer1"])):
        for n, i, j in np.ndindex(4, 4, 3):
            top = GAP + row * (HEIGHT + GAP) + i * HEIGHT // 4
            left = LABEL + n * (width + GAP) + j * width // 3
            tile = picture[top : top + HEIGHT // 4, left : left + width // 3].reshape(-1, 3)
            seen = {k for k, color in enumerate(COLORS) if (tile == color).all(1).any()}
            of = int(origins[n, i, j])
            around = [
                origins[n, i + a, j + b]
                for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))
                if 0 <= i + a < 4 and 0 <= j + b < 3
            ]
            assert seen == {of} or (not seen and all(o == of for o in around))
