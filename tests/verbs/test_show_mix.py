"""The picture of what is mixed: rows that are there, frames in the right colours, and what the verb says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from semipose.cli import main
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.methods.mix import Mixing
from semipose.models.build import build_model
from semipose.models.weights import save_model
from semipose.reports.mixing import COLORS, GAP, HEIGHT, LABEL, draw_mix
from semipose.skeleton import LSP
from semipose.verbs.show_mix import show_mix
from tests.fixtures.runs import tiny

DATA = "synth:studio?count=6&start=70000"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    config = tiny(folder).model
    save_model(folder / "model", build_model(config, len(LSP)), config, LSP)
    return folder


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


def test_the_verb_writes_the_picture_and_says_what_moved(model: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "there" / "mix.png"
    words = ["show-mix", str(model), "--data", DATA, "--out", str(out), "--method.mix_chance=1"]
    assert main(words) == 0 and out.stat().st_size > 10_000
    said = capsys.readouterr().out
    assert all(name in said for name in ("image", "layer1", "layer2", "layer3", "unmixed after encoder", str(out)))
    assert main([*words, "--steps=3"]) == 2 and "settings of the method" in capsys.readouterr().err


def test_what_cannot_be_shown_is_one_line(model: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ({"model": tmp_path / "absent"}, "there is no"),
        ({"model": model}, "--data"),
        ({"model": model, "data": "synth:studio?count=3"}, "fewer than a group of 4"),
        ({"model": model, "data": DATA, "method": {"mix_tiles": [4, 4]}}, "mix_tiles"),
        ({"model": model, "data": DATA, "out": tmp_path / "mix.nothing"}, "no name of a picture"),
    ):
        with pytest.raises(UserError, match=message):
            show_mix(**{"out": tmp_path / "mix.png", **arguments})  # type: ignore[arg-type]
