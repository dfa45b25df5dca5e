"""Labels in tables of DeepLabCut and Lightning Pose: a row an image, x and y of each joint in columns.

A table of DeepLabCut is there twice, as CSV and as H5: the CSV is what is read here, the H5 what DeepLabCut trains on.
A change is written to both, the CSV first.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from semipose.browser.plain import table_text
from semipose.browser.safety import is_inside
from semipose.browser.stores import NONE, Body, Conflict, FileStore, Store, key_of, plain, version_of
from semipose.data.readers.deeplabcut import read_deeplabcut
from semipose.data.readers.hdf5 import read_frame
from semipose.data.readers.tables import COORDS, VISIBLE, paths_of, read_cells, read_table, refuse_other_signs, root_of
from semipose.errors import UserError
from semipose.files import Part, read_mapping, write_atomically, writing
from semipose.outputs.tracks import TABLE, sign
from semipose.skeleton import Skeleton, named_skeleton

NO_H5 = "the H5 of {} cannot be written without pandas and PyTables, so its labels can only be read here: pip install"
LABELS = "CollectedData_"
LEVELS = ("individuals", "bodyparts", "coords")
"""Of a table's columns, but for who labelled."""
ALIKE = 0.01
"""Pixels by which a CSV and its H5 may differ."""


class TableStore(FileStore):
    """One table.

    Args:
        folder: what image names are relative to, where it is not found from the table.
        skeleton: of a project; a joint that the table lacks gets columns when it is first labelled.
        h5: whether an H5 beside the table is written too.
    """

    also = (".h5",)
    _alike: object = None
    """Of the files when the H5 was last known to have no more than the CSV."""

    def __init__(
        self,
        path: Path,
        lock: Path,
        folder: Path | None = None,
        skeleton: Skeleton | None = None,
        what: str = "Lightning Pose",
        h5: bool = False,
    ) -> None:
        super().__init__(path, what, lock=lock)
        self._given, self._project, self.writes_h5 = folder, skeleton, h5
        if h5 and not (find_spec("pandas") and find_spec("tables")):
            self.why = f"{NO_H5.format(path.name)} 'semipose[dlc]'"
        self.fresh()

    def _read(self) -> None:
        if not self.path.exists() and self._h5.exists():
            with tempfile.TemporaryDirectory() as folder:  # it becomes a CSV with the first change
                written = Path(folder) / self.path.name
                written.write_bytes(self._of_h5())
                self._take(written)
        else:
            self._take(self.path)

    def _take(self, path: Path) -> None:
        """A CSV's content."""
        table = read_table(path)
        refuse_other_signs(path)
        rows = read_cells(path)
        depth = next((i for i, (_, row) in enumerate(rows) if row[0].lower() == "coords"), None)
        if depth is None:
            raise UserError(f"{path.name} has a column before that of the images: it can be looked at and not changed")
        coords = rows[depth][1]
        self._start = next(i for i, cell in enumerate(coords) if cell.lower() in COORDS)
        width = max(i + 1 for i, cell in enumerate(coords) if cell)
        self._head = [row[:width] for _, row in rows[: depth + 1]]
        self._lines = [row[:width] for _, row in rows[depth + 1 :]]
        self.skeleton = self._project or named_skeleton(
            self.path.resolve().parent.name, [joint for joint in table.joints], self.path
        )
        self._people = table.individuals
        self.most = len(self._people)
        self._columns = self._placed()
        self.occluded = any(coord in VISIBLE for _, _, coord in self._columns)
        self.folder = self._given or root_of(self.path, None, table.images[0])
        self._rows = {key_of(image): row for row, image in enumerate(paths_of(table, self.folder))}
        order = [table.joints.index(joint) if joint in table.joints else None for joint in self.skeleton.joints]
        self._points = np.zeros((*table.points.shape[:2], len(order), 3))
        for k, at in enumerate(order):
            if at is not None:
                self._points[:, :, k] = table.points[:, :, at]

    @property
    def _h5(self) -> Path:
        return self.path.with_suffix(".h5")

    def _of_h5(self) -> bytes:
        """A CSV of the same."""
        frame = read_frame(self._h5)
        levels = frame.index[0].count("/") + 1
        same = levels if all(name.count("/") + 1 == levels for name in frame.index) else 1
        names = [name.split("/") if same > 1 else [name] for name in frame.index]
        head = [[level, *[""] * (same - 1), *cells] for level, cells in frame.header.items()]
        cells = [["" if np.isnan(v) else repr(float(v)) for v in row] for row in frame.values.tolist()]
        lines = [[*name, *row] for name, row in zip(names, cells, strict=True)]
        return _csv([*head, *lines])

    def _refuse_older(self) -> None:
        """
        Raises:
            UserError: the H5, which is written anew with each change, has labels that are not in the CSV.
        """
        frame = read_frame(self._h5)
        mine = {row[0].lower(): row[self._start :] for row in self._head}
        theirs = {level.lower(): list(cells) for level, cells in frame.header.items()}
        width = len(mine["coords"])
        at = {
            column: self._start + i
            for i, column in enumerate(zip(*(mine.get(level, [""] * width) for level in LEVELS), strict=True))
        }
        count = len(frame.values[0]) if len(frame.values) else 0
        columns = list(zip(*(theirs.get(level, [""] * count) for level in LEVELS), strict=True))
        lines = {"/".join(line[: self._start]).replace("\\", "/"): line for line in self._lines}
        for name, values in zip(frame.index, frame.values.tolist(), strict=True):
            line = lines.get(name.replace("\\", "/"), [])
            for column, value in zip(columns, values, strict=True):
                cell = line[at[column]] if line and column in at else ""
                if np.isfinite(value) and not (_is_number(cell) and abs(float(cell) - value) <= ALIKE):
                    raise UserError(
                        f"{self._h5.name} has labels of {name} that {self.path.name} has not, and a change would drop"
                        f" them: where the H5 is right, move {self.path.name} away, else the H5"
                    )

    def _placed(self) -> dict[tuple[str, str, str], int]:
        """(individual, joint, coordinate in small letters) -> column."""
        head = {row[0].lower(): row for row in self._head}
        who = head.get("individuals")
        return {
            (who[i] if who else "", head["bodyparts"][i], head["coords"][i].lower()): i
            for i in range(self._start, len(head["coords"]))
        }

    def has(self, image: str) -> bool:
        return image in self._rows

    def labeled(self) -> set[str]:
        return {image for image, row in self._rows.items() if self._points[row, ..., 2].any()}

    def can_add(self, image: str) -> bool:
        path = Path(image)
        if self._given is not None:  # of DeepLabCut: a table is of one video's folder
            return path.parent == self.path.resolve().parent
        return path.is_relative_to(self.folder.resolve())

    def _get(self, image: str) -> list[Body]:
        row = self._rows.get(image)
        if row is None:
            return []
        people = self._points[row]
        bodies = [Body.of(points.round(3), who) for who, points in zip(self._people, people, strict=True)]
        return bodies if self.most == 1 else [body for body in bodies if body.labeled]

    def _changed(self, image: str, bodies: Sequence[Body]) -> Mapping[Path, bytes]:
        row = self._rows.get(image)
        if row is None and not any(body.labeled for body in bodies):
            return {}
        there = {body.key: body for body in self._get(image)}
        if self.writes_h5 and self._h5.exists() and self._alike != self._now():
            self._refuse_older()
            self._alike = self._now()
        head, lines = [list(line) for line in self._head], [list(line) for line in self._lines]
        columns = dict(self._columns)
        if row is None:
            row = len(lines)
            lines.append([*self._index(image), *[""] * (len(head[-1]) - self._start)])
        given = {body.key for body in bodies}
        free = [who for who in self._people if who not in given]
        before = {key: body.array for key, body in there.items()}
        after = {body.key if body.key is not None else free.pop(0): body.array for body in bodies}
        if not after.keys() <= set(self._people):
            raise UserError("a body is gone from the table; reload the page")
        nothing = np.zeros((len(self.skeleton), 3))
        for who in self._people:
            old, new = before.get(who, nothing), after.get(who, nothing)
            for joint, was, point in zip(self.skeleton.joints, old.tolist(), new.tolist(), strict=True):
                if was != point:
                    self._place(lines, head, columns, (str(who), joint), row, point)
        whole = [*head, *lines]
        fresh = not self.path.exists() and self._h5.exists()
        contents = {self.path: _csv(whole) if fresh else table_text(self.path, whole)}
        if self.writes_h5:
            contents[self._h5] = h5_bytes(self._h5, head, lines, self._start)
        return contents

    def _write(self, image: str, contents: Mapping[Path, bytes | Part]) -> None:
        super()._write(image, contents)
        self._alike = self._now()

    def _place(
        self,
        lines: list[list[str]],
        head: list[list[str]],
        columns: dict[tuple[str, str, str], int],
        of: tuple[str, str],
        row: int,
        point: Sequence[float],
    ) -> None:
        """Write a joint into a row; a joint that has no columns gets some."""
        x, y, v = point
        if (*of, "x") not in columns:
            for coord in "xy":
                columns[(*of, coord)] = len(head[-1])
                for line in head:
                    word = {"scorer": line[self._start], "individuals": of[0], "bodyparts": of[1]}
                    line.append(word.get(line[0].lower(), coord))
                for line in lines:
                    line.append("")
        lines[row][columns[(*of, "x")]] = str(plain(x)) if v else ""
        lines[row][columns[(*of, "y")]] = str(plain(y)) if v else ""
        for mark in VISIBLE:
            if (*of, mark) in columns:
                lines[row][columns[(*of, mark)]] = str(int(v))

    def _index(self, image: str) -> list[str]:
        """The first cells of a row: a path in one, or its parts in several."""
        name = Path(os.path.relpath(image, self.folder.resolve())).as_posix()
        if self._start == 1:
            return [name]
        parts = name.split("/")
        if len(parts) != self._start:
            raise UserError(f"{self.path.name} names images by {self._start} folders and a file, which {name} is not")
        return parts


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def h5_bytes(path: Path, head: Sequence[Sequence[str]], lines: Sequence[Sequence[str]], start: int) -> bytes:
    """The same table as DeepLabCut's H5."""
    import pandas

    levels = [line[0] for line in head]
    columns = pandas.MultiIndex.from_tuples(list(zip(*(line[start:] for line in head), strict=True)), names=levels)
    names = [line[:start] for line in lines]
    index = (
        pandas.Index([n[0] for n in names]) if start == 1 else pandas.MultiIndex.from_tuples(list(map(tuple, names)))
    )
    values = np.array([[float(cell) if _is_number(cell) else np.nan for cell in line[start:]] for line in lines])
    frame = pandas.DataFrame(values, index=index, columns=columns)
    part = Part(path)
    try:
        with writing(path, RuntimeError, ValueError, ImportError):
            with pandas.HDFStore(str(part.path), "w") as store:
                store.put(TABLE, frame, track_times=False)
                sign(store)
            return part.path.read_bytes()
    finally:
        part.drop()


def _is_number(cell: str) -> bool:
    try:
        return not np.isnan(float(cell))
    except ValueError:
        return False


class DlcProject(Store):
    """All tables of a project of DeepLabCut, one a video; a video's table is begun when its first frame is labelled."""

    def __init__(self, root: Path, lock: Path, within: Path | None = None) -> None:
        super().__init__(root, "DeepLabCut")
        self._within = within
        self.folder = root if root.is_dir() else root.parent
        self._lock = lock
        config = read_mapping(self.folder / "config.yaml")
        self._scorer = re.sub(r"[^\w .+-]", "_", str(config.get("scorer") or "semipose"))[:100]
        several = bool(config.get("multianimalproject"))
        self._people = [str(who) for who in config.get("individuals") or ["individual1"]] if several else [""]
        with contextlib.suppress(UserError):
            self.skeleton = read_deeplabcut(root).skeleton or self.skeleton
        if self.skeleton is NONE:
            self.skeleton = _skeleton_of(config, self.folder)
        self.most, self.occluded = len(self._people), False
        self._tables: dict[Path, TableStore] = {}
        for video in sorted(path for path in (self.folder / "labeled-data").iterdir() if path.is_dir()):
            path = self._table_in(video)
            if path is not None:
                self._open(path)
        tables = list(self._tables.values())
        self.why = next((table.why for table in tables if table.why), "")
        self.most = max([self.most, *(table.most for table in tables)])
        self.occluded = any(table.occluded for table in tables)

    def _table_in(self, video: Path) -> Path | None:
        names = {path.stem for kind in ("csv", "h5") for path in video.glob(f"{LABELS}*.{kind}")}
        if not names:
            return None
        own = f"{LABELS}{self._scorer}"
        return video / f"{own if own in names else min(names)}.csv"

    def _open(self, path: Path) -> TableStore:
        # What DeepLabCut itself reads: where nobody has made one, its own tools make it of the CSV.
        h5 = path.with_suffix(".h5").exists() or bool(find_spec("pandas") and find_spec("tables"))
        table = TableStore(path, self._lock, self.folder, self.skeleton, "DeepLabCut", h5)
        table.within = self._within
        self._tables[path] = table
        return table

    def has(self, image: str) -> bool:
        return any(table.has(image) for table in self._tables.values())

    def state(self) -> object:
        return tuple(table.state() for table in self._tables.values())

    def labeled(self) -> set[str]:
        return set[str]().union(*(table.labeled() for table in self._tables.values()))

    def can_add(self, image: str) -> bool:
        path = Path(image)
        return path.parent.parent == (self.folder / "labeled-data").resolve()

    def get(self, image: str) -> list[Body]:
        table = self._of(image)
        return table.get(image) if table else []

    def _of(self, image: str) -> TableStore | None:
        folder = self.folder / "labeled-data" / Path(image).parent.name
        found = next((t for t in self._tables.values() if t.has(image)), None)
        if found is None and self.can_add(image):
            path = self._table_in(folder)
            found = (self._tables.get(path) or self._open(path)) if path else None
        return found

    def put(self, image: str, bodies: Sequence[Body], version: str) -> list[Body]:
        table = self._of(image)
        if table is None:
            if not self.can_add(image):
                raise UserError("DeepLabCut has labelled pictures in labeled-data/<video>; copy this one there first")
            if not any(body.labeled for body in bodies):
                return []
            if version != version_of([]):
                raise Conflict([])
            table = self._begin(self.folder / "labeled-data" / Path(image).parent.name, image)
        there = table.get(image)
        if version == version_of([]) and not any(body.labeled for body in there):
            version = version_of(there)  # a row of no labels, begun by a change that could not be written
        return table.put(image, bodies, version)

    def warm(self) -> None:
        if any(table.writes_h5 for table in self._tables.values()) and not self.why:
            import pandas
            import tables

            del pandas, tables

    def _begin(self, video: Path, image: str) -> TableStore:
        """A table with one empty row."""
        if self._within and not is_inside(video, self._within):
            raise UserError(f"{video.name} is a link that leads out of the folder; no table was begun")
        path = video / f"{LABELS}{self._scorer}.csv"
        cells = [(who, joint, coord) for who in self._people for joint in self.skeleton.joints for coord in "xy"]
        rows: list[list[Any]] = [["scorer", "", "", *[self._scorer] * len(cells)]]
        rows += [["individuals", "", "", *(who for who, _, _ in cells)]] if self._people != [""] else []
        rows += [["bodyparts", "", "", *(joint for _, joint, _ in cells)]]
        rows += [["coords", "", "", *(coord for _, _, coord in cells)]]
        rows += [["labeled-data", video.name, Path(image).name, *[""] * len(cells)]]
        write_atomically(path, _csv(rows))
        return self._open(path)


def _skeleton_of(config: Mapping[str, Any], folder: Path) -> Skeleton:
    """Of a project without labels."""
    key = "multianimalbodyparts" if config.get("multianimalproject") else "bodyparts"
    joints = config.get(key)
    if not isinstance(joints, list) or not joints:
        raise UserError(f"{folder / 'config.yaml'} names no joints: {key} must be a list of names")
    names = [str(joint) for joint in joints]
    links = [
        tuple(map(str, link)) for link in config.get("skeleton") or [] if isinstance(link, list) and len(link) == 2
    ]
    inside = [(a, b) for a, b in links if a in names and b in names and a != b]
    return named_skeleton(str(config.get("Task") or folder.name), names, folder / "config.yaml", inside)
