"""`semipose predict`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from semipose.inference.files import Prediction

_BARE = {"flip_test": "plain"}


def predict(
    model: str | Path,
    source: str | Path,
    *,
    out: str | Path = "predictions",
    boxes: str | Path | None = None,
    frames: str = "all",
    formats: Sequence[Literal["coco", "csv", "smoothed", "dlc", "dlc-csv", "sleap", "movement", "overlay"]] = ("coco",),
    submit: str | None = None,
    overlay: bool = True,
    colors: Literal["joint", "side"] = "joint",
    names: bool = False,
    legend: bool = True,
    device: str = "auto",
    decode: Literal["argmax", "quarter", "dark"] | None = None,
    flip_test: Literal["none", "plain", "shift"] = "none",
    views: str = "none",
    also: Sequence[str | Path] = (),
    bodies: int | None = None,
    track: bool | None = None,
    precision: Literal["32-true", "bf16-mixed", "auto"] = "32-true",
    cache: str | Path | None = "~/.cache/semipose",
    progress: bool = True,
) -> Prediction:
    """Predict on images, folders and videos.

    An image or frame that cannot be read is left out; no input is written over. Ctrl-C: what is done is written.

    Args:
        model: A run's folder, a model.safetensors, or the .onnx that export wrote.
        source: An image, a video, a folder, a quoted pattern or a .txt that lists files.
        out: Folder for what is written.
        boxes: A JSON of boxes; people, found by a detector; a first run; or whole images. Without, what the run's
            finder finds; of a run that has none, each image or frame is one box.
        frames: Of videos: all, rate2 (two a second), uniform500 or diverse500.
        formats: Files to write; coco is keypoints.json, smoothed a CSV of raw places and those of a Kalman smoother.
        submit: Also write the TEST-DEV file for COCO's server, under this name of a method.
        overlay: Pictures and videos with the poses on them.
        colors: Of the poses: a colour for each joint, or for left, right and middle.
        names: Write the joints' names beside them.
        legend: A strip below says which colour is which.
        device: cpu, cuda, cuda:1, ...
        decode: How a heatmap's peak becomes a position; the run's by default.
        flip_test: Average with the mirrored image: plain, or shift for cells at corners (SimpleBaseline's and HRNet's
            weights).
        views: Average over views of each crop, as in flip+turn15+scale10: mirrored, turned 15 degrees either way, 10 %
            larger and smaller, beside the plain one.
        also: Further runs or model.safetensors, such as RUN/model-b.safetensors of Dual: poses are the mean of two,
            the median of more, and error bars are no smaller than their disagreement.
        bodies: In an image at most, for the run's finder; without, as many as a labelled image shows.
        track: Follow bodies through videos: COCO's track_id, a column of the CSV, DeepLabCut's individuals, SLEAP's
            tracks, colours. Without, where frames may have several bodies.
        precision: bf16-mixed is sooner on GPUs and some processors, and moves joints by hundredths of a pixel of a
            heatmap; auto takes it where it is.
        cache: Where found boxes are kept.

    Each joint has a radius that holds the truth in nine of ten cases, error90_px, where the model has learnt one from
    its validation.

    Returns: the files written, how many frames in how many seconds, what could not be read, and which images and frames
        are unlike what the model has seen.

    Raises:
        UserError: there is nothing to predict on, or nothing that can be read; or the folder cannot be written, or
            holds a file that no run wrote under a name that is to be written.
        Stopped: after Ctrl-C or SIGTERM, when what was predicted until then is written.

    Example: semipose predict runs/dual video.mp4 --formats csv dlc-csv --out predictions
    """
    from semipose.inference.files import predict_files
    from semipose.outputs.base import Style

    return predict_files(
        model,
        source,
        out,
        boxes,
        overlay,
        device,
        decode,
        flip_test,
        submit,
        formats,
        frames,
        cache,
        progress,
        views,
        also,
        bodies,
        track,
        precision,
        Style(colors, names, legend),
    )


def _print(result: Prediction, asked: SimpleNamespace) -> int:
    from semipose.inference.files import boxes_of_run, left_out

    if asked.boxes is None and (note := boxes_of_run(Path(asked.model))):
        print(f"semipose predict: {note}", file=sys.stderr)
    pictures = [file for file in result.files if file.suffix == ".jpg"]
    named = [str(file) for file in result.files if file not in pictures]
    named += [f"{len(pictures)} overlay pictures in {asked.out}"] if pictures else []
    rate = f"{result.frames / result.seconds:.1f} a second"
    print(f"{result.frames} images and frames in {result.seconds:.1f} s, {rate}; wrote {', '.join(named)}")
    if result.unlike:
        share = f"{len(result.unlike)} of {result.frames} ({100 * len(result.unlike) / result.frames:.0f} %)"
        first = ", ".join(result.unlike[:3]) + (", ..." if len(result.unlike) > 3 else "")
        print(f"unlike what the model has seen: {share}, 1 % expected; in {asked.out}/unlike.txt: {first}")
    if result.unfound:
        first = ", ".join(result.unfound[:3]) + (", ..." if len(result.unfound) > 3 else "")
        print(f"no body was found in {len(result.unfound)} of {result.frames} images and frames: {first}")
    for remark in result.remarks:
        print(f"semipose predict: {remark}", file=sys.stderr)
    if result.damaged:
        print(f"semipose predict: {left_out(result.damaged, result.frames)}", file=sys.stderr)
    return int(bool(result.damaged))
