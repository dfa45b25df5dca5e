"""Images and videos without boxes or labels: a folder, a pattern, a file, a list of them."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from semipose.data.pictures import EXTENSIONS, OTHERS, list_images, picture_size
from semipose.data.readers import Format
from semipose.data.refs import parse
from semipose.data.sample import PoseData, Sample
from semipose.data.video import FRAMES, VIDEOS, is_video, read_video
from semipose.errors import UserError, UserErrors
from semipose.files import below

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

    Only headers are read; files that are neither image nor video are an error naming them all.

    Args:
        source: a folder (with the folders below it), a pattern ("videos/**/*.mp4"), one image or video, a list of these
            files, or a .txt that lists them. Ids are paths relative to the folder, else the paths as given; those of
            frames are "<file name>#<frame>", with the folder's path before it where two videos have the same name.
        frames: which frames of each video, see `semipose.data.video.choose`.
        cache: where choices of frames that take long are kept.
        without: files of a folder or pattern that are left out.
        damaged: takes the errors of files that cannot be read, which are then left out.
    """
    name, files = list_files(source)
    if without is not None and not Path(str(source)).is_file():
        files = {key: path for key, path in files.items() if not without(path)}
    samples: list[Sample] = []
    faults: list[str] = []
    names = Counter(path.name for path in files.values())
    for key, path in files.items():
        try:
            if is_video(path):
                samples += read_video(path, frames, path.name if names[path.name] == 1 else key, cache)
            else:
                samples.append(_sample(key, path))
        except UserError as error:
            faults.append(str(error))
    if faults and damaged is None:
        raise UserErrors(faults)
    if damaged is not None:
        damaged += faults
    return PoseData(name, None, tuple(samples))


def list_files(source: str | Path | Sequence[str | Path]) -> tuple[str, dict[str, Path]]:
    """A name for a source of `read_folder`, and its images and videos by id."""
    if not isinstance(source, str | Path):
        return "images", {str(p): Path(p) for p in source}
    path = Path(source)
    if any(sign in str(source) for sign in "*?[") and not path.exists():
        matches = sorted(Path(p) for p in glob.glob(str(source), recursive=True) if _known(Path(p)))
        if not matches:
            raise UserError(f"no image or video matches {source}")
        return str(source), {str(p): p for p in matches}
    if path.suffix.lower() == LIST:
        return path.stem, _listed(path)
    if path.is_file():
        return path.stem, {str(source): path}
    if not path.exists():
        raise UserError(f"{path} does not exist; check the path")
    videos = [p for p in below(path) if is_video(p) and not _hidden(p, path)]
    pictures = list_images(path) if not videos or _any_image(path) else []
    return path.resolve().name, {p.relative_to(path).as_posix(): p for p in [*pictures, *videos]}


def strange_in(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """Pictures and films in folders of a source that are of formats which are not read."""
    every = [Path(source)] if isinstance(source, str | Path) else [Path(one) for one in source]
    files = (file for path in every if path.is_dir() for file in below(path))
    return [file for file in files if file.suffix.lower() in OTHERS]


def with_boxes(data: PoseData, boxes: PoseData) -> PoseData:
    """`data` with the boxes that another set has in its images, the images without one left out. A box of a video (and
    no frame of it) is one in each of its frames."""
    boxes_of: dict[str, list[Sample]] = {}
    for sample in boxes:
        boxes_of.setdefault(_real(sample.image), []).append(sample)
    samples = []
    for s in data:
        own = boxes_of.get(_real(s.image), [])
        for n, box in enumerate(own or boxes_of.get(_real(str(parse(s.image).file)), [])):
            number = box.image_id if own else s.image_id
            samples.append(replace(s, id=f"{s.id}@{n}", box=box.box, score=box.score, image_id=number))
    if not samples:
        raise UserError(f"{boxes.name} has no box in any of {len(data)} images of {data.name}; are the names the same?")
    return PoseData(data.name, None, tuple(samples))


def _real(image: str) -> str:
    return os.path.realpath(image) if os.path.isabs(image) else image


def _listed(path: Path) -> dict[str, Path]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a list of paths ({error}); check the file") from None
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise UserError(f"{path} lists no image or video; write one path a line")
    missing = [name for name in names if not (path.parent / name).is_file()]
    if missing:
        raise UserError(f"{path} lists {len(missing)} of {len(names)} files that do not exist, first {missing[0]}")
    return {name: path.parent / name for name in dict.fromkeys(names)}


def _known(path: Path) -> bool:
    return path.suffix.lower() in (*EXTENSIONS, *VIDEOS)


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _any_image(folder: Path) -> bool:
    return any(p.suffix.lower() in EXTENSIONS and not _hidden(p, folder) for p in below(folder))


def _sample(key: str, path: Path) -> Sample:
    h, w = picture_size(path)
    return Sample(key, str(path.resolve()), (0.0, 0.0, float(w), float(h)), image_id=key)


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
