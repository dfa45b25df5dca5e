"""What DeepLabCut and SLEAP read back: a table a video, and a .slp.

DeepLabCut's columns are (scorer, bodyparts, coords), with "individuals" after the scorer where a frame may have several
poses; coords are x, y and likelihood. Rows are frames, or the images' names. Where bodies are followed
through a video, "individual2" is the same one in all its frames.
"""

from __future__ import annotations

import contextlib
import csv
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from semipose.errors import UserError
from semipose.files import Part, plain_bytes, writing
from semipose.outputs.base import Frame, Job, cell, check_packages
from semipose.outputs.pose import Pose

SCORER = "semipose"
MADE = rb'\n"written by": "semipose"\n\Z'
"""The end of our .slp files; one that SLEAP has saved since, with what somebody corrected, has another."""
LIBRARIES = (RuntimeError, ValueError)
"""What HDF5's libraries raise on a full disk: PyTables' own errors and h5py's are such."""
CHUNK = 1000
"""Rows of a table that are in memory at a time."""


def dlc_columns(job: Job) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The names of the column levels, and the columns."""
    coords = [(joint, coord) for joint in job.skeleton.joints for coord in ("x", "y", "likelihood")]
    if job.people <= 1:
        return ("scorer", "bodyparts", "coords"), [(SCORER, *c) for c in coords]
    names = [f"individual{n + 1}" for n in range(job.people)]
    return ("scorer", "individuals", "bodyparts", "coords"), [(SCORER, name, *c) for name in names for c in coords]


class Tables:
    """A table for each video and one for all images: `open`, `rows` and `close` say how one is written."""

    suffix, mark = "", b""
    """How files are called, and a pattern that is in each (`semipose.files.bears`)."""

    def __init__(self, job: Job) -> None:
        self.files: list[Path] = []
        self._last, self._used = Counter[str](), set[str]()
        self.job = job
        self.source: Path | None = None
        self._started = False
        self._index: list[int | str] = []
        self._values: list[np.ndarray] = []
        for film in job.films:  # whether each is free is said before the first frame
            self._place(film)
        self._last.clear()
        self._used.clear()

    def _place(self, film: Path | None) -> Path:
        """The next table's, of a video or of the images."""
        stem = film.stem if film else "images"
        name = f"{stem}{self.suffix}"
        while name in self._used:
            self._last[stem] += 1
            name = f"{stem}-{self._last[stem] + 1}{self.suffix}"
        self._used.add(name)
        return self.job.free(name, self.mark)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._started:
            return
        whole = False
        try:
            if kind is None:
                self._finish()
                whole = True
        finally:
            if not whole:
                with contextlib.suppress(Exception):  # of what could not be written before
                    self.close()
                self.files.pop()
            self._part.drop()

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        if not self._started or frame.video != self.source:
            if self._started:
                self._finish()
            self._started, self.source = False, frame.video
            self.files.append(self._place(frame.video))
            self._part, self._started = Part(self.files[-1]), True
            with writing(self.files[-1], *LIBRARIES):
                self.open(self._part.path)
        row = np.full((max(1, self.job.people), len(self.job.skeleton) * 3), np.nan)
        for n, pose in enumerate(poses):
            place = n if pose.track is None else pose.track - 1
            if place < len(row):
                row[place] = pose.keypoints.ravel()
        self._index.append(frame.number if frame.video else frame.name)
        self._values.append(row.ravel())
        if len(self._index) >= CHUNK:
            self._flush()

    def _finish(self) -> None:
        self._flush()
        with writing(self._part.place, *LIBRARIES):
            self.close()
            self._part.done()

    def _flush(self) -> None:
        if self._index:
            with writing(self._part.place, *LIBRARIES):
                self.rows(self._index, np.stack(self._values))
        self._index, self._values = [], []

    def open(self, path: Path) -> None:
        raise NotImplementedError

    def rows(self, index: Sequence[int | str], values: np.ndarray) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class DlcCsv(Tables):
    """<video>DLC_semipose.csv."""

    suffix, mark = f"DLC_{SCORER}.csv", b"^scorer," + SCORER.encode()

    def open(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._rows = csv.writer(self._file)
        levels, columns = dlc_columns(self.job)
        for level, names in zip(levels, zip(*columns, strict=True), strict=True):
            self._rows.writerow((level, *map(cell, names)))

    def rows(self, index: Sequence[int | str], values: np.ndarray) -> None:
        for name, row in zip(index, values, strict=True):
            self._rows.writerow(
                [cell(name) if isinstance(name, str) else name, *("" if np.isnan(v) else f"{v:.5f}" for v in row)]
            )

    def close(self) -> None:
        self._file.close()


class DlcTable(Tables):
    """<video>DLC_semipose.h5, through pandas and PyTables, as DeepLabCut writes its own."""

    suffix, mark = f"DLC_{SCORER}.h5", rb"^\x89HDF(?s:.*)df_with_missing"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        check_packages("dlc")
        import pandas

        self._pandas: Any = pandas
        count = len(dlc_columns(job)[1])
        if count > SURE and not self._holds(count):
            raise UserError(
                f"DeepLabCut's H5 cannot hold {count:,} columns; ask for dlc-csv, or for fewer bodies (--bodies)"
            )

    def _holds(self, count: int) -> bool:
        """By a table of one row: an HDF5 attribute, which has the columns' names, ends at 64 KB."""
        with tempfile.TemporaryDirectory() as folder:
            self.open(Path(folder, "a.h5"))
            try:
                self.rows([0], np.zeros((1, count)))
            except LIBRARIES:
                return False
            finally:
                self._store.close()
        return True

    def open(self, path: Path) -> None:
        self._store = self._pandas.HDFStore(str(path), "w")

    def rows(self, index: Sequence[int | str], values: np.ndarray) -> None:
        levels, columns = dlc_columns(self.job)
        names = self._pandas.MultiIndex.from_tuples(columns, names=levels)
        rows = [plain_bytes(name).decode() if isinstance(name, str) else name for name in index]
        frame = self._pandas.DataFrame(values, index=rows, columns=names)
        longest = {"index": LONGEST} if isinstance(index[0], str) else None
        self._store.append(TABLE, frame, format="table", min_itemsize=longest)

    def close(self) -> None:
        with contextlib.suppress(KeyError):  # nothing was written
            sign(self._store)
        self._store.close()


TABLE = "df_with_missing"
"""What DeepLabCut calls a table in its H5."""
LONGEST = 1024
"""Bytes of an image's name in it."""
SURE = 1500
"""Columns that it always holds, whatever the joints are called."""
PANDAS_FORMAT = "0.15.2"
"""Of pandas' H5, since that version. pandas 3 no longer says so, and pandas 2, which DeepLabCut has, does not read it
then."""


def sign(store: Any) -> None:
    """Say in an open HDFStore of which format its table is."""
    attributes = store.get_node(TABLE)._v_attrs
    if "pandas_version" not in attributes:
        attributes.pandas_version = PANDAS_FORMAT


class Sleap:
    """predictions.slp, through sleap-io, which writes a file as a whole: numbers are kept until the end, 12 bytes a
    joint, and SLEAP's own objects are made of them then."""

    def __init__(self, job: Job) -> None:
        check_packages("sleap")
        import sleap_io

        self._io: Any = sleap_io
        self.job = job
        self.files = [job.free("predictions.slp", MADE)]
        self._frames: list[tuple[str, int, list[tuple[np.ndarray, float, int | None]]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            return
        io, joints = self._io, self.job.skeleton
        edges, sides = ([tuple(row) for row in rows] for rows in (joints.limbs, joints.pairs))
        skeleton = io.Skeleton(nodes=list(joints.joints), edges=edges, symmetries=sides, name=joints.name)
        videos: dict[str, Any] = {}
        labeled = []
        tracks: dict[tuple[str, int], Any] = {}
        for path, number, poses in self._frames:
            if path not in videos:
                videos[path] = io.Video(filename=path, open_backend=False)
            for _, _, track in poses:
                if track is not None and (path, track) not in tracks:
                    tracks[path, track] = io.Track(f"individual{track}")
            instances = [
                io.PredictedInstance.from_numpy(
                    points[:, :2], skeleton, points[:, 2], score, track=tracks.get((path, track or 0))
                )
                for points, score, track in poses
            ]
            labeled.append(io.LabeledFrame(video=videos[path], frame_idx=number, instances=instances))
        labels = io.Labels(
            labeled_frames=labeled, videos=list(videos.values()), skeletons=[skeleton], tracks=[*tracks.values()]
        )
        labels.provenance["written by"] = SCORER
        part = Part(self.files[0])
        try:
            with writing(self.files[0], *LIBRARIES):
                labels.save(str(part.path), format="slp", verbose=False)
                with part.path.open("ab") as file:  # HDF5 reads no further; inside, it may lie anywhere
                    file.write(b'\n"written by": "semipose"\n')
                part.done()
        finally:
            part.drop()

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        kept = [(p.keypoints.astype(np.float32), float(s), p.track) for p, s in zip(poses, scores, strict=True)]
        if kept:
            self._frames.append((frame.path, frame.number if frame.video else 0, kept))
