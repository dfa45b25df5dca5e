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
    formats: Sequence[Literal["coco", "csv", "dlc", "dlc-csv", "sleap", "overlay"]] = ("coco",),
    submit: str | None = None,
    overlay: bool = True,
    device: str = "auto",
    decode: Literal["argmax", "quarter", "dark"] | None = None,
    flip_test: Literal["none", "plain", "shift"] = "none",
    views: str = "none",
    cache: str | Path | None = "~/.cache/semipose",
    progress: bool = True,
) -> Prediction:
    """Predict on images, folders and videos.

    An image or frame that cannot be read is left out; no input is written over.

    Args:
        model: A run's folder or a model.safetensors.
        source: An image, a video, a folder, a quoted pattern or a .txt that lists files.
        out: Folder for what is written.
        boxes: A JSON of boxes; people, found by a detector; or a first run. Without, each image or frame is one box.
        frames: Of videos: all, rate2 (two a second), uniform500 or diverse500.
        formats: Files to write; coco is keypoints.json.
        submit: Also write the TEST-DEV file for COCO's server, under this name of a method.
        overlay: Pictures and videos with the poses on them.
        device: cpu, cuda, cuda:1, ...
        decode: How a heatmap's peak becomes a position; the run's by default.
        flip_test: Average with the mirrored image: plain, or shift for cells at corners (SimpleBaseline's and HRNet's
            weights).
        views: Average over views of each crop, as in flip+turn15+scale10: mirrored, turned 15 degrees either way, 10 %
            larger and smaller, beside the plain one.
        cache: Where found boxes are kept.

    Returns: the files written, how many frames in how many seconds, and what could not be read.

    Raises:
        UserError: there is nothing to predict on, or nothing that can be read; or the folder cannot be written, or
            holds a file that no run wrote under a name that is to be written.

    Example: semipose predict runs/dual video.mp4 --formats csv dlc --out predictions
    """
    from semipose.inference.files import predict_files

    how = {"submit": submit, "formats": formats, "frames": frames, "cache": cache, "progress": progress, "views": views}
    return predict_files(model, source, out, boxes, overlay, device, decode, flip_test, **how)  # type: ignore[arg-type]


def _print(result: Prediction, asked: SimpleNamespace) -> int:
    from semipose.inference.files import boxes_of_run, left_out

    if asked.boxes is None and (note := boxes_of_run(Path(asked.model))):
        print(f"semipose predict: {note}", file=sys.stderr)
    pictures = [file for file in result.files if file.suffix == ".jpg"]
    named = [str(file) for file in result.files if file not in pictures]
    named += [f"{len(pictures)} overlay pictures in {asked.out}"] if pictures else []
    rate = f"{result.frames / result.seconds:.1f} a second"
    print(f"{result.frames} images and frames in {result.seconds:.1f} s, {rate}; wrote {', '.join(named)}")
    for remark in result.remarks:
        print(f"semipose predict: {remark}", file=sys.stderr)
    if result.damaged:
        print(f"semipose predict: {left_out(result.damaged, result.frames)}", file=sys.stderr)
    return int(bool(result.damaged))
