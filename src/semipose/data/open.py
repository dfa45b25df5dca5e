"""Opening any data source: which reader a path, or the text of a source of synthetic people, needs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from semipose.data.extent import whole
from semipose.data.images import image_size
from semipose.data.readers import Format, aic, coco, folder, mpii
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.cvat import is_cvat
from semipose.data.readers.folder import with_boxes
from semipose.data.readers.json_files import ends, outward, starts
from semipose.data.readers.label_studio import is_label_studio
from semipose.data.readers.yolo import KINDS, is_yolo
from semipose.data.sample import PoseData
from semipose.data.video import FRAMES, is_video
from semipose.errors import UserError, UserErrors, reason_of
from semipose.limits import is_pointer
from semipose.skeleton import Skeleton, joined

READERS = (
    "synthetic",
    "h36m",
    "aic",
    "mpii",
    "lsp",
    "deeplabcut",
    "lightning_pose",
    "sleap",
    "yolo",
    "cvat",
    "label_studio",
    "nwb",
    "plain_csv",
    "coco",
    "folder",
)
"""Files of `semipose.data.readers`: a new format is a file there and its name here. The first that fits a source reads
it, so `coco`, which takes any JSON, comes after those of their own kind."""
FORMATS: tuple[Format, ...] = tuple(import_module(f"semipose.data.readers.{name}").FORMAT for name in READERS)
"""What is understood."""
WHOLE = "whole"
"""Boxes of unlabelled images that are not in a file."""


class Finder(Protocol):
    """What finds boxes, such as a detector of people."""

    def find(self, data: PoseData, cache: str | Path | None) -> PoseData:
        """The same images in the boxes found there; what was found is kept in `cache`."""


FinderOf = Callable[[str], Finder | None]
"""The finder that a choice of boxes names, None where it names a file: `semipose.inference.boxes.finder_of`."""


def open_labeled(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    skeleton: Skeleton | None = None,
    outside: bool = False,
) -> PoseData:
    """The samples of `source` that have labels, crowds left out.

    Args:
        source: a COCO keypoints file; a project of DeepLabCut or Lightning Pose; a .slp of SLEAP; a YAML of YOLO-pose;
            an export of CVAT or Label Studio; a CSV; an annotation file of LSP, MPII, AI Challenger or Human3.6M; or
            "synth:<domain>?count=1000&seed=0&start=0". What a file is, is read from its content.
        images: the folder of the images; each reader has its own default.
        category: which, of a source of several kinds of things; see `read_coco`.
        skeleton: for COCO; see `read_coco`.
        outside: whether images are read where a path of the source leads out of the folder of the images.

    Raises:
        UserError: no format fits, nothing in it is labelled, or the reader found a fault.
    """
    data = open_all(source, images, category, skeleton, outside)
    if not len(data.labeled()):
        why = f" ({'; '.join(data.remarks)})" if data.remarks else ""
        raise UserError(
            f"{source}: none of its {len(data)} samples has a labelled joint; is it the unlabelled data?{why}"
        )
    return data.labeled()


def open_all(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    skeleton: Skeleton | None = None,
    outside: bool = False,
) -> PoseData:
    """Like `open_labeled`, with the samples that have no label, and crowds."""
    what, _, read, _ = _format(source)
    if read is None and Path(source).is_dir():
        raise UserError(
            f"{source} is a folder, which has no labels; name the file of labels, or run semipose init {source}"
        )
    if read is None:
        raise UserError(
            f"{_shown(source, what)}, which has no labels; {_LABELS}, or a folder of them for semipose init"
        )
    with outward(outside):
        return read(source, images=images, category=category, skeleton=skeleton, outside=outside)


def open_unlabeled(
    source: str | Path | Sequence[str],
    images: str | Path | None = None,
    frames: str = FRAMES,
    boxes: str = WHOLE,
    cache: str | Path | None = None,
    labels: bool = False,
    finder_of: FinderOf | None = None,
    outside: bool = False,
) -> PoseData:
    """All samples of `source` but crowds, without labels if it has any.

    Args:
        source: whatever `open_labeled` takes; images and videos as a folder, pattern, file or list; a JSON of boxes; or
            several of these.
        images: the images folder of a JSON file.
        frames: which frames of each video, see `semipose.data.video.choose`.
        boxes: what of images and frames is looked at: `whole`; a JSON of boxes in them (`read_boxes`); or what
            `finder_of` knows: `people` (found by torchvision's detector), a run or model.safetensors, whose joints on
            whole images span the boxes. Not of a source that has boxes of its own.
        cache: where choices of frames and found boxes are kept.
        labels: leave those there are, to measure by (a JSON file's are not looked at), and crowds.
        finder_of: what finds boxes that are not in a JSON.
        outside: as `open_labeled`.

    Raises:
        UserError: boxes for a source that has its own, boxes that have to be found where there is no `finder_of`, no
            format fits, or the reader found a fault.
    """
    if not isinstance(source, str | Path):
        parts, faults = [], list[str]()
        for one in source:
            try:
                parts.append(open_unlabeled(one, images, frames, boxes, cache, labels, finder_of, outside))
            except UserError as error:
                faults += error.several if isinstance(error, UserErrors) else [str(error)]
        if faults:
            raise UserErrors(faults)
        skeletons = [part.skeleton for part in parts if part.skeleton is not None]
        skeleton = joined(skeletons) if skeletons else None
        parts = [part.onto(skeleton) if skeleton and part.skeleton else part for part in parts]
        names = Counter(s.id for part in parts for s in part)
        samples = [s if names[s.id] == 1 else replace(s, id=f"{part.name}/{s.id}") for part in parts for s in part]
        told = (sum((getattr(part, each) for part in parts), ()) for each in ("remarks", "left_out", "unfound"))
        return PoseData("+".join(part.name for part in parts), skeleton, tuple(samples), *told)
    kind = _format(source)
    if kind.unlabeled is None:
        raise UserError(f"{source} is {kind.what}, which cannot be used unlabelled; {_PICTURES}")
    with outward(outside):
        data = kind.unlabeled(source, images=images, frames=frames, cache=cache, outside=outside)
    if boxes == WHOLE:
        return data if labels else data.unlabeled()
    free = kind is coco.FORMAT and all(s.box == whole(image_size(s.image)) for s in data)
    if not free and kind is not folder.FORMAT:
        raise UserError(
            f"{source} has boxes of its own, which boxes of {boxes} cannot replace; leave those out, or name its images"
        )
    if finder_of is None and not boxes.lower().endswith(".json"):
        raise UserError(f"boxes of {boxes} are not in a JSON and nothing here finds them; name a JSON of boxes")
    if finder_of is not None and (finder := finder_of(boxes)) is not None:
        return finder.find(data, cache)
    near = Path(str(source)) if Path(str(source)).is_dir() else Path(str(source)).parent
    return with_boxes(data, read_boxes(boxes, images or (near if near.is_dir() else None)))


def is_pictures(source: str | Path) -> bool:
    """Whether a source is images and videos alone: a folder, a pattern, a file or a list of them.

    Raises:
        UserError: no format fits.
    """
    return _format(source).labeled is None


def holds_labels(path: Path) -> bool:
    """Whether a file looks like labels: a JSON only where it has COCO's words or is of a known data set. COCO's
    results, which are predictions, have joints and no list of images."""
    kind = path.suffix.lower()
    if kind in KINDS or kind == ".xml":
        return is_yolo(str(path)) or is_cvat(str(path))
    if kind != ".json" or is_pointer(path):
        return _format(path).labeled is not None
    text = ends(str(path))
    # In a large file the ends show only some of its lists: images first and categories last, as a rule.
    is_coco = starts(str(path), "{") and any(f'"{key}"' in text for key in ("images", "annotations"))
    return (is_coco and '"keypoints"' in text) or any(
        fits(str(path)) for fits in (aic.is_aic, mpii.is_mpii, is_label_studio)
    )


def _format(source: str | Path) -> Format:
    try:
        for candidate in FORMATS:
            if candidate.fits(str(source)):
                return candidate
    except (OSError, ValueError) as error:  # a name that no disk can hold
        raise UserError(f"{source!r:.100} is no data source ({reason_of(error)}); check the path") from error
    if not os.path.exists(source):
        raise UserError(f"{source} does not exist; check the path")
    raise UserError(f"{source} is no data source; understood are: {'; '.join(each.what for each in FORMATS)}")


_LABELS = (
    "name labels: a project of DeepLabCut, Lightning Pose or SLEAP, a JSON of COCO or Label Studio, a YAML of"
    " YOLO-pose, CVAT's XML, an .nwb, or a CSV of image, joint, x, y"
)
_PICTURES = "name images: a folder, a pattern as 'frames/*.png', an image, a video, or a .txt list of them"


def _shown(source: str | Path, what: str) -> str:
    """A source, and what it is: of images and videos which of them."""
    path = Path(source)
    if path.suffix.lower() == ".txt":
        return f"{source} is a list of images and videos"
    if path.is_file():
        return f"{source} is a {'video' if is_video(path) else 'picture'}"
    return f"{source} is {what}"
