"""Videos as sources of images: which frames, and their pixels, decoded in order.

A frame is its place in the order in which frames are decoded and shown, from 0, as OpenCV, DeepLabCut and SLEAP count;
its reference is a `semipose.data.refs.Frame`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from semipose import limits
from semipose.data.pictures import OTHER_SIZE
from semipose.data.refs import Frame
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError
from semipose.files import read_json, write_atomically

VIDEOS = (
    ".mp4",
    ".avi",
    ".mov",
    ".mkv",
    ".m4v",
    ".webm",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".mts",
    ".m2ts",
    ".flv",
    ".3gp",
    ".ogv",
    ".asf",
)
FRAMES = "uniform1000"
"""The plan that a source has where none is named."""
NO_FRAME = "video {} holds no frame that can be decoded; convert it, for example to H.264 in MP4"
SLACK = 0.02
"""Of the frames that a header states: where no more are missing, it rounded."""
CANDIDATES = 5000
"""Frames that a choice by diversity looks at: evenly spaced ones of a longer video."""
THUMBNAIL = 24


ALONE = {
    "format_whitelist": "mov,avi,matroska,webm,mpeg,mpegts,mpegtsraw,mpegvideo,m4v,h264,hevc,vvc,av1,obu,ivf,mjpeg,flv"
    ",live_flv,asf,asf_o,ogg,nut,mxf,dv,rm,wtv,dhav,gif,yuv4mpegpipe,vc1",
    "protocol_whitelist": "file",
}
"""For FFmpeg: formats of which one file is all there is. Lists of files, such as ffconcat and HLS, name others."""


class Film(NamedTuple):
    """What a video's packets say, or its frames where packets are no frames. `stamps`: (N,) the frames' time stamps in
    the order they are shown, in units of `tick` seconds; `size`: (height, width) as shown, a phone's rotation applied;
    `stated`: how many frames its header says are shown, 0 where it says nothing."""

    size: tuple[int, int]
    stamps: np.ndarray
    tick: float
    stated: int = 0

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def seconds(self) -> np.ndarray:
        """(N,) when each frame is shown."""
        return (self.stamps - self.stamps[0]) * self.tick

    @property
    def rate(self) -> float:
        """Frames a second, on average."""
        length = float(self.seconds[-1])
        return max(round((len(self) - 1) / length, 6), 1e-6) if length > 0 else 25.0


def is_video(path: str | Path) -> bool:
    """Whether a file's name says that it is a video."""
    return Path(path).suffix.lower() in VIDEOS


def probe(path: str | Path) -> Film:
    """Size and times of a video.

    Raises:
        UserError: it is missing, no video, or has no frame.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise UserError(f"video {path} cannot be read ({error.strerror or error}); check the path") from None
    return _probe(str(path), stat.st_size, stat.st_mtime_ns)


def refuse_unreadable(path: str | Path) -> None:
    """
    Raises:
        UserError: a file is no video, or its first frame cannot be decoded.
    """
    with _Container(path) as (container, stream):
        if next(_decoded(container, stream), None) is None:
            raise UserError(NO_FRAME.format(path))


@lru_cache(256)
def _probe(path: str, _size: int, _time: int) -> Film:
    import av

    with _Container(path) as (container, stream):
        first = next(_decoded(container, stream), None)
        if first is None:
            raise UserError(NO_FRAME.format(path))
        size = (first.width, first.height) if first.rotation % 180 else (first.height, first.width)
        tick = float(stream.time_base or 0.04)
        stated, counts = int(stream.frames or 0), container.format.name == "avi"
        # Of a container that counts no frames, its length, which may be that of its sound.
        alone = not stated and len(container.streams) == 1
        length = float(container.duration or 0) / av.time_base if alone else 0.0
    try:
        with _Container(path) as (container, stream):
            packets = [(p.pts, p.is_keyframe, p.is_discard) for p in container.demux(stream) if p.size]
            # VP8 has packets that only help others; what begins amid others is shown from where it can be.
            decodes = stream.codec_context.name == "vp8" or not packets or not packets[0][1]
        stamps = [stamp for stamp, _, discarded in packets if not discarded]
        if decodes:
            with _Container(path) as (container, stream):
                stream.thread_type = "AUTO"
                stamps = [frame.pts for frame in _decoded(container, stream)]
    except av.error.FFmpegError as error:
        raise UserError(f"video {path} is damaged ({_reason(error)}); convert or remove it") from None
    shown = sorted({stamp for stamp in stamps if stamp is not None})
    # A stream without time stamps has its frames evenly, 25 a second.
    if len(shown) < len(stamps):
        shown, tick = list(range(len(stamps))), 0.04
    film = Film(size, np.array(shown, np.int64), tick)
    # Left out on purpose: what an edit cut off, and in an AVI pictures that are shown for longer.
    left_out = len(packets) - len(stamps)
    if counts and len(shown) > 1:
        left_out += max(0, round((shown[-1] - shown[0]) / min(np.diff(shown))) + 1 - len(shown))
    return Film(size, film.stamps, tick, max(0, stated - left_out) or (0 if decodes else round(length * film.rate)))


def cut_short(path: str | Path) -> str:
    """A line on a video of which frames are missing at the end, as far as its header tells; "" of a whole one."""
    film = probe(path)
    missing = film.stated - len(film)
    if missing <= max(2, SLACK * film.stated):
        return ""
    return f"{path} ends early: {len(film)} of the {film.stated} frames that it states are there; copy it again"


def read_frames(
    path: str | Path, numbers: Iterable[int] | None = None, odd: dict[int, str] | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """(number, RGB uint8 (H, W, 3)) of these frames, by default of all, in the order they are shown; each is decoded
    once, and one is in memory at a time. A frame that cannot be decoded is left out, and so is one of another size than
    the first, which boxes would not fit; `odd` takes why, by number."""
    wanted = None if numbers is None else set(numbers)
    last = max(wanted, default=-1) if wanted is not None else 0
    if last < 0:
        return
    with _Container(path) as (container, stream):
        stream.thread_type = "AUTO"
        size = probe(path).size
        for number, frame in enumerate(_decoded(container, stream)):
            if wanted is None or number in wanted:
                pixels = _pixels(frame)
                if pixels.shape[:2] == size:
                    yield number, pixels
                elif odd is not None:
                    (height, width), (first, across) = pixels.shape[:2], size
                    odd[number] = f"of {path} is {width}x{height}, {OTHER_SIZE}, {across}x{first}"
            if wanted is not None and number >= last:
                return


def read_frame(path: str | Path, number: int) -> np.ndarray:
    """RGB uint8 (H, W, 3) of one frame. Everything before it is decoded too: after a jump, many a video (the open-field
    example of DeepLabCut among them) gives green blocks for hundreds of frames, and no error.

    Raises:
        UserError: the file is no video, or has no such frame that can be decoded.
    """
    odd: dict[int, str] = {}
    for _, pixels in read_frames(path, [number], odd):
        return pixels
    if odd:
        raise UserError(f"frame {number} {odd[number]}")
    raise UserError(f"{path} has no frame {number} that can be decoded; has the video changed?")


def read_video(
    path: str | Path, plan: str = FRAMES, name: str | None = None, cache: str | Path | None = None
) -> PoseData:
    """Frames of a video as unlabelled samples, each frame one box; ids are "<name>#<frame>", the name the file's.

    Args:
        plan: which frames, see `choose`.
        cache: a folder where a choice that has to decode the video is kept.
    """
    path = Path(path)
    film, name = probe(path), name or path.name
    h, w = film.size
    box = (0.0, 0.0, float(w), float(h))
    where = str(path.resolve())
    ids = {number: f"{name}#{number}" for number in choose(path, plan, cache)}
    return PoseData(name, None, tuple(Sample(i, str(Frame(where, n)), box, image_id=i) for n, i in ids.items()))


def choose(path: str | Path, plan: str = FRAMES, cache: str | Path | None = None) -> list[int]:
    """The numbers of a video's frames that a plan picks, ascending.

    Args:
        plan: `all`; `rate2`, two a second; `uniform500`, 500 evenly spaced; or `diverse500`, 500 that differ: the
            frames nearest to the centres of k-means on small grey pictures of them. A plan that asks for more frames
            than there are picks all. With `x4` behind it, as many in windows of 4 neighbouring frames (`windowed`).

    Raises:
        UserError: the plan is none of these, or a video is shorter than a window.
    """
    film = probe(path)
    kind, amount, window = check_plan(plan)
    whole = len(film) // window  # the video in windows, of which the plan picks; the rest of its frames is in none
    if not whole:
        raise UserError(f"video {path} has {len(film)} frames, fewer than the {window} of data.window; leave it out")
    count = -(-int(amount) // window)
    if kind == "rate":
        # Each frame is the first of its slot: as many slots as frames at most, however far apart their stamps are.
        slots = np.floor((film.seconds + 0.5 / film.rate) * amount / window)
        frames = np.unique(slots, return_index=True)[1]
        picked = sorted({int(n) for n in (frames // window).clip(0, whole - 1)})
    elif kind == "all" or count >= whole:
        picked = [*range(whole)]
    elif kind == "uniform":
        picked = _even(whole, count)
    else:
        picked = _once(path, plan, cache, lambda: _diverse(path, whole, window, count))
    return [window * n + i for n in picked for i in range(window)]


def windowed(plan: str, window: int) -> str:
    """A plan whose frames come in windows of neighbours; the same plan where a window is one frame."""
    return plan if window == 1 else f"{plan}x{window}"


def _once(path: str | Path, plan: str, cache: str | Path | None, choice: Callable[[], list[int]]) -> list[int]:
    """A choice by a plan, kept in `cache`."""
    stat = os.stat(path)
    key = hashlib.sha256(json.dumps([str(Path(path).resolve()), stat.st_size, stat.st_mtime_ns, plan]).encode())
    kept = Path(cache).expanduser() / "frames" / f"{key.hexdigest()[:16]}.json" if cache is not None else None
    if kept is not None and kept.exists():
        with contextlib.suppress(UserError):
            numbers, count = read_json(kept), len(probe(path))
            if isinstance(numbers, list) and all(type(n) is int and 0 <= n < count for n in numbers):
                return numbers
    numbers = choice()
    if kept is not None:
        write_atomically(kept, json.dumps(numbers).encode())
    return numbers


def spread(features: np.ndarray, count: int) -> np.ndarray:
    """(N,) the cluster of each of N feature rows (N, D) by k-means with `count` centres, and its distance from the
    centre, as (2, N)."""
    rows = np.ascontiguousarray(features, np.float32)
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1e-2)
    start = np.zeros((len(rows), 1), np.int32)
    _, clusters, centres = cv2.kmeans(rows, count, start, stop, 1, cv2.KMEANS_PP_CENTERS)
    labels = np.asarray(clusters).ravel()
    return np.stack([labels, np.linalg.norm(rows - np.asarray(centres)[labels], axis=1)])


def thumbnail(pixels: np.ndarray, size: int = THUMBNAIL) -> np.ndarray:
    """(size, size) float32 grey of an RGB image."""
    small = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)


def check_plan(plan: str) -> tuple[str, float, int]:
    """Kind, amount and the length of windows of a choice of frames.

    Raises:
        UserError: it is none.
    """
    plan, times, window = plan.partition("x")
    match = re.fullmatch(r"(all)|(rate)(\d+\.?\d*)|(uniform|diverse)(\d+)", plan)
    kind, amount = next(((m[i], m[i + 1] or "0") for m in [match] for i in (1, 2, 4) if m and m[i]), ("", "0"))
    if (
        not kind
        or (times and not re.fullmatch("[1-9][0-9]?", window))
        or (kind != "all" and not float(amount if kind != "all" else 1) > 0)
    ):
        raise UserError(f"frames {plan!r} is no choice of frames; write all, rate2, uniform500 or diverse500")
    return kind, 0.0 if kind == "all" else float(amount), int(window) if times else 1


def _even(total: int, count: int) -> list[int]:
    """`count` numbers below `total`, evenly spaced."""
    return [int(n) for n in (np.arange(count) + 0.5) * total / count]


def _diverse(path: str | Path, whole: int, window: int, count: int) -> list[int]:
    """`count` of `whole` windows whose first frames differ."""
    candidates = [window * n for n in _even(whole, min(whole, max(CANDIDATES, 2 * count)))]
    numbers, pictures = [], []
    for number, pixels in read_frames(path, candidates):
        numbers.append(number // window)
        pictures.append(thumbnail(pixels).ravel())
    if len(numbers) <= count:
        return numbers
    cluster, distance = spread(np.stack(pictures), count)
    order = np.lexsort((distance, cluster))
    first = order[np.unique(cluster[order], return_index=True)[1]]
    return sorted(numbers[i] for i in first)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    import av

    with contextlib.suppress(av.error.FFmpegError):  # behind a damaged stretch nobody knows which frame is which
        yield from container.decode(stream)


def _pixels(frame: Any) -> np.ndarray:
    pixels: np.ndarray = frame.to_ndarray(format="rgb24")
    # FFmpeg's rotation is counter-clockwise, as numpy's.
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


class _Container:
    """The container and its first video stream, closed again; a file that is no video is an error naming it."""

    def __init__(self, path: str | Path) -> None:
        import av

        self.path = path
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe may never say anything
            raise UserError(f"{path} is no video: it is no plain file; replace or remove it")
        try:
            self.container = av.open(os.path.abspath(path), options={**ALONE}, metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            if limits.is_pointer(Path(path)):
                raise UserError(f"{path} is {limits.FETCHED}") from None
            raise UserError(f"{path} is no video that can be opened ({_reason(error)}); convert or remove it") from None

    def __enter__(self) -> tuple[Any, Any]:
        if not self.container.streams.video:
            self.container.close()
            raise UserError(f"{self.path} has no video stream; is it a sound file?")
        return self.container, self.container.streams.video[0]

    def __exit__(self, *_: object) -> None:
        self.container.close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
