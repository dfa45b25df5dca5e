"""The pixels of an image, whatever its reference names: a picture file, a frame of a video, a synthetic person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from semipose.data.pictures import decode_image, leave_out, picture_header, picture_size, read_bytes
from semipose.data.refs import Frame, Person, parse
from semipose.data.synthetic import people, walk
from semipose.data.video import probe, read_frame, read_frames
from semipose.errors import UserError


def read_image(ref: str | Path) -> np.ndarray:
    """One image as uint8 RGB (H, W, 3), as `decode_image` has it. Many frames of videos are read faster by
    `read_images`.

    Raises:
        UserError: the file is missing or no image that can be read, the video has no such frame, or the reference is of
            no synthetic person.
    """
    match parse(ref):
        case Person() as person:
            return walk.read(person) if person.domain == walk.DOMAIN else people.read(person)
        case Frame() as frame:
            return read_frame(frame.file, frame.number)
        case file:
            return decode_image(read_bytes(file.path), file.path)


def read_images(refs: Sequence[str]) -> Iterator[tuple[str, np.ndarray | UserError]]:
    """(reference, pixels, or why there are none) of each image once: pictures as they come, then each video's frames
    in their order, so that no video is read twice or jumped about in."""
    films: dict[Path, dict[int, str]] = {}
    for text in dict.fromkeys(refs):
        ref = parse(text)
        if isinstance(ref, Frame):
            films.setdefault(ref.file, {})[ref.number] = text
            continue
        try:
            yield text, read_image(text)
        except UserError as error:
            yield text, error
    for path, wanted in films.items():
        missing, odd = dict(wanted), dict[int, str]()
        reason = f"cannot be decoded from {path}; the video is damaged there, or has changed"
        try:
            for number, pixels in read_frames(path, wanted, odd):
                yield missing.pop(number), pixels
        except UserError as error:
            reason = str(error)
        for number, text in missing.items():
            yield text, UserError(f"frame {number} {odd.get(number, reason)}")


def image_size(ref: str | Path) -> tuple[int, int]:
    """(height, width) as `read_image` would return it, of a file from its header alone."""
    match parse(ref):
        case Person() as person:
            return walk.SIZE if person.domain == walk.DOMAIN else people.READ_SIZE
        case Frame() as frame:
            return probe(frame.file).size
        case file:
            return picture_size(file.path)


def image_sizes(refs: Iterable[str], name: str) -> dict[str, tuple[int, int]]:
    """The same of each image of a labelled set called `name`.

    Raises:
        UserError: naming the first few that cannot be read, and how many there are.
    """
    sizes: dict[str, tuple[int, int]] = {}
    errors: dict[str, str] = {}
    for ref in dict.fromkeys(refs):
        try:
            sizes[ref] = image_size(ref)
        except UserError as error:
            errors[ref] = str(error)
    leave_out(name, errors.values(), len(sizes) + len(errors), limit=0)
    return sizes


def image_turn(ref: str | Path) -> int:
    """By which of EXIF's orientations a picture file is turned when it is read (`picture_header`); 1 of all else."""
    file = parse(ref)
    return 1 if isinstance(file, Person | Frame) else picture_header(file.path)[1]
