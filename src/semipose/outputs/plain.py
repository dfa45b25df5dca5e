"""COCO results and a plain CSV, row by row."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from semipose.outputs.base import Frame, Job
from semipose.outputs.pose import Pose


class TextFile:
    """A text file written beside its place and moved there when it is complete."""

    def __init__(self, path: Path) -> None:
        self.files = [path]
        self._part = path.with_name(f"{path.name}.part")
        self.file: TextIO = self._part.open("w", encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.finish()
        self.file.close()
        if kind is None:
            os.replace(self._part, self.files[0])
        else:
            self._part.unlink(missing_ok=True)

    def finish(self) -> None:
        """The last rows."""


class Coco(TextFile):
    """keypoints.json: COCO results, one object a pose."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.free("keypoints.json", b"["))
        self._before = "["

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        for pose, score in zip(poses, scores, strict=True):
            self.file.write(f"{self._before}{json.dumps(coco_result(frame.image_id, pose, score))}")
            self._before = ",\n"

    def finish(self) -> None:
        self.file.write("[]" if self._before == "[" else "]\n")


def coco_result(image_id: int | str, pose: Pose, score: float) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": 1,
        "keypoints": pose.keypoints.round(3).ravel().tolist(),
        "score": round(score, 5),
        "bbox": [round(v, 3) for v in pose.box],
    }


class Csv(TextFile):
    """keypoints.csv: a row a joint."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.free("keypoints.csv", b"image,person,joint,x,y,score"))
        self._joints = job.skeleton.joints
        self._rows = csv.writer(self.file)
        self._rows.writerow(("image", "person", "joint", "x", "y", "score"))

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        for person, pose in enumerate(poses):
            rows = zip(self._joints, pose.keypoints, strict=True)
            self._rows.writerows((frame.name, person, j, f"{x:.3f}", f"{y:.3f}", f"{s:.4f}") for j, (x, y, s) in rows)
