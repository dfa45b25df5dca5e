"""SLEAP's label files (Pereira et al., Nature Methods 2022), read through sleap-io."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from semipose.data.extent import boxed, whole
from semipose.data.images import image_size
from semipose.data.readers import data_set
from semipose.data.readers.tables import labelled
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.files import below, write_atomically
from semipose.skeleton import named_skeleton

FRAMES = Path("~/.cache/semipose/frames")
"""Where labelled frames of a video are kept as pictures, written once."""


def read_sleap(source: str | Path, images: str | Path | None = None) -> PoseData:
    """Read what people labelled in a .slp (a .pkg.slp with its pictures too); predicted instances are left out.

    Pictures that the file names are used where they are; frames of a video, or packed in the file, are written to
    `FRAMES` once. The session is the video. The box is the whole frame, or, where a frame has several instances, the
    extent of each one's labels.

    Args:
        images: the folder of the videos or pictures, where they have moved.

    Raises:
        UserError: sleap-io is not installed, the file is none of SLEAP's, has two skeletons or no labels, or a video
            is missing.
    """
    path = Path(source)
    labels = _load(path)
    if len(labels.skeletons) != 1:
        raise UserError(f"{path} has {len(labels.skeletons)} skeletons; one can be read: remove the others in SLEAP")
    own = labels.skeletons[0]
    links = [(edge.source.name, edge.destination.name) for edge in own.edges]
    skeleton = named_skeleton(own.name or path.stem, [node.name for node in own.nodes], path, links)
    frames = [frame for frame in labels if frame.user_instances]
    if not frames:
        raise UserError(f"{path} has no instance that a person labelled; label some frames first")
    several = any(len(frame.user_instances) > 1 for frame in frames)
    names = _sessions(labels.videos)
    samples = []
    for frame in frames:
        session = names[labels.videos.index(frame.video)]
        image = _picture(frame, path, session, Path(images) if images is not None else None)
        size = image_size(image)
        for i, instance in enumerate(frame.user_instances):
            points = np.full((len(skeleton), 3), np.nan, np.float32)
            points[:, :2] = instance.numpy()[:, :2]
            points = labelled(points)
            where = f"{session}/{frame.frame_idx}"
            number = f"{where}#{i}" if several else where
            samples.append(Sample(number, str(image), whole(size), points, image_id=where, session=session))
    return PoseData(path.name.partition(".")[0], skeleton, tuple(boxed(samples) if several else samples))


def _load(path: Path) -> Any:
    try:
        import sleap_io
    except ImportError:
        raise UserError(f"{path}: reading SLEAP's files needs sleap-io: pip install 'semipose[sleap]'") from None
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; check the path") from None
    except Exception as e:  # h5py and sleap-io raise a dozen kinds
        raise UserError(f"{path} is not a .slp that sleap-io reads ({' '.join(str(e).split())[:120]})") from None
    far = next((name for video in labels.videos for name in _names(video) if "://" in name), None)
    if far is not None:
        raise UserError(f"{path} names a video on the network, {far[:80]}; fetch it, and name the file in SLEAP")
    return labels


def _names(video: Any) -> Iterator[str]:
    """Of the files of a video, and of the videos that it was made from."""
    while video is not None:
        yield from map(str, video.filename if isinstance(video.filename, list) else [video.filename])
        video = video.source_video


def _sessions(videos: list[Any]) -> list[str]:
    """A name for each video: that of its file or of its pictures' folder, numbered where two are the same."""
    files = [_file(video) for video in videos]
    stems = [
        file.parent.name if isinstance(video.filename, list) else file.stem
        for file, video in zip(files, videos, strict=True)
    ]
    count = Counter(stems)
    return [stem if count[stem] == 1 else f"{stem}-{i}" for i, stem in enumerate(stems)]


def _file(video: Any) -> Path:
    source = video.source_video if video.source_video is not None else video
    name = source.filename[0] if isinstance(source.filename, list) else source.filename
    return Path(str(name).replace("\\", "/"))


def _picture(frame: Any, path: Path, session: str, folder: Path | None) -> Path:
    """The file of a labelled frame."""
    video = frame.video
    if isinstance(video.filename, list):
        name = Path(str(video.filename[frame.frame_idx]).replace("\\", "/"))
        places = [name, path.parent / name, path.parent / name.name]
        if folder is not None:
            places = [folder / name, folder / name.name, folder / name.parent.name / name.name, *places]
        picture = next((place for place in places if place.exists()), None)
        if picture is None:
            todo = "give its folder (to semipose init, the folder that holds both)"
            raise UserError(f"{path}: its picture {name} does not exist; {todo}")
        return picture.resolve()
    return _written(frame, path, session, folder)


def _written(frame: Any, path: Path, session: str, folder: Path | None) -> Path:
    """The picture of a frame of a video, from `FRAMES` or written there."""
    video = frame.video
    file = Path(str(video.filename).replace("\\", "/"))
    places = [*([folder / file.name] if folder is not None else []), file, path.parent / file, path.parent / file.name]
    film = next((place for place in places if place.exists()), None)
    if film is None and folder is not None:
        alike = [near for near in below(folder) if near.name == file.name]
        film = alike[0] if len(alike) == 1 else None
    if film is None:
        raise UserError(
            f"{path}: its video {file} does not exist; give its folder (to semipose init, the folder that holds both)"
        )
    state = film.stat()
    key = hashlib.sha256(f"{film.resolve()} {state.st_size} {state.st_mtime_ns} {session}".encode()).hexdigest()[:16]
    picture = FRAMES.expanduser() / f"{session}-{key}" / f"{frame.frame_idx:06d}.png"
    if not picture.exists():
        try:
            video.open_backend = True  # not before it is clear which file it opens
            if film.resolve() != file.resolve():
                video.replace_filename(str(film))
            image = np.asarray(frame.image)
        except Exception as e:  # whatever decodes the video
            reason = " ".join(str(e).split())[:120]
            where = f"{path}: frame {frame.frame_idx} of {film}"
            raise UserError(f"{where} cannot be read ({reason}); is the video damaged?") from None
        # OpenCV writes blue first; a grey frame has one channel.
        write_atomically(picture, cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    return picture


FORMAT = data_set("SLEAP (a .slp)", lambda source: source.lower().endswith(".slp"), read_sleap)
