"""SLEAP's label files (Pereira et al., Nature Methods 2022), read through sleap-io."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semipose import apart
from semipose.data.extent import boxed, whole
from semipose.data.images import image_sizes
from semipose.data.readers import data_set
from semipose.data.readers.tables import labelled
from semipose.data.sample import FAR, PoseData, Sample
from semipose.errors import UserError, reads
from semipose.files import Part, below, writing
from semipose.skeleton import Skeleton, named_skeleton

FRAMES = Path("~/.cache/semipose/frames")
"""Where labelled frames of a video are kept as pictures, written once."""
PROGRAM = "semipose.data.readers.sleap_copy"
NAMED = 60
"""Letters of a session in the name of its folder of frames."""
AT_ONCE = 100
"""Frames that one process writes."""


@reads("a .slp of SLEAP")
def read_sleap(source: str | Path, images: str | Path | None = None) -> PoseData:
    """Read what people labelled in a .slp (a .pkg.slp with its pictures too); predicted instances are left out.

    Pictures that the file names are used where they are; frames of a video, or packed in the file, are written to
    `FRAMES` once. The session is the video. The box is the whole frame, or, where a frame has several instances, the
    extent of each one's labels. Symmetries are pairs of left and right; of joints without one, the names say it.

    Args:
        images: the folder of the videos or pictures, where they have moved.

    Raises:
        UserError: sleap-io is not installed, the file is none of SLEAP's, has two skeletons or no labels, or a video
            is missing.
    """
    path = Path(source)
    labels = load_slp(path)
    if labels.skeletons != 1:
        raise UserError(f"{path} has {labels.skeletons} skeletons; one can be read: remove the others in SLEAP")
    skeleton = skeleton_of(labels, path)
    if not len(labels.points):
        raise UserError(f"{path} has no instance that a person labelled; label some frames first")
    names = _sessions(labels.videos)
    count = Counter(labels.frames)
    several = max(count.values()) > 1
    pictures, lost = _pictures(labels, path, names, Path(images) if images is not None else None)
    sizes = image_sizes(map(str, pictures.values()), str(path))
    seen: Counter[tuple[int, int]] = Counter()
    samples = []
    for frame, xy in zip(labels.frames, labels.points, strict=True):
        if frame not in pictures:
            continue
        points = np.full((len(skeleton), 3), np.nan)
        points[:, :2] = xy
        if (np.abs(points) > FAR).any():
            raise UserError(f"{path}: frame {frame[1]} has a joint beyond {FAR:g} pixels; mend it in SLEAP")
        session = names[frame[0]]
        where, image = f"{session}/{frame[1]}", pictures[frame]
        number = f"{where}#{seen[frame]}" if several else where
        seen[frame] += 1
        box = whole(sizes[str(image)])
        samples.append(Sample(number, str(image), box, labelled(points), image_id=where, session=session))
    return PoseData(path.name.partition(".")[0], skeleton, tuple(boxed(samples) if several else samples), tuple(lost))


def skeleton_of(labels: Labels, path: Path) -> Skeleton:
    """The joints of a file, its symmetries as pairs of left and right."""
    return named_skeleton(labels.name or path.stem, labels.joints, path, labels.links, labels.symmetries)


class Labels(NamedTuple):
    """What `sleap_copy.described` gives of a file. `frames`: of each instance its video and frame."""

    skeletons: int
    name: str
    joints: list[str]
    links: list[tuple[str, str]]
    symmetries: list[tuple[str, str]]
    videos: list[dict[str, Any]]
    frames: list[tuple[int, int]]
    points: np.ndarray


def load_slp(path: Path) -> Labels:
    """What is in a file, read by sleap-io in a process of its own.

    Raises:
        UserError: sleap-io is not installed, or the file cannot be read.
    """
    if sys.modules.get("sleap_io", True) is None or find_spec("sleap_io") is None:
        raise UserError(f"{path}: reading SLEAP's files needs sleap-io: pip install 'semipose[sleap]'")
    if not path.exists():
        raise UserError(f"{path} does not exist; check the path")
    content = apart.arrays(PROGRAM, path, parser="sleap-io")
    about = json.loads(str(content["about"]))
    videos = about["videos"]
    far = next((name for video in videos for name in video["every"] if "://" in name), None)
    if far is not None:
        raise UserError(f"{path} names a video on the network, {far[:80]}; fetch it, and name the file in SLEAP")
    links, sides = ([(str(a), str(b)) for a, b in about.get(key, ())] for key in ("links", "symmetries"))
    joints, name = [str(joint) for joint in about.get("joints", ())], str(about.get("name") or "")
    frames = list(zip(content["video"].tolist(), content["frame"].tolist(), strict=True))
    return Labels(about["skeletons"], name, joints, links, sides, videos, frames, content["points"])


def _sessions(videos: list[dict[str, Any]]) -> list[str]:
    """A name for each video: that of its file or of its pictures' folder, with the folders above it that tell it from
    others of that name; numbered where none do."""
    files = [_path(next(iter(video["source"]), "")) for video in videos]
    places = [f.parent if video["pictures"] else f.parent / f.stem for f, video in zip(files, videos, strict=True)]
    parts = [tuple(part for part in place.parts if part not in ("..", place.anchor)) for place in places]
    ends = Counter(own[-n:] for own in parts for n in range(1, len(own) + 1))
    names = []
    for own in parts:
        alone = (n for n in range(1, len(own) + 1) if ends[own[-n:]] == 1)
        names.append("/".join(own[-next(alone, 1) :]))
    count = Counter(names)
    return [name if count[name] == 1 else f"{name}-{i}" for i, name in enumerate(names)]


def _path(name: str) -> Path:
    return Path(name.replace("\\", "/"))


def _pictures(
    labels: Labels, path: Path, names: list[str], folder: Path | None
) -> tuple[dict[tuple[int, int], Path], list[str]]:
    """The file of each labelled frame, and what is said of frames whose file does not exist, which are left out. Those
    that are in no file yet are written to `FRAMES`.

    Raises:
        UserError: no file exists.
    """
    alike = last_parts(labels.videos)
    found: dict[tuple[int, int], Path] = {}
    lost: list[UserError] = []
    missing: list[tuple[tuple[int, int], Path, Path]] = []
    for number, frame in dict.fromkeys(labels.frames):
        video = labels.videos[number]
        if frame < 0 or (video["pictures"] and frame >= len(video["files"])):
            raise UserError(f"{path}: {names[number]} has no frame {frame}; is it damaged? save it again in SLEAP")
        try:
            if video["pictures"]:
                picture = _path(video["files"][frame])
                found[number, frame] = place_of_picture(picture, path, folder, alike[picture.name] == 1)
                continue
            film = _path(video["files"][0])
            film = place_of_video(film, path, folder, alike[film.name] == 1)
        except UserError as error:
            lost.append(error)
            continue
        state, session = film.stat(), names[number]
        key = hashlib.sha256(f"{film.resolve()} {state.st_size} {state.st_mtime_ns} {session}".encode()).hexdigest()
        place = FRAMES.expanduser() / f"{session.replace('/', '-')[-NAMED:]}-{key[:16]}" / f"{frame:06d}.png"
        found[number, frame] = place
        if not place.exists():
            missing.append(((number, frame), film, place))
    for start in range(0, len(missing), AT_ONCE):
        _write(missing[start : start + AT_ONCE], path)
    if lost and not found:
        raise lost[0]
    return found, [f"left out: {len(lost)} labelled frames: {lost[0]}"] if lost else []


def last_parts(videos: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How many of a file's videos and pictures have each last part of a name."""
    return Counter(_path(name).name for name in {name for video in videos for name in video["files"]})


def place_of_picture(name: Path, path: Path, folder: Path | None, alone: bool = True) -> Path:
    """Where a picture is, by its name in the file; `alone`: no other picture there has its last part.

    Raises:
        UserError: nowhere.
    """
    places = [name, path.parent / name, *([path.parent / name.name] if alone else [])]
    if folder is not None:
        near = [folder / name.name] if alone else []
        places = [folder / name, *near, folder / name.parent.name / name.name, *places]
    picture = next((place for place in places if os.path.exists(place)), None)
    if picture is None:
        todo = "give its folder (to semipose init, the folder that holds both)"
        raise UserError(f"{path}: its picture {name} does not exist; {todo}")
    return picture.resolve()


def place_of_video(file: Path, path: Path, folder: Path | None, alone: bool = True) -> Path:
    """Where a video is, by its name in the file; `alone`: no other video there has its last part. Of such as have, two
    parts tell.

    Raises:
        UserError: nowhere.
    """
    known = Path(file.name) if alone else Path(file.parent.name, file.name)
    places = [*([folder / known] if folder is not None else []), file, path.parent / file, path.parent / known]
    film = next((place for place in places if os.path.isfile(place)), None)
    if film is None and folder is not None:
        alike = [near for near in below(folder) if near.parts[-len(known.parts) :] == known.parts]
        film = alike[0] if len(alike) == 1 else None
    if film is None:
        raise UserError(
            f"{path}: its video {file} does not exist; give its folder (to semipose init, the folder that holds both)"
        )
    return film


def _write(missing: Sequence[tuple[tuple[int, int], Path, Path]], path: Path) -> None:
    """Frames of videos as pictures, by the process that opens them."""
    parts = [Part(place) for _, _, place in missing]
    try:
        with writing(missing[0][2]):
            for part in parts:
                part.path.parent.mkdir(parents=True, exist_ok=True)
        words = [
            json.dumps([*frame, str(film), str(part.path)])
            for (frame, film, _), part in zip(missing, parts, strict=True)
        ]
        apart.arrays(PROGRAM, path, *words, parser="what decodes its videos")
        for part in parts:
            with writing(part.place):
                part.done()
    finally:
        for part in parts:
            part.drop()


FORMAT = data_set("SLEAP (a .slp)", lambda source: source.lower().endswith(".slp"), read_sleap)
