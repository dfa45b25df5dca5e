"""What runs predict in the frames of a project, as `audit`, `predict` and the queue wrote it: where to look first, the
curves of joints over time, and where a label can start from."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semipose.browser.library import IMAGES, Library
from semipose.browser.work import QUEUE
from semipose.data.refs import split_frame
from semipose.errors import UserError, reads
from semipose.files import read_json

SAMPLED = 1500
"""Frames of a curve that a browser is sent."""
WORST = 500
"""Frames that a list of the worst has."""
LEVELS = 20
"""Thresholds at which frames are counted."""


Pose = tuple[np.ndarray, np.ndarray]
"""(K, 3) x, y and confidence, and (K,) radii, of one body in one frame."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """Predictions of one body in N frames of one source.

    Attributes:
        frames: (N,) their numbers, ascending.
        points: (N, K, 3) x, y and confidence.
        radii: (N, K) the radius that holds the truth in nine of ten cases; NaN where the model has none.
    """

    joints: tuple[str, ...]
    frames: np.ndarray
    points: np.ndarray
    radii: np.ndarray

    def at(self, frame: int) -> int | None:
        row = int(np.searchsorted(self.frames, frame))
        return row if row < len(self.frames) and self.frames[row] == frame else None

    @property
    def jumps(self) -> np.ndarray:
        """(N, K) how far each joint came from the frame before, in parts of the body's usual length; 0 where the frame
        before is not there."""
        body = float(np.median(np.ptp(self.points[..., :2], 1).max(-1))) or 1.0
        moved = np.zeros(self.radii.shape)
        near = np.diff(self.frames) == 1
        far = np.linalg.norm(np.diff(self.points[..., :2], axis=0), axis=-1) / body
        moved[1:][near] = far[near]
        return moved


@reads("predictions")
def read_tracks(path: Path, library: Library, source: int) -> tuple[Tracks, ...]:
    """keypoints.csv of a source's frames, a body after the other: by their tracks where they were followed, else in
    each frame's order."""
    bodies: dict[int, dict[int, dict[str, tuple[float, ...]]]] = {}
    joints: dict[str, None] = {}
    for row in _rows(path):
        index = _index(row["image"], library, source)
        if index is not None:
            joints.setdefault(row["joint"])
            who = int(row.get("track") or row["person"])
            bodies.setdefault(who, {}).setdefault(index, {})[row["joint"]] = _place(row)
    if not bodies:
        raise UserError(f"{path} has no predictions of these frames; predict them again")
    return tuple(_tracks(tuple(joints), bodies[who]) for who in sorted(bodies))


def _tracks(joints: tuple[str, ...], rows: dict[int, dict[str, tuple[float, ...]]]) -> Tracks:
    frames = np.array(sorted(rows))
    values = np.array([[rows[frame].get(joint, LOST) for joint in joints] for frame in frames.tolist()])
    return Tracks(joints, frames, values[..., :3], values[..., 3])


LOST = (0.0, 0.0, 0.0, np.nan)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _place(row: dict[str, str]) -> tuple[float, ...]:
    """x, y, confidence and radius."""
    radius = float(row["error90_px"]) if row.get("error90_px") else np.nan
    return float(row["x"]), float(row["y"]), float(row["score"]), radius


def _index(name: str, library: Library, source: int) -> int | None:
    if source != IMAGES:
        frame = split_frame(name)
        return frame[1] if frame else None
    place = library.place(name)
    return place[1] if place and place[0] == IMAGES else None


class Guesses:
    """All predictions of a project, read again where they were written anew."""

    def __init__(self, home: Path, library: Library) -> None:
        self.home, self.library = home, library
        self._kept: dict[Path, tuple[int, Any]] = {}

    def folder(self, kind: str, run: str, source: int | None = None) -> Path:
        """Where a job writes: audit/<run>, tracks/<run>/<source>."""
        name = run.replace("/", "+")
        return self.home / kind / name if source is None else self.home / kind / name / str(source)

    def _read(self, path: Path, read: Any) -> Any:
        """What a file holds, None where it is not there."""
        try:
            stamp = os.stat(path).st_mtime_ns
        except OSError:
            return None
        if path not in self._kept or self._kept[path][0] != stamp:
            if len(self._kept) > 16:
                self._kept.clear()
            self._kept[path] = (stamp, read(path))
        return self._kept[path][1]

    def audit(self, run: str) -> dict[str, Any] | None:
        """audit.json of a run."""
        content = self._read(self.folder("audit", run) / "audit.json", read_json)
        return content if isinstance(content, dict) and isinstance(content.get("samples"), list) else None

    def tracks(self, run: str, source: int) -> tuple[Tracks, ...] | None:
        """Predictions of a source by a run, a body after the other."""
        path = self.folder("tracks", run, source) / "keypoints.csv"
        read: tuple[Tracks, ...] | None = self._read(path, lambda file: read_tracks(file, self.library, source))
        return read

    def queue(self) -> dict[str, Any] | None:
        """The last queue, its frames by place."""
        paths = sorted(self.home.glob(f"queue/*/{QUEUE}"), key=lambda path: int(path.parent.name))
        content = self._read(paths[-1], read_json) if paths else None
        if not isinstance(content, dict):
            return None
        return {**content, "folder": paths[-1].parent}

    def of(self, source: int, index: int, joints: Sequence[str], only: str = "") -> dict[str, Any] | None:
        """What is predicted in a frame: {"bodies": [{"points": [[x, y, confidence]], "radii": [px or None]}], "from":
        the run}, in the order of `joints`; the newest where several runs predicted it, or of `only` one. None where
        none did."""
        for run in [only] if only else self._runs("tracks"):
            tracks = self.tracks(run, source) or ()
            rows = [(each, row) for each in tracks if (row := each.at(index)) is not None]
            if rows:
                poses = [(each.points[row], each.radii[row]) for each, row in rows]
                return _ordered(tracks[0].joints, poses, joints, run)
        queued = self._queued(source, index) if not only else None
        if queued is not None:
            return _ordered(*queued, joints, "queue")
        for run in [only] if only else self._runs("audit"):
            known = self._by_place(run)
            if (source, index) in known:
                return _ordered(*known[source, index], joints, run)
        return None

    def asked(self) -> set[str]:
        """Runs that were audited or have predicted."""
        return {*self._runs("audit"), *self._runs("tracks")}

    def _runs(self, kind: str) -> list[str]:
        folders = [path for path in (self.home / kind).glob("*") if path.is_dir()]
        return [path.name.replace("+", "/") for path in sorted(folders, key=lambda path: -path.stat().st_mtime)]

    def _by_place(self, run: str) -> dict[tuple[int, int], tuple[list[str], list[Pose]]]:
        path = self.folder("audit", run) / "audit.json"

        def places(file: Path) -> dict[tuple[int, int], tuple[list[str], list[Pose]]]:
            content = self.audit(run) or {"samples": [], "joints": {}}
            found: dict[tuple[int, int], tuple[list[str], list[Pose]]] = {}
            for sample in content["samples"]:
                place = self.library.place(str(sample["image"]))
                if place is not None:
                    points = np.array(sample["keypoints"], np.float64)
                    pose = (points, np.full(len(points), np.nan))
                    found.setdefault(place, (list(content["joints"]), []))[1].append(pose)
            return found

        read: dict[tuple[int, int], tuple[list[str], list[Pose]]] = self._read(path.with_suffix(".csv"), places) or {}
        return read

    def _queued(self, source: int, index: int) -> tuple[list[str], list[Pose]] | None:
        queue = self.queue()
        if queue is None:
            return None
        files = [item["file"] for item in queue["items"] if self.library.place(item["ref"]) == (source, index)]
        if not files:
            return None

        def by_name(path: Path) -> dict[str, dict[str, dict[str, tuple[float, ...]]]]:
            found: dict[str, dict[str, dict[str, tuple[float, ...]]]] = {}
            for row in _rows(path):
                found.setdefault(row["image"], {}).setdefault(row["person"], {})[row["joint"]] = _place(row)
            return found

        bodies = (self._read(queue["folder"] / "predicted" / "keypoints.csv", by_name) or {}).get(files[0])
        if not bodies:
            return None
        joints = list(dict.fromkeys(joint for body in bodies.values() for joint in body))
        values = [np.array([body.get(joint, LOST) for joint in joints]) for body in bodies.values()]
        return joints, [(each[:, :3], each[:, 3]) for each in values]

    def worst(self, run: str, source: int, by: str) -> list[dict[str, Any]]:
        """Frames of a source, worst first: `by` "trouble" (of the audit), "jumps", or "confidence" (of predictions)."""
        if by == "trouble":
            return self._troubled(run, source)
        worst: dict[int, tuple[float, str]] = {}
        for tracks in self.tracks(run, source) or ():
            bad = tracks.jumps if by == "jumps" else 1 - tracks.points[..., 2]
            score, joint = bad.max(1).tolist(), bad.argmax(1).tolist()
            for frame, value, k in zip(tracks.frames.tolist(), score, joint, strict=True):
                worst[frame] = max(worst.get(frame, (-1.0, "")), (value, tracks.joints[k]))
        rows = sorted(worst.items(), key=lambda row: (-row[1][0], row[0]))[:WORST]
        return [self._row(source, frame, score, joint) for frame, (score, joint) in rows]

    def _troubled(self, run: str, source: int) -> list[dict[str, Any]]:
        content = self.audit(run)
        rows: dict[int, dict[str, Any]] = {}
        for sample in (content or {"samples": []})["samples"]:
            place = self.library.place(str(sample["image"]))
            if place is not None and place[0] == source and place[1] not in rows and len(rows) < WORST:
                joint = list(content["joints"])[int(np.argmax(sample["trouble"]))]  # type: ignore[index]
                rows[place[1]] = self._row(source, place[1], float(sample["score"]), joint)
        return list(rows.values())

    def _row(self, source: int, index: int, score: float, joint: str) -> dict[str, Any]:
        name = self.library.name(source, index)
        return {"source": source, "index": index, "name": name, "score": round(score, 4), "joint": joint}

    def curves(self, run: str, source: int, body: int = 0) -> dict[str, Any] | None:
        """A body's joints over time, few enough to draw: of each stretch the frame of the greatest jump is kept; of how
        many bodies it is one; and how many frames have a joint of any below each threshold."""
        every = self.tracks(run, source)
        if every is None:
            return None
        tracks = every[min(body, len(every) - 1)]
        jumps = tracks.jumps.max(1)
        parts = np.array_split(np.arange(len(jumps)), min(len(jumps), SAMPLED))
        kept = np.array([part[int(jumps[part].argmax())] for part in parts])
        total, below = _below(every)
        series = [
            {
                "joint": joint,
                "x": tracks.points[kept, k, 0].round(2).tolist(),
                "y": tracks.points[kept, k, 1].round(2).tolist(),
                "sure": tracks.points[kept, k, 2].round(3).tolist(),
            }
            for k, joint in enumerate(tracks.joints)
        ]
        frames = tracks.frames[kept].tolist()
        return {"frames": frames, "total": total, "below": below, "bodies": len(every), "series": series}


def _below(every: Sequence[Tracks]) -> tuple[int, list[int]]:
    """Frames, and those of which a joint is below each threshold."""
    frames = np.concatenate([tracks.frames for tracks in every])
    least = np.concatenate([tracks.points[..., 2].min(1) for tracks in every])
    names, at = np.unique(frames, return_inverse=True)
    lowest = np.full(len(names), np.inf)
    np.minimum.at(lowest, at, least)
    return len(names), [int((lowest < level / LEVELS).sum()) for level in range(LEVELS + 1)]


def _ordered(names: Sequence[str], poses: Sequence[Pose], joints: Sequence[str], run: str) -> dict[str, Any]:
    at = [list(names).index(joint) if joint in names else None for joint in joints]
    bodies = []
    for points, radii in poses:
        rows = [[0.0, 0.0, 0.0] if i is None else [round(float(v), 3) for v in points[i]] for i in at]
        bars = [None if i is None or np.isnan(radii[i]) else round(float(radii[i]), 2) for i in at]
        bodies.append({"points": rows, "radii": bars})
    return {"bodies": bodies, "from": run}
