"""What mixing does to a group of images, step by step, as one picture (Pose-MUM, Figure 2).

A column an image of the group. Its rows: the student's view; for each stage that mixes, the images cut and laid out as
that stage's features are, each tile framed in the colour of the image that it is of; the heatmaps as they would be
without unmixing, laid over the last of these; and those unmixed, over the student's view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.data.datasets import cut, open_sets
from semipose.data.marks import encoded, refuse_drawn_by_others
from semipose.data.open import open_labeled
from semipose.drawing.poses import DARK, RGB, WHITE
from semipose.draws import Draws, permutation
from semipose.errors import UserError
from semipose.files import write_atomically
from semipose.geometry import View
from semipose.inference.boxes import finder_in
from semipose.inference.evaluation import evaluating
from semipose.methods import build_method, needs
from semipose.methods.consistency import Dual, Single
from semipose.methods.mix import IMAGE, Mix, Mixing, move_tiles
from semipose.methods.target import Codec
from semipose.models.weights import load_model
from semipose.target import Target

COLORS: tuple[RGB, ...] = (
    (255, 118, 20),
    (40, 140, 255),
    (60, 190, 90),
    (215, 70, 190),
    (235, 200, 40),
    (90, 210, 220),
)
"""Of the images of a group, in turn."""
HEIGHT, GAP, LABEL, FRAME = 320, 12, 240, 3
"""Pixels of an image in the picture, between images, of the words to the left, and of a frame's line."""


def draw_group(
    model: str | Path,
    data: str | Path | None = None,
    images: str | Path | None = None,
    out: str | Path = "mix.png",
    seed: int = 0,
    step: int = 0,
    method: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Draw one group of images as a step mixes them.

    Args:
        model: a run's folder or a model.safetensors.
        data: images with boxes or labels; a run's own unlabelled or else validation images by default.
        images: the image folder of a JSON.
        out: the picture.
        seed: of which images, which views and which permutations.
        step: the same seed's other steps.
        method: settings of the method laid over the run's, such as {"name": "mum"} or {"mix_chance": 1}; a run whose
            method does not mix is shown with Pose-MUM's.

    Returns: {"out", "mixed": the stages that mixed, "unmixed": where, "moved": stage -> the share of tiles that are of
        another image then}.

    Raises:
        UserError: no such model or data, or the model does not fit the mixing.
    """
    path = Path(model)
    file = path / "model.safetensors" if path.is_dir() else path
    if not file.exists():
        raise UserError(f"there is no {file}; name a finished run's folder or a model.safetensors")
    if not cv2.haveImageWriter(str(out)):
        raise UserError(f"{out} is no name of a picture; end it in .png or .jpg")
    refuse_drawn_by_others(Path(out))
    loaded, recorded = load_model(file), file.parent / "config.yaml"
    config = resolve(Config(), read_yaml(recorded)) if recorded.exists() else Config(model=loaded.config)
    stays = _mixes(config) or "name" in (method or {})
    base = {"name": config.method.name} if stays else {"name": "pose_mum", "mix_group": 4}
    config = resolve(config, {"method": {**base, **(method or {})}})
    if not _mixes(config):
        able = hasattr(config.method, "mix_group")
        what = "--method.mix_group=4 mixes four images" if able else "--method.name=mum does"
        raise UserError(f"{config.method.name} mixes nothing with these settings; {what}")
    codec = Codec(loaded.network.stride, config.model.sigma, torch.tensor(loaded.skeleton.flip))
    wants = needs(config.method.name)
    networks = [loaded.network] * (wants.networks + wants.teacher)  # of twins, peers and teachers nothing is shown
    taking = build_method(config.method, networks, codec)
    assert isinstance(taking, Single | Dual) and isinstance(taking.mix, Mixing)
    drawn = Draws(seed, step)
    view = taking.easy(_view(config, taking.mix.group, data, images, (seed, step)), drawn)
    with torch.no_grad(), evaluating(loaded.network):
        found = loaded.network(view.image)
        hard = taking.hard(view, drawn, Target(found, torch.ones_like(found[..., :1, :1]), view))
        mix = taking.mix(len(hard), drawn)
        still = {name: move for name, move in mix.moves.items() if name != taking.mix.unmix}
        before, after = (loaded.network(hard.image, tap) for tap in (replace(mix, moves=still), mix))
        plain = loaded.network(hard.image)
    picture = draw_mix(hard.image, mix, taking.mix.unmix, before, after, plain)
    write_atomically(Path(out), encoded(picture, Path(out).suffix))
    own = torch.arange(len(hard))[:, None, None]
    moved = {name: float((origins != own).float().mean()) for name, origins in mix.origins.items()}
    return {"out": str(out), "mixed": list(mix.origins), "unmixed": taking.mix.unmix, "moved": moved}


def _mixes(config: Config) -> bool:
    return getattr(config.method, "group", 1) > 1


def _view(config: Config, count: int, data: str | Path | None, images: str | Path | None, key: tuple[int, int]) -> View:
    """The plain view of as many images as a group has."""
    if data is not None:
        source = open_labeled(data, images)
    elif config.data.labeled is None:
        raise UserError("a model.safetensors has no images of its own; name some with --data")
    else:
        sets = open_sets(config.data, bool(config.data.unlabeled or config.data.split), finder_in(None), checked=False)
        source = sets.unlabeled or sets.val or sets.labeled
    if len(source) < count:
        raise UserError(f"{data or 'the run'} has {len(source)} images, fewer than a group of {count}; name others")
    crops = cut(source.subset(permutation(len(source), *key)[:count].tolist()), config, train=True, progress=False)
    assert crops is not None
    return View.of(torch.from_numpy(crops.images(np.arange(count))), crops.spec.size)


def draw_mix(image: Tensor, mix: Mix, unmix: str, before: Tensor, after: Tensor, plain: Tensor) -> np.ndarray:
    """The picture (H, W, 3) uint8.

    Args:
        image: (G, 3, H, W) in [0, 1], one group as the student sees it before mixing.
        before: (G, K, h, w), heatmaps that were not unmixed.
        after: those that were.
        plain: those of images that were not mixed at all.
    """
    tiles = next(iter(mix.origins.values())).shape[1:]
    whole = torch.zeros(len(image), *tiles, dtype=torch.long) + torch.arange(len(image))[:, None, None]
    rows = [("the student's view", _framed(image, whole))]
    for name, origins in mix.origins.items():
        words = "images mixed" if name == IMAGE else f"after {name}, mixed again"
        rows.append((words, _framed(move_tiles(image, origins), origins)))
    last = list(mix.origins.values())[-1]
    rows.append(("heatmaps, not unmixed", _heat(move_tiles(image, last), before, last)))
    rows.append((f"heatmaps, unmixed after {unmix}", _heat(image, after, whole)))
    rows.append(("heatmaps without mixing", _heat(image, plain, whole)))
    return _sheet(rows)


def _large(image: Tensor) -> list[np.ndarray]:
    scale = HEIGHT / image.shape[-2]
    pixels = (image.detach().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) for each in pixels]


def _framed(image: Tensor, origins: Tensor) -> list[np.ndarray]:
    """Images whose tiles are framed in the colour of the image they are of; neighbours of one image share a frame."""
    return [_frame(picture, of) for picture, of in zip(_large(image), origins.cpu().numpy(), strict=True)]


def _frame(picture: np.ndarray, of: np.ndarray) -> np.ndarray:
    height, width = picture.shape[0] / of.shape[0], picture.shape[1] / of.shape[1]
    around = np.pad(of, 1, constant_values=-1)
    for i, j in np.ndindex(of.shape):
        tile = picture[round(i * height) : round((i + 1) * height), round(j * width) : round((j + 1) * width)]
        sides = (
            (around[i, j + 1], tile[:FRAME]),
            (around[i + 2, j + 1], tile[-FRAME:]),
            (around[i + 1, j], tile[:, :FRAME]),
            (around[i + 1, j + 2], tile[:, -FRAME:]),
        )
        for neighbour, side in sides:
            if neighbour != of[i, j]:
                side[:] = COLORS[of[i, j] % len(COLORS)]
    return picture


def _heat(image: Tensor, heatmaps: Tensor, origins: Tensor) -> list[np.ndarray]:
    """The highest joint at each cell, laid over a darkened image, the more the higher it is."""
    shown = []
    highest = heatmaps.amax(1).clamp(0, 1).cpu().numpy()
    for picture, heat, of in zip(_large(image), highest, origins.cpu().numpy(), strict=True):
        large = cv2.resize(heat, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
        color = cv2.applyColorMap((255 * large).astype(np.uint8), cv2.COLORMAP_HOT)[..., ::-1]
        share = np.minimum(1.2 * large, 0.8)
        shown.append(_frame(((1 - share) * 0.6 * picture + share * color).astype(np.uint8), of))
    return shown


def _sheet(rows: list[tuple[str, list[np.ndarray]]]) -> np.ndarray:
    height, width = rows[0][1][0].shape[:2]
    count = len(rows[0][1])
    sheet = np.empty((GAP + len(rows) * (height + GAP), LABEL + count * (width + GAP), 3), np.uint8)
    sheet[:] = DARK
    for r, (words, pictures) in enumerate(rows):
        top = GAP + r * (height + GAP)
        _write(sheet, words, top + height // 2)
        for c, picture in enumerate(pictures):
            left = LABEL + c * (width + GAP)
            sheet[top : top + height, left : left + width] = picture
    return sheet


def _write(sheet: np.ndarray, words: str, middle: int) -> None:
    """Words to the left of a row, a line for each part between commas."""
    parts = [part.strip() for part in words.split(",")]
    for n, part in enumerate(parts):
        place = (GAP, middle + round(26 * (n - (len(parts) - 1) / 2)))
        cv2.putText(sheet, part, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, WHITE, 1, cv2.LINE_AA)
