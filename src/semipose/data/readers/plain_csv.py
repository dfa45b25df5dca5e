"""A plain CSV, one row a joint: image, joint, x, y and, if there are such columns, visibility and animal."""

from __future__ import annotations

import math
import os
import posixpath
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from semipose.data.pictures import is_stack
from semipose.data.readers import data_set
from semipose.data.readers.instances import Instance, Mark, Pool
from semipose.data.readers.json_files import ImageFolder, refuse_twice
from semipose.data.readers.tables import number, read_cells, root_of, said_unseen
from semipose.data.refs import is_frame, split_frame
from semipose.data.sample import PoseData
from semipose.data.video import is_video
from semipose.errors import UserError, reads
from semipose.skeleton import named_skeleton

COLUMNS = ("image", "joint", "x", "y")
VISIBILITY = ("visibility", "visible", "v")
"""What the column may be called that says whether a joint is visible; the first that is there is read."""
ANIMAL = ("animal", "person", "individual", "instance", "subject", "track", "identity")
"""What the column may be called that says whose joint it is, where an image shows several animals."""
PREDICTED = ("score", "likelihood")
"""Columns that `semipose predict` and other tools write, and labels do not have."""


@reads("a CSV of labels")
def read_plain_csv(source: str | Path, images: str | Path | None = None) -> PoseData:
    """Read a CSV whose first line names its columns: image, joint, x, y [, visibility, animal], in any order, others
    ignored.
    A frame of a video is the image clip.mp4#17, or the image clip.mp4 with 17 in a column frame, which counts from 0;
    or instead of image there are the columns frame and video, which may be left out where one video alone lies beside
    the CSV.
    Visibility may be called visible or v, animal as in `ANIMAL`.

    Joints are in order of first occurrence; one that an image has no row of, or without x or y, is unlabelled.
    Visibility is COCO's (0 unlabelled, 1 occluded, 2 visible; 2 where empty). Boxes are as `Pool.data` makes them, a
    session is the image's folder.

    Args:
        images: what the image names are relative to; else the nearest folder above the CSV that has the first. An
            absolute name is used where it exists; else its last folders are looked for below.

    Raises:
        UserError: a column is missing, a joint of an animal in an image stands twice, a cell is no number, an image is
            missing.
    """
    path = Path(source)
    rows = read_cells(path)
    width = max((i + 1 for i, cell in enumerate(rows[0][1]) if cell), default=0)
    # Columns that a spreadsheet left empty at the end.
    (_, first), *lines = [(line, row if any(row[width:]) else row[:width]) for line, row in rows]
    columns = {cell.lower(): i for i, cell in enumerate(first)}
    refuse_twice((cell.lower() for cell in first if cell), f"{path}: column")
    predicted = next((name for name in PREDICTED if name in columns), None)
    if predicted:
        raise UserError(f"{path} has a column {predicted}: these are predictions, not labels; name the file of labels")
    of_frames = "image" not in columns and "frame" in columns
    lacking = [name for name in COLUMNS if name not in columns and not (of_frames and name == "image")]
    if lacking:
        raise UserError(
            f"{path} has no column {', '.join(lacking)} in its first line; it has to name {', '.join(COLUMNS)}"
            " and may name visibility and animal; of a video's frames, frame instead of image"
        )
    film = _film_beside(path, images) if of_frames and "video" not in columns else ""
    seen, whose = seen_in(columns), whose_in(columns)
    unseen, pages = 0, dict[str, str]()
    marks: dict[tuple[str, str], dict[str, Mark]] = {}
    joints: dict[str, None] = {}
    for line, row in lines:
        where = f"{path}, line {line}"
        if len(row) != len(first):
            raise UserError(f"{where}: {len(row)} cells where the first line has {len(first)}; mend the line")
        image = _image(row, columns, film, pages, where)
        joint = row[columns["joint"]]
        if not image or not joint:
            raise UserError(f"{where} names no {'joint' if image else 'image'}; mend or remove it")
        mine = marks.setdefault((image, row[columns[whose]] if whose else ""), {})
        if joint in mine:
            todo = "keep one of them" if whose else "keep one of them, or name the animal of each in a column animal"
            raise UserError(f"{where}: {joint!r} of {image} stands on an earlier line too; {todo}")
        x, y, v = _mark(row, columns, seen, where)
        there = math.isfinite(x) and math.isfinite(y)
        unseen += x > 0 and y > 0 and not v  # (0, 0) and (-1, -1) are no places
        mine[joint] = (x, y, v) if there and v else (0.0, 0.0, 0.0)
        joints.setdefault(joint)
    if not marks:
        raise UserError(f"{path} has a first line and no labels; add some")
    _refuse_alike("joint", joints, marks.values(), "image", path)
    animals: dict[str, dict[str, set[str]]] = {}
    for (image, animal), mine in marks.items():
        for joint in (joint for joint, (_, _, v) in mine.items() if v):
            animals.setdefault(image, {}).setdefault(joint, set()).add(animal)
    for image, of_joint in animals.items() if whose else ():
        _refuse_alike("animal", sorted(set().union(*of_joint.values())), of_joint.values(), f"joint of {image}", path)
    names = list(dict.fromkeys(image for image, _ in marks))
    files = ImageFolder(root_of(path, images, names[0]), names)
    paths = {name: _path(name, files, str(path)) for name in names}
    for name, frame in pages.items():
        if frame != "0" and is_stack(paths[name]):
            raise UserError(
                f"{path}: {name} is a stack of pictures, of which frame {frame[:40]} is labelled; save frames as"
                " pictures or as a video, and name those"
            )
    shown = (each if is_frame(each) else os.path.abspath(each) for each in paths.values())
    refuse_twice(shown, f"{path}: image")
    instances = [Instance(name, paths[name], mine, None, f"{path}: {name}") for (name, _), mine in marks.items()]
    if whose and len(joints) > 1 and len(marks) > len(names) and all(len(mine) == 1 for mine in marks.values()):
        raise UserError(
            f"{path}: no {whose} of an image has more than one joint; is it the number of a row? Its values have to"
            " name animals; rename the column to have it ignored"
        )
    if whose:  # an animal may be named in an image that does not show it
        instances = [one for one in instances if any(v for _, _, v in one.joints.values())] or instances
    skeleton = named_skeleton(path.stem, tuple(joints), path)
    return Pool(path, instances, list(said_unseen(unseen, path))).data(skeleton)


def _refuse_alike(what: str, names: Iterable[str], groups: Collection[Collection[str]], group: str, path: Path) -> None:
    """
    Raises:
        UserError: two names are one but for capital letters, and no group has both.
    """
    alike: dict[str, str] = {}
    for name in names:
        other = alike.setdefault(name.casefold(), name)
        if other != name and not any(other in each and name in each for each in groups):
            raise UserError(f"{path}: {other!r} and {name!r} seem one {what}, no {group} has both; write them alike")


def seen_in(columns: Collection[str]) -> str | None:
    """Of columns, in small letters, the one that says what is visible."""
    return next((name for name in VISIBILITY if name in columns), None)


def whose_in(columns: Collection[str]) -> str | None:
    """The one that names an animal."""
    return next((name for name in ANIMAL if name in columns), None)


def plain_name(name: str) -> str:
    """An image's name without "./", backslashes, and zeros before a frame's number."""
    name = posixpath.normpath(name.replace("\\", "/")) if name else name
    frame = split_frame(name)
    return f"{frame[0]}#{frame[1]}" if frame is not None and is_video(frame[0]) else name


def _film_beside(path: Path, images: str | Path | None) -> str:
    """The name of the one video in the folder of the images, else beside the CSV."""
    folder = Path(images) if images is not None else path.parent
    films = sorted(each.name for each in folder.iterdir() if is_video(each)) if folder.is_dir() else []
    if len(films) != 1:
        raise UserError(
            f"{path} names frames and no video, and {len(films)} videos lie in {folder}; add a column video, or name"
            " frames as clip.mp4#17 in a column image"
        )
    return films[0]


STACKS = (".tif", ".tiff", ".gif")
"""Of files that may hold several pictures."""


def _image(row: list[str], columns: dict[str, int], film: str, frames: dict[str, str], where: str) -> str:
    """The image of a row. `frames` is filled with what a column frame says of pictures, which have none.

    Raises:
        UserError: two frames of a picture are labelled.
    """
    if "image" not in columns:
        return _frame(row, columns, film, where)
    name = plain_name(row[columns["image"]])
    frame = row[columns["frame"]] if "frame" in columns else ""
    if frame and is_video(name):
        return _frame(row, columns, name, where)
    if frame and name.lower().endswith(STACKS) and frames.setdefault(name, frame) != frame:
        raise UserError(
            f"{where} has frame {frame[:40]} of {name[:80]}, and another line {frames[name][:40]}; frames of a stack"
            " are not read: save them as pictures or as a video"
        )
    return name


def _frame(row: list[str], columns: dict[str, int], film: str, where: str) -> str:
    """The image of a row that names a frame."""
    count = number(row[columns["frame"]], f"{where}, frame")
    if not (count >= 0 and count == int(count)):
        raise UserError(f"{where} has frame {row[columns['frame']][:40]!r}; frames count from 0")
    name = film or plain_name(row[columns["video"]])
    if not name:
        raise UserError(f"{where} names no video; mend or remove it")
    return f"{name}#{int(count)}"


def _path(image: str, files: ImageFolder, where: str) -> str:
    """The absolute path of an image, which may be named by one of this machine, or of the one it was labelled on."""
    if PurePosixPath(image).is_absolute() and os.path.exists(image):
        return image
    return files.path(image, where)


def _mark(row: list[str], columns: dict[str, int], seen: str | None, where: str) -> Mark:
    x, y = (number(row[columns[name]], f"{where}, {name}") for name in ("x", "y"))
    v = number(row[columns[seen]], f"{where}, {seen}") if seen else 2.0
    v = 2.0 if math.isnan(v) else v
    if v not in (0, 1, 2):
        raise UserError(f"{where} has {seen} {v:g}; it can be 0 unlabelled, 1 occluded or 2 visible")
    return (x, y, v)


FORMAT = data_set("a plain CSV (image, joint, x, y)", lambda source: source.lower().endswith(".csv"), read_plain_csv)
