"""Images without boxes or labels: a folder, a pattern or a list."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from semipose.data.images import EXTENSIONS, image_size, list_images
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError


def read_folder(source: str | Path | Sequence[str | Path]) -> PoseData:
    """One unlabelled sample an image, its box the whole image.

    Only headers are read; a file that is no image is an error naming it.

    Args:
        source: a folder (with the folders below it), a pattern ("frames/**/*.png"), one image, or a list of images.
            Ids are paths relative to the folder, else the paths as given.
    """
    if not isinstance(source, (str, Path)):
        return _data("images", {str(p): Path(p) for p in source})
    if any(sign in str(source) for sign in "*?[") and not Path(source).exists():
        found = sorted(Path(p) for p in glob.glob(str(source), recursive=True) if Path(p).suffix.lower() in EXTENSIONS)
        if not found:
            raise UserError(f"no image matches {source}")
        return _data(str(source), {str(p): p for p in found})
    if Path(source).is_file():
        return _data(Path(source).stem, {str(source): Path(source)})
    root = Path(source)
    return _data(root.resolve().name, {p.relative_to(root).as_posix(): p for p in list_images(root)})


def _data(name: str, images: dict[str, Path]) -> PoseData:
    return PoseData(name, None, tuple(_sample(key, path) for key, path in images.items()))


def _sample(key: str, path: Path) -> Sample:
    h, w = image_size(path)
    return Sample(key, str(path.resolve()), (0.0, 0.0, float(w), float(h)), image_id=key)
