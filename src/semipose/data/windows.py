"""Neighbouring frames among the samples of a data set: of a video, or images in a folder whose names count up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from semipose.data.refs import File, Frame, is_frame, parse
from semipose.data.sample import PoseData
from semipose.errors import UserError

_COUNTED = re.compile("(.*?)([0-9]{1,18})")


def windows(data: PoseData, length: int) -> np.ndarray:
    """(M, length) positions of samples in neighbouring frames, in their order in time. No sample is in two windows, and
    one without so many neighbours is in none.

    Raises:
        UserError: there is no window, or an image has several samples.
    """
    at: dict[tuple[str, int], int] = {}
    images = [*data.samples.images]
    for position, image in enumerate(images):
        place = _place(image)
        first = position if place is None else at.setdefault(place, position)
        if first != position and images[first] == image:
            raise UserError(
                f"{data.name}: {image} has several bodies, and windows of frames follow one; set data.window: 1"
            )
    found = [run[i : i + length] for run in _runs(at) for i in range(0, len(run) - length + 1, length)]
    if not found:
        raise UserError(
            f"{data.name}: data.window is {length}, and no {length} of its {len(data)} images are neighbouring frames;"
            " name a video, or a folder of frames whose names count up by one, or set data.window: 1"
        )
    return np.array(found, np.int64)


def neighbours(data: PoseData) -> np.ndarray:
    """(P, 2) positions of samples in a frame of a video and in the next one. Names of images do not tell: labelled
    frames are often numbered anew. An image with several samples has none."""
    count = Counter(data.samples.images)
    alone = ((i, image) for i, image in enumerate(data.samples.images) if is_frame(image) and count[image] == 1)
    at = {place: i for i, image in alone if (place := _place(image)) is not None}
    return np.array([pair for run in _runs(at) for pair in pairwise(run)], np.int64).reshape(-1, 2)


def _place(image: str) -> tuple[str, int] | None:
    """What an image's neighbours have in common, and its number among them; None where it has none."""
    match parse(image):
        case Frame() as frame:
            return frame.path, frame.number
        case File() as file:
            counted = _COUNTED.fullmatch(file.file.stem)
            return (f"{file.folder}/{counted[1]}#{file.file.suffix}", int(counted[2])) if counted else None
    return None


def _runs(at: dict[tuple[str, int], int]) -> Iterator[list[int]]:
    """Positions of frames without a gap, by the place of each."""
    run: list[int] = []
    before: tuple[str, int] | None = None
    for name, number in sorted(at):
        if run and before != (name, number - 1):
            yield run
            run = []
        run.append(at[name, number])
        before = (name, number)
    if run:
        yield run
