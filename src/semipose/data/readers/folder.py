"""Images and videos without boxes or labels: a folder, a pattern, a file, a list of them."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from semipose import limits
from semipose.data.extent import refuse_misplaced
from semipose.data.packed import Texts
from semipose.data.pictures import EXTENSIONS, OTHERS, is_hidden, is_picture, leave_out, picture_size, refuse_moving
from semipose.data.readers import Format
from semipose.data.refs import Frame, parse
from semipose.data.sample import PoseData, Sample, Samples
from semipose.data.video import FRAMES, VIDEOS, check_plan, is_video, probe, read_video
from semipose.errors import UserError
from semipose.files import below, names_below, real

LIST = ".txt"
"""A file of paths, one a line, relative to the file; empty lines and those that start with # are skipped."""


def read_folder(
    source: str | Path | Sequence[str | Path],
    frames: str = FRAMES,
    cache: str | Path | None = None,
    without: Callable[[Path], bool] | None = None,
    damaged: list[str] | None = None,
) -> PoseData:
    """One unlabelled sample an image or frame, its box the whole image.

    Only headers are read. Of many files the few that are no image or video are left out, with a warning that names
    them (`leave_out`); more are an error.

    Args:
        source: a folder (with the folders below it), a pattern ("videos/**/*.mp4"), one image or video, a list of these
            files, or a .txt that lists them. Ids are paths relative to the folder, else the paths as given; those of
            frames are "<file name>#<frame>", with the folder's path before it where two videos have the same name.
        frames: which frames of each video, see `semipose.data.video.choose`.
        cache: where choices of frames that take long are kept.
        without: files of a folder or pattern that are left out.
        damaged: takes the errors of files that cannot be read, which are then left out however many they are.
    """
    name, root, names = list_files(source)
    if without is not None and not Path(str(source)).is_file():
        names = Texts.of(key for key in names if not without(Path(root, key)))
    paths = {key: os.path.join(root, key) for key in names if is_video(key)}
    films = Counter(os.path.basename(path) for path in paths.values())
    errors: list[str] = [] if damaged is None else damaged
    check_plan(frames)

    def samples() -> Iterator[Sample]:
        for key in names:
            path = paths.get(key) or os.path.join(root, key)
            try:
                if key in paths:
                    film = os.path.basename(path)
                    yield from read_video(path, frames, film if films[film] == 1 else key, cache)
                else:
                    yield _sample(key, path)
            except UserError as error:
                errors.append(str(error))

    found = Samples.of(samples())
    if damaged is None and len(names) == 1 and errors:
        raise UserError(errors[0])
    if damaged is None:
        leave_out(name, errors, len(names))
    return PoseData(name, None, found, left_out=errors)


def list_files(source: str | Path | Sequence[str | Path]) -> tuple[str, str, Sequence[str]]:
    """A name for a source of `read_folder`, the folder that its images and videos are in, and their ids, which are
    their paths in it."""
    if not isinstance(source, str | Path):
        return "images", "", list(dict.fromkeys(map(str, source)))
    path = Path(source)
    if any(sign in str(source) for sign in "*?[") and not path.exists():
        matches = sorted(Path(p) for p in glob.glob(str(source), recursive=True) if _known(Path(p)))
        if not matches:
            raise UserError(f"no image or video matches {source}")
        return str(source), "", [str(p) for p in matches]
    if path.suffix.lower() == LIST:
        return path.stem, str(path.parent), _listed(path)
    if path.is_file():
        refuse_moving(path)
        return path.stem, "", [str(source)]
    if not path.exists():
        raise UserError(f"{path} does not exist; check the path")
    if not path.is_dir():
        raise UserError(f"{path} is no plain file; name an image, a video or a folder")
    shown = [name for name in names_below(path) if not is_hidden(name)]
    pictures, videos = [name for name in shown if is_picture(name)], [name for name in shown if is_video(name)]
    if not pictures and not videos:
        raise UserError(f"{path} holds no image ({' '.join(EXTENSIONS)}), nor do the folders below it")
    return path.resolve().name, str(path), Texts.of(name.replace(os.sep, "/") for name in chain(pictures, videos))


def strange_in(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """Pictures and films in folders of a source that are of formats which are not read."""
    every = [Path(source)] if isinstance(source, str | Path) else [Path(one) for one in source]
    files = (file for path in every if path.is_dir() for file in below(path))
    return [file for file in files if file.suffix.lower() in OTHERS]


def with_boxes(data: PoseData, boxes: PoseData) -> PoseData:
    """`data`, whole images, with the boxes that another set has in them, the images without one left out. A box of a
    video (and no frame of it) is one in each of its frames. What lies in frames that a video does not have is a remark.

    Raises:
        UserError: there is none, or one that lies outside its image or is far larger.
    """
    boxes_of: dict[str, list[Sample]] = {}
    for sample in boxes:
        boxes_of.setdefault(_real(sample.image), []).append(sample)
    samples = []
    for s in data:
        own = boxes_of.get(_real(s.image), [])
        for n, box in enumerate(own or boxes_of.get(_real(str(parse(s.image).file)), [])):
            refuse_misplaced(box.box, (int(s.box[3]), int(s.box[2])), f"{boxes.name}: {box.id}")
            number = box.image_id if own else s.image_id
            samples.append(replace(s, id=f"{s.id}@{n}", box=box.box, score=box.score, image_id=number))
    if not samples:
        raise UserError(f"{boxes.name} has no box in any of {len(data)} images of {data.name}; are the names the same?")
    remarks = [*data.remarks, *_beyond(data, boxes_of, boxes.name)]
    return PoseData(data.name, None, tuple(samples), tuple(remarks), data.left_out)


def _beyond(data: PoseData, boxes_of: Mapping[str, Sequence[Sample]], name: str) -> Iterator[str]:
    """Of boxes in frames after the last one of their video."""
    films = dict.fromkeys(ref.file for image in data.images if isinstance(ref := parse(image), Frame))
    counts = {Path(_real(str(film))): len(probe(film)) for film in films}
    late: dict[Path, list[str]] = {}
    for image, own in boxes_of.items() if counts else ():
        ref = parse(image)
        if isinstance(ref, Frame) and ref.number >= counts.get(ref.file, ref.number + 1):
            late.setdefault(ref.file, []).extend(box.id for box in own)
    for film, ids in late.items():
        yield (
            f"{film} has {counts[film]:,} frames, and {name} boxes of later ones ({len(ids):,}), first {ids[0]}; is it"
            " the same video?"
        )


def _real(image: str) -> str:
    return os.path.realpath(image) if os.path.isabs(image) else image


def _there(name: str, folder: Path) -> str:
    """A name as it is written, or, where there is no such file, with / for Windows' backslashes."""
    return name if "\\" not in name or os.path.exists(folder / name) else name.replace("\\", "/")


def _listed(path: Path) -> list[str]:
    lines = [line.strip() for line in limits.text(path, limits.TEXT, "a list of paths").splitlines()]
    names = [_there(line, path.parent) for line in lines if line and not line.startswith("#")]
    if not names:
        raise UserError(f"{path} lists no image or video; write one path a line")
    missing = [name for name in names if not os.path.isfile(os.path.join(path.parent, name))]
    if missing:
        raise UserError(f"{path} lists {len(missing)} of {len(names)} files that do not exist, first {missing[0]}")
    return list(dict.fromkeys(names))


def _known(path: Path) -> bool:
    return path.suffix.lower() in (*EXTENSIONS, *VIDEOS)


def _sample(key: str, path: str) -> Sample:
    h, w = picture_size(path)
    return Sample(key, real(path), (0.0, 0.0, float(w), float(h)), image_id=key)


def _is_images(source: str) -> bool:
    path = Path(source)
    return (
        path.is_dir()
        or path.suffix.lower() in (*EXTENSIONS, *OTHERS)
        or is_video(path)
        or (path.suffix.lower() == LIST and path.is_file())
        or (any(sign in source for sign in "*?[") and not path.exists())
    )


def _read(source: str | Path, frames: str = FRAMES, cache: str | Path | None = None, **_: object) -> PoseData:
    return read_folder(source, frames, cache)


FORMAT = Format(
    "images and videos (a folder, a pattern as 'frames/*.png', a file, a .txt list)", _is_images, None, _read
)
