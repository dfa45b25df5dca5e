"""What runs in a process of its own (`semipose.apart`): the tables of a .slp, and a copy of it in which one frame has
other labels.

The tables are changed as they are, by h5py, and everything else in the file is copied as it stands. Nothing heavy is
imported beside it, to start fast.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from semipose.apart import Refused, refused
from semipose.data.readers.sleap_copy import refuse_unsafe

USER = 0
"""The type of instances that a person labelled."""
FIELDS = {
    "frames": ("frame_id", "video", "frame_idx", "instance_id_start", "instance_id_end"),
    "instances": ("instance_id", "instance_type", "frame_id", "skeleton", "track", "from_predicted", "point_id_start"),
    "points": ("x", "y", "visible", "complete"),
}
"""The tables that are changed, and columns that they have."""
NEGATIVE = "negative_frames"
"""Frames that a person said show nothing."""
BY_NUMBER = re.compile(
    r"identity|categories|embeddings|session_data|bboxes|centroids|rois|masks|label_images|video_crops"
)
"""What says by number which instance it is of, or where a frame was cut."""
EDGE = 1.1
"""Files of an older version count from the image's edge, not from the first pixel's centre."""
NONE = -1
STAYS = True


def copy(path: str, joints: str, place: str = "", change: str = "") -> dict[str, np.ndarray]:
    """What people labelled, an instance a row: `video`, `frame`, `key` (N,), and `points` (N, K, 2), NaN where one is
    missing; and `why` the file can only be read, "" where it can be changed. `key` is the number of an instance's first
    point, which stays as long as nothing else writes the file.

    Args:
        joints: how many.
        place: where the changed file is written to; what is given is of that file then.
        change: JSON: `video`, `frame`, and `bodies`, each a `key` (null for a new one) and `points`: for each joint
            [x, y], null where it is missing, true where it stays as it is.

    Raises:
        Refused: it cannot be read or changed.
    """
    count = int(joints)
    try:
        refuse_unsafe(path)
        import h5py

        with h5py.File(path, "r") as file:
            tables = {name: file[name][()] for name in (*FIELDS, NEGATIVE) if name in file}
            _refuse_disorder(tables, count)
            why = _why(file)
            shift = 0.5 if float(file["metadata"].attrs["format_id"]) < EDGE else 0.0
            if place and not why:
                _change(tables, count, shift, **json.loads(change))
                _write(file, tables, place)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # h5py raises a dozen kinds
        raise refused(error, "a .slp that h5py reads") from None
    return {**_labels(tables, count, shift), "why": np.array(why)}


def _refuse_disorder(tables: dict[str, np.ndarray], joints: int) -> None:
    """That each instance is in one frame, in their order, and has all joints."""
    if any(not set(names) <= set(tables[table].dtype.names or ()) for table, names in FIELDS.items()):
        raise Refused("has tables of another layout; save it again in SLEAP")
    frames, rows = tables["frames"], tables["instances"]
    start, end = (_column(frames, f"instance_id_{side}") for side in ("start", "end"))
    places = np.stack([_column(frames, "video"), _column(frames, "frame_idx")], 1)
    mine = rows[rows["instance_type"] == USER]
    low, high = _column(mine, "point_id_start"), _column(mine, "point_id_end")
    sound = (
        np.array_equal(start, np.concatenate([[0], end])[: len(start)])
        and (end >= start).all()
        and end[-1:].sum() == len(rows)
        and np.array_equal(rows["instance_id"], np.arange(len(rows)))
        and len(np.unique(places, axis=0)) == len(places)
        and (high - low == joints).all()
        and (high <= len(tables["points"])).all()
        and len(np.unique(low)) == len(low)
    )
    if not sound:
        raise Refused("has tables that are not in order; save it again in SLEAP")


def _column(table: np.ndarray, name: str) -> np.ndarray:
    """Signed, so that differences can be taken."""
    return np.asarray(table[name], np.int64)


def _why(file: Any) -> str:
    """Why the file cannot be changed without a loss, after its name; "" where it can."""
    videos = [row.decode("utf-8", "replace") if isinstance(row, bytes) else str(row) for row in file["videos_json"][()]]
    if any(re.search(r'"filename"\s*:\s*"\."', video) for video in videos):
        return "has its pictures packed in it: label in the project that it was exported from"
    other = next((name for name in file if BY_NUMBER.match(name)), None)
    if other is None and "sessions_json" in file and len(file["sessions_json"]):
        other = "recordings of several cameras"
    return f"has {other}, which belong to instances by their number: label it in SLEAP" if other else ""


def _labels(tables: dict[str, np.ndarray], joints: int, shift: float) -> dict[str, np.ndarray]:
    frames, rows, points = (tables[name] for name in FIELDS)
    owner = np.repeat(np.arange(len(frames)), _column(frames, "instance_id_end") - _column(frames, "instance_id_start"))
    mine = rows["instance_type"] == USER
    key, where = _column(rows[mine], "point_id_start"), frames[owner[mine]]
    here = points[key[:, None] + np.arange(joints)]
    xy = np.stack([here["x"], here["y"]], -1) - shift
    xy[~here["visible"].astype(bool)] = np.nan
    return {"video": _column(where, "video"), "frame": _column(where, "frame_idx"), "key": key, "points": xy}


def _change(
    tables: dict[str, np.ndarray],
    joints: int,
    shift: float,
    video: int,
    frame: int,
    bodies: Sequence[dict[str, Any]],
) -> None:
    """Give one frame these bodies; points of one that is gone stay in their table and are of nothing."""
    frames, rows = tables["frames"], tables["instances"]
    found = np.flatnonzero((frames["video"] == video) & (frames["frame_idx"] == frame))
    if not len(found):
        number = int(frames["frame_id"].max()) + 1 if len(frames) else 0
        new = _row(frames, frame_id=number, video=video, frame_idx=frame)
        new["instance_id_start"] = new["instance_id_end"] = len(rows)
        frames, found = np.append(frames, new), np.array([len(frames)])
    at = int(found[0])
    start, end = int(frames["instance_id_start"][at]), int(frames["instance_id_end"][at])
    there = rows[start:end]
    given = {body["key"]: body["points"] for body in bodies if body["key"] is not None}
    kept = (there["instance_type"] != USER) | np.isin(_column(there, "point_id_start"), list(given))
    if len(given) != int((kept & (there["instance_type"] == USER)).sum()):
        raise Refused("lacks a body that was there; reload the page")
    added = []
    for body in bodies:
        key = body["key"]
        if key is None:
            key = len(tables["points"])
            tables["points"] = np.append(
                tables["points"], np.repeat(_row(tables["points"], x=np.nan, y=np.nan), joints)
            )
            new = _row(rows, instance_type=USER, frame_id=int(frames["frame_id"][at]), track=NONE, from_predicted=NONE)
            new["point_id_start"], new["point_id_end"] = key, key + joints
            added.append(new)
        for point, joint in zip(tables["points"][key : key + joints], body["points"], strict=True):
            if joint is not STAYS:
                point["x"], point["y"] = (np.nan, np.nan) if joint is None else np.array(joint) + shift
                point["visible"] = point["complete"] = joint is not None
    old = np.concatenate(
        [np.arange(start), start + np.flatnonzero(kept), np.full(len(added), NONE), np.arange(end, len(rows))]
    )
    now = np.full(len(rows) + 1, NONE)  # old number -> new; of NONE, NONE
    now[old[old != NONE]] = np.flatnonzero(old != NONE)
    tables["instances"] = np.concatenate([rows[:start], there[kept], *added, rows[end:]]).astype(rows.dtype)
    tables["instances"]["instance_id"] = np.arange(len(old))
    tables["instances"]["from_predicted"] = now[tables["instances"]["from_predicted"]]
    for name, first in (("instance_id_end", at), ("instance_id_start", at + 1)):
        frames[name][first:] = _column(frames, name)[first:] + len(old) - len(rows)
    tables["frames"] = frames
    if bodies and NEGATIVE in tables:
        said = tables[NEGATIVE]
        tables[NEGATIVE] = said[(said["video_id"] != video) | (said["frame_idx"] != frame)]


def _row(table: np.ndarray, **values: Any) -> np.ndarray:
    """A row of a table, 0 where nothing is said."""
    row = np.zeros(1, table.dtype)
    for name, value in values.items():
        row[name] = value
    return row


def _write(file: Any, tables: dict[str, np.ndarray], place: str) -> None:
    import h5py

    with h5py.File(place, "w") as new:
        for name, value in file.attrs.items():
            new.attrs[name] = value
        for name, node in file.items():
            if name not in tables:
                file.copy(node, new, name)
                continue
            how = {"compression": node.compression, "chunks": True} if node.compression else {}
            made = new.create_dataset(name, data=tables[name], maxshape=(None,) if node.chunks else None, **how)
            for key, value in node.attrs.items():
                made.attrs[key] = value
