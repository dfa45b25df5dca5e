"""DeepLabCut projects (Mathis et al., Nature Neuroscience 2018): `config.yaml`, and a table of labels a video."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from semipose.data.predicted import changed, is_predicted
from semipose.data.readers import data_set
from semipose.data.readers.tables import NoImages, Table, read_table, samples_of
from semipose.data.sample import PoseData, Sample
from semipose.errors import UserError, reads
from semipose.files import bears, read_mapping
from semipose.skeleton import named_skeleton


def is_deeplabcut(source: Path) -> bool:
    """Whether this is a project's folder or its config.yaml."""
    folder = source.parent if source.name == "config.yaml" else source
    file = folder / "config.yaml"
    if not (file.is_file() and (folder / "labeled-data").is_dir()):
        return False
    # Lightning Pose has folders of these names too, a table beside them, and other settings.
    return not any(folder.glob("CollectedData*.csv")) or bears(file, rb"(?m)^\w*bodyparts\s*:")


@reads("a project of DeepLabCut")
def read_deeplabcut(source: str | Path, images: str | Path | None = None) -> PoseData:
    """Read `labeled-data/*/CollectedData_<scorer>.csv` (or .h5, where there is no CSV) of a project.

    Joints and limbs are the configuration's; one that a video's table lacks is unlabelled there. Of several tables in
    one folder, the configuration's scorer's is read. The session of a sample is its video's folder. One animal: the
    box is the whole frame; several: the extent of each one's labels, without the unique body parts (`left_out`). Tables
    of predictions that nobody has corrected are left out, unless all are such.

    Args:
        images: what the names in the tables are relative to; the project by default.

    Raises:
        UserError: nobody has labelled anything, a table has a joint that the configuration has not, or see
            `read_table`.
    """
    source = Path(source)
    folder = source.parent if source.name == "config.yaml" else source
    file = folder / "config.yaml"
    config = read_mapping(file)
    joints = _joints(config, file)
    links = config.get("skeleton")
    task, scorer = _word(config, "Task", file), _word(config, "scorer", file)
    skeleton = named_skeleton(task or folder.resolve().name, joints, file, _links(links, joints))
    samples: list[Sample] = []
    remarks: list[str] = []
    empty: list[NoImages] = []
    whole = is_predicted(folder)
    for video in sorted(path for path in (folder / "labeled-data").iterdir() if path.is_dir()):
        path = _labels(video, scorer)
        if path is None or (is_predicted(path) and not whole):
            continue
        others = [each for each in _tables(video).values() if each.stem != path.stem and not is_predicted(each)]
        remarks += [f"left out: {each}, labels of another scorer than {path.stem} in that folder" for each in others]
        table = read_table(path)
        if path.suffix == ".csv" and (later := _later(path, table)) is not None:
            remarks.append(f"{path} is older than {path.stem}.h5, which has other labels: those are read")
            table = later
        unknown = [joint for joint in table.joints if joint not in joints]
        if unknown:
            raise UserError(f"{path} labels {unknown[0]!r}, which bodyparts of {file} does not list; make them agree")
        order = [table.joints.index(joint) if joint in table.joints else None for joint in joints]
        try:
            some, said = samples_of(table, Path(images) if images is not None else folder, order)
        except NoImages as error:
            empty.append(error)
            continue
        samples += some
        remarks += said
    if empty and not samples:
        raise empty[0]
    if not samples:
        raise UserError(f"{folder}/labeled-data has no CollectedData_*.csv or .h5: label some frames first")
    return PoseData(skeleton.name, skeleton, tuple(samples), (*remarks, *(f"left out: {error}" for error in empty)))


def _later(csv: Path, table: Table) -> Table | None:
    """What the H5 beside a CSV has, where it is newer and has other labels, and can be read."""
    h5 = csv.with_suffix(".h5")
    if not _is_newer(h5, csv):
        return None
    try:
        other = read_table(h5)
    except UserError:  # without h5py, too, the CSV is what there is
        return None
    return other if _differ(table, other) else None


def _is_newer(h5: Path, csv: Path) -> bool:
    """Whether an H5 was written a while after its CSV; tools that write both do so at once. Of predictions that were
    written for people to correct, whether it alone has changed since."""
    if not h5.is_file():
        return False
    if changed(csv) is not None:
        return bool(changed(h5)) and not changed(csv)
    return h5.stat().st_mtime > csv.stat().st_mtime + A_WHILE


A_WHILE = 60
"""Seconds."""


def _differ(one: Table, other: Table) -> bool:
    if (one.joints, one.individuals, sorted(one.images)) != (other.joints, other.individuals, sorted(other.images)):
        return True
    rows = [other.images.index(image) for image in one.images]
    return not np.allclose(one.points, other.points[rows], atol=0.01)


def _joints(config: dict[str, Any], file: Path) -> list[str]:
    """One animal's `bodyparts`; of a project of several animals, `multianimalbodyparts`, or `uniquebodyparts` where
    there are no others."""
    keys = ("multianimalbodyparts", "uniquebodyparts") if config.get("multianimalproject") else ("bodyparts",)
    lists = [config.get(key) or [] for key in keys]
    if not all(map(_are_words, lists)) or not any(lists):
        raise UserError(f"{file} names no joints: {' and '.join(keys)} must be a list of names")
    return [str(joint) for joint in next(filter(None, lists))]


def _are_words(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(name, str | int | float) for name in names)


def _word(config: dict[str, Any], key: str, file: Path) -> str:
    """A text of the configuration, "" where it has none."""
    value = config.get(key)
    if not isinstance(value, str | int | float | date | NoneType):
        raise UserError(f"{file}: {key} is {type(value).__name__}, not a name; mend it")
    return "" if value is None else str(value)


def left_out(folder: Path) -> list[str]:
    """The body parts of no animal, such as a corner of the box, which are not read beside those of animals."""
    config = read_mapping(folder / "config.yaml")
    unique = config.get("uniquebodyparts") if config.get("multianimalproject") else None
    return [str(joint) for joint in unique or () if config.get("multianimalbodyparts")] if _are_words(unique) else []


def _links(links: Any, joints: list[str]) -> list[tuple[str, str]]:
    """The pairs of joints to draw; one that names no joint is left out, it is for looks alone."""
    rows = links if isinstance(links, list) else []
    pairs = [tuple(map(str, link)) for link in rows if isinstance(link, list) and len(link) == 2]
    return [(a, b) for a, b in pairs if a in joints and b in joints and a != b]


def _tables(video: Path) -> dict[str, Path]:
    return {path.stem: path for kind in ("h5", "csv") for path in sorted(video.glob(f"CollectedData_*.{kind}"))}


def _labels(video: Path, scorer: str) -> Path | None:
    tables = _tables(video)
    if len(tables) > 1 and f"CollectedData_{scorer}" not in tables:
        names = ", ".join(sorted(tables))
        raise UserError(f"{video} has {len(tables)} tables ({names}), none of the configuration's scorer {scorer!r}")
    return tables.get(f"CollectedData_{scorer}") or next(iter(tables.values()), None)


FORMAT = data_set(
    "DeepLabCut (a project's folder or config.yaml)", lambda source: is_deeplabcut(Path(source)), read_deeplabcut
)
