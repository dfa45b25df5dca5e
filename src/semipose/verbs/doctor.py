"""`semipose doctor`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from semipose.data.sample import PoseData

if TYPE_CHECKING:
    from semipose.reports.doctor import Diagnosis


def doctor(
    data: str | Path | PoseData,
    *,
    images: str | Path | None = None,
    category: str | None = None,
    out: str | Path = "doctor.jpg",
) -> Diagnosis:
    """Say which joints are left and right of each other, and which labels look swapped.

    The picture shows the sample with the most labels, beside its mirror image with the pairs exchanged, as training
    shows it; then samples that look swapped. Exit code 1 where there is something to look at.

    Args:
        data: Labelled data, or a data.yaml that names it.
        images: The image folder of a JSON or a table.
        category: Which kind of thing, by name, where labelled data has several; a data.yaml says so itself.
        out: The picture, a .jpg or .png.

    Returns: what the shell prints, line by line, the picture, and whether names and labels are in order.

    Raises:
        UserError: the data cannot be read, or the picture not be written.

    Example: semipose doctor data.yaml --out doctor.jpg
    """
    from semipose.config import Config
    from semipose.config.resolve import is_data_yaml, read_yaml, resolve
    from semipose.data.datasets import open_pool
    from semipose.data.open import open_labeled
    from semipose.reports.doctor import diagnose

    if isinstance(data, PoseData):
        return diagnose(data, out)
    if is_data_yaml(Path(data)):
        config = resolve(Config(), read_yaml(Path(data), "data")).data
        return diagnose(open_pool(config), out, paired=(config.skeleton or {}).get("pairs") is not None)
    return diagnose(open_labeled(data, images, category), out)


def _print(result: Diagnosis, asked: SimpleNamespace) -> int:
    print(*result.lines, sep="\n")
    print(f"wrote {result.picture}: an example, its mirror image{'' if result.ok else ', and what to look at'}")
    return int(not result.ok)
