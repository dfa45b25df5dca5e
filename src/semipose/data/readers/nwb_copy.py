"""What runs in a process of its own (`semipose.apart`): labelled frames of an NWB file with ndx-pose, by h5py alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from semipose.apart import Refused, refused
from semipose.data.readers.hdf5_copy import LARGEST, largest, refuse_outside

FRAMES = 100_000
"""Labelled frames of a file, at most; also the objects that are looked at for them."""


def copy(path: str) -> dict[str, np.ndarray]:
    """`about`, JSON in one text: `joints`, `links` (pairs of places), `name` of the skeleton, `videos`, the files of
    each, and `frames`, of each instance [place of its video in them, frame]. Of N instances: `points` (N, K, 2), and
    `seen` (N, K), 1 visible, 0 occluded, -1 not said.

    Raises:
        Refused: it has predictions alone, several skeletons, links to other files, or is too large.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _described(file)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # h5py raises a dozen kinds
        raise refused(error, "an NWB that h5py reads") from None


def _described(file: Any) -> dict[str, np.ndarray]:
    kinds: dict[str, list[Any]] = {}
    for node in _groups(file):
        kinds.setdefault(_kind(node), []).append(node)
    if "PoseTraining" not in kinds:
        if "PoseEstimation" in kinds:
            raise Refused("has predictions (PoseEstimation) and no labels (PoseTraining); name the file of labels")
        raise Refused("is an NWB without labelled frames of ndx-pose (PoseTraining); is it another one?")
    left = [LARGEST]
    videos: dict[int, list[str]] = {}
    frames: list[tuple[int, int]] = []
    points: list[np.ndarray] = []
    seen: list[np.ndarray] = []
    skeletons: dict[int, Any] = {}
    for training in kinds["PoseTraining"]:
        listed = _child(training, "training_frames") if "training_frames" in training else None
        for frame in _members(listed, "TrainingFrame"):
            video, number = _source(frame, videos, left)
            for instance in _members(_child(frame, "skeleton_instances"), "SkeletonInstance"):
                named = next((name for name in instance if _kind(_child(instance, name)) == "Skeleton"), "skeleton")
                skeleton = _child(instance, named)
                skeletons[_place(skeleton)] = skeleton
                xy = np.asarray(_read(instance, "node_locations", left), np.float64)
                if xy.ndim != 2 or xy.shape[1] not in (2, 3):
                    raise Refused("has node_locations that are no x and y; export it again")
                said = "node_visibility" in instance
                marks = np.asarray(_read(instance, "node_visibility", left), np.int64) if said else -np.ones(len(xy))
                frames.append((video, number))
                points.append(xy[:, :2])
                seen.append(np.broadcast_to(marks, len(xy)))
    if len(skeletons) > 1:
        raise Refused(f"has {len(skeletons)} skeletons; one can be read: export them apart")
    if not skeletons:
        raise Refused("has no labelled instance; label some frames first")
    (skeleton,) = skeletons.values()
    joints = [_text(each) for each in _read(skeleton, "nodes", left)]
    if any(len(xy) != len(joints) for xy in points):
        raise Refused(f"has an instance of another number of joints than the {len(joints)} of its skeleton")
    edges = _read(skeleton, "edges", left) if "edges" in skeleton else ()
    name = skeleton.name.rpartition("/")[2]
    places = {video: place for place, video in enumerate(videos)}
    about = {
        "joints": joints,
        "links": [list(map(int, pair)) for pair in np.asarray(edges, np.int64).reshape(-1, 2)],
        "name": name,
        "videos": list(videos.values()),
        "frames": [(places[video], number) for video, number in frames],
    }
    return {"about": np.array(json.dumps(about)), "points": np.array(points), "seen": np.array(seen, np.int64)}


def _groups(file: Any) -> Iterator[Any]:
    """All groups but those of labelled frames themselves, hard links alone."""
    import h5py

    waiting, count = [file], 0
    while waiting:
        group = waiting.pop()
        yield group
        if _kind(group) in ("PoseTraining", "PoseEstimation"):
            continue
        for name in group:
            count += 1
            if count > FRAMES:
                raise Refused("has more parts than a file of labels; is it damaged?")
            if isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(group[name], h5py.Group):
                waiting.append(group[name])


def _members(group: Any, kind: str) -> list[Any]:
    """Those of a kind, in the order of the numbers in their names."""
    if group is None:
        return []
    if len(group) > FRAMES:
        raise Refused(f"has more than {FRAMES} labelled frames; export parts of them")
    names = [name for name in group if _kind(_child(group, name)) == kind]
    numbers = {name: "".join(sign for sign in name if sign.isdigit())[:18] for name in names}
    return [_child(group, name) for name in sorted(names, key=lambda name: (int(numbers[name] or 0), name))]


def _child(group: Any, name: str) -> Any:
    """A part, which may be linked within the file."""
    import h5py

    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise Refused(f"has its {name} in another file, which is not opened; export it whole")
    if name not in group:
        raise Refused(f"lacks {name} in {group.name[:80]}; export it again")
    child = group[name]
    if child.file.id != group.file.id and child.file.filename != group.file.filename:
        raise Refused(f"has its {name} in another file, which is not opened; export it whole")
    return child


def _place(node: Any) -> int:
    """Where a group is in the file, by whatever link it was reached."""
    import h5py

    return int(h5py.h5o.get_info(node.id).addr)


def _source(frame: Any, videos: dict[int, list[str]], left: list[int]) -> tuple[int, int]:
    """Where the list of a frame's video or pictures is, which is read once into `videos`, and its number in them."""
    number = int(frame.attrs.get("source_video_frame_index", 0))
    if "source_video" not in frame:
        raise Refused("has frames without a source_video: pictures inside the file are not read; export them as files")
    video = _child(frame, "source_video")
    if "external_file" not in video:
        raise Refused("has its pictures inside the file, which are not read; export them as files")
    place = _place(_child(video, "external_file"))
    if place not in videos:
        videos[place] = [_text(each) for each in _read(video, "external_file", left)]
    return place, number


def _read(group: Any, name: str, left: list[int]) -> Any:
    import h5py

    data = _child(group, name)
    if not isinstance(data, h5py.Dataset):
        raise Refused(f"has no array in place of its {name}; export it again")
    refuse_outside(data, name)
    if h5py.check_dtype(ref=data.dtype) is not None or data.shape is None or largest(data) > left[0]:
        raise Refused(f"has a {name} that is no array of labels; is it damaged?")
    left[0] -= largest(data)
    return data[()]


def _kind(node: Any) -> str:
    return _text(node.attrs.get("neurodata_type", "")) if node is not None else ""


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
