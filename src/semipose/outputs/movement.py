"""NetCDF as movement and xarray read it: position and confidence of each frame, individual and joint.

Written by SciPy as NetCDF 3, which needs nothing beside it. A file a video, and one for all images.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semipose.data.video import probe
from semipose.errors import UserError
from semipose.outputs.base import Job
from semipose.outputs.tracks import SCORER, Tables

LARGEST = (1 << 31) - (1 << 20)
"""Bytes of a variable of NetCDF 3."""


class Movement(Tables):
    """<video>_semipose.nc: position (time, space, keypoints, individuals), confidence (time, keypoints, individuals);
    time is in seconds, of images their number. Numbers are kept until the end, 12 bytes a joint.
    """

    suffix, mark = f"_{SCORER}.nc", b"^CDF(?s:.*)source_software(?s:.*)" + SCORER.encode()

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._kept: list[np.ndarray] = []
        self._names: list[int | str] = []

    def open(self, path: Path) -> None:
        self._path = path
        self._kept, self._names = [], []

    def rows(self, index: Sequence[int | str], values: np.ndarray) -> None:
        self._names += index
        self._kept.append(values.astype(np.float32))

    def close(self) -> None:
        from scipy.io import netcdf_file

        joints, people = self.job.skeleton.joints, max(1, self.job.people)
        points = np.concatenate(self._kept).reshape(-1, people, len(joints), 3)
        if points.nbytes > LARGEST:
            raise UserError(f"{self.files[-1]} would be larger than NetCDF 3 can be; predict parts of the video")
        film = probe(self.source) if self.source is not None else None
        times = np.arange(len(points), dtype=np.float64)
        if film is not None:
            times = np.asarray(film.seconds, np.float64)[np.array(self._names, np.int64)]
        individuals = [f"individual{n + 1}" for n in range(people)] if people > 1 else ["individual_0"]
        with netcdf_file(str(self._path), "w", mmap=False) as file:
            for name, size in (
                ("time", len(points)),
                ("space", 2),
                ("keypoints", len(joints)),
                ("individuals", people),
            ):
                file.createDimension(name, size)
            _texts(file, "space", ["x", "y"])
            _texts(file, "keypoints", list(joints))
            _texts(file, "individuals", individuals)
            if film is None:
                _texts(file, "image", list(map(str, self._names)), "time")
            file.createVariable("time", "f8", ("time",))[:] = times
            position = file.createVariable("position", "f4", ("time", "space", "keypoints", "individuals"))
            position[:] = points[..., :2].transpose(0, 3, 2, 1)
            confidence = file.createVariable("confidence", "f4", ("time", "keypoints", "individuals"))
            confidence[:] = points[..., 2].transpose(0, 2, 1)
            about = {"ds_type": "poses", "source_software": SCORER, "source_file": str(self.source or "images")}
            about["time_unit"] = "frames" if film is None else "seconds"
            for key, value in about.items():
                setattr(file, key, value.encode("utf-8", "backslashreplace"))
            if film is not None:
                file.fps = np.float64(film.rate)
        self._kept, self._names = [], []


def _texts(file: object, name: str, values: list[str], along: str = "") -> None:
    """Names as characters, of which xarray makes texts again."""
    rows = [value.encode("utf-8", "backslashreplace") for value in values]
    width = max(map(len, rows))
    file.createDimension(f"{name}_letters", width)  # type: ignore[attr-defined]
    variable = file.createVariable(name, "S1", (along or name, f"{name}_letters"))  # type: ignore[attr-defined]
    variable[:] = np.frombuffer(b"".join(row.ljust(width, b"\0") for row in rows), "S1").reshape(len(rows), width)
    variable._Encoding = b"utf-8"
