"""What runs predict in the frames of a project, as `audit`, `predict` and the queue wrote it: where to look first, the
curves of joints over time, and where a label can start from."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
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


@dataclass(frozen=True, eq=False)
class Tracks:
    """Predictions of N frames of one source, the first body of each.

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
def read_tracks(path: Path, library: Library, source: int) -> Tracks:
    """keypoints.csv of a source's frames."""
    rows: dict[int, dict[str, tuple[float, float, float, float]]] = {}
    joints: dict[str, None] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["person"] != "0":
                continue
            index = _index(row["image"], library, source)
            if index is None:
                continue
            joints.setdefault(row["joint"])
            radius = float(row["error90_px"]) if row.get("error90_px") else np.nan
            place = (float(row["x"]), float(row["y"]), float(row["score"]), radius)
            rows.setdefault(index, {})[row["joint"]] = place
    if not rows:
        raise UserError(f"{path} has no predictions of these frames; predict them again")
    frames = np.array(sorted(rows))
    lost = (0.0, 0.0, 0.0, np.nan)
    values = np.array([[rows[frame].get(joint, lost) for joint in joints] for frame in frames.tolist()])
    return Tracks(tuple(joints), frames, values[..., :3], values[..., 3])


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

    def tracks(self, run: str, source: int) -> Tracks | None:
        """Predictions of a source by a run."""
        path = self.folder("tracks", run, source) / "keypoints.csv"
        read: Tracks | None = self._read(path, lambda file: read_tracks(file, self.library, source))
        return read

    def queue(self) -> dict[str, Any] | None:
        """The last queue, its frames by place."""
        paths = sorted(self.home.glob(f"queue/*/{QUEUE}"), key=lambda path: int(path.parent.name))
        content = self._read(paths[-1], read_json) if paths else None
        if not isinstance(content, dict):
            return None
        return {**content, "folder": paths[-1].parent}

    def of(self, source: int, index: int, joints: Sequence[str]) -> dict[str, Any] | None:
        """What is predicted in a frame, in the order of `joints`: {"points": [[x, y, confidence]], "radii": [px or
        None], "from": the run}; the newest where several runs predicted it. None where none did."""
        for run in self._runs("tracks"):
            tracks = self.tracks(run, source)
            row = tracks.at(index) if tracks else None
            if tracks is not None and row is not None:
                return _ordered(tracks.joints, tracks.points[row], tracks.radii[row], joints, run)
        queued = self._queued(source, index)
        if queued is not None:
            return _ordered(*queued, joints, "queue")
        for run in self._runs("audit"):
            known = self._by_place(run)
            if (source, index) in known:
                names, points = known[source, index]
                return _ordered(names, points, np.full(len(points), np.nan), joints, run)
        return None

    def _runs(self, kind: str) -> list[str]:
        folders = [path for path in (self.home / kind).glob("*") if path.is_dir()]
        return [path.name.replace("+", "/") for path in sorted(folders, key=lambda path: -path.stat().st_mtime)]

    def _by_place(self, run: str) -> dict[tuple[int, int], tuple[list[str], np.ndarray]]:
        path = self.folder("audit", run) / "audit.json"

        def places(file: Path) -> dict[tuple[int, int], tuple[list[str], np.ndarray]]:
            content = self.audit(run) or {"samples": [], "joints": {}}
            found: dict[tuple[int, int], tuple[list[str], np.ndarray]] = {}
            for sample in content["samples"]:
                place = self.library.place(str(sample["image"]))
                if place is not None:
                    found.setdefault(place, (list(content["joints"]), np.array(sample["keypoints"], np.float64)))
            return found

        read: dict[tuple[int, int], tuple[list[str], np.ndarray]] = self._read(path.with_suffix(".csv"), places) or {}
        return read

    def _queued(self, source: int, index: int) -> tuple[tuple[str, ...], np.ndarray, np.ndarray] | None:
        queue = self.queue()
        if queue is None:
            return None
        files = [item["file"] for item in queue["items"] if self.library.place(item["ref"]) == (source, index)]
        if not files:
            return None

        def by_name(path: Path) -> dict[str, list[list[Any]]]:
            rows: dict[str, list[list[Any]]] = {}
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    if row["person"] == "0":
                        radius = float(row["error90_px"]) if row.get("error90_px") else np.nan
                        place = [row["joint"], float(row["x"]), float(row["y"]), float(row["score"]), radius]
                        rows.setdefault(row["image"], []).append(place)
            return rows

        rows = (self._read(queue["folder"] / "predicted" / "keypoints.csv", by_name) or {}).get(files[0])
        if not rows:
            return None
        values = np.array([row[1:] for row in rows], np.float64)
        return tuple(row[0] for row in rows), values[:, :3], values[:, 3]

    def worst(self, run: str, source: int, by: str) -> list[dict[str, Any]]:
        """Frames of a source, worst first: `by` "trouble" (of the audit), "jumps", or "confidence" (of predictions)."""
        if by == "trouble":
            return self._troubled(run, source)
        tracks = self.tracks(run, source)
        if tracks is None:
            return []
        bad = tracks.jumps if by == "jumps" else 1 - tracks.points[..., 2]
        score, joint = bad.max(1), bad.argmax(1)
        rows = np.argsort(-score, kind="stable")[:WORST].tolist()
        return [self._row(source, int(tracks.frames[i]), float(score[i]), tracks.joints[int(joint[i])]) for i in rows]

    def _troubled(self, run: str, source: int) -> list[dict[str, Any]]:
        content = self.audit(run)
        rows: list[dict[str, Any]] = []
        for sample in (content or {"samples": []})["samples"]:
            place = self.library.place(str(sample["image"]))
            if place is not None and place[0] == source and len(rows) < WORST:
                joint = list(content["joints"])[int(np.argmax(sample["trouble"]))]  # type: ignore[index]
                rows.append(self._row(source, place[1], float(sample["score"]), joint))
        return rows

    def _row(self, source: int, index: int, score: float, joint: str) -> dict[str, Any]:
        name = self.library.name(source, index)
        return {"source": source, "index": index, "name": name, "score": round(score, 4), "joint": joint}

    def curves(self, run: str, source: int) -> dict[str, Any] | None:
        """Joints over time, few enough to draw: of each stretch the frame of the greatest jump is kept; and how many
        frames have a joint below each threshold."""
        tracks = self.tracks(run, source)
        if tracks is None:
            return None
        jumps = tracks.jumps.max(1)
        parts = np.array_split(np.arange(len(jumps)), min(len(jumps), SAMPLED))
        kept = np.array([part[int(jumps[part].argmax())] for part in parts])
        least = tracks.points[..., 2].min(1)
        below = [int((least < level / LEVELS).sum()) for level in range(LEVELS + 1)]
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
        return {"frames": frames, "total": len(tracks.frames), "below": below, "series": series}


def _ordered(
    names: Sequence[str], points: np.ndarray, radii: np.ndarray, joints: Sequence[str], run: str
) -> dict[str, Any]:
    at = [list(names).index(joint) if joint in names else None for joint in joints]
    rows = [[0.0, 0.0, 0.0] if i is None else [round(float(v), 3) for v in points[i]] for i in at]
    bars = [None if i is None or np.isnan(radii[i]) else round(float(radii[i]), 2) for i in at]
    return {"points": rows, "radii": bars, "from": run}
