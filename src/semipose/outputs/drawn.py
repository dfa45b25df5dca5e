"""Predictions drawn: a picture an image, a video a video, marked as ours (`semipose.data.marks`)."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import cv2
import numpy as np

from semipose.data.marks import MARK, encoded, is_own
from semipose.drawing.poses import CENTRE, LEFT, RGB, RIGHT, draw_pose, joint_colors, legend, side_colors, write
from semipose.files import Part, write_atomically, writing
from semipose.outputs.base import Frame, Job
from semipose.outputs.pose import Pose

ENCODERS = (("libx264", {"crf": "20", "preset": "veryfast"}), ("mpeg4", {"qscale": "4"}))
"""The first that this PyAV has."""
LEAST = 250
"""Of the frame's longer side: as wide lines are at least, so that dots are seen in large frames."""
SIDE = 65_500
"""Pixels of a JPEG's longer side, at most."""
UNSURE = 0.1
"""Joints that are not drawn have no name either."""
TICKS = 60_000
"""A second: whole numbers of them are a frame of 24, 25, 30, 29.97, 50, 60, 120 and 250 a second, and every encoder
takes them."""
PAUSE = 3600 * TICKS
"""Between two frames at most; MP4 cannot hold those of many hours."""


class Overlay:
    """NAME.jpg for each image and NAME.mp4 for each video, with the poses on them; NAME_semipose where a file that is
    not ours has that name."""

    def __init__(self, job: Job) -> None:
        self.files: list[Path] = []
        self._last, self._used = Counter[str](), set[Path]()
        self._job = job
        self._film: _Film | None = None
        self._source: Path | None = None
        self._colors = (joint_colors if job.style.colors == "joint" else side_colors)(job.skeleton)
        self._legend: np.ndarray | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._close()
        elif self._film is not None:
            self._film.abandon()
            self.files.pop()

    def add(self, frame: Frame, poses: Sequence[Pose], scores: Sequence[float]) -> None:
        pixels = self._drawn(frame.pixels, poses)
        if frame.video is None:
            path = self._free(Path(frame.path).stem, ".jpg")
            # Not by imwrite, which takes no path that is not ASCII everywhere.
            write_atomically(path, encoded(_fitting(pixels), ".jpg"))
            self.files.append(path)
            return
        if frame.video != self._source:
            self._close()
            self._source = frame.video
            path = self._free(frame.video.stem, ".mp4")
            self._film = _Film(path, pixels.shape[:2], frame.video)
            self.files.append(path)
        assert self._film is not None
        self._film.add(pixels, frame.number)

    def _drawn(self, pixels: np.ndarray, poses: Sequence[Pose]) -> np.ndarray:
        style, skeleton = self._job.style, self._job.skeleton
        height, width = pixels.shape[:2]
        size = float(np.clip(max(height, width) / 1400, 0.4, 1.5))
        for pose in poses:
            least = max(height, width) / LEAST
            pixels = draw_pose(pixels, pose.keypoints, skeleton, colors=self._colors, least=least, track=pose.track)
            sure = pose.keypoints[:, 2] > UNSURE if style.names else ()
            for k in np.flatnonzero(sure):
                x, y = np.rint(pose.keypoints[k, :2]).clip(-2000, 20_000).astype(int).tolist()
                write(pixels, skeleton.joints[k], (x + round(12 * size), y - round(8 * size)), self._colors[k], size)
        if not style.legend or self._job.tracked:  # colours are bodies' then, with their numbers
            return pixels
        if self._legend is None or self._legend.shape[1] != width:
            self._legend = legend(self._meaning(), width, size)
        return np.concatenate([pixels, self._legend])

    def _meaning(self) -> list[tuple[str, RGB]]:
        """What each colour is."""
        joints = self._job.skeleton.joints
        if self._job.style.colors == "joint":
            return list(zip(joints, self._colors, strict=True))
        sides = (("left", LEFT), ("right", RIGHT), ("middle, or no side", CENTRE))
        return [(name, color) for name, color in sides if color in self._colors]

    def _free(self, stem: str, suffix: str) -> Path:
        for number in itertools.count(self._last[stem + suffix] + 1):
            self._last[stem + suffix] = number
            name = stem if number == 1 else f"{stem}-{number}"
            for path in (self._job.folder / f"{name}{suffix}", self._job.folder / f"{name}_semipose{suffix}"):
                if path in self._used:
                    break  # another input of this name
                if path.resolve() not in self._job.inputs and (not path.exists() or is_own(path)):
                    self._used.add(path)
                    return path
        raise AssertionError

    def _close(self) -> None:
        if self._film is not None:
            self._film.close()
        self._film = None


def _fitting(pixels: np.ndarray) -> np.ndarray:
    """The same, smaller where no JPEG could hold it."""
    scale = SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    width, height = (max(1, int(side * scale)) for side in pixels.shape[1::-1])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


class _Film:
    """A video being written, each frame at the time at which the one it shows has it."""

    def __init__(self, path: Path, size: tuple[int, ...], source: Path) -> None:
        import av

        from semipose.data.video import probe

        self._part = Part(path)
        with writing(path, av.error.FFmpegError):
            self._container = av.open(os.path.abspath(self._part.path), "w", format="mp4")
        self._container.metadata["comment"] = MARK.decode()
        codec, options = next(encoder for encoder in ENCODERS if encoder[0] in av.codecs_available)
        shown = probe(source)
        rate = round(shown.rate * 1000)
        self._stream = cast(Any, self._container.add_stream(codec, rate=_fraction(rate), options=dict(options)))
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        self._times, self._step, self._last = shown.seconds, 1 / shown.rate, -1
        self._cut = 0
        self._stream.pix_fmt = "yuv420p"  # which every player plays; it wants even sizes
        self._height, self._width = size[0] + size[0] % 2, size[1] + size[1] % 2
        self._stream.height, self._stream.width = self._height, self._width

    def add(self, pixels: np.ndarray, number: int) -> None:
        """`number`: the frame's place in the source."""
        import av

        down, right = self._height - pixels.shape[0], self._width - pixels.shape[1]
        if down or right:
            pixels = np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge")
        with writing(self._part.place, av.error.FFmpegError):
            shown = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            time = self._times[number] if number < len(self._times) else self._times[-1] + self._step
            at = max(self._last + 1, round(float(time) * TICKS) - self._cut)
            self._cut += max(0, at - self._last - PAUSE)
            self._last = min(at, self._last + PAUSE)
            shown.time_base, shown.pts = Fraction(1, TICKS), self._last
            self._container.mux(self._stream.encode(shown))

    def close(self) -> None:
        import av

        try:
            with writing(self._part.place, av.error.FFmpegError):
                self._container.mux(self._stream.encode())
                self._container.close()
                self._part.done()
        finally:
            self._part.drop()

    def abandon(self) -> None:
        """Leave nothing."""
        with contextlib.suppress(Exception):  # the file is not wanted, whatever state it is in
            self._container.close()
        self._part.drop()


def _fraction(thousandths: int) -> Fraction:
    return Fraction(max(1, thousandths), 1000).limit_denominator(1001)
