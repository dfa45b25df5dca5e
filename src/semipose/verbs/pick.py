"""`semipose pick`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from semipose.inference.next_labels import Choice


def pick(
    model: str | Path,
    data: str | Path | None = None,
    *,
    count: int = 20,
    format: Literal["dlc", "sleap", "label-studio", "cvat", "coco"] | None = None,
    confidence: float = 0.2,
    scorer: str | None = None,
    frames: str | None = None,
    boxes: str | None = None,
    device: str = "auto",
    seed: int = 0,
    out: str | Path = "picked",
    progress: bool = True,
) -> Choice:
    """Choose images to label next, uncertain and different ones, with predictions filled in.

    Pictures are written as PNG, for DeepLabCut to labeled-data/<video>/, else to images/, the labels in the tool's
    format, and picked.csv, which says why. How they are chosen is in semipose.inference.next_labels.

    Args:
        model: A run's folder, whose networks are all asked, or a model.safetensors.
        data: A data.yaml, or images and videos; a run's own unlabelled by default.
        count: How many.
        format: Of the tool to label in, by default that which the labels are from, or coco; dlc is DeepLabCut, which
            needs semipose[dlc], sleap semipose[sleap].
        confidence: Joints below it are left for you to place.
        scorer: For DeepLabCut; by default that of the project which the labels are from.
        frames: Of videos: all, rate2 (two a second), uniform500 or diverse500.
        boxes: A JSON of boxes, or people, found by a detector; without, what the run's finder finds, and of a run that
            has none each image or frame is one box.
        device: cpu, cuda, cuda:1, ...
        seed: Of the views.
        out: A new folder for pictures and labels.

    Returns: the files written, the images chosen, first choice first, and what could not be looked at.

    Raises:
        UserError: there are fewer images to choose from, the format's package is not installed, the folder is not
            empty, or as audit.

    Example: semipose pick runs/dual --count 20 --format label-studio --out next
    """
    from semipose.errors import UsageError
    from semipose.inference.next_labels import choose_images

    if str(model).isdigit() and data is not None and not Path(str(model)).exists():
        raise UsageError(f"how many comes with --count: semipose pick {data} --count {model}")

    how = {"frames": frames, "boxes": boxes, "device": device, "seed": seed, "progress": progress}
    return choose_images(count, model, data, format, out, confidence, scorer, **how)  # type: ignore[arg-type]


def _print(result: Choice, asked: SimpleNamespace) -> None:
    if result.remark:
        print(f"{result.remark}, so images that are labelled already may be among these")
    if result.unfound:
        print(result.unfound)
    files = ", ".join(map(str, result.files))
    print(f"{len(result.images)} images to label, with predictions; wrote {files}")
