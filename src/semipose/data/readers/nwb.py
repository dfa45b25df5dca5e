"""Labelled frames in NWB with ndx-pose (PoseTraining): SLEAP, and others, export them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from semipose import apart
from semipose.data.readers import of_tool
from semipose.data.readers.instances import Instance, Pool
from semipose.data.readers.json_files import ImageFolder, image_folder
from semipose.data.refs import Frame, parse
from semipose.data.sample import PoseData
from semipose.data.video import is_video
from semipose.errors import UserError, reads
from semipose.skeleton import named_skeleton

NEEDS = "reading NWB needs h5py: pip install 'semipose[dlc]'"
PROGRAM = "semipose.data.readers.nwb_copy"
VISIBLE = {-1: 2.0, 0: 1.0, 1: 2.0}
"""v of what node_visibility says: nothing, occluded, visible."""


@reads("an NWB of ndx-pose")
def read_nwb(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    outside: bool = False,
) -> PoseData:
    """Read the labelled frames of a PoseTraining: frames of a video beside the file, or pictures. A place that is NaN
    is unlabelled; one whose node_visibility is false has v 1. The box is as of `Pool.data`.

    Args:
        images: the folder of the videos or pictures, the file's own by default.
        category: not looked at.
        outside: whether they are read where they lie outside it.

    Raises:
        UserError: h5py is not installed; or the file has predictions alone, several skeletons, pictures inside it, or
            is damaged.
    """
    path = Path(source)
    if importlib.util.find_spec("h5py") is None:
        raise UserError(f"{path}: {NEEDS}")
    content = apart.arrays(PROGRAM, path, parser="HDF5")
    about = json.loads(str(content["about"]))
    names = [_name(about["videos"][video], number, path) for video, number in about["frames"]]
    files = ImageFolder(
        image_folder(path, images, names[0].rpartition("#")[0] or names[0]), names, path.parent, outside
    )
    joints = [str(joint) for joint in about["joints"]]
    pool = Pool(path)
    for name, points, seen in zip(names, content["points"].tolist(), content["seen"].tolist(), strict=True):
        marks = {joint: (x, y, VISIBLE.get(v, 2.0)) for joint, (x, y), v in zip(joints, points, seen, strict=True)}
        image = files.path(name, str(path))
        pool.instances.append(Instance(_short(name, image, files.folder), image, marks, None, f"{path}: {name}"))
    links = [(joints[a], joints[b]) for a, b in about["links"] if a != b and max(a, b) < len(joints) and min(a, b) >= 0]
    return pool.data(named_skeleton(str(about["name"]), joints, path, links))


def _name(files: list[str], number: int, path: Path) -> str:
    """A frame's picture, or "clip.mp4#17"."""
    if len(files) == 1 and is_video(files[0]):
        return f"{files[0]}#{number}"
    if not 0 <= number < len(files):
        raise UserError(f"{path} has no picture of frame {number} of {files[:1]}; export it again")
    return files[number]


def _short(name: str, image: str, folder: Path) -> str:
    """What a frame is called: its path in the folder, where it is in it."""
    ref = parse(image)
    number = f"#{ref.number}" if isinstance(ref, Frame) else ""
    inside = ref.file is not None and ref.file.is_relative_to(folder)
    return f"{ref.file.relative_to(folder).as_posix()}{number}" if inside and ref.file else name.replace("\\", "/")


FORMAT = of_tool("NWB with ndx-pose (.nwb)", lambda source: source.lower().endswith(".nwb"), read_nwb)
