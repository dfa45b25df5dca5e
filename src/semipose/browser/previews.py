"""The same few unlabelled frames, as trainings get better at them: which they are, and what each checkpoint predicted.

A process of its own predicts (`semipose.browser.preview`), one at a time, where somebody looks and a run has newer
weights than were drawn last. What it wrote stays, so that a page that is opened later shows all of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semipose.browser.jobs import PATHS
from semipose.browser.library import IMAGES
from semipose.browser.preview import FRAMES, TOLD, key_of, weights_of
from semipose.browser.stores import stamp_of
from semipose.errors import UserError
from semipose.files import read_json, write_atomically

if TYPE_CHECKING:
    from semipose.browser.project import Project

FEW = 6
SOURCES = 4
"""Videos, and the pictures together, that frames are taken from."""
SHOWN = 40
"""Steps of a run that a browser is sent."""


class Previews:
    """
    Args:
        project: its unlabelled frames are shown.
    """

    def __init__(self, project: Project) -> None:
        self.project, self.folder = project, project.home / "previews"
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._asked: tuple[str, str] | None = None
        self._tried: dict[str, str] = {}

    def look(self, runs: Mapping[str, Path]) -> dict[str, Any]:
        """What there is of some runs, and have the next one drawn: `frames` (key, name and place), `runs` (name,
        `steps` and why there is none), and whether something is being drawn."""
        with self._lock:
            refs = self._frames()
            if refs and not self._busy():
                self._next(runs, refs)
            rows = [{"name": name, **self._history(name, refs)} for name in runs]
            return {"frames": [self._about(ref) for ref in refs], "runs": rows, "busy": self._busy()}

    def picture(self, key: str) -> bytes:
        """A frame's picture.

        Raises:
            UserError: there is none.
        """
        if key not in map(key_of, self._kept()):
            raise UserError("there is no such picture; reload the page")
        try:
            return (self.folder / f"{key}.jpg").read_bytes()
        except OSError:
            raise UserError("the picture is not drawn yet") from None

    def _about(self, ref: str) -> dict[str, Any]:
        place = self.project.library.place(ref)
        assert place is not None
        return {"key": key_of(ref), "name": self.project.library.name(*place), "source": place[0], "index": place[1]}

    def _kept(self) -> list[str]:
        with contextlib.suppress(UserError):
            refs = read_json(self.folder / FRAMES)
            if isinstance(refs, list) and all(isinstance(ref, str) for ref in refs):
                return refs
        return []

    def _frames(self) -> list[str]:
        """The frames; one that is labelled since gives way to another."""
        kept = self._kept()
        places = {ref: self.project.library.place(ref) for ref in kept}
        refs = [ref for ref, at in places.items() if at is not None and at[1] not in self.project.labeled_in(at[0])]
        if len(refs) < FEW:
            refs += [ref for ref in self._spread() if ref not in refs][: FEW - len(refs)]
        if refs != kept:
            write_atomically(self.folder / FRAMES, json.dumps(refs).encode())
        return refs

    def _spread(self) -> list[str]:
        """Unlabelled frames, spread evenly over the sources and over each of them."""
        library, free = self.project.library, dict[int, list[int]]()
        sources = [n for n, source in enumerate(library.sources()) if n != IMAGES or source.count][:SOURCES]
        for source in sources:
            with contextlib.suppress(UserError):  # of a video that cannot be read
                done = self.project.labeled_in(source)
                free[source] = [i for i in range(library.count(source)) if i not in done]
        free = {source: frames for source, frames in free.items() if frames}
        share = -(-FEW // max(1, len(free)))
        places = [
            (source, frames[(2 * n + 1) * len(frames) // (2 * share)])
            for n in range(share)
            for source, frames in free.items()
        ]
        return [library.ref(*place) for place in dict.fromkeys(places)]

    def _path(self, run: str) -> Path:
        return self.folder / run.replace("/", "+")

    def _history(self, run: str, refs: list[str]) -> dict[str, Any]:
        files = sorted(self._path(run).glob("*[0-9].json"))
        every = max(1, -(-len(files) // SHOWN))
        steps, keys = [], set(map(key_of, refs))
        for file in files[::-1][::every][::-1]:
            with contextlib.suppress(UserError, KeyError, AttributeError):
                content = read_json(file)
                frames = {key: value for key, value in content["frames"].items() if key in keys}
                steps.append({"step": content["step"], "joints": content["joints"], "frames": frames})
        return {"steps": steps, "line": self._told(run).get("line", "")}

    def _told(self, run: str) -> dict[str, Any]:
        with contextlib.suppress(UserError):
            told = read_json(self._path(run) / TOLD)
            return told if isinstance(told, dict) else {}
        return {}

    def _busy(self) -> bool:
        """Whether what was asked last is not told yet."""
        alive = self._child is not None and self._child.poll() is None
        return alive and self._asked is not None and self._told(self._asked[0]).get("stamp") != self._asked[1]

    def _next(self, runs: Mapping[str, Path], refs: list[str]) -> None:
        """Draw the first run whose weights, or the frames, are newer than what was drawn."""
        for name, path in runs.items():
            now = stamp_of(weights_of(path))
            stamp = f"{now} {' '.join(map(key_of, refs))}"
            if now is not None and stamp not in (self._told(name).get("stamp"), self._tried.get(name)):
                self._asked, self._tried[name] = (name, stamp), stamp  # once, whatever becomes of it
                self._ask(path, self._path(name), stamp)
                return

    def _ask(self, run: Path, out: Path, stamp: str) -> None:
        out.mkdir(parents=True, exist_ok=True)
        if self._child is None or self._child.poll() is not None:
            self._child = self._started()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps([str(run.absolute()), str(out.absolute()), stamp]) + "\n")
            self._child.stdin.flush()
        except OSError:  # it ended just now, as nobody had asked for long
            self._child, self._tried = None, {}

    def _started(self) -> subprocess.Popen[str]:
        more = {"PYTHONPATH": os.pathsep.join(filter(None, PATHS)), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        return subprocess.Popen(
            [sys.executable, "-m", "semipose.browser.preview"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **more},
        )
