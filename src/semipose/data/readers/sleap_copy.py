"""What runs in a process of its own (`semipose.apart`): what people labelled in a .slp of SLEAP, and pictures of it.

sleap-io reads it through HDF5, whose library can crash on a damaged file, and opens videos by several libraries.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from semipose.apart import Refused, refuse_more, refused
from semipose.data.readers.hdf5_copy import largest, refuse_outside
from semipose.errors import reason_of

PIXELS = 1 << 28
"""Bytes of a picture."""


def copy(path: str, *wanted: str) -> dict[str, np.ndarray]:
    """The labels; or, where pictures are wanted, none.

    Args:
        wanted: for each picture a JSON list [video, frame, the file to read it from, the file to write].

    Raises:
        Refused: it cannot be read, or a picture cannot.
    """
    try:
        refuse_unsafe(path)
        import sleap_io

        labels = sleap_io.load_slp(path, open_videos=False)
        if not wanted:
            return described(labels)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # h5py and sleap-io raise a dozen kinds
        raise refused(error, "a .slp that sleap-io reads") from None
    for each in wanted:
        number, frame, film, place = json.loads(each)
        _write(labels.videos[number], frame, film, Path(place))
    return {}


def described(labels: Any) -> dict[str, np.ndarray]:
    """`about`, JSON in one text: `skeletons` (how many), `name`, `joints`, `links` and `symmetries` of the first, and
    of each video `files`, `source` and whether it is `pictures`. Of N labelled instances, frame by frame: `video`,
    `frame` (N,), and `points` (N, K, 2), NaN where one is missing."""
    about: dict[str, Any] = {"skeletons": len(labels.skeletons), "videos": [_video(video) for video in labels.videos]}
    rows: list[tuple[int, int]] = []
    points: list[np.ndarray] = []
    if about["skeletons"] == 1:
        own = labels.skeletons[0]
        links = [(edge.source.name, edge.destination.name) for edge in own.edges]
        sides = [sorted(node.name for node in each.nodes) for each in own.symmetries]
        about |= {"name": own.name, "joints": [node.name for node in own.nodes], "links": links, "symmetries": sides}
        for frame in labels:
            for instance in frame.user_instances:
                rows.append((labels.videos.index(frame.video), int(frame.frame_idx)))
                points.append(np.asarray(instance.numpy(), np.float64)[:, :2])
    shape = (len(points), len(about.get("joints", ())), 2)
    where = np.array(rows, np.int64).reshape(-1, 2)
    values = np.array(points, np.float64).reshape(shape)
    return {"about": np.array(json.dumps(about)), "video": where[:, 0], "frame": where[:, 1], "points": values}


def _video(video: Any) -> dict[str, Any]:
    source = video.source_video if video.source_video is not None else video
    return {
        "pictures": isinstance(video.filename, list),
        "files": _files(video),
        "source": _files(source),
        "every": [name for each in _chain(video) for name in _files(each)],
    }


def _files(video: Any) -> list[str]:
    return list(map(str, video.filename if isinstance(video.filename, list) else [video.filename]))


def _chain(video: Any) -> Iterator[Any]:
    """A video and those that it was made from."""
    while video is not None:
        yield video
        video = video.source_video


def _write(video: Any, frame: int, film: str, place: Path) -> None:
    """A frame as a PNG."""
    import cv2

    try:
        video.open_backend = True  # not before it is clear which file it opens
        if Path(film).resolve() != Path(str(video.filename)).resolve():
            video.replace_filename(film)
        image = np.asarray(video[frame])
        if image.dtype != np.uint8 or image.ndim != 3 or not 0 < image.nbytes <= PIXELS:
            raise ValueError(f"its picture is {image.dtype} {image.shape}")
        # OpenCV writes blue first; a grey frame has one channel.
        place.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    except Exception as error:  # whatever decodes the video
        raise Refused(
            f"lacks frame {frame} of {film}, which cannot be read ({reason_of(error)}); is it damaged?"
        ) from None


def refuse_unsafe(path: str) -> None:
    """Links, other files, filters that need a library, and what is too large."""
    import h5py

    total, size = 0, os.path.getsize(path)
    with h5py.File(path, "r") as file:
        waiting: list[tuple[str, Any]] = [("", file)]
        seen = 0
        while waiting:
            place, group = waiting.pop()
            for name in group:
                seen += 1
                if not isinstance(group.get(name, getlink=True), h5py.HardLink) or seen > 100_000:
                    raise Refused(f"has a link in place of its {place}{name}; save it again in SLEAP")
                node = group[name]
                if isinstance(node, h5py.Group):
                    waiting.append((f"{place}{name}/", node))
                elif isinstance(node, h5py.Dataset):
                    refuse_outside(node, f"{place}{name}")
                    total += largest(node)
                    refuse_more(total, size)
