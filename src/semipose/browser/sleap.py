"""Labels in a .slp of SLEAP: of frames of videos, and of listed pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semipose import apart
from semipose.browser.stores import Body, FileStore, stamp_of
from semipose.data.readers.sleap import last_parts, load_slp, place_of_picture, place_of_video, skeleton_of
from semipose.data.refs import Frame, parse
from semipose.errors import UserError
from semipose.files import Part

PROGRAM = "semipose.browser.sleap_edit"


class SleapStore(FileStore):
    """A .slp. What SLEAP keeps beside labels (tracks, predictions, suggestions, videos) stays as it is.

    Args:
        folder: of the videos or pictures, where they have moved.
    """

    def __init__(self, path: Path, lock: Path, folder: Path | None = None) -> None:
        super().__init__(path, "SLEAP", most=50, occluded=False, lock=lock)
        self._folder = folder
        self._coming: tuple[Any, dict[str, np.ndarray]] | None = None
        self.fresh()

    names_frames = True

    def _read(self) -> None:
        if self._coming is not None and self._coming[0] == self._now():
            self._take(self._coming[1])
            return
        labels = load_slp(self.path)
        if labels.skeletons != 1:
            raise UserError(f"{self.path.name} has {labels.skeletons} skeletons: it can only be read")
        self.skeleton = skeleton_of(labels, self.path)
        self._places: dict[str, tuple[int, int | None]] = {}
        alike = last_parts(labels.videos)
        for number, video in enumerate(labels.videos):
            names = [Path(name.replace("\\", "/")) for name in video["files"]]
            for at, name in enumerate(names):
                try:
                    about = (name, self.path, self._folder, alike[name.name] == 1)
                    if video["pictures"]:
                        self._places.setdefault(str(place_of_picture(*about)), (number, at))
                    else:
                        self._places.setdefault(os.path.realpath(place_of_video(*about)), (number, None))
                except UserError:
                    continue  # what is not there cannot be shown
        self._take(apart.arrays(PROGRAM, self.path, str(len(self.skeleton)), parser="HDF5"))

    def _take(self, content: dict[str, np.ndarray]) -> None:
        """The labels as a process of their own gives them."""
        why = str(content["why"])
        self.why = f"{self.path.name} {why}" if why else ""
        self._bodies: dict[tuple[int, int], list[Body]] = {}
        points = np.full((*content["points"].shape[:2], 3), 2.0)
        points[..., :2] = content["points"].round(3)
        points[~np.isfinite(points).all(-1)] = 0
        rows = zip(content["video"].tolist(), content["frame"].tolist(), content["key"].tolist(), points, strict=True)
        for video, frame, key, body in rows:
            self._bodies.setdefault((video, frame), []).append(Body.of(body, key))

    def _place(self, image: str) -> tuple[int, int] | None:
        """The video and frame in the file that a picture or a frame is."""
        ref = parse(image)
        video, at = self._places.get(str(ref.file), (None, None))
        number = ref.number if isinstance(ref, Frame) else at
        return None if video is None or number is None or (at is not None and number != at) else (video, number)

    def has(self, image: str) -> bool:
        return self._place(image) in self._bodies

    def can_add(self, image: str) -> bool:
        return self._place(image) is not None

    def labeled(self) -> set[str]:
        there = {place for place, bodies in self._bodies.items() if any(body.labeled for body in bodies)}
        names = {place: name for name, place in self._places.items()}
        films = {video: name for (video, at), name in names.items() if at is None}
        return {names.get((v, f)) or str(Frame(films[v], f)) for v, f in there if (v, f) in names or v in films}

    def _get(self, image: str) -> list[Body]:
        place = self._place(image)
        return self._bodies.get(place, []) if place else []

    def _changed(self, image: str, bodies: Sequence[Body]) -> Mapping[Path, bytes | Part]:
        place = self._place(image)
        if place is None:
            raise UserError(self.lacks(image))
        there = {body.key: body.points for body in self._get(image)}
        if not there and not any(body.labeled for body in bodies):
            return {}
        rows = []
        for body in bodies:
            before = there.get(body.key)
            if body.key is not None and before is None:
                raise UserError("a body is gone from the file; reload the page")
            if before is None and not body.labeled:
                continue
            points: list[Any] = [[x, y] if v else None for x, y, v in body.points]
            if before is not None:
                points = [True if b == p else q for b, p, q in zip(before, body.points, points, strict=True)]
            rows.append({"key": body.key, "points": points})
        change = json.dumps({"video": place[0], "frame": place[1], "bodies": rows})
        part = Part(Path(os.path.realpath(self.path)))
        try:
            words = (str(len(self.skeleton)), str(part.path), change)
            content = apart.arrays(PROGRAM, self.path, *words, parser="HDF5")
            self._coming = ((stamp_of(part.path),), content)
        except BaseException:
            part.drop()
            raise
        return {self.path: part}

    def lacks(self, image: str) -> str:
        return f"{Path(str(parse(image).file)).name} is not in {self.path.name}: add it in SLEAP first"
