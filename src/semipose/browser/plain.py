"""Labels in a plain CSV: a row a joint."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from semipose.browser.stores import Body, FileStore, key_of, plain
from semipose.data.readers.plain_csv import VISIBILITY, plain_name, read_plain_csv, seen_in, whose_in
from semipose.data.readers.tables import read_cells, refuse_other_signs, root_of
from semipose.errors import UserError


class PlainStore(FileStore):
    """A CSV of image, joint, x and y; other columns stay. A column `visibility` is added when a joint is first said to
    be hidden."""

    def __init__(self, path: Path, lock: Path, images: Path | None = None) -> None:
        super().__init__(path, "CSV", most=1, lock=lock)
        self._given = images
        self.fresh()

    def _read(self) -> None:
        data = read_plain_csv(self.path, self._given)
        assert data.skeleton is not None
        self.skeleton = data.skeleton
        self._bodies = {key_of(s.image): Body.of(s.keypoints, 0) for s in data if s.keypoints is not None}
        self._names = {key_of(s.image): str(s.image_id) for s in data}
        (_, self._first), *lines = read_cells(self.path)
        self._lines = [line for _, line in lines]
        columns = {cell.lower(): i for i, cell in enumerate(self._first)}
        if "image" not in columns:
            raise UserError(f"{self.path.name} names frames instead of images: it can be looked at and not changed")
        whose = columns.get(whose_in(columns) or "image", 0)
        if len({(plain_name(line[columns["image"]]), line[whose]) for line in self._lines}) > len(self._bodies):
            raise UserError(f"{self.path.name} has several animals in an image: it can be looked at and not changed")
        refuse_other_signs(self.path)
        self._at = columns
        self.folder = root_of(self.path, self._given, self._lines[0][columns["image"]].replace("\\", "/"))

    def has(self, image: str) -> bool:
        return image in self._bodies

    def labeled(self) -> set[str]:
        return {image for image, body in self._bodies.items() if body.labeled}

    def can_add(self, image: str) -> bool:
        return Path(image).is_relative_to(self.folder.resolve())

    def _get(self, image: str) -> list[Body]:
        return [self._bodies[image]] if image in self._bodies else []

    def _changed(self, image: str, bodies: Sequence[Body]) -> Mapping[Path, bytes]:
        first, at = list(self._first), dict(self._at)
        there = self._bodies.get(image)
        points = bodies[0].array if bodies else np.zeros((len(self.skeleton), 3))
        seen = seen_in(at) or VISIBILITY[0]
        if seen not in at and (points[:, 2] == 1).any():
            at[seen] = len(first)
            first.append(seen)
        lines = [[*line, *[""] * (len(first) - len(line))] for line in self._lines]
        name = self._names.get(image) or Path(os.path.relpath(image, self.folder.resolve())).as_posix()
        mine = {row[at["joint"]]: row for row in lines if plain_name(row[at["image"]]) == name}
        before = there.array if there else np.zeros_like(points)
        for joint, point, was in zip(self.skeleton.joints, points.tolist(), before.tolist(), strict=True):
            if point == was:
                continue
            row = mine.get(joint)
            if row is None:
                row = [""] * len(first)
                row[at["image"]], row[at["joint"]] = name, joint
                if mine and (whose := whose_in(at)):
                    row[at[whose]] = next(iter(mine.values()))[at[whose]]
                lines.append(row)
            x, y, v = point
            row[at["x"]], row[at["y"]] = (str(plain(x)), str(plain(y))) if v else ("", "")
            if seen in at:
                row[at[seen]] = str(int(v))
        if there is None and not (points[:, 2] > 0).any():
            return {}
        return {self.path: table_text(self.path, [first, *lines])}


def table_text(path: Path, rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as CSV, their lines ended as in the file that is there.

    Raises:
        UserError: the file is gone.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError:
        raise UserError(f"{path} is gone; the labels were not saved") from None
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n" if b"\r\n" in head else "\n").writerows(rows)
    return (b"\xef\xbb\xbf" if head.startswith(b"\xef\xbb\xbf") else b"") + text.getvalue().encode()
