"""Opening any data source: which reader a path, or the text of a source of synthetic people, needs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from scipy.io import whosmat
from scipy.io.matlab import MatReadError

from semipose.data.extent import whole
from semipose.data.images import image_size
from semipose.data.pictures import EXTENSIONS
from semipose.data.readers.aic import read_aic
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.coco import read_coco
from semipose.data.readers.deeplabcut import is_deeplabcut, read_deeplabcut
from semipose.data.readers.folder import LIST, read_folder, with_boxes
from semipose.data.readers.h36m import read_h36m
from semipose.data.readers.lightning_pose import is_lightning_pose, read_lightning_pose
from semipose.data.readers.lsp import read_lsp
from semipose.data.readers.mpii import read_mpii
from semipose.data.readers.plain_csv import read_plain_csv
from semipose.data.readers.sleap import read_sleap
from semipose.data.readers.tables import is_table
from semipose.data.refs import is_people, parse_people
from semipose.data.sample import PoseData
from semipose.data.synthetic import people
from semipose.data.video import FRAMES, is_video
from semipose.errors import UserError
from semipose.skeleton import Skeleton, joined

WHOLE = "whole"
"""Boxes of unlabelled images that are not in a file."""


class Finder(Protocol):
    """What finds boxes, such as a detector of people."""

    def find(self, data: PoseData, cache: str | Path | None) -> PoseData:
        """The same images in the boxes found there; what was found is kept in `cache`."""


FinderOf = Callable[[str], Finder | None]
"""The finder that a choice of boxes names, None where it names a file: `semipose.inference.boxes.finder_of`."""


class Format(NamedTuple):
    """One kind of source. `labeled` and `unlabeled` read it, and are None where it cannot be used as such."""

    what: str
    fits: Callable[[str], bool]
    labeled: Callable[..., PoseData] | None
    unlabeled: Callable[..., PoseData] | None


def open_labeled(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    skeleton: Skeleton | None = None,
) -> PoseData:
    """The samples of `source` that have labels, crowds left out.

    Args:
        source: a COCO keypoints file; a project of DeepLabCut or Lightning Pose; a .slp of SLEAP; a CSV; an annotation
            file of LSP, MPII, AI Challenger or Human3.6M; or "synth:<domain>?count=1000&seed=0&start=0". What a file
            is, is read from its content.
        images: the folder of the images; each reader has its own default.
        category, skeleton: for COCO; see `read_coco`.

    Raises:
        UserError: no format fits, nothing in it is labelled, or the reader found a fault.
    """
    data = open_all(source, images, category, skeleton)
    if not len(data.labeled()):
        raise UserError(f"{source}: none of its {len(data)} samples has a labelled joint; is it the unlabelled data?")
    return data.labeled()


def open_all(
    source: str | Path,
    images: str | Path | None = None,
    category: str | int | None = None,
    skeleton: Skeleton | None = None,
) -> PoseData:
    """Like `open_labeled`, with the samples that have no label, and crowds."""
    what, _, read, _ = _format(source)
    if read is None and Path(source).is_dir():
        raise UserError(
            f"{source} is a folder, which has no labels; name the file of labels, or run semipose init {source}"
        )
    if read is None:
        raise UserError(f"{source} is {what}, which has no labels; labelled data is one of: {_understood('labeled')}")
    return read(source, images=images, category=category, skeleton=skeleton)


def open_unlabeled(
    source: str | Path | Sequence[str],
    images: str | Path | None = None,
    frames: str = FRAMES,
    boxes: str = WHOLE,
    cache: str | Path | None = None,
    labels: bool = False,
    finder_of: FinderOf | None = None,
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

    Raises:
        UserError: boxes for a source that has its own, boxes that have to be found where there is no `finder_of`, no
            format fits, or the reader found a fault.
    """
    if not isinstance(source, str | Path):
        parts = [open_unlabeled(one, images, frames, boxes, cache, labels, finder_of) for one in source]
        skeletons = [part.skeleton for part in parts if part.skeleton is not None]
        skeleton = joined(skeletons) if skeletons else None
        parts = [part.onto(skeleton) if skeleton and part.skeleton else part for part in parts]
        names = Counter(s.id for part in parts for s in part)
        samples = [s if names[s.id] == 1 else replace(s, id=f"{part.name}/{s.id}") for part in parts for s in part]
        return PoseData("+".join(part.name for part in parts), skeleton, tuple(samples))
    what, _, _, read = _format(source)
    if read is None:
        raise UserError(f"{source} is {what}, which cannot be used unlabelled; use one of: {_understood('unlabeled')}")
    data = read(source, images=images, frames=frames, cache=cache)
    if boxes == WHOLE:
        return data if labels else data.unlabeled()
    if read is not _folder and (read is not _boxes or any(s.box != whole(image_size(s.image)) for s in data)):
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
    if path.suffix.lower() != ".json":
        return _format(path).labeled is not None
    text = _ends(str(path))
    # In a large file the ends show only some of its lists: images first and categories last, as a rule.
    coco = _starts(str(path), "{") and any(f'"{key}"' in text for key in ("images", "annotations"))
    return (coco and '"keypoints"' in text) or any(fits(str(path)) for fits in (_is_aic, _is_mpii))


def _format(source: str | Path) -> Format:
    for candidate in FORMATS:
        if candidate.fits(str(source)):
            return candidate
    missing = "" if Path(source).exists() else " does not exist or"
    raise UserError(f"{source}{missing} is no data source; understood are: {'; '.join(f.what for f in FORMATS)}")


def _understood(use: str) -> str:
    return "; ".join(f.what for f in FORMATS if getattr(f, use))


def _is_lsp(source: str) -> bool:
    return Path(source).suffix == ".mat" or (Path(source) / "joints.mat").exists()


def _is_mpii(source: str) -> bool:
    if source.lower().endswith(".mat"):
        return _holds(source, "RELEASE")
    return _starts(source, "[") and all(f'"{key}"' in _ends(source) for key in ("image", "center", "scale"))


def _is_aic(source: str) -> bool:
    return _starts(source, "[") and '"human_annotations"' in _ends(source)


def _is_h36m(source: str) -> bool:
    return source.lower().endswith(".npz") or (_starts(source, "{") and '"root (pelvis)"' in _ends(source))


def _holds(source: str, variable: str) -> bool:
    try:
        return variable in (name for name, *_ in whosmat(source))
    except (OSError, ValueError, TypeError, MatReadError, NotImplementedError):
        return False


def _starts(source: str, sign: str) -> bool:
    return source.lower().endswith(".json") and _ends(source).lstrip().startswith(sign)


def _ends(source: str) -> str:
    """The first and last 64 KiB of a file: enough to tell one JSON from another without reading all of a large one."""
    part = 1 << 16
    try:
        with open(source, "rb") as file:
            head = file.read(part)
            file.seek(max(part, os.path.getsize(source) - part))
            return (head + file.read()).decode("utf-8", "replace")
    except OSError:
        return ""


def _is_images(source: str) -> bool:
    path = Path(source)
    return (
        path.is_dir()
        or path.suffix.lower() in EXTENSIONS
        or is_video(path)
        or (path.suffix.lower() == LIST and path.is_file())
        or (any(sign in source for sign in "*?[") and not path.exists())
    )


def _at(fits: Callable[[Path], bool]) -> Callable[[str], bool]:
    return lambda source: fits(Path(source))


def _is_labels(source: str) -> bool:
    return is_lightning_pose(Path(source)) or is_table(Path(source))


def _synth(source: str | Path, **_: object) -> PoseData:
    return people.dataset(**vars(parse_people(source)))


def _lsp(source: str | Path, **_: object) -> PoseData:
    return read_lsp(source)


def _of(read: Callable[..., PoseData]) -> Callable[..., PoseData]:
    """A reader of a data set that has its skeleton, for `open_all`'s arguments."""
    return lambda source, images=None, **_: read(source, images)


def _both(read: Callable[..., PoseData]) -> tuple[Callable[..., PoseData], Callable[..., PoseData]]:
    return _of(read), _of(read)


def _boxes(source: str | Path, images: str | Path | None = None, **_: object) -> PoseData:
    return read_boxes(source, images)


def _folder(
    source: str | Path, frames: str = FRAMES, cache: str | Path | None = None, images: object = None
) -> PoseData:
    return read_folder(source, frames, cache)


FORMATS = (
    Format("synthetic people (synth:<domain>?count=N&seed=S&start=I)", is_people, _synth, _synth),
    Format("Human3.6M (a COCO-style .json or an .npz)", _is_h36m, *_both(read_h36m)),
    Format("AI Challenger (a .json of human_annotations)", _is_aic, *_both(read_aic)),
    Format("MPII (a .json of joints, center and scale, or its .mat)", _is_mpii, *_both(read_mpii)),
    Format("Leeds Sports Pose (joints.mat or its folder)", _is_lsp, _lsp, _lsp),
    Format("DeepLabCut (a project's folder or config.yaml)", _at(is_deeplabcut), *_both(read_deeplabcut)),
    Format("Lightning Pose (its folder, or a table of labels, .csv or .h5)", _is_labels, *_both(read_lightning_pose)),
    Format("SLEAP (a .slp)", lambda s: s.lower().endswith(".slp"), *_both(read_sleap)),
    Format("a plain CSV (image, joint, x, y)", lambda s: s.lower().endswith(".csv"), *_both(read_plain_csv)),
    Format("a COCO or boxes file (.json)", lambda s: s.lower().endswith(".json"), read_coco, _boxes),
    Format("images and videos (a folder, a pattern as 'frames/*.png', a file, a .txt list)", _is_images, None, _folder),
)
"""What is understood, first fit wins. A new format is one line here."""
