"""`semipose split`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal

from semipose.data.sample import PoseData

if TYPE_CHECKING:
    from semipose.data.split import Split


def split(
    data: str | Path | PoseData,
    *,
    labeled: int,
    images: str | Path | None = None,
    category: str | None = None,
    outside: bool = False,
    val: int = 0,
    unlabeled: int | None = None,
    seed: int = 0,
    protocol: Literal["random", "first", "images"] = "random",
    keep_labeled: bool = False,
    out: str | Path = "split.json",
    overwrite: bool = False,
) -> Split:
    """Choose labelled, unlabelled and validation samples of one data set.

    No image has one person in validation and another in training. With one seed, a smaller labelled set is part of a
    larger one, and the validation set does not depend on it.

    Args:
        data: Labelled data.
        labeled: How many labelled samples.
        images: The image folder of a JSON.
        category: Which kind of thing, by name, where the labels have several with other joints.
        outside: Read images outside the folder of the labels too.
        val: How many validation samples.
        unlabeled: How many unlabelled samples; all that remain by default.
        seed: Of what is drawn.
        protocol: Random instances, the first in file order, or all of random images (--labeled then counts images).
        keep_labeled: The labelled samples are in the unlabelled set too.
        out: The file, which data.split names.
        overwrite: Replace another split there, which a data.yaml may name.

    Returns: the split, as written.

    Raises:
        UserError: the data has fewer samples than asked for, or the file cannot be written, or holds another split.

    Example: semipose split lspet --labeled 500 --val 1000 --out split.json
    """
    from semipose.data.open import open_labeled
    from semipose.data.split import is_split, make_split
    from semipose.errors import UserError
    from semipose.files import read_json

    samples = data if isinstance(data, PoseData) else open_labeled(data, images, category, None, outside)
    made = make_split(samples, labeled, val, unlabeled, seed, protocol, keep_labeled)
    if not overwrite and is_split(Path(out)) and read_json(Path(out))["hash"] != made.hash:
        raise UserError(f"{out} holds another split; name another file with --out, or replace it with --overwrite")
    made.save(out)
    return made


def _print(result: Split, asked: SimpleNamespace) -> None:
    counts = f"{len(result.labeled)} labelled, {len(result.unlabeled)} unlabelled, {len(result.val)} for validation"
    print(f"{counts}, hash {result.hash[:12]}; wrote {asked.out}")
