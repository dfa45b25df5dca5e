"""COCO results and a plain CSV, row by row."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from semipose.files import Part, plain_bytes, writing
from semipose.outputs.base import Frame, Job, cell
from semipose.outputs.pose import Pose


class TextFile:
    """A text file written beside its place and moved there when it is complete.

    Raises:
        UserError: the disk is full or the folder cannot be written; what was there before is as it was.
    """

    def __init__(self, path: Path) -> None:
        self.files = [path]
        self._part = Part(path)
        with writing(path):
            self.file: TextIO = self._part.path.open("w", encoding="utf-8", errors="backslashreplace", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                with writing(self.files[0]):
                    self.finish()
                    self.file.close()
                    self._part.done()
        finally:
            with contextlib.suppress(OSError):  # of what could not be written before
                self.file.close()
            self._part.drop()

    def finish(self) -> None:
        """The last rows."""


MARK = (
    rb'^\[(\]\n?$|\{"image_id": .{1,999}?, "category_id": 1, "keypoints": \[(?s:.*)"bbox": \[[^]]*\]'
    rb'(, "error90_px": \[[^]]*\])?(, "track_id": \d+)?\}\]\n$)'
)
"""How our results begin and end, of other programs' hardly both: the box, the error bars or the track last, a line
break at the end."""


class Coco(TextFile):
    """keypoints.json: COCO results, one object a pose."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.free("keypoints.json", MARK))
        self._before = "["

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        for pose, score in zip(poses, scores, strict=True):
            row = json.dumps(coco_result(frame.image_id, pose, score), allow_nan=False)
            with writing(self.files[0]):
                self.file.write(f"{self._before}{row}")
            self._before = ",\n"

    def finish(self) -> None:
        self.file.write("[]\n" if self._before == "[" else "]\n")


def coco_result(image_id: int | str, pose: Pose, score: float) -> dict[str, Any]:
    radii = {} if pose.error90 is None else {"error90_px": pose.error90.round(3).tolist()}
    return {
        "image_id": plain_bytes(image_id).decode() if isinstance(image_id, str) else image_id,
        "category_id": 1,
        "keypoints": pose.keypoints.round(3).ravel().tolist(),
        "score": round(score, 5),
        "bbox": [round(v, 3) for v in pose.box],
        **radii,
        **({} if pose.track is None else {"track_id": pose.track}),
    }


class Csv(TextFile):
    """keypoints.csv: a row a joint; `error90_px` is empty where the model has no error bars; where bodies are
    followed, `track` says whose joint it is."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.free("keypoints.csv", b"^image,person,joint,x,y,score"))
        self._joints = [cell(joint) for joint in job.skeleton.joints]
        self._rows = csv.writer(self.file)
        self._tracked = job.tracked
        more = ("track",) if job.tracked else ()
        self._rows.writerow(("image", "person", "joint", "x", "y", "score", "error90_px", *more))

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        name = cell(frame.name)
        for person, pose in enumerate(poses):
            radii = [""] * len(pose.xy) if pose.error90 is None else [f"{radius:.3f}" for radius in pose.error90]
            rows = zip(self._joints, pose.keypoints, radii, strict=True)
            more = ("" if pose.track is None else pose.track,) if self._tracked else ()
            with writing(self.files[0]):
                for joint, (x, y, s), radius in rows:
                    self._rows.writerow((name, person, joint, f"{x:.3f}", f"{y:.3f}", f"{s:.4f}", radius, *more))
