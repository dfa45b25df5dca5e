"""Lightning Pose (Biderman et al., Nature Methods 2024): one table of labels, images relative to its folder."""

from __future__ import annotations

from pathlib import Path

from semipose.data.readers import data_set
from semipose.data.readers.tables import is_table, read_table, root_of, samples_of
from semipose.data.sample import PoseData
from semipose.errors import UserError, reads
from semipose.skeleton import Skeleton, named_skeleton

MAIN = "CollectedData.csv"


def is_lightning_pose(source: Path) -> bool:
    """Whether a folder holds a table of labels."""
    return source.is_dir() and any(source.glob("CollectedData*.csv"))


def tables(folder: Path) -> list[Path]:
    """The tables of labels of a folder, the one that is read first."""
    return sorted(folder.glob("CollectedData*.csv"), key=lambda path: (path.name != MAIN, path.name))


@reads("Lightning Pose's labels")
def read_lightning_pose(source: str | Path, images: str | Path | None = None) -> PoseData:
    """Read a table of labels, or the folder that holds one as `CollectedData*.csv`: `CollectedData.csv` of several, as
    `CollectedData_new.csv` beside it is for tests out of distribution. A single table of DeepLabCut is read the same
    way. The box is the whole frame.

    Args:
        images: what the names in the table are relative to; else the nearest folder above it that has them.
    """
    path = Path(source)
    if path.is_dir():
        files = tables(path)
        if len(files) != 1 and files[0].name != MAIN:
            names = ", ".join(file.name for file in files)
            raise UserError(f"{path} has {len(files)} tables of labels ({names}); name the one to read")
        path = files[0]
    table = read_table(path)
    skeleton: Skeleton = named_skeleton(path.resolve().parent.name, table.joints, path)
    root = root_of(path, images, table.images[0])
    samples, remarks = samples_of(table, root, range(len(table.joints)))
    return PoseData(path.stem, skeleton, tuple(samples), tuple(remarks))


def _is_labels(source: str) -> bool:
    return is_lightning_pose(Path(source)) or is_table(Path(source))


FORMAT = data_set("Lightning Pose (its folder, or a table of labels, .csv or .h5)", _is_labels, read_lightning_pose)
