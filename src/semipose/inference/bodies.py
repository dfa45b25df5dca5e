"""Where bodies are in whole images, by a run's finder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from semipose.bodies import BODIES, decode_bodies
from semipose.data.extent import Box, label_box
from semipose.data.sample import Sample
from semipose.errors import UserError
from semipose.files import read_json
from semipose.geometry import invert, move
from semipose.inference.predictor import Predictor
from semipose.models.graph import ENDING, about_graph

SEARCH = "find.json"
"""Beside a finder's weights: its `Search`, and how it does on validation."""
ROOM = 1.15
"""A found box is no smaller than so many usual ones: rather too large than without a part of the body."""
THRESHOLD = 0.3
"""Where no validation chose another."""
MOST = 1000
"""Bodies in an image, at most."""


class Search(NamedTuple):
    """How a finder is used.

    Attributes:
        side: the usual longer side of a body's box, over that of its image; 0 where nobody says.
        threshold: finds of a lower score are none.
        most: finds in an image, at most.
    """

    side: float = 0.0
    threshold: float = THRESHOLD
    most: int = 1


def search_of(file: Path) -> Search:
    """What a finder's folder says, of which `file` are the weights; or an exported finder itself.

    Raises:
        UserError: it says what cannot be.
    """
    beside = file if file.suffix == ENDING else file.with_name(SEARCH)
    if not beside.exists():
        return Search()
    content = about_graph(file).get("find") if beside == file else read_json(beside)
    given = {key: content[key] for key in Search._fields if key in content} if isinstance(content, dict) else {}
    search = Search(**given)
    number = [isinstance(value, int | float) and not isinstance(value, bool) for value in search]
    if not (
        given
        and all(number)
        and 0 <= search.side <= 1
        and 0 <= search.threshold <= 1
        and isinstance(search.most, int)
        and 1 <= search.most <= MOST
    ):
        raise UserError(
            f"{beside} has no side and threshold between 0 and 1, or no most of 1 to {MOST}; it was edited or damaged:"
            " train the finder again"
        )
    return search


class BodyFinder:
    """Finds bodies in images.

    Args:
        network: gives the heatmaps of `semipose.bodies` for whole images.
        search: how it is used.
    """

    def __init__(self, network: Predictor, search: Search) -> None:
        if network.skeleton.joints != BODIES.joints:
            raise UserError(
                f"a network of {', '.join(network.skeleton.joints[:3])} is no finder of this version; train the run"
                " again, or name boxes"
            )
        self.network, self.search = network, search

    @classmethod
    def load(cls, file: Path, device: str = "auto", most: int | None = None) -> BodyFinder:
        """From its weights. `most`: finds in an image, where it is another number than the finder's own."""
        search = search_of(file)
        return cls(Predictor.load(file, device), search if most is None else search._replace(most=most))

    def __call__(self, images: Sequence[np.ndarray]) -> list[list[list[float]]]:
        """A row x, y, w, h, score for each body of each image, surest first. An image is RGB uint8 (H, W, 3)."""
        found = []
        for image, rows in zip(images, self.surest(images), strict=True):
            size = (image.shape[0], image.shape[1])
            kept = [row for row in rows.tolist() if row[4] >= self.search.threshold]
            found.append([[*self.box(row, size), row[4]] for row in kept])
        return found

    def surest(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """(M, 5) of each image, whatever their scores: what labels would span, as its centre and sides in pixels, and
        the score."""
        if not images:
            return []
        heatmaps, matrices = self.network.whole(images)
        boxes, score = decode_bodies(heatmaps, self.network.network.stride, self.search.most)
        rows = in_image(boxes.double().cpu(), torch.from_numpy(matrices))
        both = torch.cat([rows, score.double().cpu()[..., None]], -1).numpy()
        return [each[each[:, 4] > 0] for each in both]

    def box(self, row: Sequence[float], size: tuple[int, int]) -> Box:
        """The enlarged box of a row of `surest` in an image of `size` (height, width)."""
        return body_box(row, size, self.search.side)


def boxes_by_image(samples: Iterable[Sample]) -> dict[str, list[Box]]:
    """The boxes x, y, w, h in each image."""
    boxes: dict[str, list[Box]] = {}
    for sample in samples:
        boxes.setdefault(sample.image, []).append(sample.box)
    return boxes


def on_another(boxes: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> int:
    """How many boxes x, y, w, h have their centre in one of the boxes of `others`."""
    if not len(boxes) or not len(others):
        return 0
    rows, around = np.array(boxes, np.float64)[:, None], np.array(others, np.float64)[None]
    off = rows[..., :2] + rows[..., 2:4] / 2 - around[..., :2]
    return int(((off >= 0) & (off <= around[..., 2:4])).all(-1).any(-1).sum())


def in_image(boxes: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """Boxes (B, N, 4), centres and sides, in pixels of images; `matrices` (B, 3, 3) lead from those to the boxes'
    pixels, at one scale."""
    return torch.cat([move(invert(matrices), boxes[..., :2]), boxes[..., 2:] / matrices[:, :1, :1]], -1)


def body_box(row: Sequence[float], size: tuple[int, int], side: float) -> Box:
    """The enlarged box of what labels would span, a centre and sides, in an image of `size` (height, width).

    Args:
        side: of the usual box, as of `Search`.
    """
    limit = np.array(size[::-1], np.float64) - 1
    half = np.array(row[2:4]) / 2
    corners = np.clip([row[:2] - half, row[:2] + half], 0, limit)
    return label_box(np.column_stack([corners, (1, 1)]), size, longer=ROOM * side * max(size))
