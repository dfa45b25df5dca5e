"""Opening any data source: which reader a path or a "synth:" reference needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

from scipy.io import whosmat
from scipy.io.matlab import MatReadError

from semipose.data.aic import read_aic
from semipose.data.boxes import read_boxes
from semipose.data.coco import read_coco
from semipose.data.folder import read_folder
from semipose.data.h36m import read_h36m
from semipose.data.images import EXTENSIONS
from semipose.data.lsp import read_lsp
from semipose.data.mpii import read_mpii
from semipose.data.sample import SYNTH, PoseData
from semipose.errors import UserError
from semipose.skeleton import Skeleton

SYNTH_COUNT = 1000


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
        source: a COCO keypoints file, an annotation file of LSP, MPII, AI Challenger or Human3.6M, or
            "synth:<domain>?count=1000&seed=0&start=0". What a file is, is read from its content.
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
    if read is None:
        raise UserError(f"{source} is {what}, which has no labels; labelled data is one of: {_understood('labeled')}")
    return read(source, images=images, category=category, skeleton=skeleton)


def open_unlabeled(source: str | Path, images: str | Path | None = None, labels: bool = False) -> PoseData:
    """All samples of `source` but crowds, without labels if it has any.

    Args:
        source: whatever `open_labeled` takes, a folder or pattern of images, or a JSON file of boxes.
        images: the images folder of a JSON file.
        labels: leave those there are, to measure by (a JSON file's are not looked at), and crowds.
    """
    what, _, _, read = _format(source)
    if read is None:
        raise UserError(f"{source} is {what}, which cannot be used unlabelled; use one of: {_understood('unlabeled')}")
    data = read(source, images=images)
    return data if labels else data.unlabeled()


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
        or (any(sign in source for sign in "*?[") and not path.exists())
    )


def _synth(source: str | Path, **_: object) -> PoseData:
    from semipose.data import people

    domain, _mark, query = str(source).removeprefix(SYNTH).partition("?")
    numbers = {"count": SYNTH_COUNT, "seed": 0, "start": 0}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in numbers or not value.isdigit():
            raise UserError(
                f"{source}: {key}={value} is not understood; write synth:{domain}?count=1000&seed=0&start=0"
            )
        numbers[key] = int(value)
    return people.dataset(domain, **numbers)


def _lsp(source: str | Path, **_: object) -> PoseData:
    return read_lsp(source)


def _of(read: Callable[..., PoseData]) -> Callable[..., PoseData]:
    """A reader of a data set that has its skeleton, for `open_all`'s arguments."""
    return lambda source, images=None, **_: read(source, images)


def _folder(source: str | Path, **_: object) -> PoseData:
    return read_folder(source)


FORMATS = (
    Format("embedded people (synth:<domain>?count=N&seed=S&start=I)", lambda s: s.startswith(SYNTH), _synth, _synth),
    Format("Human3.6M (a COCO-style .json or an .npz)", _is_h36m, _of(read_h36m), _of(read_h36m)),
    Format("AI Challenger (a .json of human_annotations)", _is_aic, _of(read_aic), _of(read_aic)),
    Format("MPII (a .json of joints, center and scale, or its .mat)", _is_mpii, _of(read_mpii), _of(read_mpii)),
    Format("Leeds Sports Pose (joints.mat or its folder)", _is_lsp, _lsp, _lsp),
    Format("a COCO or boxes file (.json)", lambda s: s.lower().endswith(".json"), read_coco, read_boxes),
    Format("images (a folder, a pattern such as 'frames/*.png', or one file)", _is_images, None, _folder),
)
"""What is understood, first fit wins. A new format is one line here."""
