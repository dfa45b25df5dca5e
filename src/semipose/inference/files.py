"""Predicting on files: images, folders and videos in, and what other tools read out."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from semipose.config.resolve import read_yaml
from semipose.data import refs
from semipose.data.images import read_images
from semipose.data.marks import is_own
from semipose.data.pictures import not_read
from semipose.data.readers.folder import strange_in
from semipose.data.refs import is_frame, parse
from semipose.data.sample import PoseData, Sample
from semipose.data.video import cut_short, is_video
from semipose.errors import UserError
from semipose.files import bears, plain_bytes, read_json, write_atomically
from semipose.inference.bodies import MOST
from semipose.inference.boxes import finder_file
from semipose.inference.ensemble import Ensemble
from semipose.inference.found import Found
from semipose.inference.predictor import HELD, Boxes, Predictor
from semipose.inference.tracking import Tracker
from semipose.memory import keep_freed_memory
from semipose.outputs import Frame, Job, check_writers, ended_apart, writers
from semipose.outputs.base import PLAIN, Style
from semipose.signals import Interruption, Stopped

T = TypeVar("T")
Groups = dict[str, tuple[Sample, tuple[Sample, ...]]]
"""Image or frame -> its sample, and its boxes, of which a frame may have none."""
UNLIKE = b"# unlike what the model has seen\n"
AHEAD = 16
"""Frames that are decoded before they are asked for, and that go through the network together."""


class Prediction(NamedTuple):
    """`files`: what was written, keypoints.json first where it is among them, the submission last. `seconds`: all but
    the loading of the network, the search for boxes included. `damaged`: why images and frames that could not be read
    were left out. `unlike`: the names of images and frames with a pose unlike what the model has seen, as one in a
    hundred of its validation's is; they are in unlike.txt. `unfound`: those in which the run's finder finds nothing.
    `remarks`: what else to know, such as files that are not read and videos that end early."""

    files: list[Path]
    frames: int
    seconds: float
    damaged: list[str]
    unlike: Sequence[str] = ()
    unfound: Sequence[str] = ()
    remarks: Sequence[str] = ()


def predict_files(
    model: str | Path,
    source: str | Path,
    out: str | Path,
    boxes: str | Path | None = None,
    overlay: bool = True,
    device: str = "auto",
    decode: str | None = None,
    flip_test: str = "none",
    submit: str | None = None,
    formats: Sequence[str] = ("coco",),
    frames: str = "all",
    cache: str | Path | None = "~/.cache/semipose",
    progress: bool = True,
    views: str = "none",
    also: Sequence[str | Path] = (),
    bodies: int | None = None,
    track: bool | None = None,
    precision: str = "32-true",
    style: Style = PLAIN,
) -> Prediction:
    """Predict on images and videos, and write the files chosen. The pixels of a few frames are in memory at a time; the
    list of all frames and their boxes takes about 1 kB a frame, and SLEAP's file is kept until its end. An image or
    frame that cannot be read is left out; no input is written over.

    Args:
        model: a run folder, a model.safetensors or an exported .onnx.
        source: an image, a video, a folder or pattern of them, or a .txt list; with a JSON of boxes, also the folder
            that its file names are relative to.
        out: the folder to write to. Of a source folder that it lies in, what is in it is no source; nor is a picture or
            video that an earlier run drew.
        boxes: None, what the run's finder finds, or without one each image or frame; "whole", each image or frame;
            "people", those that torchvision's detector finds; another run or model.safetensors, whose joints on whole
            images span the boxes; or a JSON of boxes (see `semipose.data.readers.boxes.read_boxes`), a frame's file
            name being "clip.mp4#17", and "clip.mp4" all frames'. Images without a box are left out; of a video that has
            any, films and tables hold all `frames`. Where they have scores, poses are rescored by them and doubles left
            out (`detection_results`).
        overlay: write pictures and videos with the poses on them: NAME.jpg and NAME.mp4, or NAME_semipose where that is
            taken by a file that no earlier run wrote.
        decode, flip_test, views, precision: as of `Predictor.load`.
        submit: a method's name: also write the file that COCO's server takes for TEST-DEV (`write_submission`).
        formats: of `semipose.outputs.FORMATS`: coco (keypoints.json), csv, smoothed, dlc (H5), dlc-csv, sleap, movement
            (NetCDF), overlay.
        frames: which frames of a video, see `semipose.data.video.choose`.
        cache: where found boxes are kept.
        also: further networks, as `model`: see `semipose.inference.ensemble`.
        bodies: in an image, at most, for a run's finder; None, as many as a labelled image of its data shows.
        track: follow bodies through videos (`semipose.inference.tracking`), each of which then has a number; None,
            where frames of videos may have several.
        style: how poses are drawn.

    Raises:
        UserError: there is nothing to predict on, or nothing that can be read; the folder cannot be written, or holds
            an input, or a file that no run wrote, under the name of a file that is to be written.
        Stopped: after SIGINT or SIGTERM, when what was predicted until then is written.
    """
    from rich.console import Console
    from rich.progress import track as counted

    from semipose.metrics.detections import best_poses, check_submission, write_submission

    names = [*formats, *(["overlay"] if overlay else []), *(["coco"] if submit else [])]
    check_writers(names)
    keep_freed_memory()
    members = [Predictor.load(each, device, decode, flip_test, views, precision) for each in (model, *also)]
    second = Ensemble(members) if also else members[0]
    first = finder_file(model) if boxes is None else None
    if bodies is not None and not (first is not None and 1 <= bodies <= MOST):
        raise UserError(
            f"bodies is {bodies}, of images in which a run's finder finds them: 1 to {MOST}"
            if first is not None
            else f"bodies is {bodies}, and {model} has no finder, or boxes are given: leave it out"
        )
    predictor = second if first is None else Found.load(first, second, device, bodies)
    folder, damaged, unlike, unfound = Path(out), list[str](), list[str](), list[str]()
    began = time.perf_counter()
    data, areas = _opened(source, boxes, frames, cache, folder, device, damaged)
    groups = _grouped(data, areas)
    before = len(damaged)
    if not groups:
        raise UserError(f"{boxes or source} holds no box; without --boxes, each image or frame is one")
    if submit is not None:
        shown = (boxed[0] if boxed else whole for whole, boxed in groups.values())
        check_submission(submit, predictor.skeleton, (sample.image_id for sample in shown))
    _writable(folder)
    files = (parse(image).file for image in groups)
    inputs = {Path(source), *([Path(boxes)] if boxes else []), *(file for file in files if file is not None)}
    most = predictor.most if isinstance(predictor, Found) else max(len(boxed) for _, boxed in groups.values())
    films = any(map(is_frame, groups))
    if track and not films:
        raise UserError(f"bodies are followed through videos, and {source} has none; leave out --track")
    tracked = films and most > 1 if track is None else track
    order = dict.fromkeys(ref.file if isinstance(ref, refs.Frame) else None for ref in map(parse, groups))
    job = Job(folder, predictor.skeleton, most, frozenset(p.resolve() for p in inputs), tracked, style, tuple(order))
    odd = _place_of_unlike(job)
    tracker, film = Tracker(most), None
    with contextlib.ExitStack() as stack:
        interruption = stack.enter_context(Interruption())  # until the writers have ended
        outputs = stack.enter_context(ended_apart(writers(names, job)))
        waiting: deque[Frame] = deque()
        incoming = stack.enter_context(contextlib.closing(_ahead(_frames(groups, damaged))))
        found = predictor.pairs(_noted(incoming, waiting), AHEAD)
        console = Console(stderr=True)
        count = 0
        for poses in counted(
            found, "predicting", len(groups), console=console, disable=not progress or len(groups) < 20
        ):
            frame = waiting.popleft()
            count += 1
            samples = frame.samples
            unfound += [frame.name] * (not poses and boxes is None)
            unlike += [frame.name] * any(pose.unlike for pose in poses)
            scores = [float(pose.score.mean()) for pose in poses]
            if samples and all(sample.score is not None for sample in samples):
                points = np.stack([pose.keypoints for pose in poses])
                size, padding = predictor.network.size, predictor.padding
                kept, best = best_poses(samples, points, predictor.skeleton, size, padding, None)
                poses, scores = [poses[i] for i in kept], best.tolist()
            if tracked and frame.video is not None:
                if frame.video != film:
                    tracker, film = Tracker(most), frame.video
                poses = tracker(frame.number, poses)
            for output in outputs:
                output.add(frame, poses, scores)
            if interruption.asked:
                break
        if not count:
            raise UserError(left_out(damaged, 0))
    seconds = time.perf_counter() - began
    written = [file for output in outputs for file in output.files]
    if submit is not None:
        results = json.loads((folder / "keypoints.json").read_text())
        written.append(write_submission(results, folder, submit, predictor.skeleton))
    if unlike:
        written.append(odd)
        write_atomically(odd, UNLIKE + plain_bytes("".join(f"{name}\n" for name in unlike)))
    elif odd.exists():
        odd.unlink()  # of an earlier run: it would be taken for what is said of these
    if interruption.asked and count + len(damaged) - before < len(groups):
        held = ", ".join(file.name for file in written if file.suffix != ".jpg") or "the pictures there"
        then = f"of these alone: {held}; the same command begins anew"
        raise Stopped(count, folder, then, f"{count:,} of {len(groups):,} images and frames")
    remarks = [
        *dict.fromkeys([*data.remarks, *areas.remarks]),
        *_gone(areas, groups),
        *_remarks(Path(source), folder, groups),
    ]
    return Prediction(written, count, seconds, damaged, unlike, unfound, remarks)


def _place_of_unlike(job: Job) -> Path:
    """unlike.txt; with a number where somebody else's is there."""
    names = (f"unlike-{n}.txt" if n else "unlike.txt" for n in itertools.count())
    return next(
        p
        for p in map(job.folder.joinpath, names)
        if p.resolve() not in job.inputs and (not p.exists() or bears(p, UNLIKE))
    )


def _remarks(source: Path, out: Path, groups: Groups) -> list[str]:
    """Of a folder, the files that are not read, and of videos those that end early."""
    inside = strange_in(source)
    films = dict.fromkeys(ref.file for image in groups if isinstance(ref := parse(image), refs.Frame))
    lines = [not_read([path for path in inside if out.resolve() not in path.resolve().parents])]
    for film in films:
        with contextlib.suppress(UserError):
            lines.append(cut_short(film))
    return [line for line in lines if line]


def _gone(areas: PoseData, groups: Groups) -> list[str]:
    """Of images that are left out because a detector or a first run finds nothing there."""
    shown = {whole.id for whole, _ in groups.values()}
    gone = [name for name in areas.unfound if name not in shown]
    if not gone:
        return []
    first = ", ".join(gone[:3]) + ", ..." * (len(gone) > 3)
    return [f"nothing was found in {len(gone):,} images, which are left out: {first}"]


def boxes_of_run(run: Path) -> str | None:
    """What to know of a run that was trained on boxes, where none are given, or why that is not known."""
    file = run / "config.yaml"
    try:
        data = read_yaml(file).get("data") if file.exists() else None
        most, whole = _instances(run)
    except UserError as error:
        return f"whether {run} was trained on boxes around instances is not known: {error}"
    data = data if isinstance(data, dict) else {}
    if finder_file(run) is not None or (data.get("boxes") not in ("labels", "corners") and whole):
        return None
    found = data.get("unlabeled_boxes", "whole")
    named = isinstance(found, str) and found != "whole"
    where = f"--boxes {found}" if named else "--boxes, which takes a JSON, people or a first run,"
    several = f" (up to {most} in an image)" if most > 1 else ""
    return (
        f"{run} was trained on boxes around instances{several}, in each of which it finds one pose, and here each image"
        f" or frame is one; {where} finds them"
    )


def _instances(run: Path) -> tuple[int, bool]:
    """Of what a run was validated on: the most instances in an image, and whether boxes were whole images.

    Raises:
        UserError: its summary.json is damaged.
    """
    file = run / "summary.json"
    summary = read_json(file) if file.exists() else None
    boxes = summary.get("boxes") if isinstance(summary, dict) else None
    if not isinstance(boxes, dict):
        return 1, True
    most, whole = boxes.get("most"), boxes.get("whole")
    return most if type(most) is int else 1, whole is not False


def left_out(damaged: Sequence[str], read: int) -> str:
    """One line about images and frames that could not be read, beside `read` that could."""
    if len(damaged) == 1 and not read:
        return damaged[0]
    more = f"; and {len(damaged) - 3} more" if len(damaged) > 3 else ""
    count = f"{len(damaged)} of {len(damaged) + read} images and frames could not be read"
    return f"{count} and were left out: {'; '.join(damaged[:3])}{more}"


def _opened(
    source: str | Path,
    boxes: str | Path | None,
    frames: str,
    cache: str | Path | None,
    out: Path,
    device: str,
    damaged: list[str],
) -> tuple[PoseData, PoseData]:
    """The images and frames, and the boxes in them."""
    from semipose.data.open import WHOLE, is_pictures, open_unlabeled
    from semipose.data.readers.boxes import read_boxes
    from semipose.data.readers.folder import read_folder, with_boxes
    from semipose.inference.boxes import find_boxes, finder_of

    kind, named = str(boxes or WHOLE), Path(source)
    finder = finder_of(kind, device) if kind != WHOLE else None
    listed = kind != WHOLE and finder is None
    if not (listed and named.is_dir()) and not is_pictures(source):
        data = open_unlabeled(source, frames=frames, boxes=kind, cache=cache, finder_of=lambda _: finder)
        return data, data
    near = named if named.is_dir() else named.parent
    found = read_boxes(kind, near if near.is_dir() else None) if listed else None
    if found is not None and named.is_dir() and not any(is_frame(image) or is_video(image) for image in found.images):
        return found, found
    data = read_folder(source, frames, cache, lambda path: _is_output(path, named, out), damaged)
    if not len(data):
        raise UserError(
            left_out(damaged, 0)
            if damaged
            else f"{source} holds nothing to predict on but what is in {out}, and pictures with poses drawn on them"
        )
    data = _once(data)
    if finder is not None:
        return data, find_boxes(data, finder, cache, damaged=damaged)
    return data, with_boxes(data, found) if found is not None else data


def _once(data: PoseData) -> PoseData:
    """Without what is there by another name too, as links are."""
    first = data.samples.images.grouped()[0]
    again = np.setdiff1d(np.arange(len(data)), first)
    if not len(again):
        return data
    names = ", ".join(data.samples.ids.take(again[:3])) + ", ..." * (len(again) > 3)
    remark = f"{len(again):,} images and frames are other names of such that are here, and are left out: {names}"
    return replace(data.subset(first), remarks=(*data.remarks, remark))


def _grouped(data: PoseData, boxes: PoseData) -> Groups:
    """Of images those with a box; of videos with a box in any frame all frames, so that nothing gets out of step."""
    found: dict[str, list[Sample]] = {}
    for box in boxes:
        found.setdefault(box.image, []).append(box)
    films = {parse(image).file for image in found if is_frame(image)}
    kept = (s for s in data if s.image in found or parse(s.image).file in films)
    return {s.image: (s, tuple(found.get(s.image, ()))) for s in kept}


def _is_output(path: Path, source: Path, out: Path) -> bool:
    """Whether a file of a source folder or pattern is not meant: what an earlier run drew, wherever it lies, and all
    that is in the folder of the predictions, if that is a folder in the source."""
    path, source, out = path.resolve(), source.resolve(), out.resolve()
    return (out in path.parents and source in out.parents) or is_own(path)


def _frames(groups: Groups, damaged: list[str]) -> Iterator[Frame]:
    alike = Counter(Path(image).name for image in groups)
    known = set(damaged)
    for place, (image, pixels) in enumerate(read_images(list(groups))):
        if isinstance(pixels, UserError):
            if str(pixels) not in known:  # by the detector
                known.add(str(pixels))
                damaged.append(str(pixels))
            continue
        whole, samples = groups[image]
        first = samples[0] if samples else whole
        ref = parse(image)
        video, number = (ref.file, ref.number) if isinstance(ref, refs.Frame) else (None, place)
        # Boxes of one image have its id in common.
        image_id = first.image_id if first.image_id is not None else Path(image).name
        short = Path(image).name
        # A number names no image to people: its file does, by the whole path where others are called so too.
        name = image_id if isinstance(image_id, str) else short if alike[short] == 1 else image
        yield Frame(name, image_id, pixels, video, number, str(video or image), samples)


def _noted(frames: Iterator[Frame], waiting: deque[Frame]) -> Iterator[tuple[np.ndarray, Boxes]]:
    """Pixels and boxes of frames, which wait in `waiting` until their poses are there."""
    for frame in frames:
        waiting.append(frame)
        yield frame.pixels, [sample.box for sample in frame.samples]


def _ahead(source: Iterator[T], count: int = AHEAD) -> Generator[T, None, None]:
    """The same, made in a thread up to `count` ahead: decoding and the network take turns on no lock."""
    items: queue.Queue = queue.Queue(count)
    stop = threading.Event()
    end = object()
    made, taken = 0, 0  # bytes: each is counted by one thread

    def put(item: object) -> bool:
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                items.put(item, timeout=0.1)
                return True
        return False

    def work() -> None:
        nonlocal made
        try:
            for item in source:
                made += _bytes(item)
                if not put(item):
                    return
                while made - taken > HELD and not stop.is_set():
                    time.sleep(0.01)
            put(end)
        except BaseException as error:  # raised again where the frames are wanted
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not end:
            if isinstance(item, BaseException):
                raise item
            taken += _bytes(item)
            yield item
    finally:
        stop.set()
        thread.join()


def _bytes(item: object) -> int:
    """Of a frame's pixels."""
    return getattr(getattr(item, "pixels", None), "nbytes", 0)


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror or error}); choose another with --out") from None
